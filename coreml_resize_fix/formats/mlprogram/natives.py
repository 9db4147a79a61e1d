"""The operations that may replace a resize, in order of preference, and how each is built.

Whether one computes an intent is never stated here: it is measured by comparing sampling grids.
"""

from dataclasses import replace
from typing import Callable, List, Optional, Tuple

from coreml_resize_fix.conventions import mil
from coreml_resize_fix.conventions.mil import Factor
from coreml_resize_fix.formats.input_sizes import sizes_in
from coreml_resize_fix.formats.mlprogram.operations import (
    IOS15,
    IOS17,
    ResizeBilinear,
    ResizeToShape,
    UpsampleBilinear,
    UpsampleNearest,
)
from coreml_resize_fix.formats.model import POOLING, Native, ResizeOp
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import SizePairs
from coreml_resize_fix.intents.model import Intent


def in_place_of(layer: ResizeLayer, intent: Optional[Intent] = None) -> List[Native]:
    """The operations that may take the place of one, whatever the target is.

    Of an input whose size varies the file's own factors go first: then nothing changes but how
    they are sampled. With an intent, factors that make its size of every input come with them.
    """
    params = layer.params
    if params.kind == POOLING or params.unjudged:
        return []  # it is right, or does not stand for the call
    said = layer.others.said if layer.others is not None else ()
    if params.computes_size or said:
        return [*map(_computed(layer), ("STRICT_ALIGN_CORNERS", "UNALIGN_CORNERS")), *NATIVES]
    if layer.input.is_static:
        return [native for native in NATIVES if native.fixed_size or native.nearest]
    found = list(NATIVES)
    if layer.input.is_flexible and isinstance(params, UpsampleBilinear):
        found = [*(_own(params, aligned) for aligned in (True, False)), *found]
    return found + _following(layer, intent)


def _following(layer: ResizeLayer, intent: Optional[Intent]) -> List[Native]:
    """Operations by factors that make what an intent asks for of every size in the ranges."""
    if intent is None or not layer.input.ranges:
        return []
    sizes = [(size, intent.target_size(size)) for size in sizes_in(layer.input.ranges)]
    known = [(size, target) for size, target in sizes if target is not None and min(target) > 0]
    return [
        native._replace(build=_at_more(native, known))
        for native in NATIVES
        if not native.fixed_size and not native.nearest
    ]


def _at_more(native: Native, more: SizePairs) -> Callable[[SizePairs], Optional[ResizeOp]]:
    return lambda sizes: native.build([*sizes, *more])


def _own(params: UpsampleBilinear, align_corners: bool) -> Native:
    changed = replace(params, align_corners=align_corners, half_pixel_centers=None)
    return Native("upsample_bilinear", IOS15, lambda sizes: changed)


def _computed(layer: ResizeLayer) -> Callable[[str], Native]:
    """A resize whose size is computed at run time, as the file does it or from another tensor."""
    said = layer.others.said if layer.others is not None else ()
    params = layer.params
    if isinstance(params, ResizeToShape) and params.computes_size and params.resized_dims == 2:
        kept: Optional[ResizeToShape] = replace(params, interpolation_mode="LINEAR")
    else:
        kept = ResizeToShape(size_source=said[0]) if len(said) == 1 else None

    def native(sampling_mode: str) -> Native:
        changed = None if kept is None else replace(kept, sampling_mode=sampling_mode)
        return Native("resize LINEAR", IOS17, lambda sizes: changed)

    return native


def _target_size(sampling_mode: str) -> Callable[[SizePairs], Optional[ResizeOp]]:
    def build(sizes: SizePairs) -> Optional[ResizeOp]:
        targets = {after for _, after in sizes}
        if len(targets) != 1:
            return None
        height, width = targets.pop()
        return ResizeBilinear(height, width, sampling_mode) if min(height, width) > 0 else None

    return build


def _factors(sizes: SizePairs) -> Optional[Tuple[Factor, Factor]]:
    """(height, width) factors that make every size, however their products are rounded."""
    height = mil.factor_that_makes((before[0], after[0]) for before, after in sizes)
    width = mil.factor_that_makes((before[1], after[1]) for before, after in sizes)
    return None if height is None or width is None else (height, width)


def _by_factors(align_corners: bool) -> Callable[[SizePairs], Optional[ResizeOp]]:
    def build(sizes: SizePairs) -> Optional[ResizeOp]:
        factors = _factors(sizes)
        return None if factors is None else UpsampleBilinear(*factors, align_corners=align_corners)

    return build


def _whole_factors(sizes: SizePairs) -> Optional[ResizeOp]:
    factors = _factors(sizes)
    if factors is None or not all(isinstance(factor, int) for factor in factors):
        return None
    return UpsampleNearest(*factors)


# STRICT goes before ALIGN_CORNERS, which is not here: they differ at an output of one pixel, where
# PyTorch's align_corners=True reads the first pixel, as STRICT does. A factor is for inputs whose
# size varies: elsewhere it could only make a size that the target size says outright. (Questions
# `one-pixel` and `factor-rounding` of conventions/measured.json.)
NATIVES: Tuple[Native, ...] = (
    Native("upsample_nearest_neighbor", IOS15, _whole_factors, nearest=True),
    Native(
        "resize_bilinear STRICT_ALIGN_CORNERS",
        IOS15,
        _target_size("STRICT_ALIGN_CORNERS"),
        fixed_size=True,
    ),
    Native(
        "resize_bilinear UNALIGN_CORNERS", IOS15, _target_size("UNALIGN_CORNERS"), fixed_size=True
    ),
    Native("upsample_bilinear align_corners=true", IOS15, _by_factors(True)),
    Native("upsample_bilinear align_corners=false", IOS15, _by_factors(False)),
)
