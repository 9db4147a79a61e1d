"""The native layers that may replace a resize, in order of preference, and how each is built.

Whether one computes an intent is never stated here: it is measured by comparing sampling grids.
"""

from dataclasses import replace
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.layers import FLEXIBLE, ResizeLayer
from coreml_resize_fix.coreml.resize_params import ResizeBilinear, ResizeParams, Upsample
from coreml_resize_fix.dialects.coreml import fractional_factor
from coreml_resize_fix.intents.model import Intent

STRICT, ENDPOINTS = "STRICT_ALIGN_ENDPOINTS_MODE", "ALIGN_ENDPOINTS_MODE"

Size = Tuple[int, int]
Sizes = Sequence[Tuple[Size, Size]]  # (input, output) at every size to hold at


class Native(NamedTuple):
    """`build` gives the parameters that make these sizes, or None if the layer cannot."""

    name: str
    spec_version: int
    fixed_size: bool
    nearest: bool
    modern: bool  # counts as a layer of iOS 13 and later (see `ResizeLayer.modern`)
    build: Callable[[Sizes], Optional[ResizeParams]]


def in_place_of(layer: ResizeLayer) -> List[Native]:
    """The natives that Apple's validator accepts in the layer's place, whatever the target is."""
    return [native for native in NATIVES if layer.modern or not native.modern]


def preferred(natives: Sequence[Native], intent: Intent) -> List[Native]:
    """Those that copy pixels come last for a call that does not say so.

    From one pixel they equal any call, and the result would no longer show what was asked for.
    """
    return sorted(natives, key=lambda native: native.nearest and not intent.is_nearest)


def allowed(layer: ResizeLayer, spec_version: int) -> List[Native]:
    """Those of them that the target has, and that would not freeze a flexible model."""
    return [
        native
        for native in in_place_of(layer)
        if native.spec_version <= spec_version
        and not (native.fixed_size and layer.shape == FLEXIBLE)
    ]


def _whole_factors(mode: str) -> Callable[[Sizes], Optional[ResizeParams]]:
    def build(sizes: Sizes) -> Optional[ResizeParams]:
        factors = {
            tuple(n // x if x and n % x == 0 else 0 for x, n in zip(before, after))
            for before, after in sizes
        }
        if len(factors) != 1:
            return None
        (factor,) = factors
        return Upsample(mode, scaling_factor=factor) if min(factor) > 0 else None

    return build


def _factors(linear_upsample_mode: str) -> Callable[[Sizes], Optional[ResizeParams]]:
    """Whole factors where they make the sizes, fractional ones where only one size is asked for."""
    whole = _whole_factors("BILINEAR")

    def build(sizes: Sizes) -> Optional[ResizeParams]:
        params = whole(sizes)
        if isinstance(params, Upsample):
            return replace(params, linear_upsample_mode=linear_upsample_mode)
        if len(set(sizes)) != 1:
            return None
        before, after = sizes[0]
        factors = tuple(fractional_factor(x, n) for x, n in zip(before, after))
        return Upsample("BILINEAR", linear_upsample_mode, fractional_scaling_factor=factors)

    return build


def _target_size(sampling_mode: str) -> Callable[[Sizes], Optional[ResizeParams]]:
    def build(sizes: Sizes) -> Optional[ResizeParams]:
        targets = {after for _, after in sizes}
        return ResizeBilinear(targets.pop(), sampling_mode) if len(targets) == 1 else None

    return build


# name, specification version, fixed size, nearest, modern, parameters
NATIVES: Tuple[Native, ...] = (
    Native("Upsample NN", 1, False, True, False, _whole_factors("NN")),
    # STRICT goes before ALIGN_ENDPOINTS: they differ at an output of one pixel, where PyTorch's
    # align_corners=True reads the first pixel, as STRICT does.
    Native("ResizeBilinear STRICT", 3, True, False, False, _target_size(STRICT)),
    Native("Upsample BILINEAR DEFAULT", 1, False, False, False, _whole_factors("BILINEAR")),
    Native("ResizeBilinear ALIGN_ENDPOINTS", 3, True, False, False, _target_size(ENDPOINTS)),
    Native("ResizeBilinear UPSAMPLE", 3, True, False, False, _target_size("UPSAMPLE_MODE")),
    Native("Upsample ALIGN_CORNERS_TRUE", 5, False, False, True, _factors("ALIGN_CORNERS_TRUE")),
    Native("Upsample ALIGN_CORNERS_FALSE", 5, False, False, True, _factors("ALIGN_CORNERS_FALSE")),
)
