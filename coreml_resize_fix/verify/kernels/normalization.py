"""Normalizations: of channels, of instances, of layers, by the length, by neighbours.

All keep the dtype of the array. Channels are axis -3 of images (…, C, H, W) unless said otherwise.

Sources: the documentation of MIL's normalization operations, and the comments of
BatchnormLayerParams, MeanVarianceNormalizeLayerParams, L2NormalizeLayerParams and LRNLayerParams in
NeuralNetwork.proto.
"""

from typing import Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.verify.kernels.checks import KernelError, axis_of


def batch_norm(
    x: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    gamma: Optional[np.ndarray],
    beta: Optional[np.ndarray],
    epsilon: float,
    axis: int,
) -> np.ndarray:
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, with one number a channel of `axis`.

    Raises:
        KernelError: there are not as many numbers as channels.
    """
    axis = axis_of(axis, x.ndim)
    # In double precision, as there are few: the two roundings of each channel stay small.
    scale = 1.0 / np.sqrt(np.asarray(variance, np.float64) + epsilon)
    if gamma is not None:
        scale = scale * gamma
    offset = -np.asarray(mean, np.float64) * scale
    if beta is not None:
        offset = offset + beta
    made: np.ndarray = x * _along(scale, x, axis)
    made += _along(offset, x, axis)
    return made


def mean_variance_norm(
    x: np.ndarray, axes: Sequence[int], epsilon: float, with_variance: bool = True
) -> np.ndarray:
    """(x - mean) / sqrt(variance + epsilon), both over these axes; or (x - mean) alone."""
    along = tuple(axis_of(axis, x.ndim) for axis in axes)
    made: np.ndarray = x - x.mean(axis=along, keepdims=True, dtype=x.dtype)
    if with_variance:
        variance = np.square(made).mean(axis=along, keepdims=True, dtype=x.dtype)
        made /= np.sqrt(variance + x.dtype.type(epsilon))
    return made


def layer_norm(
    x: np.ndarray,
    axes: Sequence[int],
    gamma: Optional[np.ndarray],
    beta: Optional[np.ndarray],
    epsilon: float,
) -> np.ndarray:
    """`mean_variance_norm`, times gamma, plus beta, which have the shape of those axes.

    Raises:
        KernelError: they have another.
    """
    along = sorted(axis_of(axis, x.ndim) for axis in axes)
    made = mean_variance_norm(x, along, epsilon)
    shape = [size if axis in along else 1 for axis, size in enumerate(x.shape)]
    for numbers, apply in ((gamma, np.multiply), (beta, np.add)):
        if numbers is not None:
            if numbers.size != np.prod(shape):
                raise KernelError(f"has {numbers.size} numbers for a shape of {shape}")
            apply(made, np.asarray(numbers, x.dtype).reshape(shape), out=made)
    return made


def length_norm(x: np.ndarray, epsilon: float) -> np.ndarray:
    """x / sqrt of epsilon and the sum of its squares over the last three axes."""
    squares = np.square(x).sum(axis=(-3, -2, -1), keepdims=True)
    return np.asarray(x / np.sqrt(squares + x.dtype.type(epsilon)))


def local_response_norm(
    x: np.ndarray, size: int, alpha: float, beta: float, k: float, axis: int = -3
) -> np.ndarray:
    """x / (k + alpha / size * the sum of squares of `size` channels around it) ^ beta.

    The channels are those from (size - 1) // 2 before, as in PyTorch an even size has one more
    before than behind.
    """
    axis = axis_of(axis, x.ndim)
    if size < 1:
        raise KernelError(f"has a size of {size}")
    count = x.shape[axis]
    # Differences of running sums, which would lose digits in single precision.
    sums = np.zeros((x.shape[axis] + 1,) + x.shape[:axis] + x.shape[axis + 1 :])
    np.cumsum(np.moveaxis(np.square(x), axis, 0), axis=0, dtype=np.float64, out=sums[1:])
    before = size // 2
    first = np.maximum(np.arange(count) - before, 0)
    last = np.minimum(np.arange(count) - before + size, count)
    total = np.moveaxis(sums[last] - sums[first], 0, axis).astype(x.dtype)
    kind = x.dtype.type
    return np.asarray(x / np.power(kind(k) + kind(alpha / size) * total, kind(beta)))


def _along(numbers: np.ndarray, x: np.ndarray, axis: int) -> np.ndarray:
    if numbers.size not in (1, x.shape[axis]):
        raise KernelError(f"has {numbers.size} numbers for {x.shape[axis]} channels")
    shape: Tuple[int, ...] = (1,) * axis + (-1,) + (1,) * (x.ndim - axis - 1)
    return numbers.astype(x.dtype).reshape(shape)
