"""Find the model file in a .mlpackage folder."""

import json
import os
import stat
from typing import Any, Iterator, Optional

from coreml_resize_fix.errors import ModelError
from coreml_resize_fix.files import failures, tree

SUFFIXES = SUFFIX, FILE_SUFFIX = ".mlpackage", ".mlmodel"
LONGEST_MANIFEST = 1 << 24  # bytes of a Manifest.json; one of coremltools has a thousand


def suffix_of(path: str) -> Optional[str]:
    """Which of the two suffixes a name has, in any case of letters; a shell may add a `/`."""
    name = path.rstrip(os.sep + (os.altsep or "")).lower()
    return next((suffix for suffix in (SUFFIX, FILE_SUFFIX) if name.endswith(suffix)), None)


def is_package(path: str) -> bool:
    """Whether `path` is a folder that carries a package manifest."""
    return os.path.isdir(path) and os.path.isfile(os.path.join(path, "Manifest.json"))


def has_root_model(path: str) -> bool:
    """Whether `path` is a package that has a model, not just a folder with a Manifest.json."""
    try:
        return is_package(path) and bool(_root_model(path))
    except ModelError:
        return False


def owner(path: str) -> Optional[str]:
    """The package of which a file is the root model, if it is."""
    real, folder = os.path.realpath(path), os.path.abspath(path)
    while folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
        if has_root_model(folder) and _root_model(folder) == real:
            near = os.path.relpath(folder)
            return folder if os.path.isabs(path) or near.startswith(os.pardir) else near
    return None


def model_path(package: str) -> str:
    """Path of the model file that the package's Manifest.json names as its root model.

    Raises:
        ModelError: the manifest is damaged, names a file outside of the package, or a link in the
            package points outside of it.
    """
    path = _root_model(package)
    _refuse_links_out(package)
    return path


def _root_model(package: str) -> str:
    try:
        with open(os.path.join(package, "Manifest.json"), "rb") as file:
            manifest: Any = json.loads(file.read(LONGEST_MANIFEST).decode("utf-8"))
        root = manifest["rootModelIdentifier"]
        relative = str(manifest["itemInfoEntries"][root]["path"]).replace("\0", "\ufffd")
        os.fsencode(relative)  # half of a surrogate pair is not a name
    except PermissionError as error:
        raise failures.unreadable(os.path.join(package, "Manifest.json"), error) from error
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        raise ModelError(
            f"`{package}` has a Manifest.json that does not name a root model",
            "save the package again with coremltools",
        ) from error
    data = os.path.realpath(os.path.join(package, "Data"))
    named = os.path.normpath(os.path.join(data, relative))
    path = os.path.realpath(named)
    if not path.startswith(data + os.sep):
        if named.startswith(data + os.sep):  # it is not the manifest that leads out
            _refuse_links_out(package)
        raise ModelError(
            f"`{package}` has a Manifest.json that names a file outside of the package",
            "use a package that holds its own model",
        )
    try:
        is_file = stat.S_ISREG(os.stat(path).st_mode)
    except PermissionError as error:
        raise failures.unreadable(os.path.join(package, "Data", relative), error) from error
    except OSError:
        is_file = False
    if not is_file:
        raise ModelError(
            f"`{package}` has no model file `{os.path.join('Data', relative)}`",
            "save the package again with coremltools",
        )
    return path


def _refuse_links_out(package: str) -> None:
    """Refuse links that point outside: a copy of the package would include their targets."""
    inside = os.path.realpath(package)
    try:
        links = list(_links_below(inside))
    except OSError as error:
        where = os.path.relpath(error.filename or inside, inside)
        raise failures.unreadable(os.path.join(package, where), error) from error
    for path in links:
        target = os.path.realpath(path)
        if os.path.isabs(os.readlink(path)) or not target.startswith(inside + os.sep):
            raise ModelError(
                f"`{package}` has a link that leads out of it: `{os.path.relpath(path, inside)}`",
                "put the file itself in the place of the link",
            )


def _links_below(folder: str) -> Iterator[str]:
    for place, folders, files in tree.walk(folder):
        yield from filter(os.path.islink, (os.path.join(place, name) for name in folders + files))
