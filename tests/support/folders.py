"""Whole folders as values, to see that nothing else was touched."""

import os
import shutil
from typing import Any, Dict, Tuple

from tests.support.cases import read_bytes


def contents(folder: Any) -> Dict[str, Tuple[bytes, int]]:
    """Every file and folder below a folder: its path there → its bytes and permission bits."""
    found = {}
    for directory, folders, files in os.walk(str(folder)):
        for name in folders + files:
            path = os.path.join(directory, name)
            data = b"" if name in folders else read_bytes(path)
            found[os.path.relpath(path, str(folder))] = (data, os.lstat(path).st_mode & 0o7777)
    return found


def copied(path: str, folder: Any) -> str:
    """A copy of a model, file or package, in a folder."""
    target = os.path.join(str(folder), os.path.basename(path))
    if os.path.isdir(path):
        shutil.copytree(path, target)
    else:
        shutil.copy(path, target)
    return target
