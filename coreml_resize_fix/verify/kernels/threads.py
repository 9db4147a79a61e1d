"""Share work among the processor's cores: NumPy lets other threads run while it computes."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, Sequence, TypeVar

__all__ = ["cores", "share"]

Part = TypeVar("Part")


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def share(work: Callable[[Part], None], parts: Sequence[Part]) -> None:
    """Do the work for each part, several at once; the first error is raised."""
    if len(parts) < 2 or cores() == 1:
        for part in parts:
            work(part)
        return
    with ThreadPoolExecutor(min(cores(), len(parts))) as pool:
        for _ in pool.map(work, parts):
            pass
