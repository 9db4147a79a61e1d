"""How far an array is from what it should be."""

from typing import NamedTuple, Optional, Tuple

import numpy as np

from coreml_resize_fix.verify.layouts import squeezed

_GROWN = 1.1


class Deviation(NamedTuple):
    """The largest and the root mean square error, None where they are no finite numbers or the
    shape is another; `magnitude` is the largest of what it should be. `fault` is why they are None,
    as the end of a sentence."""

    largest: Optional[float]
    rms: Optional[float]
    magnitude: float
    fault: str = ""

    def within(self, tolerance: float) -> bool:
        """Whether no value is off by more than this share of the magnitude."""
        return self.largest is not None and self.largest <= tolerance * (self.magnitude or 1.0)

    def worse_than(self, before: "Deviation", tolerance: float) -> bool:
        """Whether this is off, and clearly farther than before.

        Beside an error that no resize makes, the largest one may grow by chance while all others
        fall; so the mean has to grow as well, by a tenth.
        """
        if before.largest is None or before.rms is None or self.within(tolerance):
            return False
        if self.largest is None or self.rms is None:
            return True
        margin = tolerance * (self.magnitude or 1.0)
        return self.largest > before.largest + margin and self.rms > _GROWN * before.rms


def deviation(wanted: np.ndarray, made: Optional[np.ndarray]) -> Deviation:
    """Compare in float64; `made` is None where nothing was computed."""
    expected = wanted.astype(np.float64)
    magnitude = float(np.abs(expected).max())
    if made is None:
        return Deviation(None, None, magnitude, "is not computed")
    shape, right = squeezed(made.shape), squeezed(wanted.shape)
    if shape != right:
        fault = f"has the shape {list(shape)}, and not {list(right)}"
        return Deviation(None, None, magnitude, fault)
    with np.errstate(all="ignore"):
        error = np.abs(made.astype(np.float64).reshape(-1) - expected.reshape(-1))
        largest, rms = float(error.max()), float(np.sqrt(np.mean(error * error)))
    if not np.isfinite(largest) or not np.isfinite(rms):
        return Deviation(None, None, magnitude, "holds a NaN or an infinity")
    return Deviation(largest, rms, magnitude)


def changed_pixels(wanted: np.ndarray, made: np.ndarray) -> Optional[Tuple[int, int]]:
    """How many pixels of a map of class scores have another class, and of how many.

    None for what is no such map: (classes, height, width) up to axes of one.
    """
    shape = squeezed(wanted.shape)
    if len(shape) != 3 or squeezed(made.shape) != shape:
        return None
    one, other = (array.reshape(shape).argmax(axis=0) for array in (wanted, made))
    return int((one != other).sum()), one.size
