"""Framework-free resizing: sampling grids, interpolation kernels, and how two of them differ.

`reference.py` applies them to arrays; it alone needs NumPy.
"""

from coreml_resize_fix.sampling.difference import TOLERANCE, Difference, difference
from coreml_resize_fix.sampling.grid import (
    LARGEST_SIDE,
    TRANSFORMS,
    AxisSpec,
    coordinates,
)
from coreml_resize_fix.sampling.kernels import KERNELS, positions, taps

__all__ = [
    "KERNELS",
    "LARGEST_SIDE",
    "TOLERANCE",
    "TRANSFORMS",
    "AxisSpec",
    "Difference",
    "coordinates",
    "difference",
    "positions",
    "taps",
]
