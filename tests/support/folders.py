"""Whole folders as values, to see that nothing else was touched."""

import os
import shutil
from typing import Any, Dict, Tuple

from tests.support.cases import read_bytes


def contents(folder: Any) -> Dict[str, Tuple[bytes, int]]:
    """Every file below a folder: its path there → its bytes and permission bits."""
    found = {}
    for directory, _, names in os.walk(str(folder)):
        for name in names:
            path = os.path.join(directory, name)
            mode = os.lstat(path).st_mode & 0o7777
            found[os.path.relpath(path, str(folder))] = (read_bytes(path), mode)
    return found


def copied(path: str, folder: Any) -> str:
    """A copy of a model, file or package, in a folder."""
    target = os.path.join(str(folder), os.path.basename(path))
    if os.path.isdir(path):
        shutil.copytree(path, target)
    else:
        shutil.copy(path, target)
    return target
