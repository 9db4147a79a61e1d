"""A .mlpackage folder: which file in it is the model."""

import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from typing import Any, Iterator, List

from coreml_resize_fix.errors import ModelError, OutputError

SUFFIX = ".mlpackage"


def is_package(path: str) -> bool:
    """Whether `path` is a folder that carries a package manifest."""
    return os.path.isdir(path) and os.path.isfile(os.path.join(path, "Manifest.json"))


def model_path(package: str) -> str:
    """Path of the model file that the package's Manifest.json names as its root model.

    Raises:
        ModelError: the manifest is damaged, or names a file outside of the package.
    """
    try:
        with open(os.path.join(package, "Manifest.json"), "rb") as file:
            manifest: Any = json.loads(file.read().decode("utf-8"))
        root = manifest["rootModelIdentifier"]
        relative = str(manifest["itemInfoEntries"][root]["path"]).replace("\0", "\ufffd")
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        raise ModelError(
            "the Manifest.json of `{}` does not name a root model".format(package),
            "save the package again with coremltools",
        ) from error
    data = os.path.realpath(os.path.join(package, "Data"))
    path = os.path.realpath(os.path.join(data, relative))
    if not path.startswith(data + os.sep):
        raise ModelError(
            "the Manifest.json of `{}` names a file outside of the package".format(package),
            "use a package that holds its own model",
        )
    if not os.path.isfile(path):
        raise ModelError(
            "`{}` has no model file `{}`".format(package, relative),
            "save the package again with coremltools",
        )
    return path


@contextmanager
def building(target: str, package: str, model_file: str, replace: bool) -> Iterator[str]:
    """The model file to write so that `target` becomes the package with another model.

    The new package is built beside its target and takes its place when the block ends well.
    Without `replace`, a target that appeared meanwhile is left alone.

    Raises:
        OutputError: the package cannot be copied, or not be put in its place.
    """
    folder = os.path.dirname(os.path.abspath(target))
    model_file = os.path.realpath(model_file)
    try:
        temporary = tempfile.mkdtemp(prefix=".crf-", suffix=".tmp", dir=folder)
    except OSError as error:
        raise _unwritable(folder, error) from error

    def is_model(directory: str, names: List[str]) -> List[str]:
        return [n for n in names if os.path.realpath(os.path.join(directory, n)) == model_file]

    try:
        new = os.path.join(temporary, "new")
        try:
            shutil.copytree(package, new, ignore=is_model)
        except OSError as error:
            raise _unwritable(folder, error) from error
        yield os.path.join(new, os.path.relpath(model_file, os.path.realpath(package)))
        try:
            _take_place(new, target, os.path.join(temporary, "old"), replace)
        except OSError as error:
            raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _take_place(new: str, target: str, old: str, replace: bool) -> None:
    """Rename `new` to `target`; what was there goes to `old`, and comes back if that fails."""
    if not os.path.lexists(target):
        os.rename(new, target)
        return
    if not replace:
        raise OutputError(
            "`{}` exists".format(target), "pass `--force` to overwrite it, or choose another `-o`"
        )
    os.rename(target, old)
    try:
        os.rename(new, target)
    except OSError:
        os.rename(old, target)
        raise


def _unwritable(folder: str, error: OSError) -> OutputError:
    return OutputError(
        "cannot write in `{}`: {}".format(folder, (error.strerror or str(error)).lower()),
        "choose a folder that you may write to, with room for the package, with `-o`",
    )
