"""What the entries share: the command as it must end, and a folder for files."""

import atexit
import os
import shutil
import tempfile
from typing import List

from tests.cli import commands


def run(*arguments: str) -> int:
    """The exit code of the command in this process; it must end like one that is well.

    Raises:
        AssertionError: it ended with a defect, or refused without a word.
    """
    # With `-v` a defect is raised where it arose, not reported in a sentence.
    ran = commands.run("-v", *arguments)
    assert "a defect of this tool" not in ran.err, ran.err
    assert "Traceback" not in ran.err, ran.err
    assert ran.code in (0, 1, 2, 3), ran.code
    assert ran.code != 2 or ran.err.strip(), "refused without a word"
    return ran.code


def emptied() -> str:
    """The same folder with nothing in it."""
    folder = scratch()
    shutil.rmtree(folder)
    os.mkdir(folder)
    return folder


_kept: List[str] = []


def scratch() -> str:
    """A folder of this process for files; in memory where the system has such a place."""
    if not _kept:
        memory = "/dev/shm"
        _kept.append(tempfile.mkdtemp(dir=memory if os.path.isdir(memory) else None))
        atexit.register(shutil.rmtree, _kept[0], ignore_errors=True)
    return _kept[0]
