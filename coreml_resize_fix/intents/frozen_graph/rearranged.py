"""Infer the shapes of operators in a frozen graph that rearrange, cut, pad or sum up pixels.

Their inputs behind the first are constants, which say how. Source of the rules: the documentation
of `tf.raw_ops`.
"""

from functools import reduce
from operator import mul
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

Shape = Tuple[Optional[int], ...]
Flags = Mapping[str, Any]


class Given(NamedTuple):
    """What is known of an input: its shape, and its whole numbers, those of a table row by row."""

    shape: Optional[Shape] = None
    numbers: Optional[Tuple[Any, ...]] = None  # None where one is not known


Rule = Callable[[Sequence[Given], Flags], Optional[Shape]]


def _with(rule: Callable[..., Optional[Shape]]) -> Rule:
    """The rule for an operator, made of a function of the first input's shape, the numbers of all
    other inputs, and the flags; no shape is inferred where one of them is not known.

    The function may raise an error of Python for numbers that the operator does not take.
    """

    def apply(inputs: Sequence[Given], flags: Flags) -> Optional[Shape]:
        shape, rest = inputs[0].shape, [one.numbers for one in inputs[1:]]
        numbers = [number for one in rest for number in one or (None,)]
        if shape is None or not all(isinstance(number, (int, float)) for number in numbers):
            return None
        return rule(shape, *rest, flags)

    return apply


def _product(numbers: Iterable[int]) -> int:
    return reduce(mul, numbers, 1)


def _times(side: Optional[int], factor: int) -> Optional[int]:
    return None if side is None else side * factor


def _divided(side: Optional[int], divisor: int) -> Optional[int]:
    return None if side is None or side % divisor else side // divisor


def _plus(side: Optional[int], more: int) -> Optional[int]:
    return None if side is None or side + more < 0 else side + more


def _transposed(shape: Shape, order: Sequence[int], flags: Flags) -> Shape:
    return tuple(shape[axis] for axis in order)


def _reshaped(inputs: Sequence[Given], flags: Flags) -> Optional[Shape]:
    shape, asked = inputs[0].shape or (None,), inputs[-1].numbers
    if asked is None:
        return None
    made = [n if isinstance(n, int) else None for n in asked]
    known = [n for n in made if n is not None and n > 0]
    if len(known) == len(made) - 1 and -1 in made and None not in shape:
        made[made.index(-1)] = _product(n or 0 for n in shape) // _product(known)
    return tuple(made)


def _expanded(shape: Shape, axes: Sequence[int], flags: Flags) -> Shape:
    (axis,) = axes
    place = axis if axis >= 0 else axis + len(shape) + 1
    return (*shape[:place], 1, *shape[place:])


def _squeezed(shape: Shape, flags: Flags) -> Optional[Shape]:
    axes = {axis % len(shape) for axis in flags.get("squeeze_dims", ())}
    if not axes and None in shape:
        return None
    axes = axes or {axis for axis, side in enumerate(shape) if side == 1}
    return tuple(side for axis, side in enumerate(shape) if axis not in axes)


def _tiled(shape: Shape, times: Sequence[int], flags: Flags) -> Shape:
    return tuple(_times(*pair) for pair in _paired(shape, times))


def _paired(shape: Shape, numbers: Sequence[Any]) -> List[Tuple[Optional[int], Any]]:
    if len(shape) != len(numbers):
        raise ValueError("another rank")
    return list(zip(shape, numbers))


def _padded(shape: Shape, table: Sequence[int], *rest: Any) -> Shape:
    around = [sum(pair) for pair in zip(table[::2], table[1::2])]
    return tuple(_plus(*pair) for pair in _paired(shape, around))


def _reduced(shape: Shape, axes: Sequence[int], flags: Flags) -> Shape:
    gone = {axis % len(shape) for axis in axes}
    kept = [1 if axis in gone else side for axis, side in enumerate(shape)]
    if flags.get("keep_dims"):
        return tuple(kept)
    return tuple(side for axis, side in enumerate(kept) if axis not in gone)


def _cut(shape: Shape, begin: Sequence[int], end: Any, step: Any, flags: Flags) -> Shape:
    """StridedSlice; its masks have a bit for each of the numbers."""
    begins, ends, gone, ellipsis, new = (
        [bool(flags.get(f"{name}_mask", 0) >> place & 1) for place in range(len(begin))]
        for name in ("begin", "end", "shrink_axis", "ellipsis", "new_axis")
    )
    rest = len(shape) - len(begin) + sum(ellipsis) + sum(new)
    made: List[Optional[int]] = []
    axis = 0
    for place, first in enumerate(begin):
        if ellipsis[place]:
            made += shape[axis : axis + rest]
            axis += rest
        elif new[place]:
            made.append(1)
        else:
            last = None if ends[place] else end[place]
            part = slice(None if begins[place] else first, last, step[place])
            made += [] if gone[place] else [_length(shape[axis], part)]
            axis += 1
    return (*made, *shape[axis:])


def _length(side: Optional[int], part: slice) -> Optional[int]:
    if part.step == 1 and part.stop is None and part.start in (None, 0):
        return side
    return None if side is None else len(range(*part.indices(side)))


def _sliced(shape: Shape, begin: Sequence[int], size: Sequence[int], flags: Flags) -> Shape:
    return tuple(
        length if length >= 0 else _plus(side, -first)
        for (side, first), length in zip(_paired(shape, begin), size)
    )


def _into_batch(
    shape: Shape, blocks: Sequence[int], table: Sequence[int], flags: Flags
) -> Optional[Shape]:
    """SpaceToBatchND, in which convolutions with a rate of TensorFlow 1 begin."""
    inside = _padded(shape[1 : 1 + len(blocks)], table)
    sides = [_divided(*pair) for pair in zip(inside, blocks)]
    return (_times(shape[0], _product(blocks)), *sides, *shape[1 + len(blocks) :])


def _out_of_batch(
    shape: Shape, blocks: Sequence[int], table: Sequence[int], flags: Flags
) -> Optional[Shape]:
    sides = tuple(_times(*pair) for pair in zip(shape[1:], blocks))
    inside = _padded(sides, [-n for n in table])
    return (_divided(shape[0], _product(blocks)), *inside, *shape[1 + len(blocks) :])


def _into_depth(shape: Shape, flags: Flags) -> Optional[Shape]:
    return _blocks(shape, flags, _divided, _times)


def _out_of_depth(shape: Shape, flags: Flags) -> Optional[Shape]:
    return _blocks(shape, flags, _times, _divided)


def _blocks(shape: Shape, flags: Flags, sides: Any, depth: Any) -> Optional[Shape]:
    block = flags.get("block_size")
    if block is None or len(shape) != 4 or flags.get("data_format", "NHWC") != "NHWC":
        return None
    height, width = (sides(side, block) for side in shape[1:3])
    return shape[0], height, width, depth(shape[3], block * block)


def _sized(inputs: Sequence[Given], flags: Flags) -> Optional[Shape]:
    """Conv2DBackpropInput, which says the shape that it makes first."""
    asked = inputs[0].numbers
    return None if asked is None else tuple(n if isinstance(n, int) else None for n in asked)


def _concatenated(inputs: Sequence[Given], flags: Flags) -> Optional[Shape]:
    *joined, axes = inputs
    shapes = [one.shape for one in joined if one.shape is not None]
    ranks = {len(shape) for shape in shapes}
    if len(shapes) < len(joined) or len(ranks) != 1 or not axes.numbers:
        return None
    rank = ranks.pop()
    if not -rank <= axes.numbers[0] < rank:
        return None
    along = axes.numbers[0] % rank
    made: List[Optional[int]] = []
    for axis, sides in enumerate(zip(*shapes)):
        known = [side for side in sides if side is not None]
        if axis == along:
            made.append(sum(known) if len(known) == len(sides) else None)
        else:
            made.append(known[0] if known else None)
            if len(set(known)) > 1:
                return None
    return tuple(made)


RULES: Dict[str, Rule] = {
    "Transpose": _with(_transposed),
    "Reshape": _reshaped,
    "ExpandDims": _with(_expanded),
    "Squeeze": _with(_squeezed),
    "Tile": _with(_tiled),
    **dict.fromkeys(("Pad", "PadV2", "MirrorPad"), _with(_padded)),
    **dict.fromkeys(("Mean", "Sum", "Max", "Min", "Prod"), _with(_reduced)),
    "StridedSlice": _with(_cut),
    "Slice": _with(_sliced),
    "SpaceToBatchND": _with(_into_batch),
    "BatchToSpaceND": _with(_out_of_batch),
    "SpaceToDepth": _with(_into_depth),
    "DepthToSpace": _with(_out_of_depth),
    "Conv2DBackpropInput": _sized,
    "ConcatV2": _concatenated,
}
