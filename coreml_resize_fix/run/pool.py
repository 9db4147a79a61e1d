"""Worker processes, each a pool of its own, so that a killed worker loses one task.

A pool ends all of its processes when one is killed, and they may have written and not yet reported.
"""

import os
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager, suppress
from multiprocessing import Pipe, active_children, connection
from threading import Lock, Thread
from typing import Any, Callable, Dict, Generator, Iterator, List, Sequence, Tuple, TypeVar

from coreml_resize_fix.run import signals

R = TypeVar("R")
Work = Callable[[Any], R]


def run(work: Work[R], tasks: Sequence[Any], jobs: int, lost: Work[R]) -> Generator[R, None, None]:
    """Yield what `work` makes of each task, in order, or `lost` if its worker was killed.

    A killed worker is not replaced, for memory may be short; after the last one the tasks that are
    left are done one by one, and in this process where the system starts none. What `work` raises
    is raised here. Closing the iterator ends the workers.
    """
    waiting = list(range(len(tasks)))
    idle: List[ProcessPoolExecutor] = []
    running: Dict[Future[R], Tuple[int, ProcessPoolExecutor]] = {}
    done: Dict[int, R] = {}
    with _workers(work) as start:
        for place in range(len(tasks)):
            while place not in done:
                if not idle and not running:
                    with suppress(OSError, MemoryError, RuntimeError, ImportError):  # refused
                        for _ in range(jobs):
                            idle.append(start())
                    jobs = 1
                    if not idle:
                        done[place] = work(tasks[waiting.pop(0)])
                try:
                    while waiting and idle:
                        number, worker = waiting.pop(0), idle.pop()
                        running[worker.submit(_do, tasks[number])] = number, worker
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        number, worker = running.pop(future)
                        done[number] = future.result()
                        idle.append(worker)
                except BrokenExecutor:
                    done[number] = lost(tasks[number])
            yield done.pop(place)


@contextmanager
def _workers(work: Work[Any]) -> Iterator[Callable[[], ProcessPoolExecutor]]:
    """Yield what starts a worker; all of them end with the block."""
    others = set(active_children())
    workers: List[ProcessPoolExecutor] = []
    pipe, parents_end = Pipe(duplex=False)

    def start() -> ProcessPoolExecutor:
        worker = ProcessPoolExecutor(1, None, _begin, (work, pipe, parents_end))
        signals.hold(True)
        try:
            worker.submit(int)  # starts the process; no fork while a thread has results to read
            workers.append(worker)
        finally:
            signals.hold(False)
        return worker

    try:
        yield start
    finally:
        if os.name == "posix":  # elsewhere a process that is terminated cannot clean up
            for process in set(active_children()) - others:
                process.terminate()
        for worker in workers:
            worker.shutdown()
        parents_end.close()


_work: Work[Any]  # what a worker process does
_busy = Lock()  # held while it does


def _begin(work: Work[Any], pipe: Any, parents_end: Any) -> None:
    global _work
    _work = work
    parents_end.close()
    Thread(target=_end_with_parent, args=(pipe,), daemon=True).start()


def _do(task: Any) -> Any:
    try:
        with _busy, signals.as_exceptions(after=lambda *_: None):  # a result is sent whole
            return _work(task)
    except SystemExit:
        os._exit(1)  # otherwise it would be sent as a result


def _end_with_parent(pipe: Any) -> None:
    """End this process after its task if its parent ends in any way, which closes the pipe."""
    connection.wait([pipe])
    with _busy:
        os._exit(1)
