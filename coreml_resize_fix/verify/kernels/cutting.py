"""Cut, join, pad, repeat and reshape arrays of any rank and dtype.

Sources: the documentation of MIL's operations of the same names, and of the layers of iOS 13 in
NeuralNetwork.proto.
"""

from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.verify.kernels.checks import KernelError, axis_of, need_room

PAD_MODES: Dict[str, Any] = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}

_MOST_PARTS = 1 << 16

Mask = Optional[Sequence[bool]]


def cut(
    x: np.ndarray,
    begin: Sequence[int],
    end: Sequence[int],
    stride: Optional[Sequence[int]] = None,
    begin_mask: Mask = None,
    end_mask: Mask = None,
    squeeze_mask: Mask = None,
) -> np.ndarray:
    """Python's x[begin:end:stride] along every axis.

    Where a mask is true, `begin` or `end` is not there, or only element `begin` is taken.

    Raises:
        KernelError: there is not one number for each axis, a stride is 0, or an element is missing.
    """
    rank = x.ndim
    none = (False,) * rank
    lists = (begin, end, stride or (1,) * rank)
    masks = (begin_mask or none, end_mask or none, squeeze_mask or none)
    if any(len(numbers) != rank for numbers in lists + masks):
        raise KernelError(f"has not one number for each of {rank} axes")
    taken: List[Any] = []
    for axis, (first, last, step, is_open, has_no_end, squeezed) in enumerate(zip(*lists, *masks)):
        if squeezed:
            if not -x.shape[axis] <= first < x.shape[axis]:
                raise KernelError(f"takes element {first} of {x.shape[axis]}")
            taken.append(int(first))
            continue
        if step == 0:
            raise KernelError("has a stride of 0")
        taken.append(slice(None if is_open else first, None if has_no_end else last, step))
    return np.asarray(x[tuple(taken)])


def cut_by_size(x: np.ndarray, begin: Sequence[int], size: Sequence[int]) -> np.ndarray:
    """So many elements from `begin` on, along every axis; -1: all that follow.

    Raises:
        KernelError: there are not so many.
    """
    if not len(begin) == len(size) == x.ndim:
        raise KernelError(f"has not one number for each of {x.ndim} axes")
    taken = []
    for whole, first, count in zip(x.shape, begin, size):
        first = first + whole if first < 0 else first
        last = whole if count == -1 else first + count
        if not 0 <= first <= last <= whole:
            raise KernelError(f"takes {count} from {first} on of {whole}")
        taken.append(slice(first, last))
    return np.asarray(x[tuple(taken)])


def split(x: np.ndarray, axis: int, sizes: Sequence[int]) -> List[np.ndarray]:
    """Parts of these sizes along the axis.

    Raises:
        KernelError: they do not sum up to the whole.
    """
    axis = axis_of(axis, x.ndim)
    if sum(sizes) != x.shape[axis] or min(sizes, default=0) < 0:
        raise KernelError(f"cuts {x.shape[axis]} into {list(sizes)}")
    return np.split(x, np.cumsum(sizes)[:-1], axis)


def equal_parts(x: np.ndarray, axis: int, count: int) -> List[int]:
    """The sizes of so many equal parts along the axis.

    Raises:
        KernelError: it does not divide.
    """
    size = x.shape[axis_of(axis, x.ndim)]
    if not 1 <= count <= _MOST_PARTS or size % count:
        raise KernelError(f"cannot cut {size} into {count} equal parts")
    return [size // count] * count


def join(arrays: Sequence[np.ndarray], axis: int, interleave: bool = False) -> np.ndarray:
    """Arrays behind each other along the axis; interleaved: a slice of each in turn.

    Raises:
        KernelError: their other sizes differ.
    """
    axis = axis_of(axis, arrays[0].ndim)
    for array in arrays:
        if array.ndim != arrays[0].ndim or any(
            one != other and place != axis
            for place, (one, other) in enumerate(zip(array.shape, arrays[0].shape))
        ):
            raise KernelError(f"does not join {array.shape} to {arrays[0].shape}")
    whole = sum(array.shape[axis] for array in arrays)
    need_room(arrays[0].shape[:axis] + (whole,) + arrays[0].shape[axis + 1 :])
    if not interleave:
        return np.concatenate(arrays, axis)
    if len({array.shape for array in arrays}) > 1:
        raise KernelError("interleaves arrays of unlike sizes")
    mixed = np.stack(arrays, axis + 1)
    shape = arrays[0].shape
    return mixed.reshape(shape[:axis] + (-1,) + shape[axis + 1 :])


def pad(x: np.ndarray, amounts: Sequence[Tuple[int, int]], mode: str, value: float) -> np.ndarray:
    """Add (before, behind) to each axis, or to the last of them: a constant, mirrored, repeated.

    Raises:
        KernelError: more is mirrored than there is, or an amount is negative.
    """
    if mode not in PAD_MODES:
        raise KernelError(f"has padding `{mode}`, which is not known here")
    if len(amounts) > x.ndim or min(map(min, amounts), default=0) < 0:
        raise KernelError(f"pads rank {x.ndim} by {list(amounts)}")
    widths = [(0, 0)] * (x.ndim - len(amounts)) + list(amounts)
    need_room(size + sum(pair) for size, pair in zip(x.shape, widths))
    if mode == "constant":
        return np.pad(x, widths, mode="constant", constant_values=x.dtype.type(value))
    if mode == "reflect" and any(max(pair) >= size for size, pair in zip(x.shape, widths)):
        raise KernelError(f"mirrors more than there is of {x.shape}")
    return np.asarray(np.pad(x, widths, mode=PAD_MODES[mode]))


def resolved_shape(shape: Sequence[int], wanted: Sequence[int]) -> Tuple[int, ...]:
    """The wanted shape, where 0 keeps the size of that axis and one -1 takes what is left.

    Raises:
        KernelError: it does not hold as many elements.
    """
    if 0 in wanted and len(wanted) > len(shape):
        raise KernelError(f"keeps axes that {tuple(shape)} does not have")
    found = [shape[axis] if size == 0 else size for axis, size in enumerate(wanted)]
    whole = int(np.prod(shape, dtype=np.int64))
    rest = int(np.prod([size for size in found if size != -1], dtype=np.int64))
    if -1 in found and rest and not whole % rest:
        found[found.index(-1)], rest = whole // rest, whole
    if rest != whole or min(found, default=0) < 0:
        raise KernelError(f"does not shape {tuple(shape)} as {tuple(wanted)}")
    return tuple(int(size) for size in found)


def reshape(x: np.ndarray, wanted: Sequence[int]) -> np.ndarray:
    """The same elements in another shape; see `resolved_shape`."""
    return x.reshape(resolved_shape(x.shape, wanted))


def tile(x: np.ndarray, counts: Sequence[int]) -> np.ndarray:
    """Repeat the whole array so many times along each axis; 0 counts as 1."""
    repeats = [count or 1 for count in counts]
    if len(repeats) != x.ndim or min(repeats, default=1) < 0:
        raise KernelError(f"repeats rank {x.ndim} by {list(counts)}")
    need_room(size * count for size, count in zip(x.shape, repeats))
    return np.tile(x, repeats)


def broadcast_to(x: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Repeat axes of one until the array has this shape, a view."""
    need_room(shape)
    try:
        return np.broadcast_to(x, tuple(shape))
    except ValueError as error:
        raise KernelError(f"does not broadcast {x.shape} to {tuple(shape)}") from error


def fill(shape: Sequence[int], value: np.ndarray) -> np.ndarray:
    """An array of one number, of its dtype."""
    need_room(shape)
    return np.full(tuple(shape), value, value.dtype)


def sliding_windows(x: np.ndarray, axis: int, size: int, stride: int) -> np.ndarray:
    """All windows along the axis, which becomes two axes: windows, and elements in a window."""
    axis = axis_of(axis, x.ndim)
    if size < 1 or stride < 1 or size > x.shape[axis]:
        raise KernelError(f"has windows of {size} every {stride} in {x.shape[axis]}")
    count = (x.shape[axis] - size) // stride + 1
    need_room(x.shape[:axis] + (count, size) + x.shape[axis + 1 :])
    index = np.arange(count)[:, np.newaxis] * stride + np.arange(size)
    return np.asarray(np.take(x, index, axis))
