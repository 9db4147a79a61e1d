"""Walk a folder without skipping what cannot be read."""

import errno
import os
from typing import Iterator, List, Tuple

# Python itself fails on folders nested a few hundred deep.
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
