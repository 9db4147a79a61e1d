"""Where a map has its channels: last, as in TensorFlow, or first, as in PyTorch.

Converters from TensorFlow keep channels last (coremltools 4 and later) or move them to the front
(tfcoreml, the Keras converter of coremltools 3, and every image of Core ML).
"""

from typing import Callable, List, Optional, Sequence, Tuple

import numpy as np

Shape = Tuple[int, ...]

_LEAST_RANK = 3  # height, width and channels
_BATCHED_RANK = 4


def squeezed(shape: Sequence[int]) -> Shape:
    """A shape without its axes of one."""
    return tuple(int(size) for size in shape if size != 1)


def ways(array: np.ndarray) -> List[np.ndarray]:
    """An array as it is, and with the last axis in the place of the channels, and the other way.

    Ways that put the numbers in the same order are one.
    """
    found = [array]
    if array.ndim >= _LEAST_RANK:
        first = 1 if array.ndim >= _BATCHED_RANK else 0
        for source, target in ((-1, first), (first, -1)):
            over = array.shape[first:-1] if source == -1 else array.shape[first + 1 :]
            if array.shape[source] != 1 and any(size != 1 for size in over):
                found.append(np.moveaxis(array, source, target))
    return found


def fitting(array: np.ndarray, fits: Callable[[Shape], bool]) -> List[np.ndarray]:
    """The ways of an array that fit, itself first."""
    return [way for way in ways(array) if fits(way.shape)]


def fit(array: np.ndarray, shape: Optional[Sequence[int]]) -> List[np.ndarray]:
    """The ways of an array that have this shape up to axes of one; all where it is not known."""
    if shape is None:
        return [array]
    wanted = squeezed(shape)
    return fitting(array, lambda found: squeezed(found) == wanted)


def in_front(array: np.ndarray) -> np.ndarray:
    """(N, C, H, W) of (N, H, W, C); anything else as it is."""
    return np.moveaxis(array, -1, 1) if array.ndim == _BATCHED_RANK else array
