"""Signals that end a process: each becomes an exception, so that unfinished files are removed."""

import atexit
import signal
import sys
import time
from contextlib import contextmanager, suppress
from typing import Any, Callable, Iterator

# Ctrl-C, `kill`, and a terminal that is closed (which Windows does not tell).
_ENDING = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]
# Seconds for cleaning up after a signal. Another one in this time would leave it half done: people
# press Ctrl-C twice. After it, whoever sends one more is right to expect that it counts.
_CLEANING = 5.0
_PR_SET_PDEATHSIG = 1  # prctl of Linux: which signal a process gets when its parent ends


def as_exceptions() -> None:
    """From now on each of these signals ends the process by SystemExit, with 128 + its number.

    One that the caller has switched off stays so, as `nohup` means it.
    """
    handler = _handler()
    for number in _ENDING:
        if signal.getsignal(number) not in (signal.SIG_IGN, None):
            signal.signal(number, handler)
    # Python gives signals back their own effect while it ends, when there is nothing left to end.
    atexit.register(ignore)


def ignore() -> None:
    """For a process that ends already: none of them interrupts what is left to do."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


def _handler() -> Callable[[int, Any], None]:
    heard = -_CLEANING

    def handle(number: int, frame: Any) -> None:
        nonlocal heard
        now = time.monotonic()
        if now - heard >= _CLEANING:
            heard = now
            sys.exit(128 + number)

    return handle


def end_with_parent() -> None:
    """For a worker process: its parent ends it by SIGTERM, and on Linux so does the parent's end.

    Ctrl-C reaches every process of a terminal; it is the parent that ends the run.
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
