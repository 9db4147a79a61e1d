"""What the resize layers of a Core ML neural network compute along one axis.

Source: the comments of NeuralNetwork.proto (UpsampleLayerParams, SamplingMode,
CropResizeLayerParams) and the documentation of the MIL operators built on them. What was run on
devices is in `measured.json`: `network-modes`, `fraction-step`, `factor-rounding`.
"""

import math
from typing import Dict, Tuple, Union

from coreml_resize_fix.sampling import AxisSpec
from coreml_resize_fix.sampling.single import single

# (mode, linearUpsampleMode) -> (kernel, transform); nearest neighbour ignores the second
UPSAMPLE_MODES: Dict[Tuple[str, str], Tuple[str, str]] = {
    ("NN", "DEFAULT"): ("nearest_floor", "asymmetric"),
    ("NN", "ALIGN_CORNERS_TRUE"): ("nearest_floor", "asymmetric"),
    ("NN", "ALIGN_CORNERS_FALSE"): ("nearest_floor", "asymmetric"),
    ("BILINEAR", "DEFAULT"): ("linear", "upsample"),
    ("BILINEAR", "ALIGN_CORNERS_TRUE"): ("linear", "align_corners"),
    ("BILINEAR", "ALIGN_CORNERS_FALSE"): ("linear", "half_pixel"),
}

# SamplingMode -> transform
SAMPLING_MODES: Dict[str, str] = {
    "STRICT_ALIGN_ENDPOINTS_MODE": "align_corners",
    "ALIGN_ENDPOINTS_MODE": "align_endpoints",
    "UPSAMPLE_MODE": "upsample",
    "ROI_ALIGN_MODE": "roi_align",
}

_SPACING = 2.0**-23  # of numbers in float32, as a share of them, at most


def upsample_output_size(input_size: int, factor: Union[int, float], fractional: bool) -> int:
    """N in pixels of an Upsample layer: X * s, or floor(X * s) for a fractionalScalingFactor.

    Apple documents no precision. The factor is stored in float32, so a product that misses a whole
    number by no more than the rounding of the factor is taken for it, as a product in float32
    mostly is: then (N + 1e-4) / X, as converters write it, is N of every X.
    """
    if not fractional:
        return input_size * int(factor)
    return math.floor(input_size * single(factor) + _rounding(input_size, factor))


def fractional_factor(input_size: int, output_size: int) -> float:
    """A factor, exact in float32, that makes N of X however the product is rounded.

    Half a pixel above N / X would be safest for the size; a sixteenth is as safe for sizes below
    2^19 and stays closer to N / X, should a device ever sample by the factor itself.
    """
    return single((output_size + 1 / 16) / input_size)


def upsample_may_mean(input_size: int, factor: float, output_size: int) -> bool:
    """Whether a factor in float32 may have been written for a call that makes N of X.

    PyTorch floors X * s in float64, which makes 28 of 25 by 1.16, and what is stored of it 29.
    """
    rounding = _rounding(input_size, factor)
    return output_size - rounding <= input_size * factor < output_size + 1 + rounding


def _rounding(input_size: int, factor: float) -> float:
    """What X * s may be off by, as s is rounded to float32."""
    return input_size * single(factor) * _SPACING


def upsample_axis(
    mode: str, linear_upsample_mode: str, input_size: int, output_size: int
) -> AxisSpec:
    """One axis of an Upsample layer, by its enum names: the grid follows X / N, never 1 / s.

    Raises ValueError for an unknown mode.
    """
    key = (mode, linear_upsample_mode)
    if key not in UPSAMPLE_MODES:
        raise ValueError(
            f"unknown upsample mode {' '.join(key)}; known: "
            + ", ".join(sorted(" ".join(known) for known in UPSAMPLE_MODES))
        )
    kernel, transform = UPSAMPLE_MODES[key]
    return AxisSpec(kernel, transform, input_size, output_size)


def resize_bilinear_axis(mode: str, input_size: int, output_size: int) -> AxisSpec:
    """One axis of a ResizeBilinear layer; mode is the name of its SamplingMode.

    Raises ValueError for an unknown mode.
    """
    return AxisSpec("linear", _transform(mode), input_size, output_size)


def crop_resize_axis(
    mode: str, input_size: int, output_size: int, start: float, end: float
) -> AxisSpec:
    """One axis of a CropResize layer; start and end are the box in pixels, not normalised.

    The sampling modes place their points in the interval from start to end as ResizeBilinear
    does in [0, X - 1]. A reversed box flips the crop; only the two endpoint modes define that.
    Raises ValueError for an unknown mode, and for a reversed box in another mode.
    """
    transform = _transform(mode)
    if end < start and transform not in ("align_corners", "align_endpoints"):
        raise ValueError(f"{mode} is not defined for a reversed box ({start}, {end})")
    return AxisSpec("linear", transform, input_size, output_size, box=(start, end))


def _transform(mode: str) -> str:
    if mode not in SAMPLING_MODES:
        raise ValueError(f"unknown sampling mode {mode!r}; known: {', '.join(SAMPLING_MODES)}")
    return SAMPLING_MODES[mode]
