"""Lists for people end after a screen; JSON has all of them."""

from typing import List, Sequence

SHOWN = 20


def shortened(lines: Sequence[str], of: str = "") -> List[str]:
    """The first lines, and how many more there are."""
    more = len(lines) - SHOWN
    return [*lines[:SHOWN], *([f"and {more} more{of}"] if more > 0 else [])]
