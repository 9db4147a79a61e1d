"""Interpolation kernels: which source pixels an output pixel reads, and with which weights."""

import functools
import math
from typing import Callable, Dict, Tuple

from coreml_resize_fix.sampling.grid import AxisSpec, coordinates, source_step

Row = Tuple[Tuple[int, float], ...]  # (source index, weight) of what one output reads
Taps = Tuple[Row, ...]

_Profile = Callable[[float, float], float]  # (distance in pixels, cubic_coeff_a) → weight


def _triangle(distance: float, coeff_a: float) -> float:
    return max(0.0, 1.0 - abs(distance))


def _cubic_convolution(distance: float, coeff_a: float) -> float:
    """Keys, "Cubic convolution interpolation for digital image processing", 1981, eq. 4 and 15."""
    s = abs(distance)
    if s <= 1:
        return ((coeff_a + 2) * s - (coeff_a + 3)) * s * s + 1
    return coeff_a * (((s - 5) * s + 8) * s - 4) if s < 2 else 0.0


def _nearest(round_to: Callable[[float], int], spec: AxisSpec) -> Taps:
    return tuple(((round_to(centre), 1.0),) for centre in coordinates(spec))


def _convolution(profile: _Profile, radius: int, spec: AxisSpec) -> Taps:
    reach, coeff_a = range(1 - radius, radius + 1), spec.cubic_coeff_a
    return tuple(
        tuple(
            (index, profile(index - centre, coeff_a))
            for index in map(math.floor(centre).__add__, reach)
        )
        for centre in coordinates(spec)
    )


def _antialias(profile: _Profile, radius: int, spec: AxisSpec) -> Taps:
    widening = max(1.0, source_step(spec))
    support = radius * widening
    reach = range(int(2 * support) + 1)
    rows = []
    for centre in coordinates(spec):
        first = math.ceil(centre - support)
        row = (
            (first + k, profile((first + k - centre) / widening, spec.cubic_coeff_a)) for k in reach
        )
        rows.append(_rescaled(tuple(row)))
    return tuple(rows)


def _area(spec: AxisSpec) -> Taps:
    # Adaptive average pooling reads whole pixels from floor(i X / N) to ceil((i + 1) X / N).
    before, after = spec.input_size, spec.output_size
    edges = ((i * before // after, -(-(i + 1) * before // after)) for i in range(after))
    return tuple(_rescaled(tuple((k, 1.0) for k in range(*edge))) for edge in edges)


def _box(spec: AxisSpec) -> Taps:
    # A quotient multiplied out once: then no edge misses the whole number that it is.
    up, down = (spec.input_size, spec.output_size) if spec.step is None else (spec.step, 1)
    edges = [index * up / down for index in range(spec.output_size + 1)]
    rows = []
    for first, last in zip(edges, edges[1:]):
        pixels = range(math.floor(first), math.ceil(last))
        row = ((k, min(k + 1, last) - max(k, first)) for k in pixels)
        rows.append(_rescaled(tuple(row)))
    return tuple(rows)


def _mean(spec: AxisSpec) -> Taps:
    length, before = spec.window or (1, 0)
    stride = int(source_step(spec))
    rows = []
    for index in range(spec.output_size):
        first = index * stride - before
        inside = range(max(first, 0), min(first + length, spec.input_size))
        rows.append(tuple((k, 1 / length) for k in inside) or ((0, 0.0),))
    return tuple(rows)


def _rescaled(row: Row) -> Row:
    total = math.fsum(weight for _, weight in row)
    return tuple((index, weight / total) for index, weight in row) if total else row


# Ties of the nearest family are at .5; the two roundings differ there and nowhere else. What was
# computed in double precision may miss a tie by its last digits.
_TIE = 1e-9
_ROUNDINGS: Dict[str, Callable[[float], int]] = {
    "floor": math.floor,
    "ceil": math.ceil,
    "round_prefer_floor": lambda coordinate: math.ceil(coordinate - 0.5 - _TIE),
    "round_prefer_ceil": lambda coordinate: math.floor(coordinate + 0.5 + _TIE),
}

KERNELS: Dict[str, Callable[[AxisSpec], Taps]] = {
    "linear": functools.partial(_convolution, _triangle, 1),
    "cubic": functools.partial(_convolution, _cubic_convolution, 2),
    "antialias_linear": functools.partial(_antialias, _triangle, 1),
    "antialias_cubic": functools.partial(_antialias, _cubic_convolution, 2),
    "area": _area,
    "box": _box,
    "mean": _mean,
}
KERNELS.update(
    ("nearest_" + name, functools.partial(_nearest, rounding))
    for name, rounding in _ROUNDINGS.items()
)
# Kernels that a coordinate alone decides: where they read, of a coordinate inside the image.
_READS: Dict[str, Callable[[float], float]] = {"linear": float}
_READS.update(("nearest_" + name, rounding) for name, rounding in _ROUNDINGS.items())

# An audit compares the same few axes over and over; long ones are rare and large.
_REMEMBERED, _LONGEST = 64, 4096


def taps(spec: AxisSpec) -> Taps:
    """What each of the N outputs reads: a row of (source index, weight).

    Indices are clamped to [0, X - 1], so a row may name the same pixel several times. Rows sum to
    one, except the zero rows that `zero_outside` asks for. Raises ValueError for an unknown kernel.
    """
    return _remembered(spec) if spec.output_size <= _LONGEST else _taps(spec)


def _taps(spec: AxisSpec) -> Taps:
    if spec.kernel not in KERNELS:
        raise ValueError(f"unknown kernel {spec.kernel!r}; known: {', '.join(sorted(KERNELS))}")
    rows = KERNELS[spec.kernel](spec)
    last = spec.input_size - 1
    if spec.exclude_outside:
        rows = tuple(
            _rescaled(tuple((i, w if 0 <= i <= last else 0.0) for i, w in row)) for row in rows
        )
    if spec.zero_outside:
        rows = tuple(
            row if 0 <= centre <= last else tuple((index, 0.0) for index, _ in row)
            for row, centre in zip(rows, coordinates(spec))
        )
    return tuple(
        row
        if row[0][0] >= 0 and row[-1][0] <= last
        else tuple((min(max(index, 0), last), weight) for index, weight in row)
        for row in rows
    )


_remembered = functools.lru_cache(maxsize=_REMEMBERED)(_taps)


def positions(spec: AxisSpec) -> Tuple[float, ...]:
    """The effective source position of each of the N outputs, in source pixels.

    It is the weighted mean of its taps' indices; for the linear kernel, the clamped coordinate.
    """
    if not is_decided_by_position(spec):
        return _means(spec)
    reads, last = _READS[spec.kernel], float(spec.input_size - 1)
    return tuple(min(max(float(reads(centre)), 0.0), last) for centre in coordinates(spec))


@functools.lru_cache(maxsize=8)  # an intent is compared with one layer after the other
def _means(spec: AxisSpec) -> Tuple[float, ...]:
    return tuple(sum(index * weight for index, weight in row) for row in taps(spec))


def is_decided_by_position(spec: AxisSpec) -> bool:
    """Whether two such axes with equal positions and kernels are the same: linear and nearest."""
    return spec.kernel in _READS and not (spec.exclude_outside or spec.zero_outside)
