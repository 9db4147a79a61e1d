"""Split the pattern of a convolution into one vector along H and one along W."""

from typing import Tuple

import numpy as np


def separated(pattern: np.ndarray, total: float, rounding: float) -> Tuple[np.ndarray, np.ndarray]:
    """Two vectors whose outer product is the pattern, shape (k, l); the second sums to `total`.

    Every number may be rounded, by that share of the largest; sums along an axis are more exact.

    Raises:
        ValueError: it is no such product.
    """
    largest = np.abs(pattern).max()
    whole = pattern.sum()
    if not abs(whole) > rounding * largest:
        raise ValueError("the pattern sums to nothing")
    first, second = pattern.sum(axis=1) / total, pattern.sum(axis=0) * (total / whole)
    if not np.abs(np.outer(first, second) - pattern).max() <= 4 * rounding * largest:
        raise ValueError("the pattern is not a product of two vectors")
    return first, second
