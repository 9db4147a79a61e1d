"""What kernels refuse, and the checks that they share."""

from typing import Optional

import numpy as np

__all__ = ["KernelError", "axis_of", "need_rank"]


class KernelError(ValueError):
    """Something that cannot be computed: unknown, or used as its documentation forbids."""


def need_rank(array: np.ndarray, least: int, most: Optional[int] = None) -> None:
    """Refuse an array of fewer dimensions, or of more.

    Raises:
        KernelError: it has.
    """
    if array.ndim < least or (most is not None and array.ndim > most):
        raise KernelError(f"does not take rank {array.ndim}")


def axis_of(axis: int, rank: int) -> int:
    """An axis that may count from the end, as a plain index.

    Raises:
        KernelError: an array of that rank does not have it.
    """
    if not -rank <= axis < rank:
        raise KernelError(f"has axis {axis}, but rank {rank}")
    return axis % rank
