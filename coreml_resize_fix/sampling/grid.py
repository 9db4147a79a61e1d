"""Sampling grids: the source coordinate of every output index along one axis.

Every resize here is separable, so an axis is described alone. Notation: X is the input size, N the
output size, i the output index; coordinates are in source pixels, pixel centres at the integers.
"""

from dataclasses import dataclass
from typing import Callable, Dict, Optional, Tuple

import numpy as np

__all__ = ["TRANSFORMS", "AxisSpec", "coordinates", "source_step"]

# (output index, length of the sampled interval, N, step as numerator and denominator)
# -> source coordinate
Transform = Callable[[np.ndarray, float, int, Tuple[float, float]], np.ndarray]


@dataclass(frozen=True)
class AxisSpec:
    """What a resize computes along one axis, independent of any framework. Hashable.

    kernel: a key of `KERNELS`; transform: a key of `TRANSFORMS`.
    input_size, output_size: X and N in pixels, both at least 1.
    step: source pixels per output pixel; None means X / N. Only the transforms that scale by a
        ratio use it (asymmetric and the half-pixel family), and the antialias kernels, which
        widen their filter by it.
    box: first and last source coordinate of the interval that is sampled; None is (0, X - 1).
        An interval [a, b] stands for b - a + 1 pixels.
    cubic_coeff_a: the free parameter of the cubic convolution.
    exclude_outside: drop taps outside the image and rescale the rest to sum to one, instead of
        repeating the edge pixel.
    zero_outside: outputs whose coordinate is outside [0, X - 1] are zero.
    precision: NumPy dtype that coordinates are rounded to; decides ties of nearest neighbour.

    Raises ValueError for sizes below 1, an unknown transform, or a negative step.
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
    precision: str = "float64"

    def __post_init__(self) -> None:
        if self.input_size < 1 or self.output_size < 1:
            raise ValueError(
                f"sizes must be at least 1, got {self.input_size} -> {self.output_size}"
            )
        if self.transform not in TRANSFORMS:
            raise ValueError(
                f"unknown transform {self.transform!r}; known: {', '.join(sorted(TRANSFORMS))}"
            )
        if self.step is not None and not self.step >= 0:
            raise ValueError(f"step must not be negative, got {self.step}")


def _identity(
    index: np.ndarray, length: float, count: int, step: Tuple[float, float]
) -> np.ndarray:
    return index


def _align_corners(
    index: np.ndarray, length: float, count: int, step: Tuple[float, float]
) -> np.ndarray:
    return index * (length - 1) / max(count - 1, 1)


def _align_endpoints(
    index: np.ndarray, length: float, count: int, step: Tuple[float, float]
) -> np.ndarray:
    if count == 1:
        return index + (length - 1) / 2
    return _align_corners(index, length, count, step)


def _asymmetric(
    index: np.ndarray, length: float, count: int, step: Tuple[float, float]
) -> np.ndarray:
    return index * step[0] / step[1]


def _tf_half_pixel_for_nn(
    index: np.ndarray, length: float, count: int, step: Tuple[float, float]
) -> np.ndarray:
    return _asymmetric(index + 0.5, length, count, step)


def _half_pixel(
    index: np.ndarray, length: float, count: int, step: Tuple[float, float]
) -> np.ndarray:
    return _asymmetric(index + 0.5, length, count, step) - 0.5


def _pytorch_half_pixel(
    index: np.ndarray, length: float, count: int, step: Tuple[float, float]
) -> np.ndarray:
    return index if count == 1 else _half_pixel(index, length, count, step)


def _half_pixel_symmetric(
    index: np.ndarray, length: float, count: int, step: Tuple[float, float]
) -> np.ndarray:
    overhang = length - count * step[0] / step[1]
    return overhang / 2 + _half_pixel(index, length, count, step)


def _roi_align(
    index: np.ndarray, length: float, count: int, step: Tuple[float, float]
) -> np.ndarray:
    return (index + 0.5) * max(1, length - 1) / count


def _upsample(
    index: np.ndarray, length: float, count: int, step: Tuple[float, float]
) -> np.ndarray:
    return np.minimum(length - 1, index * length / count)


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


def coordinates(spec: AxisSpec) -> np.ndarray:
    """The source coordinate of each output index, in source pixels, not clamped to the image.

    Returns float64 of shape (N,).
    """
    first, length = _interval(spec)
    # A quotient multiplied out once is exact where i * X / N is whole; i * (X / N) is not, and
    # nearest neighbour would round it to the wrong pixel.
    step = (length, float(spec.output_size)) if spec.step is None else (spec.step, 1.0)
    index = np.arange(spec.output_size, dtype=np.float64)
    raw = first + TRANSFORMS[spec.transform](index, length, spec.output_size, step)
    return np.asarray(raw, dtype=spec.precision).astype(np.float64)
