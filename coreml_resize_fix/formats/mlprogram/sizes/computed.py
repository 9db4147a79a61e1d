"""Numbers that a program computes from sizes: shape → slice → multiply → concat → reshape.

Only scalars and vectors, which is what sizes are. A rule returns None where a number is not known.
"""

import math
from typing import Callable, Dict, Optional, Sequence, Tuple

from coreml_resize_fix.formats.mlprogram.constants import Number
from coreml_resize_fix.formats.mlprogram.sizes.call import OperationCall
from coreml_resize_fix.formats.shapes import Dims

Numbers = Tuple[Number, ...]
LONGEST = 16  # elements: more than any rank

_ARITHMETIC: Dict[str, Callable[[Number, Number], Number]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "real_div": lambda x, y: x / y,
    "floor_div": lambda x, y: x // y,
    "mod": lambda x, y: x % y,
    "maximum": max,
    "minimum": min,
}
_ROUNDINGS: Dict[str, Callable[[Number], Number]] = {
    "floor": math.floor,
    "ceil": math.ceil,
    "round": round,
}
_KEEPS_ORDER = ("identity", "squeeze", "expand_dims", "reshape")


def shape_of(call: OperationCall) -> Optional[Numbers]:
    dims = call.shape()
    known = tuple(size for size in dims if size is not None)
    return known if len(known) == len(dims) else None


def arithmetic(call: OperationCall) -> Optional[Numbers]:
    left, right = _one(call, "x"), _one(call, "y")
    if left is None or right is None:
        return None
    count = max(len(left), len(right))
    if len(left) not in (1, count) or len(right) not in (1, count):
        return None
    pairs = zip(left * (count // len(left)), right * (count // len(right)))
    return tuple(_ARITHMETIC[call.kind](x, y) for x, y in pairs)


def rounded(call: OperationCall) -> Optional[Numbers]:
    x = _one(call, "x")
    return None if x is None else tuple(map(_ROUNDINGS[call.kind], x))


def cast(call: OperationCall) -> Optional[Numbers]:
    x = _one(call, "x")
    if x is None:
        return None
    is_whole = "int" in call.word("dtype")
    return tuple(int(number) if is_whole else float(number) for number in x)


def kept(call: OperationCall) -> Optional[Numbers]:
    return _one(call, "x")


def concat(call: OperationCall) -> Optional[Numbers]:
    parts = call.contents("values")
    return None if parts is None else tuple(number for part in parts for number in part)


def gather(call: OperationCall) -> Optional[Numbers]:
    x, indices = _one(call, "x"), _one(call, "indices")
    if x is None or indices is None or len(call.shape("x")) != 1:
        return None
    return tuple(x[int(index)] for index in indices)


def slice_by_index(call: OperationCall) -> Optional[Numbers]:
    x, begin, end = _one(call, "x"), _one(call, "begin"), _one(call, "end")
    if x is None or begin is None or end is None or len(call.shape("x")) != 1:
        return None
    if call.one("squeeze_mask", 0):
        return (x[int(begin[0])],)
    first = None if call.one("begin_mask", 0) else int(begin[0])
    last = None if call.one("end_mask", 0) else int(end[0])
    return x[first : last : call.one("stride", 1)]


def slice_by_size(call: OperationCall) -> Optional[Numbers]:
    x, begin, size = _one(call, "x"), _one(call, "begin"), _one(call, "size")
    if x is None or begin is None or size is None or len(call.shape("x")) != 1:
        return None
    first = int(begin[0])
    return x[first:] if size[0] == -1 else x[first : first + int(size[0])]


def _one(call: OperationCall, name: str) -> Optional[Numbers]:
    found = call.contents(name)
    return found[0] if found and 0 < len(found[0]) <= LONGEST else None


VALUES: Dict[str, Callable[[OperationCall], Optional[Numbers]]] = {
    "cast": cast,
    "concat": concat,
    "gather": gather,
    "shape": shape_of,
    "slice_by_index": slice_by_index,
    "slice_by_size": slice_by_size,
    "stack": concat,
}
VALUES.update((kind, arithmetic) for kind in _ARITHMETIC)
VALUES.update((kind, rounded) for kind in _ROUNDINGS)
VALUES.update((kind, kept) for kind in _KEEPS_ORDER)


def is_short(dims: Optional[Dims]) -> bool:
    """Whether it is a scalar or vector of as few numbers as sizes are."""
    return dims is not None and len(dims) < 2 and all(n is not None and n <= LONGEST for n in dims)


def numbers(call: OperationCall, shapes: Sequence[Optional[Dims]]) -> Optional[Numbers]:
    """The numbers of the first output, if it is a short vector or scalar and they are known."""
    rule = VALUES.get(call.kind)
    return rule(call) if rule is not None and shapes and is_short(shapes[0]) else None
