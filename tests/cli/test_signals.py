"""Signals that end a run: nothing unfinished stays, nothing is said, the exit code is 128 + n."""

import multiprocessing
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from coreml_resize_fix import signals
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
from coreml_resize_fix.coreml import splice
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


@pytest.mark.parametrize("make", [lambda folder: model(FIXABLE, folder), package])
@pytest.mark.parametrize("name", sorted(CODES))
def test_a_signal_while_the_result_is_written(name, make, tmp_path):
    path = make(tmp_path)
    before = contents(tmp_path)
    ran = struck(path, name)
    assert (ran.returncode, ran.stdout, ran.stderr) == (CODES[name], b"", b"")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", sorted(CODES))
def test_a_second_one_does_not_end_the_cleaning_up(name, tmp_path):
    path = package(tmp_path)
    before = contents(tmp_path)
    ran = struck(path, "SIGTERM", name)
    assert (ran.returncode, ran.stdout, ran.stderr) == (CODES["SIGTERM"], b"", b"")
    assert contents(tmp_path) == before


# The command with two workers, each of which ends a process when it has written its copy. Where
# that is their parent, both have done so.
WORKERS = """
import os, signal, sys, time
from coreml_resize_fix import __main__ as entry
from coreml_resize_fix.coreml import splice
who, number, marks = sys.argv[1], getattr(signal, sys.argv[2]), sys.argv[3]
del sys.argv[1:4]
parent, write = os.getpid(), splice.write
def struck_write(*arguments):
    write(*arguments)
    if who == "a worker":
        os.kill(os.getpid(), number)
    os.mkdir(os.path.join(marks, str(os.getpid())))
    while len(os.listdir(marks)) < 2:
        time.sleep(0.01)
    os.kill(parent, number)
    time.sleep(300)
splice.write = struck_write
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
        timeout=600,
        check=False,
    )
    assert contents(folder) == before
    return ran


@forked
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_workers_that_are_ended_leave_nothing(name, tmp_path):
    ran = with_workers("a worker", name, tmp_path)
    assert ran.returncode == 2
    errors = [line for line in ran.stderr.decode().splitlines() if line.startswith("error: ")]
    assert len(errors) == 3
    assert all("was ended by the system" in line for line in errors)


@forked
@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG (Linux)")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGKILL"])
def test_workers_of_a_run_that_is_ended_leave_nothing(name, tmp_path):
    ran = with_workers("the parent", name, tmp_path)
    assert (ran.returncode, ran.stdout, ran.stderr) == (CODES.get(name, -9), b"", b"")


@pytest.mark.parametrize("name", sorted(CODES))
def test_what_the_caller_has_switched_off_stays_so(name, tmp_path):
    """As `nohup` does it."""
    ran = struck(model(FIXABLE, tmp_path), name, ignored=[name])
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert FIXABLE + "-fixed.mlmodel" in contents(tmp_path)


def test_a_signal_that_came_to_nothing_is_not_the_last(monkeypatch):
    """An exception may get lost, in a destructor for example; nobody needs `kill -9` for that."""
    now = iter([100.0, 104.9, 105.1])
    monkeypatch.setattr(signals, "time", SimpleNamespace(monotonic=lambda: next(now)))
    handle = signals._handler()
    with pytest.raises(SystemExit) as first:
        handle(signal.SIGINT, None)
    handle(signal.SIGTERM, None)
    with pytest.raises(SystemExit) as third:
        handle(signal.SIGTERM, None)
    assert (first.value.code, third.value.code) == (130, 143)


def test_no_import_keeps_a_signal_waiting_for_ever(monkeypatch):
    now, sent = iter([100.0, 105.0, 109.9, 110.1]), []
    monkeypatch.setattr(signals, "time", SimpleNamespace(monotonic=lambda: next(now)))
    monkeypatch.setattr(signals, "_send_soon", sent.append)
    handle = signals._handler()
    importing = SimpleNamespace(
        f_globals={"__name__": "importlib._bootstrap"},
        f_code=SimpleNamespace(co_name="_load_unlocked"),
        f_back=None,
    )
    above = SimpleNamespace(
        f_globals={"__name__": "numpy"}, f_code=SimpleNamespace(co_name="f"), f_back=importing
    )
    for _ in range(3):
        handle(signal.SIGTERM, above)
    assert sent == [signal.SIGTERM] * 3
    with pytest.raises(SystemExit) as ended:
        handle(signal.SIGTERM, above)
    assert ended.value.code == 143


# In a process of its own: another thread, such as libraries have, could take the signal.
HELD = """
import os, signal
from coreml_resize_fix import signals
with signals.as_exceptions():
    with signals.held():
        os.kill(os.getpid(), signal.SIGTERM)
        print("done", flush=True)
    print("not reached")
"""


def test_signals_that_are_held_count_afterwards():
    ran = start(HELD)
    assert (ran.returncode, ran.stdout, ran.stderr) == (143, "done\n", "")


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


@pytest.mark.parametrize("name", ["signals", "cli", "batch"])
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


# The command, with a signal where an exception comes to nothing, when the copy is written: in what
# Python calls when an object goes (callback, destructor), and in an import that makes it another.
DROPPED = """
import os, signal, sys, time, weakref
from coreml_resize_fix import __main__ as entry
from coreml_resize_fix.coreml import splice
where, write = sys.argv.pop(1), splice.write
def strike():
    os.kill(os.getpid(), signal.SIGTERM)
class Object:
    def __del__(self):
        if where == "destructor":
            strike()
class Finder:
    def find_spec(name, path, target=None):
        if name == "extension":
            try:
                strike()
            except SystemExit:
                raise ImportError("cannot initialise")
def in_callback(frame, event, argument):
    if event == "call" and frame.f_code.co_name == "remove":
        sys.setprofile(None)
        strike()
def struck_write(*arguments):
    write(*arguments)
    known = weakref.WeakValueDictionary({1: Object()})
    known[2] = value = Object()
    if where == "callback":
        sys.setprofile(in_callback)
    del value
    sys.setprofile(None)
    if where == "import":
        try:
            import extension
        except ModuleNotFoundError:
            pass
    time.sleep(20)
splice.write = struck_write
sys.meta_path.insert(0, Finder)
entry.main()
"""


@pytest.mark.parametrize("where", ["callback", "destructor", "import"])
def test_a_signal_where_exceptions_come_to_nothing_comes_again(where, tmp_path):
    path = model(FIXABLE, tmp_path)
    before = contents(tmp_path)
    ran = start(DROPPED, where, path, "--assume", CORNERS)
    assert (ran.returncode, ran.stdout, ran.stderr) == (143, "", "")
    assert contents(tmp_path) == before


# The command, which gets a signal when all is done and Python ends.
AT_THE_END = """
import atexit, os, signal, sys
from coreml_resize_fix import __main__ as entry, cli
command = cli.main
def main():
    atexit.register(os.kill, os.getpid(), signal.SIGTERM)
    command()
cli.main = main
entry.main()
"""


def test_a_signal_when_all_is_done_changes_nothing(tmp_path):
    path = model(FIXABLE, tmp_path)
    ran = start(AT_THE_END, path, "--assume", CORNERS, "-q")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


# What comes again comes to a process that does not end yet: a timer would end that, too.
TIMER = """
import signal
from coreml_resize_fix import signals
with signals.as_exceptions():
    signals._send_soon(signal.SIGTERM)
print(signal.getitimer(signal.ITIMER_REAL))
"""


def test_no_signal_comes_again_when_all_is_done():
    ran = start(TIMER)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "(0.0, 0.0)\n", "")
