"""Compare the values that a layer computes with those that its intent computes."""

from typing import NamedTuple, Optional, Tuple

import numpy as np

from coreml_resize_fix.errors import ProofError
from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.formats.shapes import Size
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.tensors import Recorded, Tensors
from coreml_resize_fix.sampling.reference import resize
from coreml_resize_fix.verify import probes

# Both sides are computed in float64, on values of at most one.
EXACT = 1e-9
# Several layers hold weights, and the corners of a box in pixels, in float32: a corner at pixel X
# is rounded by up to X · 2^-24, and the steepest image changes by two from pixel to pixel.
STORED_WEIGHTS, STORED_PIXEL = 1e-6, 2.0**-23
# Layers that are in the file may hold weights rounded to float16, 2^-12 each, along both axes.
STORED_HALVES = 2e-3
# Recorded tensors are float32, and PyTorch computes coordinates in float32 too: up to 7e-5 of the
# largest magnitude at large sizes.
RECORDED = 1e-4

# 8K video has a few less; a comparison has three such maps in memory, 768 MiB.
_MOST_PIXELS = 1 << 25


class Measurement(NamedTuple):
    """`error` is the largest absolute one; `relative` divides it by the largest magnitude."""

    error: float
    relative: float
    tolerance: float
    worst: Tuple[int, ...]
    expected: float
    actual: float

    @property
    def proves(self) -> bool:
        """Whether the two are the same within what their arithmetic allows."""
        return self.relative <= self.tolerance

    def __str__(self) -> str:
        return f"{self.actual:.6g} instead of {self.expected:.6g} at {list(self.worst)}"


def recorded_of(intent: Intent, tensors: Tensors) -> Optional[Recorded]:
    """The tensors that were recorded of a call, if there are any."""
    return tensors.get(intent.index) if intent.index is not None else None


def is_small(input_size: Size, output_size: Size) -> bool:
    """Whether maps of these sizes can be compared in values."""
    return probes.pixels(input_size, output_size) <= _MOST_PIXELS


def measure(
    intent: Intent,
    params: ResizeOp,
    input_size: Size,
    output_size: Size,
    may_be_rounded: bool = False,
) -> Optional[Measurement]:
    """Compare on probes of one input size; None if the layer makes another size.

    `may_be_rounded` allows for weights of several layers that someone rounded to float16.
    """
    if not params.may_make(input_size, output_size):
        return None
    images = _draw_probes(input_size, output_size)
    expected = resize(images, *intent.axes(input_size, output_size))
    tolerance = EXACT
    if params.is_chain:
        tolerance = min(RECORDED, STORED_WEIGHTS + max(input_size) * STORED_PIXEL)
    if params.stored_in_half or (may_be_rounded and _in_half(params)):
        tolerance = STORED_HALVES
    return _compare(expected, _compute(params, images, output_size), tolerance)


def _in_half(params: ResizeOp) -> bool:
    read = params.steps()
    return read is not None and read.in_half


def _compute(params: ResizeOp, images: np.ndarray, output_size: Size) -> np.ndarray:
    try:
        made = params.run(images, output_size)
        if made.shape[-2:] != output_size:
            raise ValueError(f"they make {made.shape[-2]}×{made.shape[-1]}")
        return made
    except (ValueError, MemoryError) as error:  # a KernelError is a ValueError
        raise ProofError(
            f"the layers of `{params}` cannot be computed: {error}",
            "nothing was written; please report this with the model's structure",
        ) from error


def _draw_probes(input_size: Size, output_size: Size) -> np.ndarray:
    """All probes, or the one that shows most where all would take too much memory.

    Raises:
        ProofError: even one would.
    """
    pixels = probes.pixels(input_size, output_size)
    if pixels > _MOST_PIXELS:
        raise ProofError(
            f"a map of {pixels} pixels is too large to be compared in values",
            "pass `--no-verify` to rely on the comparison of sampling grids",
        )
    found = probes.images(input_size) if pixels <= probes.LARGEST_MAP else None
    return found if found is not None else probes.noise(input_size)[np.newaxis]


def measure_recorded(
    params: ResizeOp, recorded: Recorded, may_be_rounded: bool = False
) -> Optional[Measurement]:
    """Compare on the tensors that the framework itself computed; None if the size is another."""
    size = recorded.input.shape[-2], recorded.input.shape[-1]
    wanted = recorded.output.shape[-2], recorded.output.shape[-1]
    if not params.may_make(size, wanted):
        return None
    actual = _compute(params, recorded.input.astype(np.float64), wanted)
    half = params.stored_in_half or (may_be_rounded and _in_half(params))
    tolerance = STORED_HALVES if half else RECORDED
    return _compare(recorded.output.astype(np.float64), actual, tolerance)


def _compare(expected: np.ndarray, actual: np.ndarray, tolerance: float) -> Measurement:
    distance = expected - actual
    np.abs(distance, out=distance)
    worst = np.unravel_index(int(np.argmax(distance)), distance.shape)
    error = float(distance[worst])
    magnitude = max(float(expected.max()), -float(expected.min())) or 1.0
    return Measurement(
        error,
        error / magnitude,
        tolerance,
        tuple(int(index) for index in worst),
        float(expected[worst]),
        float(actual[worst]),
    )
