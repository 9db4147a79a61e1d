"""What kernels refuse, and the checks that they share."""

from typing import Iterable, Optional

import numpy as np

__all__ = ["LARGEST", "KernelError", "axis_of", "need_rank", "need_room"]

# Elements of one array: 1 GiB in float32. Larger than any map of a vision network, and small
# enough for a file whose sizes lie to be refused before it takes the memory of a machine.
LARGEST = 1 << 28


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


def need_room(shape: Iterable[int]) -> None:
    """Refuse an array of this shape before it is made.

    Raises:
        KernelError: it would have more elements than LARGEST, or a negative size.
    """
    count = 1
    for size in shape:
        if size < 0:
            raise KernelError(f"would make a size of {size}")
        count *= int(size)
    if count > LARGEST:
        raise KernelError(f"would make {count} numbers, more than the {LARGEST} that are allowed")
