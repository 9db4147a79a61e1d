"""What the interpreter of layers shares: stored numbers, ranks, axes."""

from typing import Any, Optional, Sequence

import numpy as np

__all__ = ["LayerError", "axis_of", "need_rank", "stored"]


class LayerError(ValueError):
    """A layer that cannot be computed: unknown, or used as its documentation forbids."""


def stored(weights: Any, shape: Sequence[int]) -> np.ndarray:
    """The numbers of a WeightParams message as float64 of this shape; row-major, as stored."""
    if weights.float16Value:
        if len(weights.float16Value) % 2:
            raise LayerError("a number of float16 has two bytes")
        values = np.frombuffer(weights.float16Value, dtype="<f2")
    else:
        values = np.array(weights.floatValue, dtype=np.float32)
    wanted = [int(size) for size in shape]
    if values.size != np.prod(wanted):
        raise LayerError("{} numbers do not fill {}".format(values.size, wanted))
    return values.astype(np.float64).reshape(wanted)


def need_rank(blob: np.ndarray, least: int, most: Optional[int] = None) -> None:
    """Refuse a blob of a rank that the layer does not take."""
    if blob.ndim < least or (most is not None and blob.ndim > most):
        raise LayerError("does not take rank {}".format(blob.ndim))


def axis_of(axis: int, rank: int) -> int:
    """An axis that may count from the end, as a plain index."""
    if not -rank <= axis < rank:
        raise LayerError("has axis {}, but rank {}".format(axis, rank))
    return axis % rank
