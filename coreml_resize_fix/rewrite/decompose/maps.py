"""Axes as linear maps: when two are the same, and when one is a mere copy or choice of pixels."""

from typing import Optional, Tuple

import numpy as np

from coreml_resize_fix.sampling import TOLERANCE, AxisSpec, positions
from coreml_resize_fix.sampling.reference import tap_arrays

__all__ = ["Taps", "chosen_pixels", "is_copy", "same_map"]

Taps = Tuple[np.ndarray, np.ndarray]  # (source index, weight), both of shape (N, K)


def same_map(left: Taps, right: Taps) -> bool:
    """Whether two lists of taps give every source pixel the same weight in every output.

    Weights are compared to 1e-9. Time and memory grow with the number of taps alone.
    """
    if len(left[0]) != len(right[0]):
        return False
    index = np.concatenate([left[0], right[0]], axis=1)
    weight = np.concatenate([left[1], -right[1]], axis=1)
    order = np.argsort(index, axis=1)
    index, weight = np.take_along_axis(index, order, 1), np.take_along_axis(weight, order, 1)
    total = np.cumsum(weight, axis=1)
    # The sum up to the last tap of each pixel is what all pixels up to there differ by.
    is_last = np.ones(index.shape, dtype=bool)
    is_last[:, :-1] = index[:, 1:] != index[:, :-1]
    return not bool((is_last & (np.abs(total) > TOLERANCE)).any())


def chosen_pixels(axis: AxisSpec) -> Optional[np.ndarray]:
    """The one pixel that each output copies, int64 of shape (N,); None if an output mixes some."""
    index = np.rint(positions(axis)).astype(np.int64)
    one_each = index[:, np.newaxis], np.ones((len(index), 1))
    return index if same_map(tap_arrays(axis), one_each) else None


def is_copy(axis: AxisSpec) -> bool:
    """Whether the output is the input."""
    index = chosen_pixels(axis) if axis.input_size == axis.output_size else None
    return index is not None and bool((index == np.arange(axis.output_size)).all())
