"""Replacements that repeat one pattern over the image, and so work at any input size."""

from dataclasses import replace
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.replacements.case import Case
from coreml_resize_fix.replacements.maps import LinearMap
from coreml_resize_fix.replacements.steps import (
    HEIGHT,
    Crop,
    Deconvolution,
    Depthwise,
    Kernel,
    RepeatEdges,
    Step,
    Steps,
    UpsampleBilinear,
    computed,
)
from coreml_resize_fix.sampling import LARGEST_SIDE, AxisSpec, difference
from coreml_resize_fix.sampling.reference import matrix

# Source pixels that a kernel reaches to each side: linear, cubic.
_REACHES = (1, 2)

# Weights of a layer, 4 MiB of float32. Each channel has a copy of the pattern; where the size is
# fixed, the matrices do the same and do not grow with the channels.
_MOST_WEIGHTS = 1 << 20


class _Filter(NamedTuple):
    """One axis: the edge pixels are repeated `pad` times, then the kernel is applied."""

    kernel: Kernel
    pad: Tuple[int, int]


def deconvolution(case: Case) -> Optional[Steps]:
    """Repeat the edges, then a deconvolution of each channel: any kernel, by whole factors."""
    return _filtered(case, _stretch, Deconvolution)


def strided_convolution(case: Case) -> Optional[Steps]:
    """Repeat the edges where the kernel leaves the image, then a convolution of each channel with
    stride: any kernel, by one over a whole number."""
    return _filtered(case, _shrink, Depthwise)


def upsample_and_crop(case: Case) -> Optional[Steps]:
    """Half-pixel bilinear by odd factors: the grid i / s passes through every point it needs.

    Of an image with one repeated pixel at each edge, point i + (s + 1) / 2 of the upsampled grid
    lies at (i + (s + 1) / 2) / s - 1 = (i + .5) / s - .5.
    """
    factors = [_half_pixel_factor(axes) for axes in case.samples()]
    if any(factor is None or factor % 2 == 0 for factor in factors):
        return None
    rows, columns = (factor or 1 for factor in factors)
    crops = [((s + 1) // 2, 2 * s - (s + 1) // 2) for s in (rows, columns)]
    return RepeatEdges((1, 1), (1, 1)), UpsampleBilinear((rows, columns)), Crop(crops[0], crops[1])


def _filtered(
    case: Case,
    find: Callable[[Sequence[AxisSpec]], Optional[_Filter]],
    kind: Callable[[Kernel, Kernel, int], Step],
) -> Optional[Steps]:
    rows, columns = (find(axes) for axes in case.samples())
    if rows is None or columns is None or case.channels is None:
        return None
    last = kind(rows.kernel, columns.kernel, case.channels)
    if last.numbers > _MOST_WEIGHTS and not case.is_flexible:
        return None
    first = (RepeatEdges(rows.pad, columns.pad),) if any(rows.pad + columns.pad) else ()
    return first + (last,)


def _stretch(axes: Sequence[AxisSpec]) -> Optional[_Filter]:
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
        if factor * size > LARGEST_SIDE:
            return None
        first = factor * (middle - reach) + (factor + 1) // 2
        inside = replace(axes[0], input_size=size, output_size=factor * size)
        pattern = matrix(inside)[first : first + length, middle]
        crop = 2 * reach * factor - (factor + 1) // 2
        found = _Filter(Kernel(tuple(pattern.tolist()), factor, crop), (reach, reach))
        if _is_exact(found, Deconvolution, axes):
            return found
    return None


def _shrink(axes: Sequence[AxisSpec]) -> Optional[_Filter]:
    """The filter that scales down by a whole number r, read off an output far from the edges."""
    largest = max(axes, key=lambda axis: axis.output_size)
    step = largest.input_size // largest.output_size
    if step < 1 or any(axis.output_size != axis.input_size // step for axis in axes):
        return None
    if 9 * step > LARGEST_SIDE:
        return None
    inside = replace(axes[0], input_size=9 * step, output_size=9)
    weight = matrix(inside)[4]
    used = np.flatnonzero(weight) - 4 * step
    if not len(used):
        return None
    before, after = max(0, -int(used[0])), max(0, int(used[-1]) - (step - 1))
    pattern = weight[4 * step - before : 5 * step + after]
    found = _Filter(Kernel(tuple(pattern.tolist()), step), (before, after))
    return found if _is_exact(found, Depthwise, axes) else None


def _is_exact(
    found: _Filter, kind: Callable[[Kernel, Kernel, int], Step], axes: Sequence[AxisSpec]
) -> bool:
    """Whether repeated edges and the filter compute every one of the axes."""
    steps = RepeatEdges(found.pad, (0, 0)), kind(found.kernel, found.kernel, 1)
    return all(computed(steps, HEIGHT, axis.input_size).equals(LinearMap.of(axis)) for axis in axes)


def _half_pixel_factor(axes: List[AxisSpec]) -> Optional[int]:
    factor = axes[0].output_size // axes[0].input_size
    equal = factor > 0 and all(
        difference(
            axis, AxisSpec("linear", "half_pixel", axis.input_size, factor * axis.input_size)
        ).equal
        for axis in axes
    )
    return factor if equal else None
