"""Resizes of images (…, H, W): linear or nearest at positions, copied pixels, boxes.

All keep the dtype of the images, which must be floating.
"""

from typing import Callable, Dict, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.verify.kernels.checks import CALL, KernelError, need_effort, need_room
from coreml_resize_fix.verify.kernels.positions import POSITIONS

_BLOCK = 256  # outputs at a time, so that no second map is held in memory

Interval = Tuple[float, float]


def resize(
    images: np.ndarray,
    size: Sequence[int],
    mode: Optional[str],
    nearest: bool = False,
    axes: Sequence[int] = (-1, -2),
) -> np.ndarray:
    """Resize images (…, H, W) to `size`, (height, width), along `axes`.

    mode: a key of POSITIONS; None copies the pixel in which an output begins (`copy_pixels`).
    nearest: take the nearest pixel of each position instead of interpolating.
    """
    for axis in axes:
        if mode is None:
            images = copy_pixels(images, size[axis], axis)
        else:
            sample = take_nearest if nearest else interpolate
            images = sample(images, POSITIONS[mode](images.shape[axis], size[axis]), axis)
    return images


def interpolate(images: np.ndarray, positions: np.ndarray, axis: int = -1) -> np.ndarray:
    """Interpolate linearly along an axis at positions in pixels, clamped to the image.

    The axis of the result has as many pixels as there are positions.
    """
    last = images.shape[axis] - 1
    at = np.clip(positions, 0, last)
    left = np.floor(at).astype(np.int64)
    right = np.minimum(left + 1, last)
    along = (-1,) + (1,) * (images.ndim - 1 - axis % images.ndim)
    share = (at - left).astype(images.dtype).reshape(along)
    shape = _with_side(images, len(at), axis)
    result = np.empty(shape, images.dtype)
    target = np.moveaxis(result, axis, 0)
    for first in range(0, len(at), _BLOCK):
        part = slice(first, first + _BLOCK)
        made = np.take(images, left[part], axis) * (1 - share[part])
        made += np.take(images, right[part], axis) * share[part]
        target[part] = np.moveaxis(made, axis, 0)
    return result


def take_nearest(images: np.ndarray, positions: np.ndarray, axis: int = -1) -> np.ndarray:
    """Take the pixel nearest to each position in pixels along an axis, of two the first."""
    at = np.clip(positions, 0, images.shape[axis] - 1)
    # What was computed in double precision may miss the middle of two pixels by its last digits.
    nearest = np.ceil(np.round(at, 9) - 0.5).astype(np.int64)
    _with_side(images, len(at), axis)
    return np.asarray(np.take(images, nearest, axis))


def copy_pixels(images: np.ndarray, count: int, axis: int = -1) -> np.ndarray:
    """Resize an axis by copying: output i begins at the fraction i / count of the row, and is the
    pixel that covers this place."""
    _with_side(images, count, axis)
    covering = np.arange(count) * images.shape[axis] // count
    return np.asarray(np.take(images, covering, axis))


def _with_side(images: np.ndarray, side: int, axis: int) -> Sequence[int]:
    """The shape of the images with another side, which may be larger than the end result."""
    shape = list(images.shape)
    shape[axis] = side
    need_room(shape)
    return shape


def crop_resize(
    images: np.ndarray,
    boxes: np.ndarray,
    size: Sequence[int],
    mode: str,
    layout: str = "CORNERS_HEIGHT_FIRST",
    normalized: bool = False,
    scale: float = 1.0,
    outside: Optional[float] = None,
) -> np.ndarray:
    """Resize boxes of images [B, C, H, W] to `size` → [boxes, B or 1, C, height, width].

    boxes: [boxes, 4], each in every image, or [boxes, 5], of the image whose index comes first.
    mode: a key of POSITIONS; layout: a key of BOX_LAYOUTS, of coordinates that are in pixels, or
    `normalized` to [0, 1], when `scale` has multiplied them.
    outside: what lies outside of the image (MIL); without it no box may leave the image.

    Source: the comments of CropResizeLayerParams in NeuralNetwork.proto.

    Raises:
        KernelError: a box leaves the image.
    """
    need_effort(len(boxes) * 8 * CALL)
    made = []
    for box in boxes:
        batch = images if len(box) == 4 else images[int(box[0])][np.newaxis]
        intervals = BOX_LAYOUTS[layout](*(box[-4:] * scale).tolist())
        for axis, (start, end) in zip((-2, -1), intervals):
            last = images.shape[axis] - 1
            if normalized:
                start, end = start * last, end * last
            if outside is None and (min(start, end) < 0 or max(start, end) > last):
                raise KernelError(f"box ({start}, {end}) leaves [0, {last}]")
            # Of an interval of so many pixels, from its beginning on; a reversed one runs back.
            points = POSITIONS[mode](abs(end - start) + 1, size[axis])
            points = start + np.sign(end - start or 1) * points
            batch = interpolate(batch, points, axis)
            if outside is not None:
                near = np.round(points, 9)  # the linspace may miss the edge by its last digits
                np.moveaxis(batch, axis, 0)[(near < 0) | (near > last)] = outside
        made.append(batch)
    return np.stack(made)


def _around(y: float, x: float, height: float, width: float) -> Tuple[Interval, Interval]:
    return (y - height / 2, y + height / 2), (x - width / 2, x + width / 2)


# What four numbers mean: the intervals along height and width.
# Source: BoxCoordinatesMode in NeuralNetwork.proto.
BOX_LAYOUTS: Dict[str, Callable[..., Tuple[Interval, Interval]]] = {
    "CORNERS_HEIGHT_FIRST": lambda top, left, bottom, right: ((top, bottom), (left, right)),
    "CORNERS_WIDTH_FIRST": lambda left, top, right, bottom: ((top, bottom), (left, right)),
    "CENTER_SIZE_HEIGHT_FIRST": _around,
    "CENTER_SIZE_WIDTH_FIRST": lambda x, y, width, height: _around(y, x, height, width),
}
