"""Convolutions of images (…, C, H, W), of groups, strides and dilations, and transposed ones.

Both keep the dtype of the images; weights and biases are rounded to it.

Source: the comments of ConvolutionLayerParams in NeuralNetwork.proto.
"""

from typing import Optional, Tuple

import numpy as np

from coreml_resize_fix.verify.kernels.checks import KernelError
from coreml_resize_fix.verify.kernels.windows import NO_EDGES, Edges, crop, pad, windows

__all__ = ["convolve", "deconvolve"]

Pair = Tuple[int, int]

# Numbers of the windows that are copied for one matrix product: they stay in a core's cache.
_STRIP = 1 << 18


def convolve(
    images: np.ndarray,
    weights: np.ndarray,
    bias: Optional[np.ndarray] = None,
    stride: Pair = (1, 1),
    dilation: Pair = (1, 1),
    edges: Edges = NO_EDGES,
    groups: int = 1,
) -> np.ndarray:
    """Sums of windows, zeros beyond the `edges`: (…, C, H, W) → (…, O, H', W').

    out[o, i] is the sum over c and j of weights[o, c, j] * in[c, i * stride + j * dilation], where
    o and c are of the same group. weights: (O, C / groups, kH, kW); bias: (O,).

    Raises:
        KernelError: channels and groups do not fit, or the kernel is larger than the image.
    """
    lead, channels = images.shape[:-3], images.shape[-3]
    outputs, kernel = len(weights), weights.shape[-2:]
    _need_groups(channels, weights.shape[1] * groups, outputs, groups)
    padded = pad(images.reshape((-1,) + images.shape[-3:]), edges)
    view = windows(padded, kernel, stride, dilation)
    height, width = view.shape[-2:]
    matrix = np.asarray(weights, images.dtype).reshape(groups, outputs // groups, -1)
    result = np.empty((len(padded), groups, outputs // groups, height, width), images.dtype)
    rows = max(1, _STRIP // (channels * kernel[0] * kernel[1] * width))
    for image, made in zip(view, result):
        for first in range(0, height, rows):
            strip = image[..., first : first + rows, :]
            target = made[..., first : first + rows, :]
            product = np.matmul(matrix, strip.reshape(groups, matrix.shape[-1], -1))
            target[...] = product.reshape(target.shape)
    return _finish(result, lead, bias)


def deconvolve(
    images: np.ndarray,
    weights: np.ndarray,
    bias: Optional[np.ndarray] = None,
    stride: Pair = (1, 1),
    dilation: Pair = (1, 1),
    edges: Edges = NO_EDGES,
    groups: int = 1,
) -> np.ndarray:
    """Add the weights of every pixel, and cut the `edges` off: (…, C, H, W) → (…, O, H', W').

    out[o, i * stride + j * dilation] += weights[c, o, j] * in[c, i], where o and c are of the same
    group; H' is (H - 1) * stride + (kH - 1) * dilation + 1, less what is cut off.
    weights: (C, O / groups, kH, kW); bias: (O,).

    Raises:
        KernelError: channels and groups do not fit, or nothing would be left.
    """
    lead, (channels, rows, columns) = images.shape[:-3], images.shape[-3:]
    each, kernel = weights.shape[1], weights.shape[-2:]
    _need_groups(channels, len(weights), each * groups, groups)
    pixels = images.reshape((-1, groups, channels // groups, rows * columns))
    matrix = np.asarray(weights, images.dtype).reshape((groups, -1, each) + kernel)
    height, width = (
        (n - 1) * s + (k - 1) * d + 1
        for n, s, k, d in zip((rows, columns), stride, kernel, dilation)
    )
    result = np.zeros((len(pixels), groups, each, height, width), images.dtype)
    for row, column in np.ndindex(*kernel):
        top, left = row * dilation[0], column * dilation[1]
        target = result[
            ...,
            top : top + (rows - 1) * stride[0] + 1 : stride[0],
            left : left + (columns - 1) * stride[1] + 1 : stride[1],
        ]
        tap = np.swapaxes(matrix[..., row, column], -1, -2)
        target += np.matmul(tap, pixels).reshape(target.shape)
    return _finish(crop(result, edges), lead, bias)


def _need_groups(channels: int, wanted: int, outputs: int, groups: int) -> None:
    if channels != wanted or channels % groups or outputs % groups:
        raise KernelError(f"{channels} channels in {groups} groups do not fit")


def _finish(result: np.ndarray, lead: Tuple[int, ...], bias: Optional[np.ndarray]) -> np.ndarray:
    """[B, groups, O / groups, H, W] → (…, O, H, W), with the bias added."""
    size = result.shape[-2:]
    made: np.ndarray = result.reshape((len(result), -1) + size)
    if bias is not None:
        made += np.asarray(bias, made.dtype).reshape(-1, 1, 1)
    return made.reshape(lead + made.shape[1:])
