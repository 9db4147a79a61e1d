"""The standard streams of a process: none of them is missing, and one that fails is given up."""

import os
import sys
from contextlib import suppress
from typing import Any


def complete() -> None:
    """Open streams that the caller has closed: the next file would get what libraries print."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def give_up(stream: Any) -> None:
    """Point a closed stream at the null device, or Python would fail on it again when it ends."""
    with suppress(OSError, ValueError):  # a stream of a test has no number
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
