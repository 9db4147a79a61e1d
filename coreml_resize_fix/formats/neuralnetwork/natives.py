"""The native layers that may replace a resize, in order of preference, and how each is built.

Nothing here states which intents one computes: sampling grids are compared for that.
"""

from dataclasses import replace
from typing import Callable, List, Optional, Tuple

from coreml_resize_fix.conventions.coreml import fractional_factor
from coreml_resize_fix.formats.model import Native, ResizeOp
from coreml_resize_fix.formats.neuralnetwork.parameters import ResizeBilinear, Upsample
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import SizePairs
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.sampling.single import single

STRICT, ENDPOINTS = "STRICT_ALIGN_ENDPOINTS_MODE", "ALIGN_ENDPOINTS_MODE"


def in_place_of(layer: ResizeLayer, intent: Optional[Intent] = None) -> List[Native]:
    """The natives that Apple's validator accepts in the place of the layer, for any target.

    With an intent, they include Upsample layers with its factors or those of the file.
    """
    following = _following(layer, intent) if layer.input.is_flexible and intent else []
    return [native for native in (*NATIVES, *following) if layer.modern or not native.modern]


def _whole_factors(mode: str) -> Callable[[SizePairs], Optional[ResizeOp]]:
    def build(sizes: SizePairs) -> Optional[ResizeOp]:
        factors = {
            tuple(n // x if x and n % x == 0 else 0 for x, n in zip(before, after))
            for before, after in sizes
        }
        if len(factors) != 1:
            return None
        (factor,) = factors
        return Upsample(mode, scaling_factor=factor) if min(factor) > 0 else None

    return build


def _factors(linear_upsample_mode: str) -> Callable[[SizePairs], Optional[ResizeOp]]:
    """Whole factors if they make the sizes; fractional ones if there is only one size."""
    whole = _whole_factors("BILINEAR")

    def build(sizes: SizePairs) -> Optional[ResizeOp]:
        params = whole(sizes)
        if isinstance(params, Upsample):
            return replace(params, linear_upsample_mode=linear_upsample_mode)
        if len(set(sizes)) != 1:
            return None
        before, after = sizes[0]
        factors = tuple(fractional_factor(x, n) for x, n in zip(before, after))
        return Upsample("BILINEAR", linear_upsample_mode, fractional_scaling_factor=factors)

    return build


def _following(layer: ResizeLayer, intent: Intent) -> List[Native]:
    """Upsample layers with fractional factors, for inputs whose size varies.

    The file's own factors go first: they change nothing but the grid.
    """
    choices = [getattr(layer.params, "fractional_scaling_factor", ())]
    if intent.size is None and intent.scale_factor is not None:
        largest = max(max(pair) for pair in (*layer.input.samples, *layer.input.ranges, (1, 1)))
        choices.append(tuple(_above(factor, largest) for factor in intent.scale_factor))
    return [
        Native(f"Upsample {mode} by fractions", 5, _given(mode, factors), modern=True)
        for factors in choices
        if factors
        for mode in ("ALIGN_CORNERS_TRUE", "ALIGN_CORNERS_FALSE")
    ]


def _above(factor: float, largest: int) -> float:
    """A factor, exact in float32, that makes floor(X * factor) of sides up to the largest.

    Rounding down could lose a pixel where X * factor is whole. At most a sixteenth of a pixel is
    added (see `fractional_factor`).
    """
    return factor if single(factor) == factor else single(factor + 1 / 16 / largest)


def _given(mode: str, factors: Tuple[float, ...]) -> Callable[[SizePairs], Optional[ResizeOp]]:
    params = Upsample("BILINEAR", mode, fractional_scaling_factor=factors)
    return lambda sizes: params


def _target_size(sampling_mode: str) -> Callable[[SizePairs], Optional[ResizeOp]]:
    def build(sizes: SizePairs) -> Optional[ResizeOp]:
        targets = {after for _, after in sizes}
        return ResizeBilinear(targets.pop(), sampling_mode) if len(targets) == 1 else None

    return build


NATIVES: Tuple[Native, ...] = (
    Native("Upsample NN", 1, _whole_factors("NN"), nearest=True),
    # STRICT goes before ALIGN_ENDPOINTS: they differ at an output of one pixel, where PyTorch's
    # align_corners=True reads the first pixel, as STRICT does (`one-pixel` of measured.json).
    Native("ResizeBilinear STRICT", 3, _target_size(STRICT), fixed_size=True),
    Native("Upsample BILINEAR DEFAULT", 1, _whole_factors("BILINEAR")),
    Native("ResizeBilinear ALIGN_ENDPOINTS", 3, _target_size(ENDPOINTS), fixed_size=True),
    Native("ResizeBilinear UPSAMPLE", 3, _target_size("UPSAMPLE_MODE"), fixed_size=True),
    Native("Upsample ALIGN_CORNERS_TRUE", 5, _factors("ALIGN_CORNERS_TRUE"), modern=True),
    Native("Upsample ALIGN_CORNERS_FALSE", 5, _factors("ALIGN_CORNERS_FALSE"), modern=True),
)
