"""Recognize bicubic calls that a converter made of several operations.

coremltools writes bicubic as one gather a tap → stack → mul → reduce_sum, one axis after the other
(from 9.1 on). The weights of such gathers show which resize it is. They are a few KB, and are all
that is read from a weight file.
"""

from typing import Iterator, List, NamedTuple, Optional, Tuple

from coreml_resize_fix.formats.mlprogram import scopes
from coreml_resize_fix.formats.mlprogram.program import Function, Operation, Value
from coreml_resize_fix.formats.mlprogram.upstream import (
    RANK,
    Stored,
    Upstream,
    image_of,
    nothing_stored,
)
from coreml_resize_fix.formats.model import Summed, Sums

# How far a weight is from the exact one when it is rounded once, as a share of it.
_ROUNDING = {"FLOAT16": 2.0**-11}
_SINGLE = 2.0**-24


def find(function: Function, stored: Stored = nothing_stored) -> List[Summed]:
    """Every blob whose pixels are weighted sums of gathered ones, along both axes.

    `stored` reads indices and weights that lie in a weight file.
    """
    return [
        found
        for operation, scope in scopes.walk(function)
        if operation.kind == "reduce_sum"
        for found in _summed(Upstream(scope, stored), operation)
    ]


class _Pass(NamedTuple):
    """One axis of an image, counted from 0, that becomes weighted sums."""

    source: str
    axis: int
    sums: Sums


def _summed(upstream: Upstream, last: Operation) -> Iterator[Summed]:
    second = _pass(upstream, last)
    made = None if second is None else upstream.made(second.source, "reduce_sum")
    first = None if made is None else _pass(upstream, made)
    if first is None or second is None or {first.axis, second.axis} != {RANK - 2, RANK - 1}:
        return
    before, after = upstream.image(first.source), image_of(last.outputs[0])
    rows, columns = (first, second) if first.axis == RANK - 2 else (second, first)
    if before is not None and after is not None and before[:2] == after[:2]:
        yield Summed(before[1], before[2:], after[2:], rows.sums, columns.sums)


def _pass(upstream: Upstream, total: Operation) -> Optional[_Pass]:
    """gathers → stack as a last dimension → mul by constant weights → reduce_sum over it."""
    if not upstream.is_one(total, "axes", -1, RANK) or not upstream.is_one(total, "keep_dims", 0):
        return None
    product = upstream.maker(total, "x", "mul")
    if product is None:
        return None
    for one, other in (("x", "y"), ("y", "x")):
        stack, weights = upstream.maker(product, one, "stack"), upstream.value(product, other)
        if stack is not None and weights is not None:
            return _gathered(upstream, stack, weights)
    return None


def _gathered(upstream: Upstream, stack: Operation, weights: Value) -> Optional[_Pass]:
    taps = stack.inputs.get("values", ())
    gathers = [upstream.made(one, "gather") for one in taps]
    whole = [gather for gather in gathers if gather is not None]
    if not whole or len(whole) != len(taps) or not upstream.is_one(stack, "axis", -1, RANK):
        return None
    places = {_place(upstream, gather) for gather in whole}
    place = places.pop()
    if places or place is None:
        return None
    source, axis = place
    found = [upstream.value(gather, "indices") for gather in whole]
    lengths = {None if one is None or one.type is None else one.type.dims for one in found}
    length = lengths.pop()
    if lengths or length is None or len(length) != 1 or length[0] is None:
        return None
    wanted = [1] * RANK + [len(taps)]
    wanted[axis] = length[0]
    if weights.type is None or weights.type.dims != tuple(wanted):
        return None
    indices = [upstream.listed(one) for one in found if one is not None]
    known = [tuple(int(n) for n in one) for one in indices if one is not None]
    read = tuple(zip(*known)) if len(known) == len(taps) else None
    rounding = _ROUNDING.get(weights.type.data_type, _SINGLE)
    return _Pass(source, axis, Sums(len(taps), read, _rows(upstream, weights, len(taps)), rounding))


def _place(upstream: Upstream, gather: Operation) -> Optional[Tuple[str, int]]:
    """What a gather reads, and along which axis."""
    source, axis = upstream.source(gather), upstream.numbers(gather, "axis")
    if source is None or axis is None or len(axis) != 1:
        return None
    if not upstream.is_one(gather, "batch_dims", 0):
        return None
    return source, int(axis[0]) % RANK


def _rows(upstream: Upstream, weights: Value, taps: int) -> Optional[Tuple[Tuple[float, ...], ...]]:
    flat = upstream.listed(weights)
    if flat is None or len(flat) % taps:
        return None
    numbers = [float(one) for one in flat]
    return tuple(tuple(numbers[at : at + taps]) for at in range(0, len(numbers), taps))
