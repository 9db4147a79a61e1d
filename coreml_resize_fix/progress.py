"""How far a run is, for whoever wants to show it."""

from typing import Callable

# (done, total, what is being done, unit of both): "B" for bytes
ShowProgress = Callable[[int, int, str, str], None]


def silent(done: int, total: int, what: str, unit: str) -> None:
    """Show nothing."""
