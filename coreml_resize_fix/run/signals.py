"""Signals that end a process become an exception, so that unfinished files are removed."""

import signal
import sys
from contextlib import contextmanager
from typing import Any, Iterator

# Ctrl-C, `kill`, and a terminal that is closed, which Windows does not report.
_ENDING = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]


@contextmanager
def as_exceptions(after: Any = signal.SIG_IGN) -> Iterator[None]:
    """Let each of these signals end the block by SystemExit with 128 + its number.

    One that the caller has switched off stays so, as `nohup` means it. `after` handles them later.
    """
    numbers = [n for n in _ENDING if signal.getsignal(n) not in (signal.SIG_IGN, None)]
    try:
        for number in numbers:
            signal.signal(number, _end)
        hold(False)
        yield
    finally:
        for number in numbers:
            signal.signal(number, after)


def hold(back: bool) -> None:
    """Hold these signals back, as new processes then do, or let them come; not on Windows."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK if back else signal.SIG_UNBLOCK, _ENDING)


def _end(number: int, frame: object) -> None:
    # People press Ctrl-C twice. The second one must not stop the cleaning up after the first.
    if not isinstance(sys.exc_info()[1], SystemExit):
        sys.exit(128 + number)
