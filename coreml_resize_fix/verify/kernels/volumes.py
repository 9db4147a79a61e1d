"""Convolutions and pooling of volumes (B, C, D, H, W): of the maps at each depth.

All keep the dtype of the volumes. Edges are (before, behind) along depth, height and width.

Sources: the comments of Convolution3DLayerParams and Pooling3DLayerParams in NeuralNetwork.proto,
and the documentation of MIL's conv and pooling operations.
"""

from typing import Optional, Tuple

import numpy as np

from coreml_resize_fix.verify.kernels import pooling
from coreml_resize_fix.verify.kernels.checks import (
    CALL,
    MOVED,
    KernelError,
    need_effort,
    need_rank,
    need_room,
)
from coreml_resize_fix.verify.kernels.convolution import convolve
from coreml_resize_fix.verify.kernels.windows import Pair

Triple = Tuple[int, int, int]
Edges = Tuple[Pair, Pair, Pair]


def convolve_volume(
    volumes: np.ndarray,
    weights: np.ndarray,
    bias: Optional[np.ndarray],
    stride: Triple,
    dilation: Triple,
    edges: Edges,
    groups: int,
) -> np.ndarray:
    """Sums of windows, zeros beyond the edges: (B, C, D, H, W) → (B, O, D', H', W').

    weights: (O, C / groups, kD, kH, kW); bias: (O,).
    """
    need_rank(volumes, 5, 5)
    padded = _pad_depth(volumes, edges[0], 0.0)
    batch, kernel = len(volumes), weights.shape[2]
    count = _count(padded.shape[2], kernel, stride[0], dilation[0])
    total: Optional[np.ndarray] = None
    for depth in range(kernel):
        first = depth * dilation[0]
        maps = padded[:, :, first : first + (count - 1) * stride[0] + 1 : stride[0]]
        maps = np.moveaxis(maps, 2, 1).reshape((batch * count,) + _but_depth(volumes))
        made = convolve(
            maps, weights[:, :, depth], None, stride[1:], dilation[1:], edges[1:], groups
        )
        total = made if total is None else total + made
    if total is None:
        raise KernelError("has a kernel of no depth")
    if bias is not None:
        total += np.asarray(bias, total.dtype).reshape(-1, 1, 1)
    return np.moveaxis(total.reshape((batch, count) + total.shape[1:]), 1, 2)


def average_pool_volume(
    volumes: np.ndarray, kernel: Triple, stride: Triple, edges: Edges, exclude_padding: bool
) -> np.ndarray:
    """The mean of every window, zeros beyond the edges.

    exclude_padding: divide by how many numbers of the volume a window has, not by all.
    """
    sums = _fold(np.add, volumes, kernel, stride, edges, 0.0)
    if not exclude_padding:
        return np.asarray(sums / volumes.dtype.type(kernel[0] * kernel[1] * kernel[2]))
    inside = np.ones((1, 1) + volumes.shape[2:], volumes.dtype)
    return np.asarray(sums / _fold(np.add, inside, kernel, stride, edges, 0.0))


def max_pool_volume(
    volumes: np.ndarray, kernel: Triple, stride: Triple, edges: Edges
) -> np.ndarray:
    """The largest number of every window."""
    return _fold(np.maximum, volumes, kernel, stride, edges, -np.inf)


def _fold(
    function: np.ufunc,
    volumes: np.ndarray,
    kernel: Triple,
    stride: Triple,
    edges: Edges,
    value: float,
) -> np.ndarray:
    need_rank(volumes, 5, 5)
    maps = pooling.fold(function, volumes, kernel[1:], stride[1:], edges[1:], value)
    padded = _pad_depth(maps, edges[0], value)
    count = _count(padded.shape[2], kernel[0], stride[0], 1)
    found = np.array(padded[:, :, : (count - 1) * stride[0] + 1 : stride[0]])
    need_effort(kernel[0] * (CALL + MOVED * found.size))
    for depth in range(1, kernel[0]):
        slices = padded[:, :, depth : depth + (count - 1) * stride[0] + 1 : stride[0]]
        function(found, slices, out=found)
    return found


def _pad_depth(volumes: np.ndarray, amounts: Pair, value: float) -> np.ndarray:
    if amounts == (0, 0):
        return volumes
    widths = [(0, 0), (0, 0), amounts, (0, 0), (0, 0)]
    need_room(size + sum(pair) for size, pair in zip(volumes.shape, widths))
    return np.pad(volumes, widths, mode="constant", constant_values=value)


def _count(size: int, kernel: int, stride: int, dilation: int) -> int:
    count = (size - (kernel - 1) * dilation - 1) // stride + 1
    if count < 1:
        raise KernelError("has a kernel larger than its input")
    return count


def _but_depth(volumes: np.ndarray) -> Tuple[int, ...]:
    return volumes.shape[1:2] + volumes.shape[3:]
