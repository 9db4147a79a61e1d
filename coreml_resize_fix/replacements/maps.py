"""Linear maps of one axis: compose and compare them tap by tap."""

from dataclasses import dataclass
from typing import Optional

import numpy as np

from coreml_resize_fix.sampling import TOLERANCE, AxisSpec
from coreml_resize_fix.sampling import positions as effective_positions
from coreml_resize_fix.sampling.reference import tap_arrays

# Numbers of a dense matrix that two maps of many taps are multiplied as: 128 MiB of float64.
_MOST_ENTRIES = 1 << 24


@dataclass(frozen=True, eq=False)
class LinearMap:
    """N outputs of X pixels: output n is the sum over k of weight[n, k] * pixel[index[n, k]].

    index: int64 of shape (N, K), each in [0, X). weight: float64 of shape (N, K). A row may name
    the same pixel several times.
    """

    input_size: int
    index: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, axis: AxisSpec) -> "LinearMap":
        """The map of an axis."""
        return cls(axis.input_size, *tap_arrays(axis))

    @classmethod
    def choosing(cls, input_size: int, index: np.ndarray) -> "LinearMap":
        """Output n is pixel index[n], shape (N,), clamped to the image."""
        clamped = np.clip(index, 0, input_size - 1)[:, np.newaxis]
        return cls(input_size, clamped, np.ones(clamped.shape))

    @classmethod
    def of_matrix(cls, matrix: np.ndarray) -> "LinearMap":
        """The map of a dense matrix of shape (N, X)."""
        rows, columns = np.nonzero(matrix)
        counts = np.bincount(rows, minlength=len(matrix))
        # The k of each entry: how many its row has before it.
        place = np.arange(len(rows)) - (np.cumsum(counts) - counts)[rows]
        index = np.zeros((len(matrix), max(1, int(counts.max()))), np.int64)
        weight = np.zeros(index.shape)
        index[rows, place] = columns
        weight[rows, place] = matrix[rows, columns]
        return cls(matrix.shape[1], index, weight)

    @property
    def output_size(self) -> int:
        """N."""
        return len(self.index)

    @property
    def matrix(self) -> np.ndarray:
        """Dense, float64 of shape (N, X)."""
        dense = np.zeros((self.output_size, self.input_size))
        np.add.at(dense, (np.arange(self.output_size)[:, np.newaxis], self.index), self.weight)
        return dense

    def after(self, first: "LinearMap") -> "LinearMap":
        """The map of `first` followed by this one.

        Raises:
            ValueError: the sizes do not fit, or the result would not fit in memory.
        """
        if first.output_size != self.input_size:
            raise ValueError(f"{self.input_size} pixels are read of {first.output_size}")
        count = self.index.shape[1] * first.index.shape[1]
        if count <= first.input_size and count * self.output_size <= _MOST_ENTRIES:
            shape = (self.output_size, count)
            weight = self.weight[:, :, np.newaxis] * first.weight[self.index]
            return LinearMap(
                first.input_size, first.index[self.index].reshape(shape), weight.reshape(shape)
            )
        sizes = (first.input_size, first.output_size, self.output_size)
        if max(sizes[0] * sizes[1], sizes[1] * sizes[2], sizes[0] * sizes[2]) > _MOST_ENTRIES:
            raise ValueError(f"matrices between {sizes} pixels are too large")
        return LinearMap.of_matrix(self.matrix @ first.matrix)

    def equals(self, other: "LinearMap", tolerance: float = TOLERANCE, share: float = 0.0) -> bool:
        """Whether both give every pixel the same weight in every output, to that absolute error
        and that share of what the other gives.

        Time and memory grow with the number of taps alone.
        """
        if (self.input_size, self.output_size) != (other.input_size, other.output_size):
            return False
        index = np.concatenate([self.index, other.index], axis=1)
        weight = np.concatenate([self.weight, -other.weight], axis=1)
        theirs = np.concatenate([np.zeros(self.weight.shape), other.weight], axis=1)
        order = np.argsort(index, axis=1, kind="stable")
        index, weight, theirs = (
            np.take_along_axis(array, order, 1) for array in (index, weight, theirs)
        )
        # Where the taps of another pixel begin, in all rows one after the other.
        begins = np.ones(index.shape, dtype=bool)
        begins[:, 1:] = index[:, 1:] != index[:, :-1]
        starts = np.flatnonzero(begins)
        distance = np.abs(np.add.reduceat(weight.ravel(), starts))
        allowed = tolerance + share * np.abs(np.add.reduceat(theirs.ravel(), starts))
        return not bool((distance > allowed).any())


def chosen_pixels(axis: AxisSpec) -> Optional[np.ndarray]:
    """The one pixel that each output copies, int64 of shape (N,); None if an output mixes some."""
    index = np.rint(effective_positions(axis)).astype(np.int64)
    one_each = LinearMap.choosing(axis.input_size, index)
    return index if LinearMap.of(axis).equals(one_each) else None


def is_copy(axis: AxisSpec) -> bool:
    """Whether the output is the input."""
    index = chosen_pixels(axis) if axis.input_size == axis.output_size else None
    return index is not None and bool((index == np.arange(axis.output_size)).all())
