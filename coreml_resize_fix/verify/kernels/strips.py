"""Three ways to convolve one image, each with little memory; they differ in what they copy.

All take an image [G, C, H, W], weights [G, O, C, kH, kW] and write to [G, O, H', W'].

by_windows  copies every window of some rows; one matrix product
by_rows     copies the rows that windows have, once for each row of the kernel; one product gives
            the sums of each column of the kernel, which are shifted and added
by_channel  the same for groups of one channel, all channels of a block at once
"""

from typing import Tuple

import numpy as np

from coreml_resize_fix.verify.kernels.checks import need_room
from coreml_resize_fix.verify.kernels.windows import Edges, Pair, pad, windows

# Numbers that are copied for one matrix product: windows stay in a core's cache; rows are few.
_WINDOWS, _ROWS, _CHANNELS = 1 << 18, 1 << 19, 1 << 15


def by_windows(
    image: np.ndarray,
    weights: np.ndarray,
    made: np.ndarray,
    stride: Pair,
    dilation: Pair,
    edges: Edges,
) -> None:
    """Few channels, or strides."""
    groups = len(image)
    kernel = weights.shape[-2], weights.shape[-1]
    height, width = made.shape[-2:]
    view = windows(pad(image, edges), kernel, stride, dilation)
    matrix = weights.reshape(groups, weights.shape[1], -1)
    rows = max(1, _WINDOWS // (groups * matrix.shape[-1] * width))
    for first in range(0, height, rows):
        strip = view[..., first : first + rows, :]
        need_room(strip.shape)
        target = made[..., first : first + rows, :]
        product = np.matmul(matrix, strip.reshape(groups, matrix.shape[-1], -1))
        target[...] = product.reshape(target.shape)


def by_rows(
    image: np.ndarray,
    weights: np.ndarray,
    made: np.ndarray,
    stride: Pair,
    dilation: Pair,
    edges: Edges,
) -> None:
    """Many channels; columns have no stride."""
    groups, outputs, channels, kernel = weights.shape[:4]
    across, (height, width) = weights.shape[-1], made.shape[-2:]
    wide = image.shape[-1] + sum(edges[1])
    matrix = np.ascontiguousarray(weights.transpose(0, 4, 1, 2, 3))
    matrix = matrix.reshape(groups, across * outputs, channels * kernel)
    most = max(channels * kernel, across * outputs) * groups * wide
    rows = max(1, _ROWS // most)
    for first in range(0, height, rows):
        count = min(rows, height - first)
        copied = _rows(image, kernel, stride[0], dilation[0], edges, first, count)
        need_room((groups, across, outputs, count, wide))
        sums = np.matmul(matrix, copied.reshape(groups, channels * kernel, -1))
        sums = sums.reshape(groups, across, outputs, count, wide)
        target = made[..., first : first + count, :]
        target[...] = sums[:, 0, ..., :width]
        for column in range(1, across):
            left = column * dilation[1]
            target += sums[:, column, ..., left : left + width]


def by_channel(
    image: np.ndarray,
    weights: np.ndarray,
    made: np.ndarray,
    stride: Pair,
    dilation: Pair,
    edges: Edges,
) -> None:
    """Groups of one channel: image [G, 1, H, W], weights [G, O, 1, kH, kW]."""
    groups, outputs, _, kernel, across = weights.shape
    height, width = made.shape[-2:]
    wide = image.shape[-1] + sum(edges[1])
    matrix = np.ascontiguousarray(weights[:, :, 0].transpose(0, 3, 1, 2))
    matrix = matrix.reshape(groups, across * outputs, kernel)
    block = max(1, _CHANNELS // (height * wide))
    # Without a stride, a shifted map is a shifted row of numbers: what runs over the right edge
    # of a row of pixels is cut off in the end.
    whole = height * wide - (across - 1) * dilation[1]

    for first in range(0, groups, block):
        part = slice(first, first + block)
        copied = _rows(image[part], kernel, stride[0], dilation[0], edges, 0, height)
        need_room((len(copied), across, outputs, height, wide))
        sums = np.matmul(matrix[part], copied.reshape(-1, kernel, height * wide))
        sums = sums.reshape(-1, across, outputs, height * wide)
        if stride[1] == 1:
            total = sums[:, 0]
            for column in range(1, across):
                left = column * dilation[1]
                total[..., :whole] += sums[:, column, :, left : left + whole]
            made[part] = total.reshape(total.shape[:2] + (height, wide))[..., :width]
            continue
        maps = sums.reshape(-1, across, outputs, height, wide)
        span = (width - 1) * stride[1] + 1
        target = made[part]
        target[...] = maps[:, 0, ..., : span : stride[1]]
        for column in range(1, across):
            left = column * dilation[1]
            target += maps[:, column, ..., left : left + span : stride[1]]


def _rows(
    image: np.ndarray,
    kernel: int,
    stride: int,
    dilation: int,
    edges: Edges,
    first: int,
    count: int,
) -> np.ndarray:
    """For each row of the kernel the rows that `count` outputs from `first` on read with it.

    [G, C, H, W] → [G, C, kernel, count, left + W + right], zeros beyond the edges.
    """
    (top, _), (left, right) = edges
    groups, channels, height, width = image.shape
    shape: Tuple[int, ...] = (groups, channels, kernel, count, left + width + right)
    need_room(shape)
    copied = np.empty(shape, image.dtype)
    copied[..., :left] = 0
    copied[..., left + width :] = 0
    inside = copied[..., left : left + width]
    for row in range(kernel):
        at = first * stride + row * dilation - top  # the row of the image that the first one reads
        start = min(count, max(0, -(at // stride)))
        stop = max(start, min(count, (height - 1 - at) // stride + 1))
        inside[:, :, row, :start] = 0
        inside[:, :, row, stop:] = 0
        if stop > start:
            begin = at + start * stride
            end = begin + (stop - start - 1) * stride + 1
            inside[:, :, row, start:stop] = image[:, :, begin:end:stride]
    return copied
