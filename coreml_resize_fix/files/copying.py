"""Copy a folder so that the copy can be changed, then finish it and send it to the disk.

Until then only the owner may use the folders of the copy, and may write to them: those of the
original may be read-only, and others have no use for half a copy.
"""

import errno
import os
import shutil
import stat
from typing import Collection, Iterator, List, Sequence, Tuple

from coreml_resize_fix.errors import ModelError
from coreml_resize_fix.files import attributes, failures, tree

PRIVATE = stat.S_IRWXU
_BLOCK = 1 << 20
# A failing disk is an error; a file system that cannot send folders to it is not.
_FAILED = (errno.EIO, errno.ENOSPC)


def copy(source: str, target: str, but: Collection[str]) -> List[str]:
    """Copy the content of a folder into an empty one, links as links, without the files `but`.

    Returns the folders below it, each before those in it, for `finish`.

    Raises:
        ModelError: something cannot be read, or is neither file nor folder.
        OSError: something cannot be written.
    """
    found = list(_below(source))
    for name, mode in found:
        original, made = os.path.join(source, name), os.path.join(target, name)
        if stat.S_ISDIR(mode):
            os.mkdir(made, PRIVATE)
        elif stat.S_ISLNK(mode):
            os.symlink(os.readlink(original), made)
            shutil.copystat(original, made, follow_symlinks=False)
        elif name not in but:
            _copy_file(original, made)
    return [name for name, mode in found if stat.S_ISDIR(mode)]


def finish(source: str, target: str, folders: Sequence[str]) -> None:
    """Give the folders of a copy the permission bits of the original, and send them to the disk.

    Raises:
        OSError: the bits cannot be set, or the disk failed.
    """
    for name in [*reversed(folders), os.curdir]:
        original, made = os.path.join(source, name), os.path.join(target, name)
        shutil.copystat(original, made)
        send_to_disk(made)


def send_to_disk(folder: str) -> None:
    """Send a folder and the names in it to the disk, where the system can do that.

    Raises:
        OSError: the disk failed.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folder, and one may be closed to everybody
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno in _FAILED:
            raise
    finally:
        os.close(handle)


def _below(folder: str) -> Iterator[Tuple[str, int]]:
    """The names below a folder and the mode of each; folders come before what is in them.

    Raises:
        ModelError: something cannot be read, or is neither file nor folder nor link.
    """
    try:
        for root, folders, files in tree.walk(folder):
            for name in folders + files:
                path = os.path.join(root, name)
                mode = os.lstat(path).st_mode
                if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
                    raise ModelError(
                        f"`{path}` is a pipe or a device, which no package has",
                        "nothing was written; remove it from the package",
                    )
                yield os.path.relpath(path, folder), mode
    except OSError as error:
        raise failures.unreadable(error.filename or folder, error) from error


def _copy_file(original: str, made: str) -> None:
    with open(made, "xb", opener=attributes.private) as out:
        for block in _blocks(original):
            out.write(block)
        out.flush()
        shutil.copystat(original, made)
        attributes.copy_mode(original, made)
        os.fsync(out.fileno())


def _blocks(path: str) -> Iterator[bytes]:
    try:
        with open(path, "rb", buffering=0) as file:
            block = file.read(_BLOCK)
            while block:
                yield block
                block = file.read(_BLOCK)
    except OSError as error:
        raise failures.unreadable(path, error) from error
