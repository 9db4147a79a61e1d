"""The resizes of an ML Program in NumPy, written down a second time.

The verdicts compare closed formulas (`dialects.mil`). A proof that used the same formulas would
repeat their mistakes, so the operations are computed here in the other form in which Apple
documents them: as a `linspace` of positions, and pixel by pixel.
"""

from typing import Callable, Dict, Optional, Tuple

import numpy as np

from coreml_resize_fix.formats.mlprogram.inventory import AvgPool
from coreml_resize_fix.formats.mlprogram.operations import (
    ResizeBilinear,
    ResizeNearest,
    ResizeToShape,
    UpsampleBilinear,
    UpsampleNearest,
)
from coreml_resize_fix.formats.mlprogram.parameters import ResizeOperation

Size = Tuple[int, int]
# (input size, output size) → source position of every output pixel along one axis
Positions = Callable[[int, int], np.ndarray]


def _strict(count: int, wanted: int) -> np.ndarray:
    return np.linspace(0, count - 1, wanted) if wanted > 1 else np.zeros(1)


def _aligned(count: int, wanted: int) -> np.ndarray:
    return np.linspace(0, count - 1, wanted) if wanted > 1 else np.array([(count - 1) / 2])


def _default(count: int, wanted: int) -> np.ndarray:
    if wanted == 1:
        return np.zeros(1)
    return np.minimum(count - 1, np.linspace(0, count - count / wanted, wanted))


def _offset(count: int, wanted: int) -> np.ndarray:
    spacing = max(1, count - 1) / wanted
    return np.minimum(count - 1, np.linspace(spacing / 2, spacing * (wanted - 0.5), wanted))


def _unaligned(count: int, wanted: int) -> np.ndarray:
    spacing = count / wanted
    return np.linspace(spacing / 2 - 0.5, count - 0.5 - spacing / 2, wanted)


# Source: the documentation of MIL's resize_bilinear (iOS 15).
SAMPLING_MODES: Dict[str, Positions] = {
    "STRICT_ALIGN_CORNERS": _strict,
    "ALIGN_CORNERS": _aligned,
    "DEFAULT": _default,
    "OFFSET_CORNERS": _offset,
    "UNALIGN_CORNERS": _unaligned,
}


def run(
    resize: ResizeOperation, images: np.ndarray, output_size: Optional[Size] = None
) -> np.ndarray:
    """What the operation makes of `images`, (…, height, width) → (…, new height, new width).

    `output_size` is for factors whose rounding leaves the size open, and for computed sizes.

    Raises:
        LookupError: the size is computed at run time and not given.
    """
    before = images.shape[-2:]
    wanted = output_size or resize.output_size((before[0], before[1]))
    for axis, (count, size) in zip((-2, -1), zip(before, wanted)):
        if isinstance(resize, ResizeToShape) and axis == -2 and resize.resized_dims == 1:
            continue
        images = np.swapaxes(_along(resize, np.swapaxes(images, axis, -1), count, size), axis, -1)
    return images


def _along(resize: ResizeOperation, images: np.ndarray, count: int, wanted: int) -> np.ndarray:
    """Resize the last axis."""
    if isinstance(resize, (UpsampleNearest, ResizeNearest)):
        # Output pixel i begins at the fraction i / N of the row: the pixel that covers it is read.
        return images[..., np.arange(wanted) * count // wanted]
    if isinstance(resize, ResizeToShape) and resize.copies_nearest:
        at = np.clip(SAMPLING_MODES[resize.sampling_mode](count, wanted), 0, count - 1)
        distances = np.abs(np.arange(count)[:, np.newaxis] - at)
        return images[..., np.argmin(np.round(distances, 9), axis=0)]
    return interpolate(images, _positions(resize)(count, wanted))


def _positions(resize: ResizeOperation) -> Positions:
    if isinstance(resize, (ResizeBilinear, ResizeToShape)):
        return SAMPLING_MODES[resize.sampling_mode]
    assert isinstance(resize, UpsampleBilinear)
    if resize.align_corners:
        return _strict
    return _default if resize.half_pixel_centers is False else _unaligned


def interpolate(images: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Linear interpolation along the last axis at positions in pixels, clamped to the image."""
    count = images.shape[-1]
    at = np.clip(positions, 0, count - 1)
    left = np.floor(at).astype(np.int64)
    share = (at - left).astype(images.dtype)
    right = np.minimum(left + 1, count - 1)
    return np.asarray(images[..., left] * (1 - share) + images[..., right] * share)


def average(pool: AvgPool, images: np.ndarray) -> np.ndarray:
    """What an avg_pool makes of `images`, window by window."""
    before = (images.shape[-2], images.shape[-1])
    after = pool.output_size(before)
    rows, columns = (
        [range(at, at + kernel) for at in range(-first, -first + count * stride, stride)]
        for (kernel, stride, first), count in (
            (pool.window(axis, size, count), count)
            for axis, (size, count) in enumerate(zip(before, after))
        )
    )
    counts_all = not (pool.exclude_padding_from_average or pool.ceil_mode)
    found = np.empty(images.shape[:-2] + after, images.dtype)
    for i, along_rows in enumerate(rows):
        for j, along_columns in enumerate(columns):
            top, left = max(along_rows.start, 0), max(along_columns.start, 0)
            part = images[..., top : along_rows.stop, left : along_columns.stop]
            inside = part.shape[-1] * part.shape[-2]
            count = len(along_rows) * len(along_columns) if counts_all else inside
            found[..., i, j] = part.sum((-2, -1)) / count
    return found
