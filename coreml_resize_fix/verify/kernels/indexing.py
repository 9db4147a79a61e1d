"""Choose elements by their positions, and write to positions.

Negative positions count from the end. All keep the dtype of the data.

Sources: the documentation of MIL's gather and scatter operations, and of the layers of the same
names in NeuralNetwork.proto.
"""

from typing import Any, Callable, Dict, Tuple

import numpy as np

from coreml_resize_fix.verify.kernels.arrays import gather
from coreml_resize_fix.verify.kernels.checks import (
    CALL,
    KernelError,
    axis_of,
    count_of,
    need_effort,
    need_room,
)

_UPDATES: Dict[str, Callable[..., None]] = {
    "add": np.add.at,
    "sub": np.subtract.at,
    "mul": np.multiply.at,
    "div": np.true_divide.at,
    "max": np.maximum.at,
    "min": np.minimum.at,
}


def _whole(index: np.ndarray, size: int) -> np.ndarray:
    """Positions in an axis of that size, counted from its beginning."""
    found = np.rint(index).astype(np.int64)
    if (found != index).any() or (found < -size).any() or (found >= size).any():
        raise KernelError(f"an index is not a whole number in [-{size}, {size})")
    return np.asarray(np.where(found < 0, found + size, found))


def gather_batched(x: np.ndarray, index: np.ndarray, axis: int, shared: int) -> np.ndarray:
    """`arrays.gather` for each element of the first `shared` axes, which both have."""
    axis = axis_of(axis, x.ndim)
    if not shared:
        return gather(x, index, axis)
    if shared > axis or shared > index.ndim or x.shape[:shared] != index.shape[:shared]:
        raise KernelError(f"does not share {shared} axes of {x.shape} and {index.shape}")
    need_room(index.shape + x.shape[shared:axis] + x.shape[axis + 1 :])
    need_effort(count_of(x.shape[:shared]) * CALL)
    made = [
        gather(x[place], index[place], axis - shared) for place in np.ndindex(*x.shape[:shared])
    ]
    return np.stack(made).reshape(x.shape[:shared] + made[0].shape)


def gather_along_axis(x: np.ndarray, index: np.ndarray, axis: int) -> np.ndarray:
    """out[…, i, …] = x[…, index[…, i, …], …], where the index has the rank of x."""
    axis = axis_of(axis, x.ndim)
    if index.ndim != x.ndim:
        raise KernelError(f"has an index of {index.shape} for {x.shape}")
    return np.take_along_axis(x, _whole(index, x.shape[axis]), axis)


def _places(index: np.ndarray, shape: Tuple[int, ...]) -> Tuple[np.ndarray, ...]:
    if not 1 <= index.shape[-1] <= len(shape):
        raise KernelError(f"has an index of {index.shape} for {shape}")
    return tuple(_whole(index[..., axis], shape[axis]) for axis in range(index.shape[-1]))


def gather_nd(x: np.ndarray, index: np.ndarray, shared: int = 0) -> np.ndarray:
    """x at the positions that the last axis of the index lists, one for each first axis of x.

    The first `shared` axes are those of both, and are not listed.
    """
    if x.shape[:shared] != index.shape[:shared]:
        raise KernelError(f"does not share {shared} axes of {x.shape} and {index.shape}")
    need_room(index.shape[:-1] + x.shape[shared + index.shape[-1] :])
    if not shared:
        return np.asarray(x[_places(index, x.shape)])
    need_effort(count_of(x.shape[:shared]) * CALL)
    made = [
        x[place][_places(index[place], x.shape[shared:])] for place in np.ndindex(*x.shape[:shared])
    ]
    return np.asarray(np.stack(made).reshape(x.shape[:shared] + made[0].shape))


def _write(target: np.ndarray, places: Tuple[Any, ...], new: np.ndarray, mode: str) -> None:
    if mode == "update":
        target[places] = new
    elif mode in _UPDATES:
        _UPDATES[mode](target, places, new)
    else:
        raise KernelError(f"has the mode `{mode}`, which is not known here")


def scatter(
    data: np.ndarray, index: np.ndarray, new: np.ndarray, axis: int, mode: str
) -> np.ndarray:
    """A copy of the data where slice index[i] along the axis gets slice i of what is new."""
    axis = axis_of(axis, data.ndim)
    made = data.copy()
    places = (slice(None),) * axis + (_whole(index, data.shape[axis]),)
    _write(made, places, new, mode)
    return np.asarray(made)


def scatter_along_axis(
    data: np.ndarray, index: np.ndarray, new: np.ndarray, axis: int, mode: str
) -> np.ndarray:
    """A copy of the data where […, index[…, i, …], …] gets new[…, i, …]."""
    axis = axis_of(axis, data.ndim)
    if index.ndim != data.ndim or new.shape != index.shape:
        raise KernelError(f"has an index of {index.shape} for {data.shape}")
    made = data.copy()
    places = list(np.ogrid[tuple(slice(size) for size in index.shape)])
    places[axis] = _whole(index, data.shape[axis])
    _write(made, tuple(places), new, mode)
    return np.asarray(made)


def scatter_nd(data: np.ndarray, index: np.ndarray, new: np.ndarray, mode: str) -> np.ndarray:
    """A copy of the data where the positions that the last axis of the index lists get new ones."""
    made = data.copy()
    _write(made, _places(index, data.shape), new, mode)
    return np.asarray(made)


def one_hot(
    index: np.ndarray, count: int, axis: int, on: np.ndarray, off: np.ndarray
) -> np.ndarray:
    """`on` at each position along a new axis of that size, `off` elsewhere; one number each."""
    axis = axis_of(axis, index.ndim + 1)
    need_room(index.shape + (count,))
    line = np.arange(count).reshape((-1,) + (1,) * (index.ndim - axis))
    return np.where(np.expand_dims(index, axis) == line, on.reshape(()), off.reshape(()))


def positions_of_nonzero(x: np.ndarray) -> np.ndarray:
    """The positions of all that is not 0, a row each: int32 [count, rank]."""
    need_room((int(np.count_nonzero(x)), x.ndim))
    return np.argwhere(x).astype(np.int32)


def reverse_sequence(
    x: np.ndarray, lengths: np.ndarray, sequence_axis: int, batch_axis: int
) -> np.ndarray:
    """Turn round the first lengths[b] elements along an axis, for each element b of another."""
    sequence, batch = axis_of(sequence_axis, x.ndim), axis_of(batch_axis, x.ndim)
    need_effort(x.shape[batch] * CALL)
    made = x.copy()
    turned = np.moveaxis(made, (batch, sequence), (0, 1))
    for part, length in zip(turned, lengths.astype(np.int64).tolist()):
        part[:length] = part[:length][::-1].copy()
    return np.asarray(made)


def triangle(x: np.ndarray, below: int, above: int) -> np.ndarray:
    """Zero outside of a band of the last two axes; a negative number leaves all on that side."""
    rows, columns = np.ogrid[: x.shape[-2], : x.shape[-1]]
    inside = ((below < 0) | (rows - columns <= below)) & ((above < 0) | (columns - rows <= above))
    return np.where(inside, x, x.dtype.type(0))
