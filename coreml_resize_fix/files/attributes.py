"""Keep the owner, group, permission bits and extended attributes of a file."""

import os
import stat
from contextlib import suppress
from typing import BinaryIO

# With these bits a program runs as owner or group of its file: they go if those change.
_RUN_AS = stat.S_ISUID | stat.S_ISGID


def private(path: str, flags: int) -> int:
    """Open a file for its owner only, until `take_over` or `copy_mode` sets its bits."""
    return os.open(path, flags, stat.S_IRUSR | stat.S_IWUSR)


def take_over(target: str, out: BinaryIO) -> None:
    """Give an open file the attributes of the file that it replaces; a new one has the usual bits.

    Owner and group are kept where the system allows that.

    Raises:
        OSError: the permission bits cannot be set.
    """
    # By its handle: the name may belong to another file by now.
    handle = out.fileno() if os.chmod in os.supports_fd else out.name
    try:
        there = os.stat(target)
    except FileNotFoundError:
        os.chmod(handle, 0o666 & ~_mask())
        return
    kept = _keep_owner(there, out)
    mode = stat.S_IMODE(there.st_mode)
    os.chmod(handle, mode if kept else mode & ~_RUN_AS)
    _keep_extended(target, out.name)


def copy_mode(original: str, path: str) -> None:
    """Give a copy of a file, which may have another owner, its permission bits.

    Raises:
        OSError: they cannot be set.
    """
    os.chmod(path, stat.S_IMODE(os.stat(original).st_mode) & ~_RUN_AS)


def _keep_owner(there: os.stat_result, out: BinaryIO) -> bool:
    """Set owner and group; whether the file has them, as far as the system supports it."""
    if not hasattr(os, "fchown"):
        return True
    now = os.fstat(out.fileno())
    if (now.st_uid, now.st_gid) == (there.st_uid, there.st_gid):
        return True
    try:
        os.fchown(out.fileno(), there.st_uid, there.st_gid)
    except OSError:
        # Only root gives files away, but the group may be one of the user's own.
        with suppress(OSError):
            os.fchown(out.fileno(), -1, there.st_gid)
        return False
    return True


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _keep_extended(target: str, path: str) -> None:
    """Copy extended attributes, except those that the system refuses."""
    if not hasattr(os, "listxattr"):
        return
    with suppress(OSError):
        for name in os.listxattr(target):
            with suppress(OSError):
                os.setxattr(path, name, os.getxattr(target, name))
