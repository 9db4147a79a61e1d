"""Windows over height and width of images (…, H, W): padding, cropping.

All keep the dtype of the images.
"""

from typing import List, Tuple

import numpy as np

from coreml_resize_fix.verify.kernels.checks import KernelError, need_room

Pair = Tuple[int, int]
Edges = Tuple[Pair, Pair]  # (top, bottom), (left, right), in pixels

NO_EDGES: Edges = ((0, 0), (0, 0))


def pad(images: np.ndarray, edges: Edges, value: float = 0.0) -> np.ndarray:
    """Add pixels of one value: (…, H, W) → (…, top + H + bottom, left + W + right)."""
    if edges == NO_EDGES:
        return images
    return np.pad(images, _widths(images, edges), mode="constant", constant_values=value)


def repeat_edges(images: np.ndarray, edges: Edges) -> np.ndarray:
    """Repeat the first and the last pixels: (…, H, W) → (…, top + H + bottom, left + W + right)."""
    return np.pad(images, _widths(images, edges), mode="edge")


def reflect_edges(images: np.ndarray, edges: Edges) -> np.ndarray:
    """Mirror what follows the edge: (…, H, W) → (…, top + H + bottom, left + W + right)."""
    return np.pad(images, _widths(images, edges), mode="reflect")


def _widths(images: np.ndarray, edges: Edges) -> List[Pair]:
    sizes = [size + sum(edge) for size, edge in zip(images.shape[-2:], edges)]
    need_room(images.shape[:-2] + tuple(sizes))
    return [(0, 0)] * (images.ndim - 2) + list(edges)


def crop(images: np.ndarray, edges: Edges) -> np.ndarray:
    """Cut off the edges: (…, H, W) → (…, H - top - bottom, W - left - right), a view.

    Raises:
        KernelError: nothing would be left.
    """
    (top, bottom), (left, right) = edges
    height, width = images.shape[-2:]
    if top + bottom >= height or left + right >= width:
        raise KernelError(f"leaves nothing of {height}x{width}")
    return images[..., top : height - bottom, left : width - right]


def windows(
    images: np.ndarray, kernel: Pair, stride: Pair = (1, 1), dilation: Pair = (1, 1)
) -> np.ndarray:
    """Every window of the images, a view: (…, H, W) → (…, kH, kW, H', W').

    Element [j, i] is pixel i * stride + j * dilation, along height and width.

    Raises:
        KernelError: a window is larger than the image.
    """
    counts = [
        (size - (k - 1) * d - 1) // s + 1
        for size, k, s, d in zip(images.shape[-2:], kernel, stride, dilation)
    ]
    if min(counts) < 1:
        raise KernelError("has a kernel larger than its input")
    down, right = images.strides[-2:]
    steps = (down * dilation[0], right * dilation[1], down * stride[0], right * stride[1])
    return np.lib.stride_tricks.as_strided(
        images,
        images.shape[:-2] + tuple(kernel) + tuple(counts),
        images.strides[:-2] + steps,
        writeable=False,
    )
