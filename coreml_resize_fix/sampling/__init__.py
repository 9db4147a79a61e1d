"""Framework-free resizing: sampling grids, interpolation kernels, and how two of them differ."""

from coreml_resize_fix.sampling.difference import TOLERANCE, Difference, difference
from coreml_resize_fix.sampling.grid import TRANSFORMS, AxisSpec, coordinates, source_step
from coreml_resize_fix.sampling.kernels import KERNELS, matrix, positions, taps
from coreml_resize_fix.sampling.reference import resize

__all__ = [
    "KERNELS",
    "TOLERANCE",
    "TRANSFORMS",
    "AxisSpec",
    "Difference",
    "coordinates",
    "difference",
    "matrix",
    "positions",
    "resize",
    "source_step",
    "taps",
]
