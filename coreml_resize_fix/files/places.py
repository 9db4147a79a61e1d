"""Whether two paths lead to one place, or one of them into the other.

Names say little of that: a link, a mount or another spelling of a name leads to the same place. So
what is there is compared by device and inode, and what is not there yet by the nearest folder that
is, and the names below it.
"""

import errno
import os
from typing import Any, List, Tuple

Identity = Tuple[Any, ...]

# Nothing that this process could reach is there. A disk that fails is another matter: it must not
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
    """What a path leads to and every folder around it, innermost first.

    Raises:
        OSError: the system does not say what is there.
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
    """Whether both lead to one file or folder, or would."""
    return lineage(one)[0] == lineage(other)[0]


def is_inside(path: str, folder: str) -> bool:
    """Whether a path leads to something below a folder."""
    return lineage(folder)[0] in lineage(path)[1:]
