"""The operations that may replace a resize, in order of preference, and how each is built.

Whether one computes an intent is never stated here: it is measured by comparing sampling grids.
"""

from typing import Callable, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.conventions import mil
from coreml_resize_fix.conventions.mil import Factor
from coreml_resize_fix.formats.mlprogram.operations import (
    IOS15,
    ResizeBilinear,
    UpsampleBilinear,
    UpsampleNearest,
)
from coreml_resize_fix.formats.mlprogram.parameters import ResizeOperation

Size = Tuple[int, int]
Sizes = Sequence[Tuple[Size, Size]]  # (input, output) at every size to hold at


class Native(NamedTuple):
    """`build` gives the operation that makes these sizes, or None if it cannot.

    `fixed_size` ones make one size of any input. A `nearest` one stands in for nearest calls only:
    at one pixel it would equal any call, and the result would no longer show what was asked for.
    """

    name: str
    spec_version: int
    fixed_size: bool
    nearest: bool
    build: Callable[[Sizes], Optional[ResizeOperation]]


def _target_size(sampling_mode: str) -> Callable[[Sizes], Optional[ResizeOperation]]:
    def build(sizes: Sizes) -> Optional[ResizeOperation]:
        targets = {after for _, after in sizes}
        if len(targets) != 1:
            return None
        height, width = targets.pop()
        return ResizeBilinear(height, width, sampling_mode) if min(height, width) > 0 else None

    return build


def _factors(sizes: Sizes) -> Optional[Tuple[Factor, Factor]]:
    """(height, width) factors that make every size, however their products are rounded."""
    height = mil.factor_that_makes((before[0], after[0]) for before, after in sizes)
    width = mil.factor_that_makes((before[1], after[1]) for before, after in sizes)
    return None if height is None or width is None else (height, width)


def _by_factors(align_corners: bool) -> Callable[[Sizes], Optional[ResizeOperation]]:
    def build(sizes: Sizes) -> Optional[ResizeOperation]:
        factors = _factors(sizes)
        return None if factors is None else UpsampleBilinear(*factors, align_corners=align_corners)

    return build


def _whole_factors(sizes: Sizes) -> Optional[ResizeOperation]:
    factors = _factors(sizes)
    if factors is None or not all(isinstance(factor, int) for factor in factors):
        return None
    return UpsampleNearest(*factors)


# STRICT goes before ALIGN_CORNERS, which is not here: they differ at an output of one pixel, where
# PyTorch's align_corners=True reads the first pixel, as STRICT does. A factor is for inputs whose
# size varies: elsewhere it could only make a size that the target size says outright.
NATIVES: Tuple[Native, ...] = (
    Native("upsample_nearest_neighbor", IOS15, False, True, _whole_factors),
    Native(
        "resize_bilinear STRICT_ALIGN_CORNERS",
        IOS15,
        True,
        False,
        _target_size("STRICT_ALIGN_CORNERS"),
    ),
    Native("resize_bilinear UNALIGN_CORNERS", IOS15, True, False, _target_size("UNALIGN_CORNERS")),
    Native("upsample_bilinear align_corners=true", IOS15, False, False, _by_factors(True)),
    Native("upsample_bilinear align_corners=false", IOS15, False, False, _by_factors(False)),
)
