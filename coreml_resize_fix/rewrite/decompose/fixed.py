"""Replacements for an input of one size: a box, indices, or a matrix that fit no other."""

import math
from typing import List, NamedTuple, Optional, Tuple

import numpy as np

from coreml_resize_fix.rewrite.decompose import steps
from coreml_resize_fix.rewrite.decompose.chain import Steps, lifted
from coreml_resize_fix.rewrite.decompose.context import Context
from coreml_resize_fix.rewrite.decompose.maps import chosen_pixels, is_copy
from coreml_resize_fix.sampling import AxisSpec, coordinates, difference, positions

__all__ = ["crop_resize", "gather", "matrices", "matrices_as_convolutions"]

# Source pixels. A box is stored in float32, and Core ML samples in it; a grid that is moved by d
# along both axes changes no value by more than 4 d of the largest magnitude; 1e-4 is promised.
_BOX_ROUNDING = 2.5e-5

_HEIGHT, _WIDTH = -2, -1


class _Box(NamedTuple):
    """The interval that an axis samples, in pixels of the padded image."""

    pad: Tuple[int, int]
    start: float
    end: float


def crop_resize(context: Context) -> Optional[Steps]:
    """Repeat the edges where the grid leaves the image, then sample a constant box."""
    if context.rank == 5 and context.sequence != 1:
        return None
    rows, columns = _box(context.rows), _box(context.columns)
    if rows is None or columns is None:
        return None
    size = context.rows.output_size, context.columns.output_size
    box = rows.start, columns.start, rows.end, columns.end
    last = steps.crop_resize(size, box, multiply_adds=4 * context.planes * size[0] * size[1])
    pads = rows.pad + columns.pad
    first = (steps.repeat_edges(rows.pad, columns.pad),) if any(pads) else ()
    return lifted(context, 5, first + (last,))


def gather(context: Context) -> Optional[Steps]:
    """Choose rows, then columns, by constant indices."""
    if not context.exact_mapping:
        return None
    rows, columns = chosen_pixels(context.rows), chosen_pixels(context.columns)
    if rows is None or columns is None:
        return None
    down = steps.indices(rows)
    across = down if np.array_equal(rows, columns) else steps.indices(columns)
    both = steps.choose(down, _HEIGHT), steps.choose(across, _WIDTH)
    return tuple(step for step, use in zip(both, _uses(context)) if use)


def matrices(context: Context) -> Optional[Steps]:
    """Multiply by one matrix from the left and by another from the right."""
    if not context.exact_mapping:
        return None
    work = _work(context)
    return tuple(
        multiply(axis, multiply_adds=work.each[place])
        for place, multiply, axis in (
            (0, steps.multiply_left, context.rows),
            (1, steps.multiply_right, context.columns),
        )
        if _uses(context)[place]
    )[:: 1 if work.rows_first else -1]


def matrices_as_convolutions(context: Context) -> Optional[Steps]:
    """Bring an axis to the place of the channels, where a 1×1 convolution is a matrix product."""
    if context.rank != 5:
        return None
    work = _work(context)
    rows = steps.mix_channels(context.rows, multiply_adds=work.each[0])
    columns = steps.mix_channels(context.columns, multiply_adds=work.each[1])
    uses = _uses(context)
    if uses == (True, False):
        return steps.permute(0, 2, 1, 3), rows, steps.permute(0, 2, 1, 3)
    if uses == (False, True):
        return steps.permute(0, 3, 2, 1), columns, steps.permute(0, 3, 2, 1)
    # What stands in the place of [C, H, W] after each layer is written on the right.
    if work.rows_first:
        return (
            steps.permute(0, 2, 1, 3),  # H C W
            rows,
            steps.permute(0, 3, 2, 1),  # W C H
            columns,
            steps.permute(0, 2, 3, 1),  # C H W
        )
    return (
        steps.permute(0, 3, 2, 1),  # W H C
        columns,
        steps.permute(0, 2, 1, 3),  # H W C
        rows,
        steps.permute(0, 3, 1, 2),  # C H W
    )


def _box(axis: AxisSpec) -> Optional[_Box]:
    """The interval whose evenly spaced points an axis reads, if it reads any."""
    for start, end in _intervals(axis):
        pad = math.ceil(max(0.0, -start)), math.ceil(max(0.0, end - (axis.input_size - 1)))
        sampled = AxisSpec(
            "linear", "align_endpoints", axis.input_size, axis.output_size, box=(start, end)
        )
        corners = np.array([start, end]) + pad[0]
        stored = corners.astype(np.float32)
        if np.abs(stored - corners).max() <= _BOX_ROUNDING and difference(axis, sampled).equal:
            return _Box(pad, float(stored[0]), float(stored[1]))
    return None


def _intervals(axis: AxisSpec) -> List[Tuple[float, float]]:
    """Where the points may begin and end: inside the image, or beyond its edges."""
    inside, anywhere = positions(axis), coordinates(axis)
    step = float(anywhere[1] - anywhere[0]) if len(anywhere) > 1 else 0.0
    start = float(anywhere[0])
    found = [(float(inside[0]), float(inside[-1])), (start, start + step * (len(anywhere) - 1))]
    return [pair for pair in found if pair[0] <= pair[1]]


class _Work(NamedTuple):
    """Multiply-adds of the product along H and of that along W, in the cheaper order."""

    each: Tuple[int, int]
    rows_first: bool


def _work(context: Context) -> _Work:
    (x, n), (u, m) = (
        (axis.input_size, axis.output_size) for axis in (context.rows, context.columns)
    )
    uses = _uses(context)
    orders = [
        _Work((context.planes * n * x * u * uses[0], context.planes * n * m * u * uses[1]), True),
        _Work((context.planes * n * x * m * uses[0], context.planes * x * m * u * uses[1]), False),
    ]
    return min(orders, key=lambda work: sum(work.each))


def _uses(context: Context) -> Tuple[bool, bool]:
    """Which axes need a layer: an axis that is copied does not, but one must remain."""
    rows = not is_copy(context.rows)
    return rows, not rows or not is_copy(context.columns)
