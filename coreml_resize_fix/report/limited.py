"""Text that grows part by part and never beyond what a reader of it takes."""

from typing import Callable, List, Sequence

_FOR_WHAT_IS_LEFT = 1000  # characters, kept for lines that say how much was left out


class LimitedText:
    """Lines up to `longest` characters in all, each part whole or not there."""

    def __init__(self, longest: int) -> None:
        self._lines: List[str] = []
        self._room = longest - _FOR_WHAT_IS_LEFT

    def add(self, parts: Sequence[str], left: Callable[[int], str], share: float = 1.0) -> None:
        """Add the parts that fit into a share of the room; `left` says how many more there are."""
        reserved = self._room * (1 - share)
        for place, part in enumerate(parts):
            # GitHub counts as JavaScript does: some characters are two.
            size = len(part.encode("utf-16-le", "surrogatepass")) // 2 + 1
            if self._room - size < reserved:
                self._lines.append(left(len(parts) - place))
                return
            self._lines.append(part)
            self._room -= size

    def text(self) -> str:
        """All lines."""
        return "\n".join(self._lines)
