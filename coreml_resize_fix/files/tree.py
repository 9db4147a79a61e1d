"""What is in a folder and below it: nothing is passed over because it cannot be read."""

import errno
import os
from typing import Iterator, List, Tuple

# Python ends with an error of its own where folders are nested a few hundred deep.
DEEPEST = 100


def walk(folder: str) -> Iterator[Tuple[str, List[str], List[str]]]:
    """As `os.walk` from the top: (folder, names of folders in it, names of files in it).

    Raises:
        OSError: a folder cannot be read, or lies more than `DEEPEST` folders deep.
    """
    for place, folders, files in os.walk(folder, onerror=_fail):
        if place[len(folder) :].count(os.sep) > DEEPEST:
            raise OSError(errno.ENAMETOOLONG, f"folders are nested more than {DEEPEST} deep", place)
        yield place, folders, files


def _fail(error: OSError) -> None:
    raise error
