"""One layer or operation as a rule sees it, and the shape arithmetic that rules share."""

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.formats.shapes import Dims, Size
from coreml_resize_fix.words import size_text

MAX_RANK = 16  # Core ML itself stops at 5
MAX_SIZE = 1 << 40  # far above anything that fits in memory


class NotKnownError(Exception):
    """Nothing is known of the output, for this reason. Rules raise it; `infer` catches it."""


class Blob(NamedTuple):
    """The shape of one blob at one input size.

    `dims` is None when not even the rank is known; `reason` explains unknown dimensions.
    """

    dims: Optional[Dims]
    reason: str = ""


class Call:
    """One layer: its parameters and the shapes it reads. A rule returns one Dims per output."""

    __slots__ = ("blobs", "conflicts", "kind", "name", "outputs", "params", "why")

    def __init__(
        self, kind: str, name: str, params: Any, blobs: Sequence[Blob], outputs: int
    ) -> None:
        self.kind = kind
        self.name = name
        self.params = params
        self.blobs = blobs
        self.outputs = outputs
        self.conflicts: List[str] = []
        self.why = ""  # why a dimension is unknown although the inputs are known

    def dims(self, index: int = 0, rank: int = 0) -> Dims:
        """The shape of one input, which must have at least `rank` dimensions."""
        if index >= len(self.blobs):
            raise self.impossible(f"lacks input {index + 1}")
        blob = self.blobs[index]
        if blob.dims is None:
            raise NotKnownError(blob.reason)
        if len(blob.dims) < rank:
            raise self.impossible(f"needs an input of rank {rank} and gets {len(blob.dims)}")
        return blob.dims

    def all_dims(self) -> List[Dims]:
        """The shapes of all inputs, of which there must be one at least."""
        return [self.dims(index) for index in range(max(1, len(self.blobs)))]

    def conflict(self, message: str) -> None:
        """Record that the shapes do not fit; the rule continues with what is still known."""
        self.conflicts.append(f"`{self.kind}` {message}")

    def impossible(self, message: str) -> NotKnownError:
        """Record a conflict after which nothing is known; the rule raises the result."""
        self.conflict(message)
        return NotKnownError(f"{self} {message}")

    def divide(self, size: Optional[int], divisor: int) -> Optional[int]:
        """A size in equal parts; a remainder is a conflict."""
        if divisor < 1:
            raise NotKnownError(f"{self} divides by {divisor}")
        if size is None:
            return None
        if size % divisor:
            self.conflict(f"cannot divide {size} by {divisor}")
            return None
        return size // divisor

    def axis(self, axis: int, rank: int) -> int:
        """An axis that may count from the end, as a plain index."""
        if not -rank <= axis < rank:
            raise self.impossible(f"has axis {axis}, but rank {rank}")
        return axis % rank

    def __str__(self) -> str:
        return f"`{self.kind}` layer `{self.name}`"


Rule = Callable[[Call], Sequence[Dims]]
Rules = Dict[str, Rule]


def first_input(call: Call) -> Sequence[Dims]:
    """Output = shape of the first input."""
    return [call.dims()]


def show(dims: Dims) -> str:
    """Text for people: 4×20×24, ? for a dimension that is not known."""
    return size_text(dims) or "scalar"


def brief(dims: Dims) -> Dims:
    """Without leading ones, which only pad the rank; two dimensions stay."""
    lead = 0
    while lead < len(dims) - 2 and dims[lead] == 1:
        lead += 1
    return dims[lead:]


def show_pair(one: Dims, other: Dims, axis: int) -> str:
    """Two shapes that clash at `axis` (counted from the end), cut to what matters."""
    keep = max(2, axis)
    return f"{show(one[-keep:])} and {show(other[-keep:])}"


def product(dims: Sequence[Optional[int]]) -> Optional[int]:
    """The number of elements; None when a factor is not known."""
    total = 1
    for size in dims:
        if size is None:
            return None
        total *= size
    return total


def add(one: Optional[int], other: Optional[int]) -> Optional[int]:
    """Sum of two sizes that may be unknown."""
    return None if one is None or other is None else one + other


def times(size: Optional[int], factor: int) -> Optional[int]:
    """Product of a size that may be unknown and a number."""
    return None if size is None else size * factor


def pair(call: Call, values: Sequence[int], default: int, field: str) -> Tuple[int, int]:
    """A parameter for [H, W] that is either absent or of length 2."""
    if not values:
        return default, default
    if len(values) != 2:
        raise NotKnownError(f"{call} has {len(values)} values in `{field}`, not 2")
    return int(values[0]), int(values[1])


def image_size(dims: Optional[Dims]) -> Optional[Size]:
    """(height, width), the last two dimensions; None where either is not known."""
    if dims is None or len(dims) < 2 or dims[-2] is None or dims[-1] is None:
        return None
    return dims[-2], dims[-1]


def broadcast(call: Call, shapes: Sequence[Dims]) -> Dims:
    """The common shape by NumPy's rule; a clash is recorded and leaves that dimension unknown."""
    result = shapes[0]
    for other in shapes[1:]:
        if other == result:
            continue
        rank = max(len(result), len(other))
        left: Dims = (1,) * (rank - len(result)) + result
        right: Dims = (1,) * (rank - len(other)) + other
        merged: List[Optional[int]] = []
        clash = 0
        for index, (one, two) in enumerate(zip(left, right)):
            if two in (one, 1):
                merged.append(one)
            elif one == 1:
                merged.append(two)
            elif one is None or two is None:
                # The unknown size is this one or 1: the result is the known one.
                merged.append(two if one is None else one)
            else:
                clash = clash or rank - index
                merged.append(None)
        if clash:
            call.conflict(f"of {show_pair(left, right, clash)} does not fit")
        result = tuple(merged)
    return result


def join(call: Call, shapes: Sequence[Dims], axis: int) -> Dims:
    """Concatenation along `axis` (from the end or the start); all else must be equal."""
    rank = len(shapes[0])
    if any(len(dims) != rank for dims in shapes):
        ranks = sorted({len(dims) for dims in shapes})
        raise call.impossible(f"joins blobs of ranks {', '.join(map(str, ranks))}")
    at = call.axis(axis, rank)
    result = list(shapes[0])
    clash: Optional[Tuple[Dims, int]] = None
    for dims in shapes[1:]:
        for index, size in enumerate(dims):
            if index == at:
                result[at] = add(result[at], size)
            elif result[index] is None:
                result[index] = size
            elif size is not None and size != result[index] and clash is None:
                clash = dims, index
    if clash is not None:
        other, index = clash
        call.conflict(f"of {show_pair(shapes[0], other, rank - index)} does not fit")
        for dims in shapes[1:]:
            for index, size in enumerate(dims):
                if index != at and size is not None and size != result[index]:
                    result[index] = None
    return tuple(result)
