"""Order-preserving alignments of two sequences: which pairs are in some best alignment.

This is the dynamic program of longest common subsequences with a weight for each pair, run from
both ends. A pair belongs to a best alignment exactly if the best weight before it, its own weight
and the best weight behind it add up to the best total.
"""

from typing import List, Sequence


class Alignment:
    """All alignments of `rows` items (intents) with `columns` items (layers) of most weight.

    `weights[row][column]` is the weight of a pair; 0 forbids it.
    """

    def __init__(self, rows: int, columns: int, weights: Sequence[Sequence[int]]) -> None:
        self._rows, self._columns, self._weights = rows, columns, weights
        self._before = _table(rows, columns, weights)
        flipped = [list(reversed(row)) for row in reversed(weights)]
        self._behind = _table(rows, columns, flipped)
        self.size = self._before[rows][columns]

    def _rest(self, row: int, column: int) -> int:
        return self._behind[self._rows - row][self._columns - column]

    def pairs(self, row: int, column: int) -> bool:
        """Whether some best alignment pairs these two."""
        weight = self._weights[row][column]
        best = self._before[row][column] + weight + self._rest(row + 1, column + 1)
        return weight > 0 and best == self.size

    def partners(self, column: int) -> List[int]:
        """Rows that some best alignment pairs with this column."""
        return [row for row in range(self._rows) if self.pairs(row, column)]

    def columns(self, row: int) -> List[int]:
        """Columns that some best alignment pairs with this row."""
        return [column for column in range(self._columns) if self.pairs(row, column)]

    def can_skip(self, column: int) -> bool:
        """Whether some best alignment leaves this column without a partner."""
        return any(
            self._before[row][column] + self._rest(row, column + 1) == self.size
            for row in range(self._rows + 1)
        )

    def can_skip_intent(self, row: int) -> bool:
        """Whether some best alignment leaves this row without a partner."""
        return any(
            self._before[row][column] + self._rest(row + 1, column) == self.size
            for column in range(self._columns + 1)
        )


def _table(rows: int, columns: int, weights: Sequence[Sequence[int]]) -> List[List[int]]:
    best = [[0] * (columns + 1)]
    for line in weights[:rows]:
        above, found = best[-1], [0]
        for column, weight in enumerate(line):
            most = above[column + 1]
            if found[column] > most:
                most = found[column]
            if weight and above[column] + weight > most:
                most = above[column] + weight
            found.append(most)
        best.append(found)
    return best
