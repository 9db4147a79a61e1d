"""Order-preserving alignments of two sequences: which pairs are in some largest one.

The dynamic programme of longest common subsequences, run from both ends: a pair belongs to a
largest alignment exactly if the best before it, itself and the best behind it add up to the best.
"""

from typing import List, Sequence


class Alignment:
    """All largest alignments of `rows` items (intents) with `columns` items (layers)."""

    def __init__(self, rows: int, columns: int, fits: Sequence[Sequence[bool]]) -> None:
        self._rows, self._columns, self._fits = rows, columns, fits
        self._before = _table(rows, columns, fits)
        flipped = [list(reversed(row)) for row in reversed(fits)]
        self._behind = _table(rows, columns, flipped)
        self.size = self._before[rows][columns]

    def _rest(self, row: int, column: int) -> int:
        return self._behind[self._rows - row][self._columns - column]

    def pairs(self, row: int, column: int) -> bool:
        """Whether some largest alignment pairs these two."""
        best = self._before[row][column] + 1 + self._rest(row + 1, column + 1)
        return self._fits[row][column] and best == self.size

    def partners(self, column: int) -> List[int]:
        """Rows that some largest alignment pairs with this column."""
        return [row for row in range(self._rows) if self.pairs(row, column)]

    def columns(self, row: int) -> List[int]:
        """Columns that some largest alignment pairs with this row."""
        return [column for column in range(self._columns) if self.pairs(row, column)]

    def can_skip(self, column: int) -> bool:
        """Whether some largest alignment leaves this column without a partner."""
        return any(
            self._before[row][column] + self._rest(row, column + 1) == self.size
            for row in range(self._rows + 1)
        )

    def can_skip_intent(self, row: int) -> bool:
        """Whether some largest alignment leaves this row without a partner."""
        return any(
            self._before[row][column] + self._rest(row + 1, column) == self.size
            for column in range(self._columns + 1)
        )


def align(rows: int, columns: int, fits: Sequence[Sequence[bool]]) -> Alignment:
    """All largest alignments; `fits[row][column]` says whether two items may be a pair."""
    return Alignment(rows, columns, fits)


def _table(rows: int, columns: int, fits: Sequence[Sequence[bool]]) -> List[List[int]]:
    best = [[0] * (columns + 1)]
    for fitting in fits[:rows]:
        above, found = best[-1], [0]
        for column, fit in enumerate(fitting):
            without = above[column + 1]
            if found[column] > without:
                without = found[column]
            found.append(above[column] + 1 if fit and above[column] >= without else without)
        best.append(found)
    return best
