"""Signals that end a run: nothing unfinished stays, nothing is said, the exit code is 128 + n."""

import multiprocessing
import os
import signal
import subprocess
import sys

import pytest

from tests.cli.commands import CORNERS, FIXABLE, model, package
from tests.cli.test_process import environment
from tests.support.folders import contents
from tests.support.process import start

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

forked = pytest.mark.skipif(
    multiprocessing.get_start_method() != "fork",
    reason="needs processes that are forks: others do not see what a test puts in a place",
)

# What ends a process -> the exit code that a shell tells of it.
CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}

# The command, with signals that it sends to itself at two places.
STRUCK = """
import os, signal, sys
from coreml_resize_fix import __main__ as entry
from coreml_resize_fix.formats.protobuf import splice
from coreml_resize_fix.files import cleanup
written, cleaned = (getattr(signal, name, None) for name in sys.argv[1:3])
del sys.argv[1:3]
write, clean = splice.write, cleanup.remove
def struck_write(*arguments):
    write(*arguments)
    os.kill(os.getpid(), written)
def struck_clean(*arguments):
    if cleaned is not None:
        os.kill(os.getpid(), cleaned)
    clean(*arguments)
splice.write, cleanup.remove = struck_write, struck_clean
entry.main()
"""


def struck(path, written, cleaned="", ignored=()):
    """A fix that gets a signal when the copy is written, and maybe another when it cleans up."""

    def as_a_terminal_starts_it():  # a shell may switch SIGINT off for what runs beside it
        for name in CODES:
            how = signal.SIG_IGN if name in ignored else signal.SIG_DFL
            signal.signal(getattr(signal, name), how)

    return subprocess.run(
        [sys.executable, "-c", STRUCK, written, cleaned, path, "--assume", CORNERS],
        env=environment(),
        capture_output=True,
        preexec_fn=as_a_terminal_starts_it,
        timeout=600,
        check=False,
    )


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("make", [lambda folder: model(FIXABLE, folder), package])
@pytest.mark.parametrize("name", sorted(CODES))
def test_a_signal_while_the_result_is_written(name, make, tmp_path):
    path = make(tmp_path)
    before = contents(tmp_path)
    ran = struck(path, name)
    assert (ran.returncode, ran.stdout, ran.stderr) == (CODES[name], b"", b"")
    assert contents(tmp_path) == before


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CODES))
def test_a_second_one_does_not_end_the_cleaning_up(name, tmp_path):
    path = package(tmp_path)
    before = contents(tmp_path)
    ran = struck(path, "SIGTERM", name)
    assert (ran.returncode, ran.stdout, ran.stderr) == (CODES["SIGTERM"], b"", b"")
    assert contents(tmp_path) == before


# The command with two workers, which have both written their copies when a signal ends one of them,
# their parent, or all of them, as in a terminal. People press Ctrl-C twice: there it comes again
# when a worker cleans up.
WORKERS = """
import os, signal, sys, time
from coreml_resize_fix import __main__ as entry
from coreml_resize_fix.formats.protobuf import splice
from coreml_resize_fix.files import cleanup
who, number, marks = sys.argv[1], getattr(signal, sys.argv[2]), sys.argv[3]
del sys.argv[1:4]
parent, write, clean = os.getpid(), splice.write, cleanup.remove
def struck_write(*arguments):
    write(*arguments)
    if who == "a worker":
        os.kill(os.getpid(), number)
    os.mkdir(os.path.join(marks, str(os.getpid())))
    while len(os.listdir(marks)) < 2:
        time.sleep(0.01)
    while True:  # one that comes just before a call blocks is heard at the next
        (os.kill if who == "the parent" else os.killpg)(parent, number)
        time.sleep(0.1)
def struck_clean(*arguments):
    if who == "all":
        os.killpg(parent, number)
    clean(*arguments)
splice.write, cleanup.remove = struck_write, struck_clean
entry.main()
"""


def with_workers(who, name, around):
    folder, marks = around / "models", around / "marks"
    folder.mkdir()
    marks.mkdir()
    paths = [model(FIXABLE, folder, letter + ".mlmodel") for letter in "abc"]
    before = contents(folder)
    arguments = [who, name, str(marks), *paths, "--assume", CORNERS, "--jobs", "2"]
    ran = subprocess.run(
        [sys.executable, "-c", WORKERS, *arguments],
        env=environment(),
        capture_output=True,  # to the end of the last process that has them
        start_new_session=True,
        timeout=600,
        check=False,
    )
    assert contents(folder) == before
    return ran


@pytest.mark.slow
@forked
@pytest.mark.parametrize("name", sorted(CODES))
def test_workers_that_are_ended_leave_nothing(name, tmp_path):
    ran = with_workers("a worker", name, tmp_path)
    assert ran.returncode == 2
    errors = [line for line in ran.stderr.decode().splitlines() if line.startswith("error: ")]
    assert len(errors) == 3
    assert all("was ended by the system" in line for line in errors)


@pytest.mark.slow
@forked
@pytest.mark.parametrize("who", ["the parent", "all"])
@pytest.mark.parametrize("name", sorted(CODES))
def test_workers_of_a_run_that_is_ended_leave_nothing(name, who, tmp_path):
    ran = with_workers(who, name, tmp_path)
    assert (ran.returncode, ran.stdout, ran.stderr) == (CODES[name], b"", b"")


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CODES))
def test_what_the_caller_has_switched_off_stays_so(name, tmp_path):
    """As `nohup` does it."""
    ran = struck(model(FIXABLE, tmp_path), name, ignored=[name])
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert FIXABLE + "-fixed.mlmodel" in contents(tmp_path)


# An exception is lost in a destructor; nobody needs `kill -9` for that.
LOST = """
import os, signal
from coreml_resize_fix.run import signals
class Object:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
with signals.as_exceptions():
    Object()
    print("goes on", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    print("not reached")
"""


def test_a_signal_that_came_to_nothing_is_not_the_last():
    ran = start(LOST)
    assert (ran.returncode, ran.stdout) == (143, "goes on\n")


# The command, with an interrupt when it comes to import a module.
INTERRUPTED = """
import os, sys
class Finder:
    def find_spec(name, path, target=None):
        if name == sys.argv[1]:
            os.kill(os.getpid(), 2)
sys.meta_path.insert(0, Finder)
from coreml_resize_fix import __main__ as entry
entry.main()
"""


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("name", ["run.signals", "cli.command", "run.batch"])
def test_an_interrupt_while_the_command_is_imported(name, tmp_path):
    path, pipe = model(FIXABLE, tmp_path), str(tmp_path / "intent.json")
    os.mkfifo(pipe)  # reading it waits for a writer who never writes
    ran = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, "coreml_resize_fix." + name, path, "-m", pipe],
        env=environment(),
        capture_output=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        timeout=600,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, b"", b"")


# The command, which gets a signal when all is done and Python ends.
AT_THE_END = """
import atexit, os, signal, sys
from coreml_resize_fix import __main__ as entry
from coreml_resize_fix.cli import command as cli
command = cli.main
def main():
    atexit.register(os.kill, os.getpid(), signal.SIGTERM)
    command()
cli.main = main
entry.main()
"""


@pytest.mark.slow
def test_a_signal_when_all_is_done_changes_nothing(tmp_path):
    path = model(FIXABLE, tmp_path)
    ran = start(AT_THE_END, path, "--assume", CORNERS, "-q")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
