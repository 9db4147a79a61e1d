"""Where resizes sample, as Apple words it: a `linspace` of positions for each sampling mode.

The verdicts compare closed formulas (`conventions`). A proof that used the same formulas would
repeat their mistakes, so the positions are written down a second time, in the other form.

Sources: the documentation of MIL's `resize_bilinear`, whose names are used, and the comments of
SamplingMode and UpsampleLayerParams in NeuralNetwork.proto.
"""

from typing import Callable, Dict

import numpy as np

# (pixels, outputs) → the position of every output in pixels, float64 of shape (outputs,). Pixels
# may be a fraction: those of a box.
Positions = Callable[[float, int], np.ndarray]


def _strict(pixels: float, count: int) -> np.ndarray:
    return np.linspace(0, pixels - 1, count)


def _aligned(pixels: float, count: int) -> np.ndarray:
    return _strict(pixels, count) if count > 1 else np.array([(pixels - 1) / 2])


def _default(pixels: float, count: int) -> np.ndarray:
    return np.minimum(pixels - 1, np.linspace(0, pixels - pixels / count, count))


def _offset(pixels: float, count: int) -> np.ndarray:
    spacing = max(1, pixels - 1) / count
    return np.minimum(pixels - 1, np.linspace(spacing / 2, spacing * (count - 0.5), count))


def _unaligned(pixels: float, count: int) -> np.ndarray:
    spacing = pixels / count
    return np.linspace(spacing / 2 - 0.5, pixels - 0.5 - spacing / 2, count)


POSITIONS: Dict[str, Positions] = {
    "STRICT_ALIGN_CORNERS": _strict,
    "ALIGN_CORNERS": _aligned,
    "DEFAULT": _default,
    "OFFSET_CORNERS": _offset,
    "UNALIGN_CORNERS": _unaligned,
}
