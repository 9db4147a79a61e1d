"""Replacements for inputs of one size: a box, indices, or a matrix."""

import math
from typing import List, NamedTuple, Optional, Tuple

import numpy as np

from coreml_resize_fix.replacements.case import Case
from coreml_resize_fix.replacements.maps import LinearMap, chosen_pixels, is_copy
from coreml_resize_fix.replacements.steps import (
    AXES,
    HEIGHT,
    Crop,
    CropResize,
    Gather,
    MatMul,
    RepeatEdges,
    ResizeBilinear,
    Steps,
    computed,
    multiply_adds,
)
from coreml_resize_fix.sampling import (
    LARGEST_SIDE,
    AxisSpec,
    coordinates,
    difference,
    positions,
)

# Source pixels. A box is stored in float32, and Core ML samples in it; a grid that is moved by d
# along both axes changes no value by more than 4 d of the largest magnitude; 1e-4 is promised.
BOX_ROUNDING = 2.5e-5


# Pixels that are repeated at one edge of an axis: of a factor p / q, fewer than q.
_MOST_REPEATED = 32
_WHOLE = 1e-6  # pixels, by which a quotient may miss the whole number that it is


class _Box(NamedTuple):
    """The interval that an axis samples, in pixels of the padded image."""

    pad: Tuple[int, int]
    start: float
    end: float


def crop_resize(case: Case) -> Optional[Steps]:
    """Repeat the edges where the grid leaves the image, then sample a constant box."""
    rows, columns = _box(case.rows), _box(case.columns)
    if rows is None or columns is None:
        return None
    size = case.rows.output_size, case.columns.output_size
    last = CropResize(size, (rows.start, columns.start, rows.end, columns.end))
    first = (RepeatEdges(rows.pad, columns.pad),) if any(rows.pad + columns.pad) else ()
    return first + (last,)


def padded_resize(case: Case) -> Optional[Steps]:
    """Repeat the last pixels, resize to a whole number of pixels, and cut off what is too much.

    A resize of X pixels to N takes X / N from one output to the next. The factor p / q takes
    q / p, and X + d pixels make (X + d) p / q, where q divides X + d.
    """
    rows, columns = _padded(case.rows), _padded(case.columns)
    if rows is None or columns is None:
        return None
    pads, sizes, crops = zip(rows, columns)
    return (
        RepeatEdges((0, pads[0]), (0, pads[1])),
        ResizeBilinear((sizes[0], sizes[1])),
        Crop((0, crops[0]), (0, crops[1])),
    )


def _padded(axis: AxisSpec) -> Optional[Tuple[int, int, int]]:
    """Pixels to repeat at the end, the size to make of it all, and what to cut off at the end."""
    if axis.kernel != "linear":
        return None
    step = axis.step or axis.input_size / axis.output_size
    for repeated in range(min(_MOST_REPEATED, axis.input_size) + 1):
        exact = (axis.input_size + repeated) / step
        size = round(exact)
        if abs(exact - size) > _WHOLE or not axis.output_size <= size <= LARGEST_SIDE:
            continue
        none = (0, 0)
        steps = (
            RepeatEdges((0, repeated), none),
            ResizeBilinear((size, 1)),
            Crop((0, size - axis.output_size), none),
        )
        if computed(steps, HEIGHT, axis.input_size).equals(LinearMap.of(axis)):
            return repeated, size, size - axis.output_size
    return None


def gather(case: Case) -> Optional[Steps]:
    """Choose rows, then columns, by constant indices."""
    steps = []
    for axis, spec in enumerate((case.rows, case.columns)):
        index = chosen_pixels(spec)
        if index is None:
            return None
        steps.append(Gather(axis, tuple(index.tolist())))
    return tuple(step for step, use in zip(steps, _uses(case)) if use)


def matrices(case: Case) -> Optional[Steps]:
    """A matrix along one axis and another along the other, in the order that costs less."""
    both = tuple(
        MatMul(axis, LinearMap.of(spec))
        for axis, spec, use in zip(AXES, (case.rows, case.columns), _uses(case))
        if use
    )
    return min((both, both[::-1]), key=lambda steps: multiply_adds(steps, 1, case.input_size))


def _box(axis: AxisSpec) -> Optional[_Box]:
    """The interval of evenly spaced points that an axis reads; None if they are not even."""
    for start, end in _intervals(axis):
        pad = math.ceil(max(0.0, -start)), math.ceil(max(0.0, end - (axis.input_size - 1)))
        sampled = AxisSpec(
            "linear", "align_endpoints", axis.input_size, axis.output_size, box=(start, end)
        )
        corners = np.array([start, end]) + pad[0]
        stored = corners.astype(np.float32)
        if np.abs(stored - corners).max() <= BOX_ROUNDING and difference(axis, sampled).equal:
            return _Box(pad, float(stored[0]), float(stored[1]))
    return None


def _intervals(axis: AxisSpec) -> List[Tuple[float, float]]:
    """Where the points may begin and end: inside the image, or beyond its edges."""
    inside, anywhere = positions(axis), coordinates(axis)
    step = float(anywhere[1] - anywhere[0]) if len(anywhere) > 1 else 0.0
    start = float(anywhere[0])
    found = [(float(inside[0]), float(inside[-1])), (start, start + step * (len(anywhere) - 1))]
    return [pair for pair in found if pair[0] <= pair[1]]


def _uses(case: Case) -> Tuple[bool, bool]:
    """Which axes need a step: an axis that is copied does not, but one must remain."""
    rows = not is_copy(case.rows)
    return rows, not rows or not is_copy(case.columns)
