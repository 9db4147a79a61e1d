"""Test images that distinguish resizes: each shows another kind of error, all at one scale."""

from typing import Callable, Dict, Mapping, Sequence, Tuple

import numpy as np

from coreml_resize_fix.formats.features import MOST_AXES
from coreml_resize_fix.formats.shapes import Size
from coreml_resize_fix.verify.kernels.checks import KernelError, count_of

Wanted = Tuple[Sequence[int], np.dtype]  # shape and numbers of an input

_SEED = 20260801

# All probes of a map take 128 MiB then, and one takes about a second.
LARGEST_MAP = 1 << 22

LARGEST_EXAMPLE = 1 << 25  # numbers of an input: three channels of 3344×3344


def pixels(input_size: Size, output_size: Size) -> int:
    """Of the largest map on the way: one axis is resized after the other, in any order."""
    return max(input_size[0], output_size[0]) * max(input_size[1], output_size[1])


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


def natural(size: Size, number: int = 0) -> np.ndarray:
    """Seeded noise whose amplitude falls with frequency (1/f), as that of natural images does.

    Float64 of shape (height, width), magnitudes up to one; each `number` gives another image.
    """
    spectrum = np.fft.rfft2(np.random.RandomState(_SEED + number).normal(size=size))
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


def examples(wanted: Mapping[str, Wanted]) -> Dict[str, np.ndarray]:
    """A seeded example of what a network gets, for each input by its name.

    Natural images in the last two of three axes or more, noise in fewer; of whole numbers,
    pictures of 0 to 255 in uint8, else zeros.

    Raises:
        KernelError: one is too large.
    """
    found = {}
    for number, (name, (shape, dtype)) in enumerate(wanted.items()):
        count = count_of(shape)
        if len(shape) > MOST_AXES:
            raise KernelError(f"the input `{name}` has {len(shape)} axes, more than {MOST_AXES}")
        if count > LARGEST_EXAMPLE:
            raise KernelError(
                f"the input `{name}` takes {count} numbers, more than the {LARGEST_EXAMPLE} that "
                "a test image may have"
            )
        found[name] = _example(shape, dtype, number)
    return found


def _example(shape: Sequence[int], dtype: np.dtype, number: int) -> np.ndarray:
    """The example of the input of that number: each gets another one."""
    if dtype.kind in "iub" and dtype != np.uint8:
        return np.zeros(shape, dtype)
    if len(shape) < 3:
        values = np.random.RandomState(_SEED + number).uniform(-1.0, 1.0, shape)
    else:
        planes = int(np.prod(shape[:-2]))
        first = number * planes
        size = shape[-2], shape[-1]
        values = np.stack([natural(size, first + plane) for plane in range(planes)]).reshape(shape)
    return (np.rint(127.5 + 127.5 * values) if dtype == np.uint8 else values).astype(dtype)
