"""Sizes of a network's inputs at which resizes get the input sizes that were recorded.

A recording says what a resize got, not what the model got: a map of 4 pixels may come of 16 to 19.
So all of those are looked at, each axis for itself.
"""

from typing import Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from coreml_resize_fix.formats.inference.call import Blob
from coreml_resize_fix.formats.inference.inputs import Samples, Varied
from coreml_resize_fix.formats.shapes import Dims, Range, Size, SizePairs

Inputs = Dict[str, Blob]
#: The shape that a layer or an operation reads at an address, where the inputs have these shapes.
Reads = Callable[[str, Inputs], Optional[Dims]]

_WALKED = 400_000  # layers or operations in all evaluations together
_MOST = 512  # evaluations
_WIDEST = 64  # input sizes of one recorded size
_TIMES = (1, 2, 4, 8)  # another input may be larger than what is made of it
_OPEN_END = 64  # times the default, of an axis without upper bound


def extended(
    samples: Samples, steps: int, reads: Reads, wanted: Mapping[str, SizePairs]
) -> Samples:
    """The samples, and more shapes of the inputs; none where all that are allowed are listed.

    `wanted` are the (input, output) sizes of resizes, by address; `steps` is the length of the
    network.
    """
    most = max(16, min(_MOST, _WALKED // (steps + 1)))
    known = list(samples.shapes)
    found: List[Inputs] = []
    for lead in samples.varied:
        for address, recorded in wanted.items() if not lead.listed else ():
            search = _Search(samples, address, reads, lead)
            for got, made in dict.fromkeys(recorded):
                found += [one for one in search.reaching(got, made) if one not in known + found]
    # The last two sizes show whether a result grows without end.
    last = len(known) - (2 if samples.doubled else 0)
    return samples._replace(shapes=tuple(known[:last] + found[:most] + known[last:]))


class _Search:
    """The sizes of one input at which a resize gets a size; the others keep their default."""

    def __init__(self, samples: Samples, address: str, reads: Reads, lead: Varied) -> None:
        self._samples, self._address, self._reads, self._lead = samples, address, reads, lead
        self._got: Dict[Size, Optional[Size]] = {}

    def reaching(self, size: Size, made: Size) -> Iterator[Inputs]:
        """Inputs at which the resize gets that size, and another input has what it makes."""
        rows, columns = (self._band(axis, wanted) for axis, wanted in enumerate(size))
        count = max(len(rows), len(columns)) if rows and columns else 0
        for index in range(count):
            at = rows[min(index, len(rows) - 1)], columns[min(index, len(columns) - 1)]
            yield self._at(at)
        others = [one for one in self._samples.varied if one.name != self._lead.name]
        for other in others:
            at = (rows[0], columns[0]) if count else self._lead.size
            for times in _TIMES:
                more = made[0] * times, made[1] * times
                if not other.listed and other.allows(more):
                    yield {**self._at(at), other.name: other.at(more)}

    def _band(self, axis: int, wanted: int) -> List[int]:
        """The sizes of an axis at which the resize gets the wanted one, which grows with it."""
        low, high = _bounded((self._lead.rows, self._lead.columns)[axis], self._lead.size[axis])
        first = _first(low, high, lambda n: self._gets(axis, n) >= wanted)
        last = _first(first, high, lambda n: self._gets(axis, n) > wanted)
        found = range(first, last if self._gets(axis, last) > wanted else last + 1)
        return [n for n in found if self._gets(axis, n) == wanted][:_WIDEST]

    def _gets(self, axis: int, n: int) -> int:
        default = self._lead.size
        size = (n, default[1]) if axis == 0 else (default[0], n)
        if size not in self._got:
            dims = self._reads(self._address, self._at(size))
            sides = dims[-2:] if dims is not None and len(dims) > 2 else (None, None)
            self._got[size] = (sides[0] or 0, sides[1] or 0)
        found = self._got[size]
        return found[axis] if found is not None else 0

    def _at(self, size: Size) -> Inputs:
        return dict(self._samples.shapes[0], **{self._lead.name: self._lead.at(size)})


def _bounded(limits: Range, default: int) -> Tuple[int, int]:
    low, high = limits
    return low, max(low, _OPEN_END * default) if high is None else high


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The first number between these from which on it holds; the last one if it never does."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
