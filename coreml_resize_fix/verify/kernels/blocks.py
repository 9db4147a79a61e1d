"""Move pixels between height and width and the channels, or the batch, of images [B, C, H, W].

All keep the dtype of the images. Leading axes before the last three are all batch.

Sources: the documentation of MIL's pixel_shuffle, depth_to_space, space_to_depth, space_to_batch
and batch_to_space, and the comments of ReorganizeDataLayerParams in NeuralNetwork.proto.
"""

from typing import Tuple

import numpy as np

from coreml_resize_fix.verify.kernels.checks import KernelError, need_rank
from coreml_resize_fix.verify.kernels.windows import Edges, Pair, crop, pad


def to_space(images: np.ndarray, factor: int, channels_first: bool) -> np.ndarray:
    """[B, C * f * f, H, W] → [B, C, H * f, W * f].

    channels_first: channel (c, y, x) becomes pixel (y, x) of channel c (pixel shuffle); else
    channel (y, x, c) does (depth to space).
    """
    need_rank(images, 3)
    lead, (channels, height, width) = images.shape[:-3], images.shape[-3:]
    if factor < 1 or channels % (factor * factor):
        raise KernelError(f"cannot cut {channels} channels into blocks of {factor}")
    depth = channels // (factor * factor)
    if channels_first:
        parts = images.reshape(-1, depth, factor, factor, height, width)
        moved = parts.transpose(0, 1, 4, 2, 5, 3)
    else:
        parts = images.reshape(-1, factor, factor, depth, height, width)
        moved = parts.transpose(0, 3, 4, 1, 5, 2)
    return np.asarray(moved.reshape(lead + (depth, height * factor, width * factor)))


def to_depth(images: np.ndarray, factor: int, channels_first: bool) -> np.ndarray:
    """[B, C, H, W] → [B, C * f * f, H / f, W / f], the other way round."""
    need_rank(images, 3)
    lead, (channels, height, width) = images.shape[:-3], images.shape[-3:]
    if factor < 1 or height % factor or width % factor:
        raise KernelError(f"cannot cut {height}x{width} into blocks of {factor}")
    parts = images.reshape(-1, channels, height // factor, factor, width // factor, factor)
    order = (0, 1, 3, 5, 2, 4) if channels_first else (0, 3, 5, 1, 2, 4)
    shape = (channels * factor * factor, height // factor, width // factor)
    return np.asarray(parts.transpose(order).reshape(lead + shape))


def space_to_batch(images: np.ndarray, block: Pair, edges: Edges) -> np.ndarray:
    """[B, C, H, W] → [f * g * B, C, H' / f, W' / g], zeros beyond the edges."""
    padded = pad(images, edges)
    batch, channels, height, width = padded.shape
    _need_whole(height, block[0])
    _need_whole(width, block[1])
    parts = padded.reshape(
        batch, channels, height // block[0], block[0], width // block[1], block[1]
    )
    shape: Tuple[int, ...] = (-1, channels, height // block[0], width // block[1])
    return np.asarray(parts.transpose(3, 5, 0, 1, 2, 4).reshape(shape))


def batch_to_space(images: np.ndarray, block: Pair, edges: Edges) -> np.ndarray:
    """[f * g * B, C, H, W] → [B, C, H * f, W * g] without the edges."""
    batch, channels, height, width = images.shape
    _need_whole(batch, block[0] * block[1])
    parts = images.reshape(block[0], block[1], -1, channels, height, width)
    shape = (-1, channels, height * block[0], width * block[1])
    return crop(parts.transpose(2, 3, 4, 0, 5, 1).reshape(shape), edges)


def _need_whole(size: int, factor: int) -> None:
    if factor < 1 or size % factor:
        raise KernelError(f"cannot cut {size} into blocks of {factor}")
