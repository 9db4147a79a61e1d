"""Test images that distinguish resizes: each shows another kind of error, all at one scale."""

from typing import Callable, Dict, Tuple

import numpy as np

Size = Tuple[int, int]

_SEED = 20260801

# All probes of a map take 128 MiB then, and one takes about a second.
LARGEST_MAP = 1 << 22


def _ramp(size: Size) -> np.ndarray:
    """Rises evenly along both axes: a shift of the grid becomes an offset."""
    rows, columns = np.indices(size, dtype=np.float64)
    return np.asarray((rows / size[0] + 2 * columns / size[1]) / 3)


def _impulse(size: Size) -> np.ndarray:
    """One bright pixel in the middle: shows the kernel itself."""
    image = np.zeros(size)
    image[size[0] // 2, size[1] // 2] = 1.0
    return image


def _checkerboard(size: Size) -> np.ndarray:
    """Changes at every pixel: a shift that a ramp's clamped edge would hide becomes visible."""
    rows, columns = np.indices(size)
    return np.asarray((rows + columns) % 2, dtype=np.float64)


def noise(size: Size) -> np.ndarray:
    """Seeded noise: no symmetry that an error could hide behind."""
    return np.random.RandomState(_SEED).uniform(-1.0, 1.0, size)


def natural(size: Size) -> np.ndarray:
    """Seeded noise whose amplitude falls with frequency (1/f), as that of natural images does.

    Float64 of shape (height, width), magnitudes up to one.
    """
    spectrum = np.fft.rfft2(np.random.RandomState(_SEED).normal(size=size))
    rows, columns = np.fft.fftfreq(size[0])[:, np.newaxis], np.fft.rfftfreq(size[1])
    frequency = np.hypot(rows, columns)
    frequency[0, 0] = np.inf  # no constant part
    image = np.fft.irfft2(spectrum / frequency, s=size)
    return np.asarray(image / (np.abs(image).max() or 1.0))


PROBES: Dict[str, Callable[[Size], np.ndarray]] = {
    "ramp": _ramp,
    "impulse": _impulse,
    "checkerboard": _checkerboard,
    "noise": noise,
}


def images(size: Size) -> np.ndarray:
    """All probes, stacked: float64 of shape (probes, height, width), no magnitude above one."""
    return np.stack([probe(size) for probe in PROBES.values()])
