"""Signals that end a process: each becomes an exception, so that unfinished files are removed."""

import os
import signal
import sys
import time
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Callable, Iterator, Optional

# Ctrl-C, `kill`, and a terminal that is closed (which Windows does not tell).
_ENDING = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]
# Seconds for cleaning up after a signal. Another one in this time would leave it half done: people
# press Ctrl-C twice. After it, whoever sends one more is right to expect that it counts.
_CLEANING = 5.0
# Modules that import others. What is raised meanwhile they may print and drop, an extension may
# make it another error, and one that is half there may end the process.
_IMPORTING = {
    "_frozen_importlib",
    "_frozen_importlib_external",
    "importlib._bootstrap",
    "importlib._bootstrap_external",
}
# Functions (module, name) that Python calls when an object goes, as it does `__del__`: what is
# raised there it prints and drops.
_DROPPING = {("weakref", "remove"), ("_weakrefset", "_remove")}
_SOON = 0.01  # seconds after which a signal comes again that came in one of them
_PATIENCE = 10.0  # seconds that this goes on; PyTorch takes some to import
LONGEST = _PATIENCE + _CLEANING  # seconds that a process takes to end, at most
_PR_SET_PDEATHSIG = 1  # prctl of Linux: which signal a process gets when its parent ends


@contextmanager
def as_exceptions() -> Iterator[None]:
    """In the block each of these signals ends the process by SystemExit, with 128 + its number.

    One that the caller has switched off stays so, as `nohup` means it. After the block none counts:
    the process ends, and Python would print what is raised there.
    """
    handler = _handler()
    for number in _ENDING:
        if signal.getsignal(number) not in (signal.SIG_IGN, None):
            signal.signal(number, handler)
    try:
        yield
    finally:
        _ignore()


def _ignore() -> None:
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)  # of one that was to come again


def _handler() -> Callable[[int, Optional[FrameType]], None]:
    heard = -_CLEANING
    waits_from: Optional[float] = None

    def handle(number: int, frame: Optional[FrameType]) -> None:
        nonlocal heard, waits_from
        now = time.monotonic()
        if now - heard < _CLEANING:
            return
        waits_from = now if waits_from is None else waits_from
        if now - waits_from < _PATIENCE and _comes_to_nothing(frame):
            _send_soon(number)
            return
        heard, waits_from = now, None
        sys.exit(128 + number)

    return handle


def _comes_to_nothing(frame: Optional[FrameType]) -> bool:
    """Whether an exception in this frame might, and the signal can be sent again."""
    if not hasattr(signal, "setitimer"):  # Windows
        return False
    while frame is not None:
        module, name = frame.f_globals.get("__name__"), frame.f_code.co_name
        if module in _IMPORTING or name == "__del__" or (module, name) in _DROPPING:
            return True
        frame = frame.f_back
    return False


def _send_soon(number: int) -> None:
    """Send it to this process once more, so that it still waits where it is held."""
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), number))
    signal.setitimer(signal.ITIMER_REAL, _SOON)


@contextmanager
def ended_by_parent() -> Iterator[None]:
    """For a worker process: its parent ends it by SIGTERM, and on Linux so does the parent's end.

    Ctrl-C reaches every process of a terminal; it is the parent that ends the run. After the block
    none counts, as in `as_exceptions`.
    """
    handler = _handler()
    for number in _ENDING:
        if number == signal.SIGTERM or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else handler)
    if sys.platform == "linux":
        import ctypes

        with suppress(AttributeError, OSError):  # a C library without the call
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    try:
        yield
    finally:
        _ignore()


def name(number: int) -> str:
    """What a signal is called, such as `SIGKILL`."""
    with suppress(ValueError):
        return signal.Signals(number).name
    return "signal {}".format(number)


@contextmanager
def held() -> Iterator[None]:
    """None of them ends the process within the block; what came meanwhile counts at its end.

    They are held for this thread alone: where a library has started others, it is an attempt.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
