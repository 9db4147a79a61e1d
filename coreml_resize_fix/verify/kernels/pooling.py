"""The largest, the mean and the length of windows over height and width of images (…, H, W).

All keep the dtype of the images.

Sources: the comments of PoolingLayerParams in NeuralNetwork.proto, and the documentation of MIL's
pooling operations.
"""

import numpy as np

from coreml_resize_fix.verify.kernels.checks import CALL, MOVED, need_effort
from coreml_resize_fix.verify.kernels.windows import NO_EDGES, Edges, Pair, pad, windows


def average_pool(
    images: np.ndarray,
    kernel: Pair,
    stride: Pair = (1, 1),
    edges: Edges = NO_EDGES,
    exclude_padding: bool = False,
    beyond: Pair = (0, 0),
) -> np.ndarray:
    """The mean of every window, zeros beyond the `edges`: (…, H, W) → (…, H', W').

    exclude_padding: divide by how many pixels of the image a window has, not by all.
    beyond: so many rows and columns of the edges, at the bottom and at the right, are there only to
    complete the last windows, and no window counts them (as in PyTorch's `ceil_mode`).
    """
    sums = fold(np.add, images, kernel, stride, edges)
    if edges == NO_EDGES or not (exclude_padding or any(beyond)):
        sums /= images.dtype.type(kernel[0] * kernel[1])
        return sums
    (top, bottom), (left, right) = edges
    counted = np.ones(images.shape[-2:], images.dtype)
    if not exclude_padding:
        counted = pad(counted, ((top, bottom - beyond[0]), (left, right - beyond[1])), 1.0)
        edges = ((0, beyond[0]), (0, beyond[1]))
    sums /= fold(np.add, counted, kernel, stride, edges)
    return sums


def max_pool(
    images: np.ndarray, kernel: Pair, stride: Pair = (1, 1), edges: Edges = NO_EDGES
) -> np.ndarray:
    """The largest number of every window that the image has: (…, H, W) → (…, H', W')."""
    return fold(np.maximum, images, kernel, stride, edges, -np.inf)


def length_pool(
    images: np.ndarray, kernel: Pair, stride: Pair = (1, 1), edges: Edges = NO_EDGES
) -> np.ndarray:
    """The square root of the sum of the squares in every window: (…, H, W) → (…, H', W')."""
    sums = fold(np.add, np.square(images), kernel, stride, edges)
    return np.asarray(np.sqrt(sums, out=sums))


def fold(
    function: np.ufunc,
    images: np.ndarray,
    kernel: Pair,
    stride: Pair,
    edges: Edges,
    value: float = 0.0,
) -> np.ndarray:
    """The function over the columns of each window, then over its rows.

    value: what lies beyond the edges.
    """
    taps = windows(pad(images, edges, value), (1, kernel[1]), (1, stride[1]))
    across = np.array(taps[..., 0, 0, :, :])
    need_effort(kernel[1] * (CALL + MOVED * across.size))
    for column in range(1, kernel[1]):
        function(across, taps[..., 0, column, :, :], out=across)
    taps = windows(across, (kernel[0], 1), (stride[0], 1))
    found = np.array(taps[..., 0, 0, :, :])
    need_effort(kernel[0] * (CALL + MOVED * found.size))
    for row in range(1, kernel[0]):
        function(found, taps[..., row, 0, :, :], out=found)
    return found
