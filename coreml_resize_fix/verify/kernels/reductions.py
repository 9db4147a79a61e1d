"""Sums, means, extremes and norms along axes, and what sorts along one.

All keep the dtype; positions are int32.

Sources: the documentation of MIL's reduce operations, argsort, topk and cumsum, and of the layers
of the same names in NeuralNetwork.proto.
"""

from typing import Callable, Dict, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.verify.kernels.checks import KernelError, axis_of


def reduce(name: str, x: np.ndarray, axes: Optional[Sequence[int]], keep: bool) -> np.ndarray:
    """Reduce axes (all of them: None) by the function of that name, a key of REDUCTIONS.

    keep: the axes stay, of size 1.

    Raises:
        KernelError: no such function or axis.
    """
    if name not in REDUCTIONS:
        raise KernelError(f"has no function `{name}`")
    along = tuple(range(x.ndim)) if axes is None else tuple(axis_of(axis, x.ndim) for axis in axes)
    return np.asarray(REDUCTIONS[name](x, along, keep), x.dtype)


def _mean(x: np.ndarray, axes: Tuple[int, ...], keep: bool) -> np.ndarray:
    return np.asarray(x.mean(axis=axes, keepdims=keep, dtype=x.dtype))


def _log_sum_exp(x: np.ndarray, axes: Tuple[int, ...], keep: bool) -> np.ndarray:
    top = x.max(axis=axes, keepdims=True)
    found = np.log(np.exp(x - top).sum(axis=axes, keepdims=True)) + top
    return np.asarray(found if keep else found.reshape(x.sum(axis=axes).shape))


REDUCTIONS: Dict[str, Callable[[np.ndarray, Tuple[int, ...], bool], np.ndarray]] = {
    "sum": lambda x, axes, keep: x.sum(axis=axes, keepdims=keep),
    "mean": _mean,
    "max": lambda x, axes, keep: x.max(axis=axes, keepdims=keep),
    "min": lambda x, axes, keep: x.min(axis=axes, keepdims=keep),
    "prod": lambda x, axes, keep: x.prod(axis=axes, keepdims=keep),
    "l1_norm": lambda x, axes, keep: np.abs(x).sum(axis=axes, keepdims=keep),
    "l2_norm": lambda x, axes, keep: np.sqrt(np.square(x).sum(axis=axes, keepdims=keep)),
    "sum_square": lambda x, axes, keep: np.square(x).sum(axis=axes, keepdims=keep),
    "log_sum": lambda x, axes, keep: np.log(x.sum(axis=axes, keepdims=keep)),
    "log_sum_exp": _log_sum_exp,
}


def extreme_index(x: np.ndarray, axis: int, largest: bool, keep: bool) -> np.ndarray:
    """Where along the axis the largest number (or the smallest) is, of equal ones the first."""
    axis = axis_of(axis, x.ndim)
    found = (np.argmax if largest else np.argmin)(x, axis=axis).astype(np.int32)
    return np.expand_dims(found, axis) if keep else np.asarray(found)


def argsort(x: np.ndarray, axis: int, descending: bool) -> np.ndarray:
    """The order in which the numbers along the axis are sorted; equal ones stay in order."""
    axis = axis_of(axis, x.ndim)
    return np.argsort(-x if descending else x, axis=axis, kind="stable").astype(np.int32)


def top(x: np.ndarray, count: int, axis: int, smallest: bool) -> Tuple[np.ndarray, np.ndarray]:
    """The largest numbers along the axis (or the smallest), the first of them first, and where.

    Raises:
        KernelError: there are not so many.
    """
    axis = axis_of(axis, x.ndim)
    if not 0 <= count <= x.shape[axis]:
        raise KernelError(f"takes {count} of {x.shape[axis]}")
    order = np.take(argsort(x, axis, not smallest), np.arange(count), axis)
    return np.take_along_axis(x, order, axis), order


def cumulative_sum(x: np.ndarray, axis: int, exclusive: bool, reverse: bool) -> np.ndarray:
    """The sum of all numbers up to each along the axis; exclusive: without it; reverse: behind."""
    axis = axis_of(axis, x.ndim)
    turned = np.flip(x, axis) if reverse else x
    sums = np.cumsum(turned, axis=axis, dtype=x.dtype)
    if exclusive:
        sums = sums - turned
    return np.asarray(np.flip(sums, axis) if reverse else sums)
