"""Replacements that repeat one pattern over the image, and so follow an input of any size."""

from dataclasses import replace
from typing import Callable, List, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.rewrite.decompose import steps
from coreml_resize_fix.rewrite.decompose.chain import Steps, lifted
from coreml_resize_fix.rewrite.decompose.context import Context
from coreml_resize_fix.rewrite.decompose.maps import Taps, same_map
from coreml_resize_fix.rewrite.decompose.steps import Filter, Step
from coreml_resize_fix.sampling import AxisSpec, difference
from coreml_resize_fix.sampling.reference import matrix, tap_arrays

__all__ = ["deconvolution", "strided_convolution", "upsample_and_crop"]

# Source pixels that a kernel reaches to each side: linear, cubic.
_REACHES = (1, 2)

# Weights of a layer, 4 MiB of float32. Each channel has a copy of the pattern; where the size is
# fixed, the matrices do the same and do not grow with the channels.
_MOST_WEIGHTS = 1 << 20


def deconvolution(context: Context) -> Optional[Steps]:
    """Repeat the edges, then a grouped deconvolution: any kernel, by whole factors."""
    filters = _both(context, _stretch)
    if filters is None or context.channels is None:
        return None
    rows, columns = (
        axis.input_size + sum(found.pad)
        for axis, found in zip((context.rows, context.columns), filters)
    )
    last = steps.depthwise(filters, context.channels, up=True, positions=rows * columns)
    return _if_small(context, filters, last)


def strided_convolution(context: Context) -> Optional[Steps]:
    """Repeat the edges where the kernel leaves the image, then a grouped convolution with stride:
    any kernel, by one over a whole number."""
    filters = _both(context, _shrink)
    if filters is None or context.channels is None:
        return None
    positions = context.rows.output_size * context.columns.output_size
    last = steps.depthwise(filters, context.channels, up=False, positions=positions)
    return _if_small(context, filters, last)


def upsample_and_crop(context: Context) -> Optional[Steps]:
    """Half-pixel bilinear by odd factors: the grid i / s passes through every point it needs.

    Of an image with one repeated pixel at each edge, point i + (s + 1) / 2 of the upsampled grid
    lies at (i + (s + 1) / 2) / s - 1 = (i + .5) / s - .5.
    """
    factors = [_half_pixel_factor(axes) for axes in context.samples()]
    if any(factor is None or factor % 2 == 0 for factor in factors):
        return None
    rows, columns = (factor or 1 for factor in factors)
    crops = [((s + 1) // 2, 2 * s - (s + 1) // 2) for s in (rows, columns)]
    points = rows * (context.rows.input_size + 2) * columns * (context.columns.input_size + 2)
    return (
        steps.repeat_edges((1, 1), (1, 1)),
        steps.upsample_default((rows, columns), multiply_adds=4 * context.planes * points),
        steps.crop(crops[0], crops[1]),
    )


def _both(
    context: Context, find: Callable[[Sequence[AxisSpec]], Optional[Filter]]
) -> Optional[Tuple[Filter, Filter]]:
    rows, columns = (find(axes) for axes in context.samples())
    return None if rows is None or columns is None else (rows, columns)


def _if_small(context: Context, filters: Tuple[Filter, Filter], last: Step) -> Optional[Steps]:
    if last.weights > _MOST_WEIGHTS and not context.is_flexible:
        return None
    rows, columns = (found.pad for found in filters)
    first = (steps.repeat_edges(rows, columns),) if any(rows + columns) else ()
    return lifted(context, 4, first + (last,))


def _stretch(axes: Sequence[AxisSpec]) -> Optional[Filter]:
    """The filter that scales up by a whole factor: what one pixel adds to the outputs around it.

    A kernel that reaches P pixels spans 2 P s outputs, less one if s is odd: then the outermost
    have weight zero.
    """
    factor = axes[0].output_size // axes[0].input_size
    if factor < 1 or any(axis.output_size != factor * axis.input_size for axis in axes):
        return None
    for reach in _REACHES:
        length, middle = 2 * reach * factor - factor % 2, 2 * reach
        size = 2 * middle + 1  # so that the edges are out of reach of the pixel in the middle
        first = factor * (middle - reach) + (factor + 1) // 2
        inside = replace(axes[0], input_size=size, output_size=factor * size)
        kernel = matrix(inside)[first : first + length, middle]
        crop = 2 * reach * factor - (factor + 1) // 2
        found = Filter(kernel, factor, (reach, reach), crop)
        if all(same_map(tap_arrays(axis), _stretched(found, axis)) for axis in axes):
            return found
    return None


def _stretched(found: Filter, axis: AxisSpec) -> Taps:
    """What a deconvolution with this filter reads: output o has w[o - s q] of every pixel q."""
    output = np.arange(axis.output_size)[:, np.newaxis] + found.crop
    count = -(-len(found.kernel) // found.stride)
    pixel = output // found.stride - np.arange(count)
    at = output - pixel * found.stride
    weight = np.where(
        at < len(found.kernel), np.append(found.kernel, 0.0)[np.minimum(at, len(found.kernel))], 0.0
    )
    return np.clip(pixel - found.pad[0], 0, axis.input_size - 1), weight


def _shrink(axes: Sequence[AxisSpec]) -> Optional[Filter]:
    """The filter that scales down by a whole number r: what an output far from the edges reads."""
    largest = max(axes, key=lambda axis: axis.output_size)
    step = largest.input_size // largest.output_size
    if step < 1 or any(axis.output_size != axis.input_size // step for axis in axes):
        return None
    inside = replace(axes[0], input_size=9 * step, output_size=9)
    weight = matrix(inside)[4]
    used = np.flatnonzero(weight) - 4 * step
    if not len(used):
        return None
    before, after = max(0, -int(used[0])), max(0, int(used[-1]) - (step - 1))
    kernel = weight[4 * step - before : 5 * step + after]
    found = Filter(kernel, step, (before, after))
    equal = all(same_map(tap_arrays(axis), _shrunk(found, axis)) for axis in axes)
    return found if equal else None


def _shrunk(found: Filter, axis: AxisSpec) -> Taps:
    start = found.stride * np.arange(axis.output_size)[:, np.newaxis] - found.pad[0]
    index = start + np.arange(len(found.kernel))
    weight = np.broadcast_to(found.kernel, index.shape)
    return np.clip(index, 0, axis.input_size - 1), weight


def _half_pixel_factor(axes: List[AxisSpec]) -> Optional[int]:
    factor = axes[0].output_size // axes[0].input_size
    equal = factor > 0 and all(
        difference(
            axis, AxisSpec("linear", "half_pixel", axis.input_size, factor * axis.input_size)
        ).equal
        for axis in axes
    )
    return factor if equal else None
