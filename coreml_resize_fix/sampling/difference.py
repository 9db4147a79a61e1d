"""Do two axes compute the same? If not, by how many pixels do their grids differ?"""

from dataclasses import dataclass
from typing import Optional

import numpy as np

from coreml_resize_fix.sampling.grid import AxisSpec
from coreml_resize_fix.sampling.kernels import Taps, centres, taps

__all__ = ["TOLERANCE", "Difference", "difference"]

# Absolute, in source pixels and in weights: far above float64 rounding for any real size, far
# below the smallest difference between two conventions.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Difference:
    """How an actual axis differs from the intended one.

    equal: both are the same linear map. same_size: both have the same X and the same N.
    same_positions: every output reads the same source position, whatever the kernel.
    max_shift, mean_shift: largest and mean distance between the positions, in source pixels;
    max_shift_output, mean_shift_output: the same in output pixels (of X / N source pixels each).
    first_index: the first output index that differs. Shifts are None when the sizes differ.
    """

    equal: bool
    same_size: bool
    same_positions: bool
    max_shift: Optional[float] = None
    mean_shift: Optional[float] = None
    max_shift_output: Optional[float] = None
    mean_shift_output: Optional[float] = None
    first_index: Optional[int] = None


def difference(intended: AxisSpec, actual: AxisSpec) -> Difference:
    """Compare two axes as linear maps, in time and memory proportional to their taps."""
    sizes = (intended.input_size, intended.output_size)
    if sizes != (actual.input_size, actual.output_size):
        return Difference(equal=False, same_size=False, same_positions=False)
    left, right = taps(intended), taps(actual)
    shift = np.abs(centres(left) - centres(right))
    moved = shift > TOLERANCE
    # Taps of moved grids may lie anywhere, and a common window could be as wide as the image.
    wrong = moved if moved.any() else _rows_that_differ(left, right)
    to_output = intended.output_size / intended.input_size
    return Difference(
        equal=not wrong.any(),
        same_size=True,
        same_positions=not moved.any(),
        max_shift=float(shift.max()),
        mean_shift=float(shift.mean()),
        max_shift_output=float(shift.max()) * to_output,
        mean_shift_output=float(shift.mean()) * to_output,
        first_index=int(wrong.argmax()) if wrong.any() else None,
    )


def _rows_that_differ(left: Taps, right: Taps) -> np.ndarray:
    index = np.concatenate([left[0], right[0]], axis=1)
    weight = np.concatenate([left[1], -right[1]], axis=1)
    column = index - index.min(axis=1, keepdims=True)
    residual = np.zeros((len(index), int(column.max()) + 1))
    np.add.at(residual, (np.arange(len(index))[:, np.newaxis], column), weight)
    return np.asarray((np.abs(residual) > TOLERANCE).any(axis=1))
