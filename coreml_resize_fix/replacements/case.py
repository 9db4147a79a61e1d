"""What an intent asks for along both axes, as far as replacements have to know it."""

from dataclasses import dataclass
from typing import List, Optional, Tuple

from coreml_resize_fix.sampling import AxisSpec

Axes = Tuple[AxisSpec, AxisSpec]  # along height, along width

# Input sizes, in pixels, that stand for all sizes: every kernel here reaches a few pixels, and the
# maps repeat.
PROBES = tuple(range(1, 34)) + (48, 64, 70)


@dataclass(frozen=True)
class Case:
    """What an intent asks for along both axes.

    rows, columns: the intent along H and W, at the default size if the input is flexible.
    channels: C of the image; None if not known.
    factors: what N / X is along H and W, if the input is flexible: N = floor(X * factor).
    others: the axes at more sizes of a flexible input, which a replacement must compute too.
    """

    rows: AxisSpec
    columns: AxisSpec
    channels: Optional[int] = None
    factors: Optional[Tuple[float, float]] = None
    others: Tuple[Axes, ...] = ()

    @property
    def is_flexible(self) -> bool:
        """Whether the replacement has to follow the size of its input."""
        return self.factors is not None

    @property
    def input_size(self) -> Tuple[int, int]:
        """(height, width), the default if the input is flexible."""
        return self.rows.input_size, self.columns.input_size

    def samples(self) -> Tuple[List[AxisSpec], List[AxisSpec]]:
        """The axes along H and along W at every size to check."""
        rows, columns = zip((self.rows, self.columns), *self.others)
        return list(rows), list(columns)
