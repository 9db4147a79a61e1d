"""Convolutions of images (…, C, H, W), of groups, strides and dilations, and transposed ones.

Both keep the dtype of the images; weights and biases are rounded to it.

Source: the comments of ConvolutionLayerParams in NeuralNetwork.proto.
"""

from typing import List, Optional, Tuple

import numpy as np

from coreml_resize_fix.verify.kernels.checks import CALL, MOVED, KernelError, need_effort, need_room
from coreml_resize_fix.verify.kernels.strips import by_channel, by_rows, by_windows
from coreml_resize_fix.verify.kernels.windows import NO_EDGES, Edges, Pair, crop


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
    outputs, kernel = len(weights), (weights.shape[-2], weights.shape[-1])
    _need_groups(channels, weights.shape[1] * groups, outputs, groups)
    size = _counts(images.shape[-2:], kernel, stride, dilation, edges)
    need_room(lead + (outputs,) + size)
    maps = max(1, images.size // max(1, channels * images.shape[-2] * images.shape[-1]))
    copies = MOVED * weights.size * groups // max(1, outputs)
    need_effort(maps * (CALL + (weights.size + copies) * size[0] * size[1]))
    grouped = images.reshape((-1, groups, channels // groups) + images.shape[-2:])
    numbers = np.asarray(weights, images.dtype)
    numbers = numbers.reshape((groups, outputs // groups) + weights.shape[1:])
    result = np.empty((len(grouped), groups, outputs // groups) + size, images.dtype)
    if kernel == stride == (1, 1) and edges == NO_EDGES:
        flat = grouped.reshape(grouped.shape[:3] + (-1,))
        np.matmul(numbers[..., 0, 0], flat, out=result.reshape(result.shape[:3] + (-1,)))
        return _finish(result, lead, bias)
    # What moves in memory for each pixel of a group: rows to copy and sums to add, or windows.
    rows = kernel[0] * weights.shape[1] + 2 * kernel[1] * (outputs // groups)
    if weights.shape[1] == 1 and groups > 1:
        compute = by_channel
    elif stride[1] == 1 and rows < 2 * kernel[0] * kernel[1] * weights.shape[1]:
        compute = by_rows
    else:
        compute = by_windows
    for image, made in zip(grouped, result):
        compute(image, numbers, made, stride, dilation, edges)
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
    group; H' is (H - 1) * stride + (kH - 1) * dilation + 1, less what is cut off. Where an edge
    behind is negative, zeros are added.
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
        (n - 1) * s + (k - 1) * d + 1 + max(0, -edge[1])
        for n, s, k, d, edge in zip((rows, columns), stride, kernel, dilation, edges)
    )
    need_room((len(pixels), groups, each, height, width))
    sums = weights.size + MOVED * weights.size * groups // max(1, channels)
    need_effort(kernel[0] * kernel[1] * CALL + sums * len(pixels) * rows * columns)
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
    (above, below), (before, behind) = edges
    cut = crop(result, ((above, max(below, 0)), (before, max(behind, 0))))
    return _finish(cut, lead, bias)


def _counts(
    size: Tuple[int, ...], kernel: Pair, stride: Pair, dilation: Pair, edges: Edges
) -> Pair:
    found: List[int] = []
    for pixels, k, s, d, edge in zip(size, kernel, stride, dilation, edges):
        found.append((pixels + sum(edge) - (k - 1) * d - 1) // s + 1)
    if min(found) < 1:
        raise KernelError("has a kernel larger than its input")
    return found[0], found[1]


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
