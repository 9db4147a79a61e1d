"""What the entries share: the command as it must end, and a folder for files."""

import atexit
import contextlib
import os
import shutil
import tempfile
from typing import Iterator, List
from unittest import mock

from coreml_resize_fix.formats import execution
from coreml_resize_fix.formats.mlprogram.execute import steps as program_steps
from coreml_resize_fix.formats.neuralnetwork.execute import steps as network_steps
from coreml_resize_fix.verify.kernels import checks
from tests.cli import commands

# Numbers of one array while a network is executed here; all at once may be four times as many.
MOST_NUMBERS = 1 << 20


def run(*arguments: str) -> int:
    """The exit code of the command in this process; it must end like one that is well.

    Raises:
        AssertionError: it ended with a defect, or refused without a word.
    """
    # With `-v` a defect is raised where it arose, not reported in a sentence.
    with limits():
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


@contextlib.contextmanager
def limits() -> Iterator[None]:
    """Lower limits of what is executed, so that what ignores them is seen at once."""
    with contextlib.ExitStack() as stack:
        for module, name, value in (
            (checks, "LARGEST", MOST_NUMBERS),
            (checks, "MOST_EFFORT", 1 << 34),
            (execution, "_MOST_ALIVE", 4 * MOST_NUMBERS),
            *((module, "MOST_ROUNDS", 200) for module in (program_steps, network_steps)),
            *((module, "MOST_EFFORT", 1 << 34) for module in (program_steps, network_steps)),
        ):
            stack.enter_context(mock.patch.object(module, name, value))
        yield


_kept: List[str] = []


def scratch() -> str:
    """A folder of this process for files; in memory where the system has such a place."""
    if not _kept:
        memory = "/dev/shm"
        _kept.append(tempfile.mkdtemp(dir=memory if os.path.isdir(memory) else None))
        atexit.register(shutil.rmtree, _kept[0], ignore_errors=True)
    return _kept[0]
