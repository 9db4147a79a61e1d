"""Signals that end a process: each becomes an exception, so that unfinished files are removed."""

import signal
import sys
import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator

# Ctrl-C, `kill`, and a terminal that is closed (which Windows does not tell).
_ENDING = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]
# Seconds for cleaning up after a signal. Another one in this time would leave it half done: people
# press Ctrl-C twice. After it, whoever sends one more is right to expect that it counts.
_CLEANING = 5.0


def as_exceptions() -> None:
    """From now on each of these signals ends the process by SystemExit, with 128 + its number.

    One that the caller has switched off stays so, as `nohup` means it.
    """
    handler = _handler()
    for number in _ENDING:
        if signal.getsignal(number) not in (signal.SIG_IGN, None):
            signal.signal(number, handler)


def _handler() -> Callable[[int, Any], None]:
    heard = -_CLEANING

    def handle(number: int, frame: Any) -> None:
        nonlocal heard
        now = time.monotonic()
        if now - heard >= _CLEANING:
            heard = now
            sys.exit(128 + number)

    return handle


@contextmanager
def held() -> Iterator[None]:
    """None of them ends the process within the block; what came meanwhile counts at its end."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
