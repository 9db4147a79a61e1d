"""The operations that replace a resize, and their constants, as plain data.

A resize that one operation computes is one step; a replacement of several is several, of which
the last keeps the name and the output of the one that it stands in for.
"""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Union

from coreml_resize_fix.formats.mlprogram.program import FileReference
from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.formats.shapes import SizeOf
from coreml_resize_fix.short_repr import short_repr


class Constant(NamedTuple):
    """`data_type` as the schema spells it; `numbers` are all elements, one string for STRING."""

    data_type: str
    numbers: Tuple[Any, ...]
    dims: Tuple[int, ...] = ()


class Packed(NamedTuple):
    """Many numbers as they are stored: little-endian, row by row."""

    data_type: str
    data: bytes
    dims: Tuple[int, ...]

    def __repr__(self) -> str:
        return short_repr(self)


class StoredElsewhere(NamedTuple):
    """Numbers in a weight file."""

    data_type: str
    dims: Tuple[int, ...]
    file: FileReference


class Made(NamedTuple):
    """The output of an earlier step, by its index."""

    step: int


class Read(NamedTuple):
    """The value that the replaced operation reads as this parameter."""

    parameter: str = "x"


class Named(NamedTuple):
    """The name of a value that is visible where the replaced operation stands."""

    name: str


Held = Union[Constant, Packed, StoredElsewhere]
Input = Union[Held, Made, Read, Named]


class Step(NamedTuple):
    """One operation.

    `dims` and `data_type` are the type of its output, which the last step need not say: it makes
    what the replaced operation makes. Without a `data_type` the others make that type, too.
    """

    kind: str
    inputs: Tuple[Tuple[str, Input], ...]
    dims: Optional[Tuple[Optional[int], ...]] = None
    data_type: str = ""


def of(resize: ResizeOp) -> Tuple[Step, ...]:
    """The operation that computes a resize, behind those that compute its size, if it does."""
    given = resize.as_dict()
    if resize.computes_size:
        del given["shape"]
        given.pop("shape_of", None)
        source = resize.size_source
        before = () if source is None else _size_of(source)
        shape = Read("shape") if source is None else Made(len(before) - 1)
        inputs: List[Tuple[str, Input]] = [("x", Read()), ("shape", shape)]
        inputs += [(name, _constant(name, value)) for name, value in given.items()]
        return (*before, Step(resize.kind, tuple(inputs)))
    if resize.fractions:
        # Both are of one type.
        given.update((name, float(given[name])) for name in given if "factor" in name)
    inputs = [("x", Read()), *((name, _constant(name, value)) for name, value in given.items())]
    return (Step(resize.kind, tuple(inputs)),)


def _size_of(source: SizeOf) -> Tuple[Step, ...]:
    """Height and width of a tensor: two whole numbers."""
    found = [Step("shape", (("x", Named(source.name)),), (source.rank,), "INT32")]
    ends = [("begin", source.rank - 2), ("end", source.rank)]
    cut = tuple((name, Constant("INT32", (n,), (1,))) for name, n in ends)
    found.append(Step("slice_by_index", (("x", Made(0)), *cut), (2,), "INT32"))
    for kind, numbers in (("mul", source.times), ("floor_div", source.parts)):
        if numbers != (1, 1):
            pair = (("x", Made(len(found) - 1)), ("y", Constant("INT32", numbers, (2,))))
            found.append(Step(kind, pair, (2,), "INT32"))
    return tuple(found)


# Types that do not follow from the Python value.
_TYPES: Dict[str, str] = {"resized_dims": "UINT32"}


def _constant(name: str, value: Any) -> Constant:
    if isinstance(value, list):
        return Constant("INT32", tuple(value), (len(value),))
    if isinstance(value, bool):
        return Constant("BOOL", (value,))
    if isinstance(value, str):
        return Constant("STRING", (value,))
    kind = "INT32" if isinstance(value, int) else "FLOAT32"
    return Constant(_TYPES.get(name, kind), (value,))
