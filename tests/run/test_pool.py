"""Worker processes: what they return, and what happens when the system ends or refuses one."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from multiprocessing.process import BaseProcess

import pytest

from coreml_resize_fix.run import pool
from tests.cli.test_process import environment
from tests.support.process import start

posix = pytest.mark.skipif(os.name != "posix", reason="processes are ended by signals of POSIX")
METHODS = multiprocessing.get_all_start_methods()


def double(number):
    return number, 2 * number, os.getpid()


def killed(task):
    return task, "killed"


KILLS = {
    "SIGKILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "SIGTERM": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "SIGUSR1": lambda: os.kill(os.getpid(), signal.SIGUSR1),
    "an exit": lambda: os._exit(0),
}


def kill(name):
    KILLS.get(name, str)()
    return name


def fail(name):
    """Raises, or returns what no other process can be told."""
    return KILLS["SIGKILL"] if name == "a function" else {}[name]


@pytest.fixture(params=METHODS)
def method(request):
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method(request.param, force=True)
    yield request.param
    multiprocessing.set_start_method(before, force=True)


@pytest.fixture(autouse=True)
def no_worker_is_left():
    yield
    assert multiprocessing.active_children() == []


@pytest.mark.mostly_slow(quick=1)
def test_results_come_in_order_from_as_many_processes(method):
    found = list(pool.run(double, range(30), 3, killed))
    assert [(number, twice) for number, twice, _ in found] == [(n, 2 * n) for n in range(30)]
    workers = {worker for _, _, worker in found}
    assert 1 <= len(workers) <= 3
    assert os.getpid() not in workers


@pytest.mark.mostly_slow(quick=1)
@posix
@pytest.mark.parametrize("how", sorted(KILLS))
def test_a_task_whose_worker_is_killed_fails_alone(how, method):
    """Three of them, where two workers began."""
    tasks = ["a", "b", how, "c", how, "d", how, "e"]
    expected = [killed(task) if task == how else task for task in tasks]
    assert list(pool.run(kill, tasks, 2, killed)) == expected


def see_another_killed(path):
    """Ends its process, or does its work while the other's is ended and gone."""
    if path.endswith("killed"):
        with open(path, "w", encoding="utf-8") as file:
            file.write(str(os.getpid()))
        os.rename(path, path + ".pid")
        os.kill(os.getpid(), signal.SIGKILL)
    number = os.path.join(os.path.dirname(path), "killed.pid")
    while not os.path.exists(number):
        time.sleep(0.01)
    with open(number, encoding="utf-8") as file:
        pid = int(file.read())
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.01)
    with open(path, "x", encoding="utf-8"):  # a second time it would fail
        return path


@posix
def test_what_others_do_meanwhile_is_neither_lost_nor_repeated(tmp_path):
    tasks = [str(tmp_path / name) for name in ("killed", "other", "third")]
    found = list(pool.run(see_another_killed, tasks, 2, killed))
    assert found == [killed(tasks[0]), *tasks[1:]]


@pytest.mark.parametrize("name", ["no such key", "a function"])
def test_what_is_raised_comes_with_its_traceback(name):
    with pytest.raises(Exception, match=r"no such key|pickle") as caught:
        list(pool.run(fail, [name, name], 2, killed))
    assert "Traceback (most recent call last)" in str(caught.value.__cause__)


@pytest.mark.parametrize("first", [1, 2])
@pytest.mark.parametrize("error", [BlockingIOError(11, "Try again"), MemoryError()])
def test_processes_that_the_system_does_not_start(first, error, monkeypatch):
    """Those that it started do the work, and this one if there is none."""
    start, started = BaseProcess.start, []

    def refuse(process):
        started.append(process)
        if len(started) >= first:
            raise error
        start(process)

    monkeypatch.setattr(BaseProcess, "start", refuse)
    found = list(pool.run(double, range(10), 4, killed))
    assert [twice for _, twice, _ in found] == [2 * n for n in range(10)]
    workers = {worker for _, _, worker in found}
    assert len(workers) == 1
    assert (os.getpid() in workers) == (first == 1)


def test_a_system_without_semaphores(monkeypatch):
    def refuse(*arguments):
        raise NotImplementedError("system provides too few semaphores")

    monkeypatch.setattr(pool, "ProcessPoolExecutor", refuse)
    assert list(pool.run(double, [1, 2], 2, killed)) == [double(1), double(2)]


def begin(place):
    """Makes a file and never ends by itself; the file is removed then, however that comes."""
    if place is None:
        return
    try:
        with open(place, "w", encoding="utf-8"):
            os.mkdir(place + " began")
            while True:
                time.sleep(0.01)
    finally:
        os.unlink(place)


@pytest.mark.mostly_slow(quick=1)
@posix
def test_closing_ends_the_workers(method, tmp_path):
    place = str(tmp_path / "one")
    results = pool.run(begin, [None, place], 2, killed)
    assert next(results) is None
    while not os.path.exists(place + " began"):
        time.sleep(0.01)
    results.close()
    assert os.listdir(str(tmp_path)) == ["one began"]


# Two workers: one has nothing to do any more, the other is in the middle of a task.
PARENT = """
import os, sys, time
from contextlib import closing
from coreml_resize_fix.run import pool, signals
folder = sys.argv[1]
def work(name):
    path = os.path.join(folder, name)
    if name == "short":
        return name
    try:
        os.mkdir(path)
        while not os.path.exists(os.path.join(folder, "enough")):
            time.sleep(0.01)
    finally:
        os.rmdir(path)
    os.mkdir(path + " done")
with signals.as_exceptions(), closing(pool.run(work, ["short", "long"], 2, str)) as results:
    next(results)
    while not os.listdir(folder):
        time.sleep(0.01)
    print("ready", flush=True)
    next(results)
"""


def parent(folder, number):
    """A run that was ended by that signal when a worker was in the middle of a task."""
    running = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(folder)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert running.stdout.readline() == b"ready\n"
    while running.poll() is None:  # one that comes just before a call blocks is heard at the next
        running.send_signal(number)
        time.sleep(0.1)
    assert running.returncode == (-number if number == signal.SIGKILL else 128 + number)
    return running


@pytest.mark.mostly_slow(quick=1)
@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_workers_end_with_their_parent(name, tmp_path):
    ended = parent(tmp_path, getattr(signal, name))
    assert os.listdir(str(tmp_path)) == []
    assert ended.communicate() == (b"", b"")


@posix
def test_workers_of_a_parent_that_was_killed_end_after_their_task(tmp_path):
    ended = parent(tmp_path, signal.SIGKILL)
    assert os.listdir(str(tmp_path)) == ["long"]
    (tmp_path / "enough").mkdir()
    # Its streams end when the last process that has them does.
    assert ended.communicate(timeout=600) == (b"", b"")
    assert sorted(os.listdir(str(tmp_path))) == ["enough", "long done"]


# Ctrl-C as soon as there is a worker: it comes to both processes.
STARTING = """
import multiprocessing, os, signal
from contextlib import closing
from coreml_resize_fix.run import pool, signals
multiprocessing.set_start_method("fork")
def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
os.register_at_fork(after_in_child=interrupt, after_in_parent=interrupt)
with signals.as_exceptions(), closing(pool.run(str, [1, 2, 3], 2, str)) as results:
    print(list(results))
"""


@posix
def test_an_interrupt_while_a_worker_starts_is_quiet():
    ran = start(STARTING)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")
