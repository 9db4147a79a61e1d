"""Dimensions, choices, products and element by element: what concerns arrays of any shape.

All keep the dtype of what they get.

Sources: the comments of the layers of the same names in NeuralNetwork.proto.
"""

from typing import Optional, Sequence

import numpy as np

from coreml_resize_fix.verify.kernels.checks import (
    KernelError,
    axis_of,
    count_of,
    need_effort,
    need_room,
)
from coreml_resize_fix.verify.kernels.elementwise import broadcast_shape


def transpose(array: np.ndarray, axes: Sequence[int]) -> np.ndarray:
    """Dimension n of the result, a view, is dimension axes[n].

    Raises:
        KernelError: the axes are not all dimensions, each once.
    """
    if sorted(axes) != list(range(array.ndim)):
        raise KernelError("the axes must be a permutation of all dimensions")
    return np.transpose(array, axes)


def expand_dims(array: np.ndarray, axes: Sequence[int]) -> np.ndarray:
    """Add dimensions of one; the axes, which may count from the end, are those of the result.

    Raises:
        KernelError: the result has no such axis.
    """
    rank = array.ndim + len(axes)
    for axis in sorted(axis_of(axis, rank) for axis in axes):
        array = np.expand_dims(array, axis)
    return array


def squeeze(array: np.ndarray, axes: Optional[Sequence[int]] = None) -> np.ndarray:
    """Remove dimensions of one, all of them without `axes`; the last of all stays.

    Raises:
        KernelError: a dimension is not one, or there is no such axis.
    """
    if axes is None:
        axes = [axis for axis, size in enumerate(array.shape) if size == 1]
    gone = {axis_of(axis, array.ndim) for axis in axes}
    if any(array.shape[axis] != 1 for axis in gone):
        raise KernelError(f"removes a dimension of {array.shape} that is not 1")
    left = tuple(size for axis, size in enumerate(array.shape) if axis not in gone)
    return array.reshape(left or (1,))


def gather(array: np.ndarray, index: np.ndarray, axis: int) -> np.ndarray:
    """Choose along an axis, which becomes the dimensions of the index.

    index: whole numbers of any dtype; negative ones count from the end.

    Raises:
        KernelError: there is no such axis, or an index is not a whole number in it.
    """
    axis = axis_of(axis, array.ndim)
    size, whole = array.shape[axis], np.rint(index).astype(np.int64)
    if (whole != index).any() or (whole < -size).any() or (whole >= size).any():
        raise KernelError(f"an index is not a whole number in [-{size}, {size})")
    need_room(array.shape[:axis] + whole.shape + array.shape[axis + 1 :])
    return np.asarray(np.take(array, whole, axis=axis))


def matmul(
    left: np.ndarray,
    right: np.ndarray,
    transpose_left: bool = False,
    transpose_right: bool = False,
) -> np.ndarray:
    """The matrix products of the last two dimensions; those before them are broadcast.

    Raises:
        KernelError: the matrices do not fit.
    """
    left = np.swapaxes(left, -1, -2) if transpose_left else left
    right = np.swapaxes(right, -1, -2) if transpose_right else right
    if left.shape[-1] != right.shape[-2 if right.ndim > 1 else 0]:
        raise KernelError(f"{left.shape} and {right.shape} do not multiply")
    lead = broadcast_shape(left.shape[:-2], right.shape[:-2])
    made = lead + left.shape[-2:-1] + right.shape[-1:]
    need_room(made)
    need_effort(count_of(made) * left.shape[-1])
    return np.asarray(np.matmul(left, right))
