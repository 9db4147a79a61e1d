"""A file that takes its place whole, or not at all."""

import os
import stat
from contextlib import contextmanager, suppress
from functools import partial
from typing import BinaryIO, Iterator, Optional

from coreml_resize_fix.errors import OutputError
from coreml_resize_fix.files import attributes, cleanup, failures


@contextmanager
def file(target: str, replace: bool, size: int = 0) -> Iterator[BinaryIO]:
    """A file beside `target` that takes its place when the block ends well, and goes if not.

    With `replace` an existing target is overwritten and keeps its owner and permission bits, and of
    a link the file that it leads to; without it, a target that appeared meanwhile is left alone.
    Room for `size` bytes is taken at once: a full disk shows before anything is copied, and the
    copy is faster.

    Raises:
        OutputError: the folder cannot be written, or the target exists, is a link to nowhere, or
            something that no file replaces.
    """
    target = followed(target) if replace else os.path.abspath(target)
    temporary = cleanup.name_beside(target)
    with cleanup.afterwards(partial(cleanup.remove, temporary)):
        try:
            opened = open(temporary, "xb", opener=attributes.private)  # noqa: SIM115
        except OSError as error:
            raise failures.unwritable(os.path.dirname(target), error) from error
        try:
            with opened as out:
                if size and hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(out.fileno(), 0, size)
                yield out
                out.flush()
                attributes.take_over(target, out)
                os.fsync(out.fileno())
            _take_place(temporary, target, replace)
        except OSError as error:
            raise failures.unwritten(os.path.basename(target), error) from error


def followed(target: str) -> str:
    """Follow a path to what a file may replace; a rename would destroy `/dev/null`.

    Raises:
        OutputError: it is a pipe or a device, or a link that cannot be followed.
    """
    real = os.path.realpath(target)
    # A link of a loop is left as it is, and so is one of which the system failed to say what it is.
    if os.path.islink(real):
        raise OutputError(
            f"`{target}` is a link that cannot be followed", "name the file that is meant"
        )
    stream = _as_stream(target) if os.path.exists(target) else None
    if stream is not None:
        raise OutputError(
            f"`{target}` is {stream}, which is not replaced", "name a file; `--dry-run` writes none"
        )
    return real


def _as_stream(path: str) -> Optional[str]:
    """A pipe, a device, or where this run prints, by that name; None for what may be replaced."""
    status = os.stat(path)
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return "a pipe or a device"
    for number in (1, 2):
        with suppress(OSError):  # it is closed
            if os.path.samestat(status, os.fstat(number)):
                return "where this run prints"
    return None


def send_to_disk(out: BinaryIO, start: int) -> int:
    """Let the system write what came after `start` while more is copied; returns the new end.

    The final fsync then finds little left to do, which halves the time of a large copy.
    """
    out.flush()
    end = out.tell()
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(out.fileno(), start, end - start, os.POSIX_FADV_DONTNEED)
    return end


def _take_place(temporary: str, target: str, replace: bool) -> None:
    if replace:
        os.replace(temporary, target)
        return
    try:
        os.link(temporary, target)
    except OSError:
        if os.path.lexists(target):
            raise failures.existing(target, ", or choose another `--output`") from None
        os.replace(temporary, target)  # a file system without hard links
