"""Worker processes: what they return, and what happens when the system ends or refuses one."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from coreml_resize_fix.run import pool
from tests.cli.test_process import environment
from tests.support.process import start

posix = pytest.mark.skipif(os.name != "posix", reason="processes are ended by signals of POSIX")
ENDED = 128 + signal.SIGTERM  # a worker ends by SystemExit, as its parent does
METHODS = multiprocessing.get_all_start_methods()


def double(number):
    return number, 2 * number, os.getpid()


def end_once(mark):
    """Ends its process, but for the second time."""
    if mark is not None and not os.path.exists(mark):
        with open(mark, "w", encoding="utf-8"):
            os.kill(os.getpid(), signal.SIGKILL)
    return mark


ENDS = {
    "SIGKILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "SIGUSR1": lambda: os.kill(os.getpid(), signal.SIGUSR1),
    "exit code 3": lambda: os._exit(3),
}


def end_always(name):
    ENDS.get(name, str)()
    return name


def fail(name):
    """Raises, or returns what no other process can be told."""
    return ENDS["SIGKILL"] if name == "a function" else {}[name]


def wait(seconds):
    time.sleep(seconds)
    return seconds


@pytest.fixture(params=METHODS)
def method(request):
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method(request.param, force=True)
    yield request.param
    multiprocessing.set_start_method(before, force=True)


def gone():
    """Whether every worker is, soon."""
    until = time.time() + 30
    while multiprocessing.active_children() and time.time() < until:
        time.sleep(0.01)
    return multiprocessing.active_children() == []


def test_results_come_in_order_from_as_many_processes(method):
    found = [call() for call in pool.run(double, range(30), 3)]
    assert [(number, twice) for number, twice, _ in found] == [(n, 2 * n) for n in range(30)]
    workers = {worker for _, _, worker in found}
    assert 1 <= len(workers) <= 3
    assert os.getpid() not in workers
    assert gone()


@posix
def test_a_task_whose_worker_is_ended_is_done_by_another(method, tmp_path):
    tasks = [None, str(tmp_path / "a"), None, str(tmp_path / "b"), None]
    assert [call() for call in pool.run(end_once, tasks, 2)] == tasks


@posix
@pytest.mark.parametrize("how", sorted(ENDS))
def test_a_task_that_ends_two_workers_fails_alone(how):
    calls = list(pool.run(end_always, ["a", "b", how, "c", "d", how], 2))
    assert [calls[place]() for place in (0, 1, 3, 4)] == ["a", "b", "c", "d"]
    for place in (2, 5):
        with pytest.raises(pool.EndedError, match="^{}$".format(how)):
            calls[place]()
    assert gone()


@pytest.mark.parametrize("name", ["no such key", "a function"])
def test_what_is_raised_comes_with_its_traceback(name):
    failed, _ = pool.run(fail, [name, "another"], 2)
    with pytest.raises(pool.TaskError, match=r"Traceback \(most recent call last\)"):
        failed()


@pytest.mark.parametrize("first", [1, 2])
@pytest.mark.parametrize("error", [BlockingIOError(11, "Try again"), MemoryError()])
def test_processes_that_the_system_does_not_start(first, error, monkeypatch):
    """Those that it started do the work, and this one if there is none."""
    start, started = multiprocessing.Process.start, []

    def refuse(process):
        started.append(process)
        if len(started) >= first:
            raise error
        start(process)

    monkeypatch.setattr(multiprocessing.Process, "start", refuse)
    found = [call() for call in pool.run(double, range(10), 4)]
    assert [twice for _, twice, _ in found] == [2 * n for n in range(10)]
    workers = {worker for _, _, worker in found}
    assert len(workers) == 1
    assert (os.getpid() in workers) == (first == 1)
    assert gone()


@posix
def test_what_ends_workers_is_never_done_here(monkeypatch, tmp_path):
    start, started = multiprocessing.Process.start, []

    def refuse(process):
        started.append(process)
        if len(started) > 2:
            raise BlockingIOError(11, "Try again")
        start(process)

    monkeypatch.setattr(multiprocessing.Process, "start", refuse)
    mark = str(tmp_path / "mark")
    none, ended = pool.run(end_once, [None, mark], 2)
    assert none() is None
    with pytest.raises(pool.EndedError, match="SIGKILL"):
        ended()


def begin(mark):
    """Tells that it began, and goes on for minutes."""
    if mark is not None:
        with open(mark, "w", encoding="utf-8"):
            time.sleep(300)


def test_closing_ends_the_workers(tmp_path):
    marks = [str(tmp_path / name) for name in ("one", "other")]
    calls = pool.run(begin, [None, *marks], 2)
    assert next(calls)() is None
    while not any(map(os.path.exists, marks)):  # the other may have nothing to do yet
        time.sleep(0.01)
    workers = multiprocessing.active_children()
    calls.close()
    assert gone()
    assert ENDED in [worker.exitcode for worker in workers]


def refuse_to_end(seconds):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return wait(seconds)


@posix
def test_a_worker_that_does_not_end_is_killed(monkeypatch):
    monkeypatch.setattr(pool, "_TIMES", 1)
    calls = pool.run(refuse_to_end, [0, 300, 300], 2)
    assert next(calls)() == 0
    workers = multiprocessing.active_children()
    calls.close()
    assert gone()
    assert -signal.SIGKILL in [worker.exitcode for worker in workers]


# Two workers: one has nothing to do, the other is in the middle of a task, and another one waits.
PARENT = """
import os, sys, time
from coreml_resize_fix import pool, signals
folder = sys.argv[1]
signals._PR_SET_PDEATHSIG = int(sys.argv[2])
def work(name):
    path = os.path.join(folder, name)
    if name.startswith("short"):
        return os.getpid()
    try:
        with open(path, "w"):
            pass
        time.sleep(float(sys.argv[3]))
    finally:
        if os.path.exists(path):
            os.unlink(path)
    with open(path + " done", "w"):
        pass
with signals.as_exceptions():
    calls = pool.run(work, ["short", "long 1"], 2)
    next(calls)
    while not os.listdir(folder):
        time.sleep(0.01)
    print("ready", flush=True)
    next(calls)
"""


def ended(tmp_path, number, told, seconds):
    """What is left of the workers' files when their parent was ended by that signal."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), str(told), str(seconds)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert parent.stdout.readline() == b"ready\n"
    parent.send_signal(number)
    # Its streams end when the last process that has them does.
    out, err = parent.communicate(timeout=600)
    assert (out, err) == (b"", b"")
    return sorted(os.listdir(str(tmp_path)))


@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG (Linux)")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGKILL"])
def test_workers_end_with_their_parent(name, tmp_path):
    assert ended(tmp_path, getattr(signal, name), 1, 300) == []


@posix
def test_where_the_system_does_not_tell_workers_end_after_their_task(tmp_path):
    assert ended(tmp_path, signal.SIGKILL, 0, 1) == ["long 1 done"]


# A worker that is told to end while it ends, as by a parent that closed its pipe just before.
ENDING = """
import os, signal
from multiprocessing.util import Finalize
from coreml_resize_fix import pool
def work(number):
    Finalize(None, os.kill, args=(os.getpid(), signal.SIGTERM), exitpriority=9)
    return number
print([call() for call in pool.run(work, [4, 5], 2)])
"""


@posix
def test_a_worker_that_ends_is_not_interrupted_in_it():
    ran = start(ENDING)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "[4, 5]\n", "")


# An interrupt as soon as a worker exists, and another one while it works.
INTERRUPTED = """
import os, signal
from coreml_resize_fix import pool
def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
os.register_at_fork(after_in_child=interrupt)
def work(number):
    interrupt()
    return number
print([call() for call in pool.run(work, [4, 5], 2)])
"""


@posix
def test_ctrl_c_reaches_workers_and_only_the_parent_ends_the_run(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], env=environment(), capture_output=True, check=True
    )
    assert (ran.stdout, ran.stderr) == (b"[4, 5]\n", b"")
