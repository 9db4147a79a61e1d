"""Sampling grids: the source coordinate of every output index along one axis.

Every resize here is separable, so an axis is described alone. Notation: X is the input size, N the
output size, i the output index; coordinates are in source pixels, pixel centres at the integers.
"""

import math
from dataclasses import dataclass
from typing import Callable, Dict, Optional, Tuple

from coreml_resize_fix.sampling.single import single

Rounding = Callable[[float], float]  # of every intermediate result: to single precision, or not

# (output index, length of the sampled interval, N, step as numerator and denominator, rounding)
# -> source coordinate
Transform = Callable[[float, float, int, Tuple[float, float], Rounding], float]

# No image has a longer side. A small file may declare one of 2^60 pixels, and a grid takes about
# a hundred bytes for each.
LARGEST_SIDE = 1 << 17


@dataclass(frozen=True)
class AxisSpec:
    """What a resize computes along one axis, independent of any framework. Hashable.

    kernel: a key of `KERNELS`; transform: a key of `TRANSFORMS`.
    input_size, output_size: X and N in pixels, from 1 to LARGEST_SIDE.
    step: source pixels per output pixel; None means X / N. Only the transforms that scale by a
        ratio use it (asymmetric and the half-pixel family), and the antialias kernels, which
        widen their filter by it.
    box: first and last source coordinate of the interval that is sampled; None is (0, X - 1).
        An interval [a, b] stands for b - a + 1 pixels.
    cubic_coeff_a: the free parameter of the cubic convolution.
    exclude_outside: drop taps outside the image and rescale the rest to sum to one, instead of
        repeating the edge pixel.
    zero_outside: outputs whose coordinate is outside [0, X - 1] are zero.
    in_single: coordinates are computed in single precision, which decides ties of nearest
        neighbour.
    fractions: coordinates are rounded to one of so many between two pixels, to the even one of two
        that are as near.
    window: of the kernel mean: how many pixels an output is the mean of, and how many of the first
        output's lie before the image. The step is a whole number, and what lies outside is zero.

    Raises ValueError for sizes out of this range, an unknown transform, or a step that is negative
    or not finite.
    """

    kernel: str
    transform: str
    input_size: int
    output_size: int
    step: Optional[float] = None
    box: Optional[Tuple[float, float]] = None
    cubic_coeff_a: float = -0.75
    exclude_outside: bool = False
    zero_outside: bool = False
    in_single: bool = False
    fractions: Optional[int] = None
    window: Optional[Tuple[int, int]] = None

    def __post_init__(self) -> None:
        sizes = (self.input_size, self.output_size)
        if min(sizes) < 1 or max(sizes) > LARGEST_SIDE:
            raise ValueError(
                f"sizes must be from 1 to {LARGEST_SIDE}, got {sizes[0]} -> {sizes[1]}"
            )
        if self.transform not in TRANSFORMS:
            raise ValueError(
                f"unknown transform {self.transform!r}; known: {', '.join(sorted(TRANSFORMS))}"
            )
        if self.step is not None and not 0 <= self.step < math.inf:
            raise ValueError(f"step must be finite and not negative, got {self.step}")


def _identity(
    index: float, length: float, count: int, step: Tuple[float, float], rounded: Rounding
) -> float:
    return index


def _align_corners(
    index: float, length: float, count: int, step: Tuple[float, float], rounded: Rounding
) -> float:
    return rounded(rounded(index * (length - 1)) / max(count - 1, 1))


def _align_endpoints(
    index: float, length: float, count: int, step: Tuple[float, float], rounded: Rounding
) -> float:
    if count == 1:
        return index + (length - 1) / 2
    return _align_corners(index, length, count, step, rounded)


def _asymmetric(
    index: float, length: float, count: int, step: Tuple[float, float], rounded: Rounding
) -> float:
    return rounded(index * step[0] / step[1])


def _tf_half_pixel_for_nn(
    index: float, length: float, count: int, step: Tuple[float, float], rounded: Rounding
) -> float:
    return _asymmetric(index + 0.5, length, count, step, rounded)


def _half_pixel(
    index: float, length: float, count: int, step: Tuple[float, float], rounded: Rounding
) -> float:
    return rounded(_asymmetric(index + 0.5, length, count, step, rounded) - 0.5)


def _pytorch_half_pixel(
    index: float, length: float, count: int, step: Tuple[float, float], rounded: Rounding
) -> float:
    return index if count == 1 else _half_pixel(index, length, count, step, rounded)


def _half_pixel_symmetric(
    index: float, length: float, count: int, step: Tuple[float, float], rounded: Rounding
) -> float:
    overhang = length - count * step[0] / step[1]
    return rounded(overhang / 2 + _half_pixel(index, length, count, step, rounded))


def _roi_align(
    index: float, length: float, count: int, step: Tuple[float, float], rounded: Rounding
) -> float:
    return (index + 0.5) * max(1, length - 1) / count


def _upsample(
    index: float, length: float, count: int, step: Tuple[float, float], rounded: Rounding
) -> float:
    return min(length - 1, index * length / count)


# Sources: align_corners to tf_crop_and_resize, the ONNX operator Resize (opset 19); the rest, the
# SamplingMode message of Core ML's NeuralNetwork.proto.
TRANSFORMS: Dict[str, Transform] = {
    "identity": _identity,
    "align_corners": _align_corners,
    "asymmetric": _asymmetric,
    "half_pixel": _half_pixel,
    "pytorch_half_pixel": _pytorch_half_pixel,
    "half_pixel_symmetric": _half_pixel_symmetric,
    "tf_half_pixel_for_nn": _tf_half_pixel_for_nn,
    "tf_crop_and_resize": _align_endpoints,
    "align_endpoints": _align_endpoints,
    "roi_align": _roi_align,
    "upsample": _upsample,
}


def _interval(spec: AxisSpec) -> Tuple[float, float]:
    """First coordinate and length, in pixels, of the interval that is sampled."""
    if spec.box is None:
        return 0.0, float(spec.input_size)
    first, last = spec.box
    return first, last - first + 1


def source_step(spec: AxisSpec) -> float:
    """Source pixels per output pixel: the step if one is given, else X / N."""
    if spec.step is not None:
        return spec.step
    return _interval(spec)[1] / spec.output_size


def coordinates(spec: AxisSpec) -> Tuple[float, ...]:
    """The source coordinate of each of the N outputs, in pixels, not clamped to the image."""
    first, length = _interval(spec)
    # A quotient multiplied out once is exact where i * X / N is whole; i * (X / N) is not, and
    # nearest neighbour would round it to the wrong pixel.
    step = (length, float(spec.output_size)) if spec.step is None else (spec.step, 1.0)
    transform, count = TRANSFORMS[spec.transform], spec.output_size
    rounded = single if spec.in_single else _exact
    raw = [first + transform(float(index), length, count, step, rounded) for index in range(count)]
    if spec.in_single:
        raw = [single(coordinate) for coordinate in raw]
    if spec.fractions is not None:
        raw = [_snapped(coordinate, spec.fractions, rounded) for coordinate in raw]
    return tuple(raw)


def _snapped(coordinate: float, fractions: int, rounded: Rounding) -> float:
    whole = math.floor(coordinate)
    return whole + round(rounded(coordinate - whole) * fractions) / fractions


def _exact(value: float) -> float:
    return value
