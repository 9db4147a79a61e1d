"""Where a result goes, and how it gets there: whole or not at all.

What only writing or hashing needs is imported there: most runs are audits, which do neither.
"""

import os
from typing import BinaryIO, Callable, Optional, Sequence

from coreml_resize_fix.errors import OutputError
from coreml_resize_fix.files import failures
from coreml_resize_fix.formats import package
from coreml_resize_fix.formats.protobuf import splice
from coreml_resize_fix.formats.protobuf.splice import Patch
from coreml_resize_fix.formats.protobuf.wire import Stamp, stamp
from coreml_resize_fix.progress import Tell, silent

# An audit reads the structure and skips the weights; a hash of this size is not felt, a larger
# one would cost more than the audit.
_LARGEST_TO_HASH = 64 * 1024 * 1024
_KINDS = {package.FILE_SUFFIX: "model file", package.SUFFIX: "package"}
_SEND_AFTER = 32 * 1024 * 1024  # bytes copied


def fingerprint(model_file: str) -> Optional[str]:
    """SHA-256 of a model file, or None for one of more than 64 MiB."""
    if os.path.getsize(model_file) > _LARGEST_TO_HASH:
        return None
    with open(model_file, "rb") as file:
        return fingerprint_of(file.read())


def fingerprint_of(data: bytes) -> str:
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


def refuse_existing(path: str, force: bool, or_else: str = "") -> None:
    """Refuse to write what is there already, even a link to nothing, unless that is wanted.

    Raises:
        OutputError: it exists; `or_else` ends the advice.
    """
    if os.path.lexists(path) and not force:
        raise failures.existing(path, or_else)


def check_target(path: str, target: str, force: bool) -> None:
    """Refuse a target that is the input, inside of it or around it, exists, or has no folder.

    A package named `.mlmodel` or a file named `.mlpackage` is refused, too: nothing opens it.

    Raises:
        OutputError: says which, and what to do.
    """
    from coreml_resize_fix.files import atomic, places

    if places.same(target, path):
        raise OutputError(f"the output `{target}` is the input", "pass `--in-place` to replace it")
    if places.is_inside(target, path):
        raise OutputError(f"the output `{target}` is inside of the input", "choose another `-o`")
    _check_suffix(path, target)
    refuse_existing(target, force, ", or choose another `-o`")
    atomic.followed(target)
    if os.path.isdir(target) and not os.path.isdir(path):
        raise OutputError(f"`{target}` is a folder", "pass the name of a file with `-o`")
    if os.path.isdir(target) and not package.has_root_model(target):
        raise OutputError(
            f"`{target}` is a folder, and no package that can be replaced", "choose another `-o`"
        )
    if places.is_inside(path, target):
        raise OutputError(
            f"the input `{path}` is inside of the output `{target}`",
            "choose another `-o`: what is there would be replaced, with the input in it",
        )
    if not os.path.isdir(os.path.dirname(os.path.abspath(target))):
        raise OutputError(
            f"the folder of `{target}` does not exist", "create it, or choose another `-o`"
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
    prove: Callable[[str], None],
    hashed: bool = False,
    tell: Tell = silent,
    read: Optional[Stamp] = None,
) -> Optional[str]:
    """Write the changed model; returns the SHA-256 of the one that was read if it is `hashed`.

    `target` None replaces the input. `prove` gets the path of the complete result before it takes
    its place; what it raises leaves everything as it was. `read` is the file that was audited: if
    it is another one by now, the changes are none of its own.

    Raises:
        OutputError: the result cannot be written.
    """
    from coreml_resize_fix.files import atomic, packages

    size = os.path.getsize(model_file)

    def write(to: str, replace: bool) -> Optional[str]:
        with atomic.file(to, replace, splice.size_after(size, changes)) as out, open(
            model_file, "rb"
        ) as original:
            watch = _Watch(out, size, hashed, tell)
            splice.write(original, size, out, changes, watch.seen)
            out.flush()
            _refuse_changed(path, model_file, read)
            prove(out.name)
            _refuse_changed(path, model_file, read)
        return watch.sha256

    if target is None:
        return write(model_file, True)
    if model_file == path:
        return write(target, force)
    with packages.package(target, path, model_file, force) as new_model:
        return write(new_model, False)


def _refuse_changed(path: str, model_file: str, read: Optional[Stamp]) -> None:
    if read is not None and stamp(model_file) != read:
        raise OutputError(
            f"`{path}` changed while it was read",
            "nothing was written; run again when nothing writes to it",
        )


class _Watch:
    """Sees every block of a file that is copied: its hash if that is wanted, and how far it is."""

    def __init__(self, out: BinaryIO, size: int, hashed: bool, tell: Tell) -> None:
        import hashlib

        from coreml_resize_fix.files.atomic import send_to_disk

        self._send = send_to_disk
        self._digest = hashlib.sha256() if hashed else None
        self._out, self._sent = out, 0
        self._done, self._size, self._tell = 0, size, tell

    def seen(self, block: bytes) -> None:
        self._done += len(block)
        self._tell(self._done, self._size, "writing", "B")
        if self._digest is not None:
            self._digest.update(block)
        if self._done - self._sent >= _SEND_AFTER:
            self._sent = self._send(self._out, self._sent)

    @property
    def sha256(self) -> Optional[str]:
        return self._digest.hexdigest() if self._digest is not None else None
