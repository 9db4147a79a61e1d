"""What the resize operations of an ML Program compute along one axis.

Sources: the documentation of coremltools' MIL operators (image_resizing.py of iOS15, iOS16 and
iOS17), and the figures in their tests, which Apple runs on Core ML (`measured.json`: the keys below
are those of its questions). `upsample_nearest_neighbor`
and `resize_nearest_neighbor` document no grid: a factor of 1.12 on three pixels gives all three
(iOS15 tests), so Core ML takes X / N, floored, and ONNX Runtime relies on the same.
"""

import math
from typing import Dict, Iterable, Optional, Tuple, Union

from coreml_resize_fix.sampling import AxisSpec
from coreml_resize_fix.sampling.grid import coordinates
from coreml_resize_fix.sampling.single import single, spacing

Factor = Union[int, float]

# sampling_mode of resize_bilinear and of iOS 17's resize -> transform (`program-modes`)
SAMPLING_MODES: Dict[str, str] = {
    "STRICT_ALIGN_CORNERS": "align_corners",
    "ALIGN_CORNERS": "align_endpoints",
    "DEFAULT": "upsample",
    "OFFSET_CORNERS": "roi_align",
    "UNALIGN_CORNERS": "half_pixel",
}

# (align_corners, half_pixel_centers) of upsample_bilinear -> transform. Half-pixel centers are the
# opposite of aligned corners unless they are given (iOS 16); both together are not documented
# (`bilinear-flags`).
UPSAMPLE_GRIDS: Dict[Tuple[bool, bool], str] = {
    (True, False): "align_corners",
    (False, True): "half_pixel",
    (False, False): "upsample",
}

# iOS 17's resize with NEAREST_NEIGHBOR reads the pixel nearest to the grid point of its mode: two
# pixels to three by DEFAULT read 0, 1, 1 (iOS17 tests). Which one it reads of two that are as near
# is not documented (`nearest-tie`).
INTERPOLATIONS: Dict[str, str] = {
    "LINEAR": "linear",
    "NEAREST_NEIGHBOR": "nearest_round_prefer_floor",
}

# A product this far above a whole number, and this far below the next, is floored to it in single
# precision as in double (for images of up to 2^19 pixels a side).
_ABOVE, _BELOW = 1e-4, 1 / 16
_TIE = 1e-9  # pixels: what double precision may miss a tie by


def upsample_bilinear_axis(
    align_corners: bool, half_pixel_centers: Optional[bool], input_size: int, output_size: int
) -> AxisSpec:
    """One axis of upsample_bilinear: the grid follows X / N, never 1 / s (`fraction-step`).

    Raises ValueError for aligned corners with half-pixel centers.
    """
    half = not align_corners if half_pixel_centers is None else half_pixel_centers
    key = (align_corners, half)
    if key not in UPSAMPLE_GRIDS:
        raise ValueError(f"align_corners={align_corners} with half_pixel_centers={half}")
    return AxisSpec("linear", UPSAMPLE_GRIDS[key], input_size, output_size)


def resize_axis(
    sampling_mode: str, input_size: int, output_size: int, interpolation: str = "LINEAR"
) -> AxisSpec:
    """One axis of resize_bilinear, or of resize in either interpolation_mode.

    Raises ValueError for modes that MIL does not have.
    """
    if sampling_mode not in SAMPLING_MODES or interpolation not in INTERPOLATIONS:
        raise ValueError(
            f"unknown modes {interpolation!r}, {sampling_mode!r}; known: "
            + ", ".join([*INTERPOLATIONS, *SAMPLING_MODES])
        )
    kernel, transform = INTERPOLATIONS[interpolation], SAMPLING_MODES[sampling_mode]
    return AxisSpec(kernel, transform, input_size, output_size)


def nearest_axis(input_size: int, output_size: int) -> AxisSpec:
    """One axis of upsample_nearest_neighbor and resize_nearest_neighbor: floor(i X / N)
    (`nearest-pixel`)."""
    return AxisSpec("nearest_floor", "asymmetric", input_size, output_size)


def sizes_by_factor(input_size: int, factor: Factor) -> Tuple[int, int]:
    """floor(X s) in single and in double precision, of a factor that is stored as float32.

    Which one a device takes is not known (`factor-rounding`): coremltools declares the first with
    NumPy 2, the second with NumPy 1. They differ for 0.7 of 30 and for 2.3 of 10.
    """
    if isinstance(factor, int):
        return input_size * factor, input_size * factor
    exact = single(factor)
    return math.floor(single(single(input_size) * exact)), math.floor(input_size * exact)


def factor_that_makes(sizes: Iterable[Tuple[int, int]]) -> Optional[Factor]:
    """A factor that makes N of X for every such pair, however its product is rounded; or None.

    A whole number where one does; else the least one in single precision whose products are at
    least 1e-4 above each N, so that it stays close to N / X.
    """
    pairs = list(sizes)
    if not pairs or any(before < 1 or after < 1 for before, after in pairs):
        return None
    before, after = pairs[0]
    whole = after // before
    if whole and all(n == whole * x for x, n in pairs):
        return whole
    least = max((n + _ABOVE) / x for x, n in pairs)
    factor = single(least)
    if factor < least:
        factor += spacing(factor)
    return factor if all(x * factor <= n + 1 - _BELOW for x, n in pairs) else None


def has_tie(axis: AxisSpec) -> bool:
    """Whether some output lies midway between two pixels of the input (`nearest-tie`)."""
    last = axis.input_size - 1
    return any(0 < at < last and abs(at % 1 - 0.5) < _TIE for at in coordinates(axis))
