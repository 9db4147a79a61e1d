"""How sizes, numbers of things and names are written in sentences."""

from typing import Iterable, Optional


def size_text(size: Optional[Iterable[Optional[int]]]) -> str:
    """`25×31`; `?` for a side that is not known, and for a size that is not."""
    if size is None:
        return "?"
    return "×".join("?" if side is None else str(side) for side in size)


def count(number: int, noun: str) -> str:
    """`1 layer`, `2 layers`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def quoted(names: Iterable[str], joined_by: str = ", ") -> str:
    """Names in backticks, one after the other."""
    return joined_by.join(f"`{name}`" for name in names)
