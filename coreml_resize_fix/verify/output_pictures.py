"""Outputs of a network as small planes that a report can show.

Pixels are picked and never mixed, so that each is a value of the output; of a difference the
largest of all pixels that one stands for is kept, so that nothing that is off gets lost.
"""

from typing import List, Optional, Tuple

import numpy as np

from coreml_resize_fix.verify.layouts import squeezed
from coreml_resize_fix.verify.overview import (
    IMAGE,
    LABELS,
    MAP,
    SCORES,
    Difference,
    OutputPicture,
)

LARGEST_SIDE = 128  # a page shows it at about this many pixels
MOST_OUTPUTS = 6
_SMALLEST_SIDE = 5  # below that an array is a table (boxes, points, a matrix), no map
_MOST_CLASSES = 256
_OVERSHOOT = 0.05  # how far an image may leave its range, as a share of its brightest value
_DARKEST = 0.1  # the brightest value of an image is above this share of white
_SUM_OFF = 1e-3  # how far probabilities may be from 1


def picture(
    name: str,
    wanted: np.ndarray,
    before: Optional[np.ndarray],
    after: Optional[np.ndarray],
    is_image: bool,
) -> OutputPicture:
    """One output that has a picture, [H, W] or [C, H, W] after axes of one and a batch.

    `is_image`: the model declares it as an image, of colors or of grey from 0 to 255.
    """
    maps, batch = _first(wanted)
    kind = _kind(maps, is_image)
    first, second = (None if array is None else _alike(array, wanted) for array in (before, after))
    size = (maps.shape[-2], maps.shape[-1])
    low, high = _range(maps, kind, is_image)
    return OutputPicture(
        name,
        kind,
        size,
        batch,
        low,
        high,
        _shown(maps, kind),
        None if first is None else _shown(first, kind),
        None if second is None else _shown(second, kind),
        None if first is None else _difference(maps, first, kind),
        None if second is None else _difference(maps, second, kind),
    )


def has_picture(array: np.ndarray) -> bool:
    """Whether it is a map, and no table or list of numbers."""
    return 2 <= len(squeezed(array.shape)) <= 4 and min(_sides(array)) >= _SMALLEST_SIDE


def _sides(array: np.ndarray) -> Tuple[int, ...]:
    return _first(array)[0].shape[-2:]


def _first(array: np.ndarray) -> Tuple[np.ndarray, int]:
    """[C, H, W] of the first of a batch, and how many there are."""
    shape = squeezed(array.shape)
    if len(shape) == 2:
        return array.reshape((1, *shape)), 1
    if len(shape) == 3:
        # Axes of one are no channels where a batch was kept: [N, 1, H, W].
        if array.ndim == 4 and array.shape[0] == shape[0]:
            return array[0].reshape((-1, *shape[1:])), shape[0]
        return array.reshape(shape), 1
    return array.reshape(shape)[0], shape[0]


def _alike(array: np.ndarray, wanted: np.ndarray) -> Optional[np.ndarray]:
    """[C, H, W] of an output, of any size but with as many channels; None for another kind."""
    if squeezed(array.shape) == squeezed(wanted.shape):
        array = array.reshape(wanted.shape)
    if not has_picture(array):
        return None
    found, asked = _first(array)[0], _first(wanted)[0]
    return found if found.shape[0] == asked.shape[0] else None


def _kind(maps: np.ndarray, is_image: bool) -> str:
    channels = maps.shape[0]
    if is_image and channels in (1, 3):
        return IMAGE if channels == 3 else MAP
    if channels == 1:
        return LABELS if maps.dtype.kind in "iub" and _has_few_values(maps) else MAP
    if channels == 3 and _is_image(maps):
        return IMAGE
    return SCORES if channels <= _MOST_CLASSES else MAP


def _has_few_values(maps: np.ndarray) -> bool:
    return bool(maps.min() >= 0) and bool(maps.max() < _MOST_CLASSES)


def _is_image(maps: np.ndarray) -> bool:
    """Whether numbers are those of colors, 0 to 1 or 0 to 255, and no probabilities."""
    low, high, top = float(maps.min()), float(maps.max()), _top(maps)
    if low < -_OVERSHOOT * abs(high) or not _DARKEST * top <= high <= (1 + _OVERSHOOT) * top:
        return False
    sums = _picked(maps).sum(axis=0, dtype=np.float64)
    return bool(np.abs(sums - 1).max() > _SUM_OFF)


def _top(maps: np.ndarray) -> float:
    return 1.0 if float(maps.max()) <= 1 + _OVERSHOOT else 255.0


def _range(maps: np.ndarray, kind: str, is_image: bool) -> Tuple[float, float]:
    if kind == IMAGE or is_image:
        return 0.0, 255.0 if is_image else _top(maps)
    shown = maps[0] if kind == MAP else maps
    return float(shown.min()), float(shown.max())


def _shown(maps: np.ndarray, kind: str) -> np.ndarray:
    small = _picked(maps)
    if kind == SCORES:
        return np.asarray(small.argmax(axis=0))
    if kind == IMAGE:
        return np.moveaxis(small, 0, -1).astype(np.float64)
    if kind == LABELS:
        return np.asarray(np.nan_to_num(small[0].astype(np.float64)).round().astype(np.int64))
    return np.asarray(small[0].astype(np.float64))


def _picked(maps: np.ndarray) -> np.ndarray:
    """The pixel in the middle of each block."""
    rows, columns = (_edges(size, maps.shape[-2:]) for size in maps.shape[-2:])
    middle = [(edges[:-1] + edges[1:]) // 2 for edges in (rows, columns)]
    return np.asarray(maps[:, middle[0]][:, :, middle[1]])


def _edges(size: int, sizes: Tuple[int, ...]) -> np.ndarray:
    """Where the blocks of an axis begin, and where the last ends."""
    shown = max(1, min(size, round(size * LARGEST_SIDE / max(*sizes, LARGEST_SIDE))))
    return np.arange(shown + 1) * size // shown


def _difference(wanted: np.ndarray, made: np.ndarray, kind: str) -> Optional[Difference]:
    """Of scores and images the largest of all channels; of labels 1 where it is another one."""
    if made.shape != wanted.shape:
        return None
    rows, columns = (_edges(size, wanted.shape[-2:]) for size in wanted.shape[-2:])
    plane: List[np.ndarray] = []
    changed = 0
    # A row of blocks at a time: a copy in float64 of all may be larger than the network's maps.
    for top, bottom in zip(rows, rows[1:]):
        one, other = wanted[:, top:bottom], made[:, top:bottom]
        if kind == SCORES:
            changed += int((one.argmax(axis=0) != other.argmax(axis=0)).sum())
        elif kind == LABELS:
            changed += int((one != other).sum())
        if kind == LABELS:
            off = (one != other).astype(np.float64)
        else:
            with np.errstate(all="ignore"):
                off = np.abs(one.astype(np.float64) - other.astype(np.float64))
        largest = np.where(np.isnan(off), np.inf, off).max(axis=(0, 1))
        plane.append(np.maximum.reduceat(largest, columns[:-1]))
    has_classes = kind in (SCORES, LABELS)
    return Difference(np.stack(plane), changed if has_classes else None)
