"""The standard streams of a process: none of them is missing, and one that fails is given up."""

import os
import sys
from contextlib import suppress
from typing import Any


def complete() -> None:
    """Let a stream that the caller has closed lead nowhere.

    Otherwise the next file that is opened would get its number, and with it what a library prints.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def give_up(stream: Any) -> None:
    """Let a stream that took no more lead nowhere, or Python would fail at it again at its end."""
    with suppress(OSError, ValueError):  # a stream of a test has no number
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def complain(text: str) -> None:
    """Write to stderr; if it takes nothing any more, nobody reads it."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        give_up(sys.stderr)
