"""Recognize `area` and bicubic that a converter made of several operations.

coremltools writes `area` whose windows do not divide the input as slice_by_index → reduce_mean →
concat → reshape (from 6.3 on), and bicubic as one gather a tap → stack → mul → reduce_sum, one
axis after the other (from 9.1 on). The weights of such gathers show which resize it is. They are a
few KB, and are all that is read from a weight file; `area` needs none.
"""

from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from coreml_resize_fix.formats.mlprogram import constants, scopes
from coreml_resize_fix.formats.mlprogram.program import (
    Argument,
    Function,
    Operation,
    Value,
    Variable,
)
from coreml_resize_fix.formats.mlprogram.scopes import Scope
from coreml_resize_fix.formats.model import Averaged, Summed, Sums, Window
from coreml_resize_fix.sampling import LARGEST_SIDE

Numbers = Tuple[constants.Number, ...]
Stored = Callable[
    [Value], Optional[constants.Elements]
]  # what lies in a weight file, if it is read
Image = Tuple[int, int, int, int]  # batch, channels, height, width

_RANK = 4
_CARRIERS = ("cast", "identity")  # they change no pixel
_MASKS = ("begin_mask", "end_mask", "squeeze_mask")

# How far a weight is from the exact one when it is rounded once, as a share of it.
_ROUNDING = {"FLOAT16": 2.0**-11}
_SINGLE = 2.0**-24


def averaged(function: Function) -> List[Averaged]:
    """Every map that is put together of means of windows."""
    every = (
        found
        for operation, scope in scopes.walk(function)
        for found in _AVERAGES.get(operation.kind, _nothing)(_Reader(scope), operation)
    )
    return list(dict.fromkeys(every))


def _nothing_stored(value: Value) -> None:
    return None


def summed(function: Function, stored: Stored = _nothing_stored) -> List[Summed]:
    """Every map whose pixels are weighted sums of gathered ones, along both axes.

    `stored` reads indices and weights that lie in a weight file.
    """
    return [
        found
        for operation, scope in scopes.walk(function)
        if operation.kind == "reduce_sum"
        for found in _summed(_Reader(scope, stored), operation)
    ]


class _Reader:
    """Operations and their constants, looked up by the names that are visible at one place."""

    def __init__(self, scope: Scope, stored: Stored = _nothing_stored) -> None:
        self._scope, self._stored = scope, stored

    def origin(self, argument: Argument) -> Optional[str]:
        """The name of a value, or of the one that it is only another type of."""
        while isinstance(argument, str):
            operation = self._operation(argument)
            if operation is None or operation.kind not in _CARRIERS:
                return argument
            argument = operation.inputs.get("x", (Value(None),))[0]
        return None

    def source(self, operation: Operation) -> Optional[str]:
        """The name of the value that an operation reads as its `x`."""
        given = operation.inputs.get("x", ())
        return self.origin(given[0]) if len(given) == 1 else None

    def made(self, argument: Argument, kind: str) -> Optional[Operation]:
        """The operation that makes a value, if it is of that kind."""
        name = self.origin(argument)
        found = None if name is None else self._operation(name)
        return found if found is not None and found.kind == kind else None

    def maker(self, operation: Operation, name: str, kind: str) -> Optional[Operation]:
        """The operation of that kind that makes the one value of a parameter."""
        given = operation.inputs.get(name, ())
        return self.made(given[0], kind) if len(given) == 1 else None

    def _operation(self, name: str) -> Optional[Operation]:
        maker = self._scope.find(name)
        return None if maker is None else maker.operation

    def image(self, name: str) -> Optional[Image]:
        """The size of a value; None if it varies, or has another rank."""
        maker = self._scope.find(name)
        return None if maker is None else _image(maker.variable)

    def value(self, operation: Operation, name: str) -> Optional[Value]:
        return self._scope.parameter(operation, name)

    def numbers(self, operation: Operation, name: str) -> Optional[Numbers]:
        """The numbers of a constant parameter, of as many as an image has rows."""
        value = self.value(operation, name)
        return None if value is None else self.listed(value)

    def listed(self, value: Value) -> Optional[Numbers]:
        """The numbers of a constant; None if it has more than an image has rows."""
        if value.file is not None:
            found = self._stored(value)
        else:
            found = constants.elements(value, LARGEST_SIDE)
        result = tuple(item for item in found or () if not isinstance(item, str))
        return result if found is not None and len(result) == len(found) else None

    def is_one(self, operation: Operation, name: str, *wanted: int) -> bool:
        """Whether a parameter is one of these numbers; an absent one counts as 0."""
        given = self.numbers(operation, name) if operation.inputs.get(name) else (0,)
        return given is not None and len(given) == 1 and given[0] in wanted


def _image(variable: Variable) -> Optional[Image]:
    dims = variable.type.dims if variable.type is not None else None
    if dims is None or len(dims) != _RANK:
        return None
    batch, channels, height, width = dims
    if batch is None or channels is None or height is None or width is None:
        return None
    return batch, channels, height, width


def _reshaped(reader: _Reader, reshape: Operation) -> Iterator[Averaged]:
    concat = reader.maker(reshape, "x", "concat")
    if concat is not None:
        yield from _joined(reader, concat, reshape.outputs[0])


def _row(reader: _Reader, concat: Operation) -> Iterator[Averaged]:
    """A map of one row needs no reshape."""
    yield from _joined(reader, concat, concat.outputs[0])


def _joined(reader: _Reader, concat: Operation, result: Variable) -> Iterator[Averaged]:
    """The map that means make, pixel by pixel, where they are joined and become `result`."""
    image, values = _image(result), concat.inputs.get("values", ())
    if image is None or not reader.is_one(concat, "axis", -1, _RANK - 1):
        return
    parts = [_mean(reader, one) for one in values]
    whole = [part for part in parts if part is not None]
    if not whole or len(whole) != len(parts) or len({part[:2] for part in whole}) != 1:
        return
    if image[:2] == whole[0][1] and image[2] * image[3] == len(whole):
        yield Averaged(image[1], image[2:], tuple(part[2] for part in whole))


def _single(reader: _Reader, mean: Operation) -> Iterator[Averaged]:
    """A map of one pixel is the mean of all."""
    name = reader.source(mean) if _is_mean(reader, mean) else None
    image = None if name is None else reader.image(name)
    if image is not None:
        yield Averaged(image[1], (1, 1), ((0, image[2], 0, image[3]),))


def _nothing(reader: _Reader, operation: Operation) -> Iterator[Averaged]:
    return iter(())


_AVERAGES: Dict[str, Callable[[_Reader, Operation], Iterator[Averaged]]] = {
    "reshape": _reshaped,
    "concat": _row,
    "reduce_mean": _single,
}


def _is_mean(reader: _Reader, mean: Operation) -> bool:
    """Whether it averages over height and width, which stay as axes."""
    axes = reader.numbers(mean, "axes") or ()
    return reader.is_one(mean, "keep_dims", 1) and sorted(int(axis) % _RANK for axis in axes) == [
        _RANK - 2,
        _RANK - 1,
    ]


def _mean(reader: _Reader, argument: Argument) -> Optional[Tuple[str, Tuple[int, int], Window]]:
    """The value, its batch and channels, and the window that the value is the mean of."""
    mean = reader.made(argument, "reduce_mean")
    if mean is None or not _is_mean(reader, mean):
        return None
    cut = reader.maker(mean, "x", "slice_by_index")
    return None if cut is None else _window(reader, cut)


def _window(reader: _Reader, cut: Operation) -> Optional[Tuple[str, Tuple[int, int], Window]]:
    name = reader.source(cut)
    size = None if name is None else reader.image(name)
    begin, end = reader.numbers(cut, "begin"), reader.numbers(cut, "end")
    if name is None or size is None or begin is None or end is None:
        return None
    strides = reader.numbers(cut, "stride") if cut.inputs.get("stride") else (1,) * _RANK
    masked = any(
        cut.inputs.get(mask) and any(reader.numbers(cut, mask) or (True,)) for mask in _MASKS
    )
    if masked or strides != (1,) * _RANK or len(begin) != _RANK or len(end) != _RANK:
        return None
    if begin[:2] != (0, 0) or end[:2] != size[:2]:
        return None
    window = (int(begin[2]), int(end[2]), int(begin[3]), int(end[3]))
    return name, size[:2], window


class _Pass(NamedTuple):
    """One axis of an image, counted from 0, that becomes weighted sums."""

    source: str
    axis: int
    sums: Sums


def _summed(reader: _Reader, last: Operation) -> Iterator[Summed]:
    second = _pass(reader, last)
    made = None if second is None else reader.made(second.source, "reduce_sum")
    first = None if made is None else _pass(reader, made)
    if first is None or second is None or {first.axis, second.axis} != {_RANK - 2, _RANK - 1}:
        return
    before, after = reader.image(first.source), _image(last.outputs[0])
    rows, columns = (first, second) if first.axis == _RANK - 2 else (second, first)
    if before is not None and after is not None and before[:2] == after[:2]:
        yield Summed(before[1], before[2:], after[2:], rows.sums, columns.sums)


def _pass(reader: _Reader, total: Operation) -> Optional[_Pass]:
    """gathers → stack as a last dimension → mul by constant weights → reduce_sum over it."""
    if not reader.is_one(total, "axes", -1, _RANK) or not reader.is_one(total, "keep_dims", 0):
        return None
    product = reader.maker(total, "x", "mul")
    if product is None:
        return None
    for one, other in (("x", "y"), ("y", "x")):
        stack, weights = reader.maker(product, one, "stack"), reader.value(product, other)
        if stack is not None and weights is not None:
            return _gathered(reader, stack, weights)
    return None


def _gathered(reader: _Reader, stack: Operation, weights: Value) -> Optional[_Pass]:
    taps = stack.inputs.get("values", ())
    gathers = [reader.made(one, "gather") for one in taps]
    whole = [gather for gather in gathers if gather is not None]
    if not whole or len(whole) != len(taps) or not reader.is_one(stack, "axis", -1, _RANK):
        return None
    places = {_place(reader, gather) for gather in whole}
    place = places.pop()
    if places or place is None:
        return None
    source, axis = place
    found = [reader.value(gather, "indices") for gather in whole]
    lengths = {None if one is None or one.type is None else one.type.dims for one in found}
    length = lengths.pop()
    if lengths or length is None or len(length) != 1 or length[0] is None:
        return None
    wanted = [1] * _RANK + [len(taps)]
    wanted[axis] = length[0]
    if weights.type is None or weights.type.dims != tuple(wanted):
        return None
    indices = [reader.listed(one) for one in found if one is not None]
    known = [tuple(int(n) for n in one) for one in indices if one is not None]
    read = tuple(zip(*known)) if len(known) == len(taps) else None
    rounding = _ROUNDING.get(weights.type.data_type, _SINGLE)
    return _Pass(source, axis, Sums(len(taps), read, _rows(reader, weights, len(taps)), rounding))


def _place(reader: _Reader, gather: Operation) -> Optional[Tuple[str, int]]:
    """What a gather reads, and along which axis."""
    source, axis = reader.source(gather), reader.numbers(gather, "axis")
    if source is None or axis is None or len(axis) != 1:
        return None
    if not reader.is_one(gather, "batch_dims", 0):
        return None
    return source, int(axis[0]) % _RANK


def _rows(reader: _Reader, weights: Value, taps: int) -> Optional[Tuple[Tuple[float, ...], ...]]:
    flat = reader.listed(weights)
    if flat is None or len(flat) % taps:
        return None
    numbers = [float(one) for one in flat]
    return tuple(tuple(numbers[at : at + taps]) for at in range(0, len(numbers), taps))
