"""Check where a result goes, and write it there: whole or not at all.

What only writing or hashing needs is imported there: most runs are audits, which do neither.
"""

import os
from typing import TYPE_CHECKING, Callable, Iterator, List, Optional, Sequence, Tuple

from coreml_resize_fix.errors import OutputError
from coreml_resize_fix.files import failures
from coreml_resize_fix.formats import package
from coreml_resize_fix.formats.model import Appended
from coreml_resize_fix.formats.protobuf import splice
from coreml_resize_fix.formats.protobuf.splice import Patch
from coreml_resize_fix.formats.protobuf.wire import Stamp
from coreml_resize_fix.progress import ShowProgress, silent

if TYPE_CHECKING:
    from coreml_resize_fix.run import writing

# An audit reads the structure and skips the weights; a hash of this size is not felt, a larger
# one would cost more than the audit.
LARGEST_TO_HASH = 64 * 1024 * 1024
_BLOCK = 1024 * 1024
_KINDS = {package.FILE_SUFFIX: "model file", package.SUFFIX: "package"}


def sha256_if_small(model_file: str) -> Optional[str]:
    """SHA-256 of a model file, or None for one of more than 64 MiB."""
    if os.path.getsize(model_file) > LARGEST_TO_HASH:
        return None
    return sha256_of_file(model_file)


def sha256_of_file(model_file: str) -> str:
    """SHA-256 of a model file of any size."""
    import hashlib

    digest = hashlib.sha256()
    with open(model_file, "rb") as file:
        for block in iter(lambda: file.read(_BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()


def sha256_of_bytes(data: bytes) -> str:
    """SHA-256 of a model in memory."""
    import hashlib

    return hashlib.sha256(data).hexdigest()


def default_output(path: str) -> str:
    """`model.mlmodel` → `model-fixed.mlmodel`, in the same folder."""
    path = path.rstrip("/")
    if os.path.basename(path) in ("", os.curdir, os.pardir):
        path = os.path.abspath(path)
    stem, suffix = os.path.splitext(path)
    return f"{stem}-fixed{suffix}"


def inside_of_input(target: str) -> OutputError:
    """The error of an output that would be written into the model that it is made of."""
    return OutputError(f"the output `{target}` is inside of the input", "choose another `--output`")


def refuse_existing(path: str, force: bool, or_else: str = "") -> None:
    """Refuse to write what is there already, even a link to nothing, unless that is wanted.

    Raises:
        OutputError: it exists; `or_else` ends the advice.
    """
    if os.path.lexists(path) and not force:
        raise failures.existing(path, or_else)


def check_target(
    path: str,
    target: str,
    force: bool,
    lacks_weights: Callable[[str], Optional[Tuple[str, str, str]]],
) -> None:
    """Refuse a target that is the input, inside of it or around it, exists, or has no folder.

    A package named `.mlmodel`, a file named `.mlpackage`, and a model file without the others of
    its package (see `Model.lacks_weights`) are refused, too: nothing opens them.

    Raises:
        OutputError: says which, and what to do.
    """
    from coreml_resize_fix.files import atomic, places

    if places.same(target, path):
        raise OutputError(f"the output `{target}` is the input", "pass `--in-place` to replace it")
    if places.is_inside(target, path):
        raise inside_of_input(target)
    _check_suffix(path, target)
    atomic.followed(target)
    if os.path.isdir(target) and not os.path.isdir(path):
        raise OutputError(f"`{target}` is a folder", "pass the name of a file with `--output`")
    if os.path.isdir(target) and not package.has_root_model(target):
        raise OutputError(
            f"`{target}` is a folder, and not a package that can be replaced",
            "choose another `--output`",
        )
    refuse_existing(target, force, ", or choose another `--output`")
    if places.is_inside(path, target):
        raise OutputError(
            f"the input `{path}` is inside of the output `{target}`",
            "choose another `--output`: what is there would be replaced, with the input in it",
        )
    if not os.path.isdir(os.path.dirname(os.path.abspath(target))):
        raise OutputError(
            f"the folder of `{target}` does not exist", "create it, or choose another `--output`"
        )
    if os.path.isfile(path):
        _check_alone(path, target, lacks_weights(os.path.dirname(os.path.abspath(target))))


def _check_alone(path: str, target: str, lacking: Optional[Tuple[str, str, str]]) -> None:
    owner = package.owner(path)
    if owner is not None:
        raise OutputError(
            f"`{path}` is the model file of the package `{owner}`, and no model without it",
            "pass the package, or `--in-place`",
        )
    if lacking is not None:
        raise OutputError(
            f"`{target}` would read its weights from `{lacking[0]}` beside it, which {lacking[1]}",
            "write the result beside the input, or fix the package that this is from",
        )


def _check_suffix(path: str, target: str) -> None:
    right = package.SUFFIX if os.path.isdir(path) else package.FILE_SUFFIX
    named = package.suffix_of(target)
    if named not in (None, right, package.suffix_of(path)):
        raise OutputError(
            f"`{target}` is named as a {_KINDS[named]}, and `{path}` is a {_KINDS[right]}",
            f"end the name of the output in `{right}`: the one is not made into the other",
        )


def save(
    path: str,
    model_file: str,
    target: Optional[str],
    changes: Sequence[Patch],
    force: bool,
    prove: Callable[..., None],
    hashed: bool = False,
    tell: ShowProgress = silent,
    read: Optional[Stamp] = None,
    appended: Sequence[Appended] = (),
    data: Optional[bytes] = None,
) -> Optional[str]:
    """Write the changed model; returns the SHA-256 of the one that was read if it is `hashed`.

    `target` None replaces the input. `prove` gets the path of the complete result before it takes
    its place, and where the other files are that were written, if any, by their names beside the
    model; what it raises leaves everything as it was. `read` is the file that was audited: if it is
    another one by now, the changes are none of its own. `appended` are the other files of the
    package that change. `data` is the model, if it is in memory and not what the package holds.

    Raises:
        OutputError: the result cannot be written.
    """
    from coreml_resize_fix.files import alone, packages
    from coreml_resize_fix.run import writing

    splice.size_after(os.path.getsize(model_file) if data is None else len(data), changes)
    model = writing.Changed(model_file, changes, read, data=data)
    files = [model, *_others(path, model_file, appended)]
    old = [one.path for one in files if not one.is_new]

    def write(where: Callable[[str], str], replace: bool) -> Optional[str]:
        return writing.write(writing.Order(path, files, where, replace, prove), hashed, tell)

    if target is None:
        if not appended:
            return write(lambda one: one, True)
        with alone.alone(model_file):
            return write(lambda one: one, True)
    if model_file == path:
        return write(lambda one: target, force)
    inside = os.path.realpath(path)
    with packages.package(target, path, old, force) as new:
        return write(lambda one: os.path.join(new, os.path.relpath(one, inside)), False)


def refuse_appended(path: str, model_file: str, appended: Sequence[Appended]) -> None:
    """Refuse to change files that are beside a model file and not in a package with it.

    Raises:
        OutputError: there is no package.
    """
    if appended and model_file == path:
        raise OutputError(
            f"the fix of `{path}` adds numbers to `{appended[0].name}`, and only in a package are "
            "both replaced together",
            "fix the package that it is from",
        )


def _others(
    path: str, model_file: str, appended: Sequence[Appended]
) -> "Iterator[writing.Changed]":
    """The other files of a result: in the order of `writing`, which places them in reverse."""
    from coreml_resize_fix.formats import package_items
    from coreml_resize_fix.run import writing

    if not appended:
        return
    folder, inside = os.path.dirname(model_file), os.path.realpath(path)
    found: List[writing.Changed] = []
    for one in appended:
        real = os.path.realpath(os.path.join(folder, one.name))
        if not real.startswith(inside + os.sep):
            raise OutputError(
                f"`{path}` reads `{one.name}`, which is outside of the package",
                "put the file itself into the package",
            )
        found.append(writing.Changed(real, one.changes, one.stamp, one.name, one.stamp is None))
    for new in found:
        if new.is_new:
            listed = package_items.listing(path, os.path.dirname(new.path))
            if listed is not None:
                yield writing.Changed(*listed)
    yield from found
