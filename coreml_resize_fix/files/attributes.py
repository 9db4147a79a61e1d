"""What a file has beside its content: permission bits, extended attributes."""

import os
import stat
from contextlib import suppress


def private(path: str, flags: int) -> int:
    """Open a file that nobody else may open, until `take_over` or `copy_mode` allows it."""
    return os.open(path, flags, stat.S_IRUSR | stat.S_IWUSR)


def take_over(target: str, path: str) -> None:
    """Give a file what the one has that it replaces; a new one has the usual bits.

    Raises:
        OSError: the permission bits cannot be set.
    """
    try:
        there = os.stat(target)
    except FileNotFoundError:
        os.chmod(path, 0o666 & ~_mask())
        return
    os.chmod(path, stat.S_IMODE(there.st_mode))
    _keep_extended(target, path)


def copy_mode(original: str, path: str) -> None:
    """Give a file, which is another's copy, its permission bits.

    Raises:
        OSError: they cannot be set.
    """
    os.chmod(path, stat.S_IMODE(os.stat(original).st_mode))


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _keep_extended(target: str, path: str) -> None:
    """Those that only the system may set, or that the file system refuses, are left out."""
    if not hasattr(os, "listxattr"):
        return
    with suppress(OSError):
        for name in os.listxattr(target):
            with suppress(OSError):
                os.setxattr(path, name, os.getxattr(target, name))
