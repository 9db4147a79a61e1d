"""Worker processes, each with one task at a time: one that is ended takes nothing else along.

`concurrent.futures` ends all of its processes when one is ended, and waits forever for one that the
system did not start. Here every worker has a pipe of its own, whose end tells that it is gone.
"""

from collections import deque
from contextlib import closing, suppress
from functools import partial
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Deque,
    Dict,
    Generator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
)

from coreml_resize_fix import signals

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

Task = TypeVar("Task")
Result = TypeVar("Result")
Item = Tuple[int, Any]  # a task and its place among all
Call = Callable[[], Any]

# Seconds after which Python looks for a signal again: of one that comes just before a call blocks
# it hears when the call returns.
_HEARING = 0.5
_TIMES = int(signals.LONGEST / _HEARING)  # how often a worker is told to end before it is killed


class EndedError(Exception):
    """The system ended two workers, one after the other, at the same task; `str()` says how."""


class TaskError(Exception):
    """What was raised at a task, as the text of its traceback."""


class _Lost(NamedTuple):
    """A task at which a worker was ended, and how."""

    item: Item
    how: str


class _Worker:
    """A process, our end of its pipe, and what it works on."""

    def __init__(self, process: "BaseProcess", connection: "Connection[Any, Any]") -> None:
        self.process, self.connection = process, connection
        self.item: Optional[Item] = None

    def give(self, item: Optional[Item]) -> None:
        self.item = item
        if item is not None:
            with suppress(OSError):  # it is gone: that is what its pipe says next
                self.connection.send(item[1])


def run(
    work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int
) -> Generator[Callable[[], Result], None, None]:
    """What `work` makes of each task, in their order, as calls that return it.

    A task at which a worker is ended is tried once more, when the others are done and no second
    process takes memory. Where the system starts fewer processes, fewer do the work; where it
    starts none, it is done here. Closing the iterator ends the workers.

    The calls raise:
        EndedError: a second worker was ended at the task.
        TaskError: `work` raised something.
    """
    done: Dict[int, Call] = {}
    with closing(_completed(work, list(enumerate(tasks)), jobs)) as completed:
        for place in range(len(tasks)):
            while place not in done:
                number, call = next(completed)
                done[number] = call
            yield done.pop(place)


def _completed(
    work: Callable[[Any], Any], items: List[Item], jobs: int
) -> Generator[Tuple[int, Call], None, None]:
    lost, left = yield from _shared(work, items, jobs)
    for place, task in left:
        yield place, partial(work, task)
    lost_again, left = yield from _shared(work, [item for item, _ in lost], 1)
    # What ended a worker is not tried in this process, which has all the other results.
    for item, how in lost_again + [_Lost(item, lost[0].how) for item in left]:
        yield item[0], partial(_raise, EndedError(how))


def _shared(
    work: Callable[[Any], Any], items: List[Item], jobs: int
) -> Generator[Tuple[int, Call], None, Tuple[List[_Lost], List[Item]]]:
    """What workers made of the items, as it comes; returns what they did not do.

    That is the items at which one was ended, and those for which no process could be started.
    """
    waiting: Deque[Item] = deque(items)
    lost: List[_Lost] = []
    crew: List[_Worker] = []
    may_start = True
    try:
        while waiting or any(worker.item for worker in crew):
            while waiting and may_start and len(crew) < jobs:
                may_start = _start(work, crew)
            if not crew:
                break
            for worker in _heard(crew):
                try:
                    answer = worker.connection.recv()
                except (EOFError, OSError):
                    crew.remove(worker)
                    how = _how_it_ended(worker)
                    if worker.item is not None:
                        lost.append(_Lost(worker.item, how))
                    else:
                        may_start = False  # it did not even begin, and neither would the next
                    continue
                item = worker.item
                worker.give(waiting.popleft() if waiting else None)
                if item is not None:
                    yield item[0], partial(_outcome, *answer)
    finally:
        _end(crew)
    return lost, list(waiting)


def _start(work: Callable[[Any], Any], crew: List[_Worker]) -> bool:
    """Add a worker to the crew, if the system starts a process."""
    import multiprocessing

    # A fork has the ends of the pipes of its elders, too, which would keep them open without us.
    forks = multiprocessing.get_start_method() == "fork"
    try:
        with signals.held():
            ours, theirs = multiprocessing.Pipe()
            others = [worker.connection for worker in crew] + [ours] if forks else []
            process = multiprocessing.Process(
                target=_work, args=(work, theirs, others), daemon=True
            )
            process.start()
            crew.append(_Worker(process, ours))
            theirs.close()
    except (OSError, MemoryError):
        return False
    return True


def _heard(crew: List[_Worker]) -> List[_Worker]:
    """Those that have something to say, or are gone; maybe none of them for now."""
    from multiprocessing.connection import wait

    speaking = wait([worker.connection for worker in crew], _HEARING)
    return [worker for worker in crew if worker.connection in speaking]


def _how_it_ended(worker: _Worker) -> str:
    worker.process.join(_HEARING)
    _end([worker])
    code = worker.process.exitcode
    return "exit code {}".format(code) if code is None or code >= 0 else signals.name(-code)


def _end(crew: List[_Worker]) -> None:
    for worker in crew:
        worker.connection.close()
    for _ in range(_TIMES):
        for worker in crew:
            worker.process.terminate()
        for worker in crew:
            worker.process.join(_HEARING)
    for worker in crew:
        worker.process.kill()
        worker.process.join()


def _outcome(good: bool, answer: Any) -> Any:
    return answer if good else _raise(TaskError(answer))


def _raise(error: Exception) -> None:
    raise error


def _work(
    work: Callable[[Any], Any], connection: "Connection[Any, Any]", others: "List[Any]"
) -> None:
    """What a worker does: ask for a task, and answer with what became of it."""
    for other in others:
        other.close()
    # The pipe ends where the parent is gone, and nobody waits for more.
    with signals.ended_by_parent(), suppress(EOFError, OSError):
        connection.send(None)
        while True:
            task = connection.recv()
            try:
                connection.send((True, work(task)))
            except Exception:
                from traceback import format_exc

                connection.send((False, format_exc()))
