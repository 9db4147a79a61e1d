"""The size of the input of a resize layer: one size, or the sizes to compare at."""

from typing import Dict, Optional, Sequence, Tuple

from coreml_resize_fix.formats.resize_layer import FLEXIBLE, STATIC, UNKNOWN
from coreml_resize_fix.formats.shapes import Flexible, Known, Shape, Unknown

Range = Tuple[int, int]

# Largest height or width at which the output size of a factor is checked ...
LARGEST = 1 << 12
# ... and at which grids are compared.
LARGE_ENOUGH = 1 << 8


def input_size_fields(shape: Optional[Shape], varies: bool) -> Dict[str, object]:
    """The fields of a ResizeLayer that describe the size of its input.

    `varies`: an unknown size may differ from run to run.
    """
    if isinstance(shape, Known) and len(shape.dims) >= 3 and min(shape.dims) >= 1:
        return _static(shape.dims)
    if isinstance(shape, Flexible) and len(shape.dims) >= 3:
        low = tuple(first for first, _ in shape.dims)
        channels = low[-3] if low[-3] == shape.dims[-3][1] else None
        if all(first == last for first, last in shape.dims[-2:]):
            return dict(_static(low), channels=channels)
        more = {"channels": channels, "default_size": shape.default[-2:] or None}
        if shape.listed:
            sizes = tuple(dict.fromkeys(dims[-2:] for dims in shape.samples if dims))
            return dict(more, shape=FLEXIBLE, sizes=sizes, listed=True)
        return dict(_varying([bounded(*limits) for limits in shape.dims[-2:]]), **more)
    dims = shape.dims if isinstance(shape, Unknown) else None
    known = dims if dims is not None and len(dims) >= 3 else (None, None, None)
    if varies:
        found = _varying([(n, n) if n else bounded(1, None) for n in known[-2:]])
    else:
        found = {"shape": UNKNOWN, "partial_size": tuple(known[-2:])}
    reason = shape.reason if isinstance(shape, Unknown) else "its input is not known"
    return dict(found, channels=known[-3], size_reason=reason)


def _static(dims: Tuple[int, ...]) -> Dict[str, object]:
    size = dims[-2:]
    return {"shape": STATIC, "input_size": size, "sizes": (size,), "channels": dims[-3]}


def _varying(ranges: Sequence[Range]) -> Dict[str, object]:
    sizes = zip(*(compared(*limits) for limits in ranges))
    return {
        "shape": FLEXIBLE,
        "sizes": tuple(dict.fromkeys(sizes)),
        "ranges": tuple(ranges),
        "partial_size": tuple(first if first == last else None for first, last in ranges),
    }


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
