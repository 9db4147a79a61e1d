"""Interpolation kernels: which source pixels an output pixel reads, and with which weights."""

import functools
from typing import Callable, Dict, Tuple

import numpy as np

from coreml_resize_fix.sampling.grid import AxisSpec, coordinates, source_step

__all__ = ["KERNELS", "Taps", "centres", "matrix", "positions", "taps"]

# (source index, weight), both of shape (N, K); the index may leave the image.
Taps = Tuple[np.ndarray, np.ndarray]


def _triangle(distance: np.ndarray, coeff_a: float) -> np.ndarray:
    return np.asarray(np.maximum(0.0, 1.0 - np.abs(distance)))


def _cubic_convolution(distance: np.ndarray, coeff_a: float) -> np.ndarray:
    """Keys, "Cubic convolution interpolation for digital image processing", 1981, eq. 4 and 15."""
    s = np.abs(distance)
    near = ((coeff_a + 2) * s - (coeff_a + 3)) * s * s + 1
    far = coeff_a * (((s - 5) * s + 8) * s - 4)
    return np.where(s <= 1, near, np.where(s < 2, far, 0.0))


def _nearest(round_to: Callable[[np.ndarray], np.ndarray], spec: AxisSpec) -> Taps:
    index = round_to(coordinates(spec))[:, np.newaxis]
    return index.astype(np.int64), np.ones_like(index)


def _convolution(
    profile: Callable[[np.ndarray, float], np.ndarray], radius: int, spec: AxisSpec
) -> Taps:
    centre = coordinates(spec)[:, np.newaxis]
    index = np.floor(centre) + np.arange(1 - radius, radius + 1)
    return index.astype(np.int64), profile(index - centre, spec.cubic_coeff_a)


def _antialias(
    profile: Callable[[np.ndarray, float], np.ndarray], radius: int, spec: AxisSpec
) -> Taps:
    widening = max(1.0, source_step(spec))
    support = radius * widening
    centre = coordinates(spec)[:, np.newaxis]
    index = np.ceil(centre - support) + np.arange(int(2 * support) + 1)
    weight = profile((index - centre) / widening, spec.cubic_coeff_a)
    return index.astype(np.int64), _rescaled(weight)


def _area(spec: AxisSpec) -> Taps:
    # Adaptive average pooling reads whole pixels from floor(i X / N) to ceil((i + 1) X / N).
    edges = np.arange(spec.output_size + 1, dtype=np.int64) * spec.input_size
    first = edges[:-1] // spec.output_size
    after = -(-edges[1:] // spec.output_size)
    index = first[:, np.newaxis] + np.arange(int((after - first).max()))
    return index, _rescaled((index < after[:, np.newaxis]).astype(np.float64))


def _rescaled(weight: np.ndarray) -> np.ndarray:
    total = weight.sum(axis=1, keepdims=True)
    return np.asarray(weight / np.where(total == 0, 1.0, total))


# Ties of the nearest family are at .5; the two roundings differ there and nowhere else.
_ROUNDINGS: Dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "floor": np.floor,
    "ceil": np.ceil,
    "round_prefer_floor": lambda coordinate: np.ceil(coordinate - 0.5),
    "round_prefer_ceil": lambda coordinate: np.floor(coordinate + 0.5),
}

KERNELS: Dict[str, Callable[[AxisSpec], Taps]] = {
    "linear": functools.partial(_convolution, _triangle, 1),
    "cubic": functools.partial(_convolution, _cubic_convolution, 2),
    "antialias_linear": functools.partial(_antialias, _triangle, 1),
    "antialias_cubic": functools.partial(_antialias, _cubic_convolution, 2),
    "area": _area,
}
KERNELS.update(
    ("nearest_" + name, functools.partial(_nearest, rounding))
    for name, rounding in _ROUNDINGS.items()
)


def taps(spec: AxisSpec) -> Taps:
    """Source index (int64) and weight (float64) of every tap, each of shape (N, K).

    Indices are clamped to [0, X - 1], so a row may name the same pixel several times. Rows sum to
    one, except the zero rows that `zero_outside` asks for. Raises ValueError for an unknown kernel.
    """
    if spec.kernel not in KERNELS:
        raise ValueError(f"unknown kernel {spec.kernel!r}; known: {', '.join(sorted(KERNELS))}")
    index, weight = KERNELS[spec.kernel](spec)
    last = spec.input_size - 1
    if spec.exclude_outside:
        weight = _rescaled(np.where((index >= 0) & (index <= last), weight, 0.0))
    if spec.zero_outside:
        centre = coordinates(spec)[:, np.newaxis]
        weight = np.where((centre >= 0) & (centre <= last), weight, 0.0)
    return np.clip(index, 0, last), weight


def matrix(spec: AxisSpec) -> np.ndarray:
    """The axis as a linear map: float64 of shape (N, X), output = matrix @ input."""
    index, weight = taps(spec)
    dense = np.zeros((spec.output_size, spec.input_size))
    np.add.at(dense, (np.arange(spec.output_size)[:, np.newaxis], index), weight)
    return dense


def positions(spec: AxisSpec) -> np.ndarray:
    """The effective source position of each output: the weighted mean of its taps' indices.

    Float64 of shape (N,), in source pixels. For the linear kernel it is the clamped coordinate.
    """
    return centres(taps(spec))


def centres(pair: Taps) -> np.ndarray:
    """The weighted mean index of every row of taps: float64 of shape (N,)."""
    index, weight = pair
    return np.asarray((index * weight).sum(axis=1))
