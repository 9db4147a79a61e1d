"""The size of the map that a resize reads: one size, several, or none that is known."""

from dataclasses import dataclass
from enum import Enum
from itertools import zip_longest
from typing import Iterator, Optional, Sequence, Tuple

from coreml_resize_fix.formats.shapes import Flexible, Known, PartialSize, Shape, Size, Unknown

Range = Tuple[int, int]

# Largest height or width at which the output size of a factor is checked ...
LARGEST = 1 << 12
# ... and at which grids are compared.
LARGE_ENOUGH = 1 << 8


class SizeKind(str, Enum):
    """Whether a size is the same in every run, follows the model's input, or is not known."""

    STATIC = "static"
    FLEXIBLE = "flexible"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return self.value


STATIC, FLEXIBLE, UNKNOWN = SizeKind


@dataclass(frozen=True)
class InputSizes:
    """The sizes, (height, width), that the input of a resize may have.

    `samples` are those to compare grids at: the only one if it is static, several if it is
    flexible, none if it is unknown. `listed`: the samples are all that there are; otherwise
    `ranges` are the first and last height and width of a flexible input. `known_sides` are the
    sides of an unknown or flexible input that are the same in every run. `default` is a flexible
    input's size at the default size of the model's input, if known. `why_unknown` is the reason
    why the size is not known, or not known to be limited.
    """

    kind: SizeKind
    samples: Tuple[Size, ...] = ()
    ranges: Tuple[Range, ...] = ()
    listed: bool = False
    known_sides: PartialSize = (None, None)
    default: Optional[Size] = None
    why_unknown: str = ""

    @classmethod
    def static(cls, size: Size) -> "InputSizes":
        """The same size in every run."""
        return cls(STATIC, samples=(size,))

    @classmethod
    def of(cls, shape: Optional[Shape], varies: bool) -> "InputSizes":
        """The sizes of a map of this shape; `varies`: an unknown one may differ between runs."""
        if isinstance(shape, Known) and len(shape.dims) >= 3 and min(shape.dims) >= 1:
            return cls.static((shape.dims[-2], shape.dims[-1]))
        if isinstance(shape, Flexible) and len(shape.dims) >= 3:
            return _of_flexible(shape)
        dims = shape.dims if isinstance(shape, Unknown) else None
        height, width = dims[-2:] if dims is not None and len(dims) >= 3 else (None, None)
        reason = shape.reason if isinstance(shape, Unknown) else "its input is not known"
        if varies:
            ranges = [(n, n) if n else bounded(1, None) for n in (height, width)]
            return _in_ranges(ranges, why_unknown=reason)
        return cls(UNKNOWN, known_sides=(height, width), why_unknown=reason)

    @property
    def is_static(self) -> bool:
        return self.kind is STATIC

    @property
    def is_flexible(self) -> bool:
        return self.kind is FLEXIBLE

    @property
    def is_unknown(self) -> bool:
        return self.kind is UNKNOWN

    @property
    def size(self) -> Optional[Size]:
        """The only size; None unless it is static."""
        return self.samples[0] if self.is_static else None

    def allows(self, size: Size) -> bool:
        """Whether the input may have that size, as far as is known."""
        if self.is_static or self.listed:
            return size in self.samples
        if self.ranges:
            return all(low <= side <= high for side, (low, high) in zip(size, self.ranges))
        return all(known in (None, side) for known, side in zip(self.known_sides, size))


def channels(shape: Optional[Shape]) -> Optional[int]:
    """The channels of a feature map, (…, channels, height, width); None if not known or varying."""
    if shape is None or shape.dims is None or len(shape.dims) < 3:
        return None
    if isinstance(shape, Flexible):
        low, high = shape.dims[-3]
        return low if low == high else None
    if isinstance(shape, Known) and min(shape.dims) < 1:
        return None
    return shape.dims[-3]


def _of_flexible(shape: Flexible) -> InputSizes:
    if all(first == last for first, last in shape.dims[-2:]):
        return InputSizes.static((shape.dims[-2][0], shape.dims[-1][0]))
    default = (shape.default[-2], shape.default[-1]) if shape.default else None
    if shape.listed:
        samples = tuple(dict.fromkeys((dims[-2], dims[-1]) for dims in shape.samples if dims))
        return InputSizes(FLEXIBLE, samples, listed=True, default=default)
    return _in_ranges([bounded(*limits) for limits in shape.dims[-2:]], default=default)


def _in_ranges(
    ranges: Sequence[Range], default: Optional[Size] = None, why_unknown: str = ""
) -> InputSizes:
    rows, columns = (compared(*limits) for limits in ranges)
    height, width = (first if first == last else None for first, last in ranges)
    return InputSizes(
        FLEXIBLE,
        samples=tuple(dict.fromkeys(zip(rows, columns))),
        ranges=tuple(ranges),
        known_sides=(height, width),
        default=default,
        why_unknown=why_unknown,
    )


def bounded(low: int, high: Optional[int]) -> Range:
    """First and last size to check; a range without an end is cut where images are large."""
    low = max(low, 1)
    last = max(2 * low + 1, LARGEST)
    return low, last if high is None else min(high, last)


def compared(first: int, last: int) -> Tuple[int, ...]:
    """Sizes to compare grids at: one in between (odd if possible), the first two, the last.

    The second is there for factors p / q, whose X · p / q may be whole at the others.
    """
    last = min(last, max(2 * first + 1, LARGE_ENOUGH))
    middle = (first + last) // 2 | 1 if last - first > 1 else last
    return middle, first, min(first + 1, last), last


def sizes_in(ranges: Sequence[Range]) -> Iterator[Size]:
    """Sizes in ranges of heights and widths, so that every height and every width is in one."""
    if len(ranges) == 2:
        (top, bottom), (left, right) = ranges
        rows, columns = range(top, bottom + 1), range(left, right + 1)
        for row, column in zip_longest(rows, columns):
            yield (bottom if row is None else row, right if column is None else column)
