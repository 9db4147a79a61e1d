"""What kernels refuse, and the checks that they share."""

import functools
import operator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Iterable, Iterator, Optional

import numpy as np

# Elements of one array: 1 GiB in float32. Larger than any map of a vision network, and small
# enough for a file whose sizes lie to be refused before it takes the memory of a machine.
LARGEST = 1 << 28

# Multiplications of one run of a network, under half an hour; a large one for photographs takes a
# tenth. So loops and weights of a hostile file end, however they multiply.
MOST_EFFORT = 1 << 42
CALL = 1 << 20  # what a call of NumPy counts as,
EACH = 4  # each number that goes in or comes out, and
MOVED = 16  # each that is copied or added where no matrix product does it

_left: "ContextVar[Optional[int]]" = ContextVar("multiplications left", default=None)


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


@contextmanager
def limited_effort() -> Iterator[None]:
    """One run of a network, in which no more is computed than MOST_EFFORT."""
    token = _left.set(MOST_EFFORT)
    try:
        yield
    finally:
        _left.reset(token)


def need_effort(multiplications: int) -> None:
    """Refuse so many multiplications before they begin, if the run has not as many left.

    Raises:
        KernelError: it has not.
    """
    left = _left.get()
    left = MOST_EFFORT if left is None else left
    if multiplications > left:
        raise KernelError(f"would take more than the {MOST_EFFORT} multiplications of one run")
    if _left.get() is not None:
        _left.set(left - multiplications)


def count_of(shape: Iterable[int]) -> int:
    """How many elements an array of this shape has, however many."""
    return functools.reduce(operator.mul, map(int, shape), 1)


def need_room(shape: Iterable[int]) -> None:
    """Refuse an array of this shape before it is made.

    Raises:
        KernelError: it would have more elements than LARGEST, or a negative size. A size of 0
            hides no other: what leads to the array may be made without it.
    """
    sizes = [int(size) for size in shape]
    if min(sizes, default=0) < 0:
        raise KernelError(f"would make a size of {min(sizes)}")
    count = count_of(max(size, 1) for size in sizes)
    if count > LARGEST:
        raise KernelError(f"would make {count} numbers, more than the {LARGEST} that are allowed")
