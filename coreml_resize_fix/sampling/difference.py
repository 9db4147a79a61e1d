"""Do two axes compute the same? If not, by how many pixels do their grids differ?"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Dict, Optional

from coreml_resize_fix.sampling.grid import AxisSpec
from coreml_resize_fix.sampling.kernels import Row, is_decided_by_position, positions, taps

# Absolute, in source pixels and in weights: far above float64 rounding for any real size, far
# below the smallest difference between two conventions.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Difference:
    """How an actual axis differs from the intended one.

    equal: both are the same linear map. same_size: both have the same X and the same N.
    same_positions: every output reads the same source position, kernels aside.
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


@lru_cache(maxsize=1024)  # many layers ask for the same, and a result is audited again
def difference(intended: AxisSpec, actual: AxisSpec) -> Difference:
    """Compare two axes as linear maps, in time and memory proportional to their taps."""
    sizes = (intended.input_size, intended.output_size)
    if sizes != (actual.input_size, actual.output_size):
        return Difference(equal=False, same_size=False, same_positions=False)
    shifts = [abs(a - b) for a, b in zip(positions(intended), positions(actual))]
    largest, mean = max(shifts), sum(shifts) / len(shifts)
    moved = largest > TOLERANCE
    if moved:
        wrong = [shift > TOLERANCE for shift in shifts]
    elif intended.kernel == actual.kernel and all(map(is_decided_by_position, (intended, actual))):
        wrong = []
    else:
        wrong = [_differ(a, b) for a, b in zip(taps(intended), taps(actual))]
    to_output = intended.output_size / intended.input_size
    return Difference(
        equal=True not in wrong,
        same_size=True,
        same_positions=not moved,
        max_shift=largest,
        mean_shift=mean,
        max_shift_output=largest * to_output,
        mean_shift_output=mean * to_output,
        first_index=wrong.index(True) if True in wrong else None,
    )


def _differ(left: Row, right: Row) -> bool:
    """Whether two outputs give some source pixel another weight."""
    if left == right:
        return False
    weights: Dict[int, float] = {}
    for index, weight in left:
        weights[index] = weights.get(index, 0.0) + weight
    for index, weight in right:
        weights[index] = weights.get(index, 0.0) - weight
    return any(abs(weight) > TOLERANCE for weight in weights.values())
