"""Compare paths: whether two are the same place, or one is inside of the other.

Names are not enough: a link, a mount or another spelling may be the same place. Existing files are
compared by device and inode, others by the nearest existing folder and the names below it.
"""

import errno
import os
from typing import Any, List, Tuple

Identity = Tuple[Any, ...]

# Errors that mean that nothing accessible is there. A failing disk is not one of them: it must not
# make an input look like something else.
_NOTHING_THERE = (
    errno.ENOENT,
    errno.ENOTDIR,
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.EACCES,
    errno.EINVAL,  # a name that Windows does not have
)


def lineage(path: str) -> List[Identity]:
    """Identities of the target of a path and of every folder around it, innermost first.

    Raises:
        OSError: the system cannot say what is there.
    """
    real = os.path.realpath(path)
    paths = [real]
    while os.path.dirname(real) != real:
        real = os.path.dirname(real)
        paths.append(real)
    found: List[Identity] = []
    for place in reversed(paths):
        around = found[-1] if found else ()
        found.append(_identity(place) or (*around, os.path.basename(place)))
    return found[::-1]


def _identity(path: str) -> Identity:
    try:
        status = os.stat(path)
    except OSError as error:
        if error.errno not in _NOTHING_THERE:
            raise
        return ()
    return status.st_dev, status.st_ino


def same(one: str, other: str) -> bool:
    """Whether both are the same file or folder, or would be."""
    return lineage(one)[0] == lineage(other)[0]


def is_inside(path: str, folder: str) -> bool:
    """Whether a path is below a folder."""
    return lineage(folder)[0] in lineage(path)[1:]
