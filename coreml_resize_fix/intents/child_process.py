"""Other people's native code runs in a process of its own: its end is not that of the command."""

import contextlib
import sys
from typing import List

_BEGIN = "import sys; sys.path[:] = sys.argv[1:]\n"


def command(code: str) -> List[str]:
    """A Python that runs this code, and finds the modules that this one does.

    `-I`: nothing is imported from the folder in which the command happens to run.
    """
    return [sys.executable, "-I", "-c", _BEGIN + code, *map(str, sys.path)]


def bound(seconds: int, memory: int) -> None:
    """Limit the processor time and the bytes of this process, where the system can."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows; a lower limit is set
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
