"""Read operations as the steps that they compute, to recognize replacements by their map.

Only kinds of operations that replacements are made of can be read.
"""

from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.formats.mlprogram.interpret import Given, cut, edges, repeated
from coreml_resize_fix.formats.mlprogram.steps import Step
from coreml_resize_fix.replacements import steps
from coreml_resize_fix.replacements.format import HALF, SINGLE, Computed
from coreml_resize_fix.replacements.maps import LinearMap
from coreml_resize_fix.replacements.patterns import separated
from coreml_resize_fix.replacements.steps import HEIGHT, WIDTH, Kernel
from coreml_resize_fix.verify.kernels.windows import NO_EDGES

__all__ = ["read"]


class _UnreadableError(Exception):
    """An operation cannot be part of a replacement."""


def _require(holds: bool) -> None:
    if not holds:
        raise _UnreadableError


def read(operations: Sequence[Step], rank: int, channels: Optional[int]) -> Optional[Computed]:
    """The steps of operations in order, for an image of that rank and so many channels.

    None if some operation cannot be part of a replacement.
    """
    if rank < 3:
        return None
    found: List[steps.Step] = []
    try:
        rounding = _rounding(operations)
        for operation in operations:
            _require(operation.kind in _KINDS)
            given = Given(operation)
            step = _KINDS[operation.kind](given, rank, channels, rounding)
            found += [] if step is None else [step]
    except (_UnreadableError, LookupError, TypeError, ValueError):
        return None
    by_weight = all(
        sum(isinstance(step, steps.MatMul) and step.axis == axis for step in found) <= 1
        for axis in steps.AXES
    ) and all(isinstance(step, (steps.MatMul, steps.Gather)) for step in found)
    return Computed(tuple(found), rounding, 0.0, by_weight)


def _rounding(operations: Sequence[Step]) -> float:
    """Largest rounding error of the stored weights: half precision if that keeps all of them."""
    stored = [
        Given(operation).array(name)
        for operation in operations
        for name in _WEIGHTS.get(operation.kind, ())
        if name in Given(operation)
    ]
    if not stored:
        return 0.0
    return HALF if all(map(_is_half, stored)) else SINGLE


# Parameters that hold weights, by the kind of operation.
_WEIGHTS = {"matmul": ("x", "y"), "conv": ("weight",), "conv_transpose": ("weight",)}


def _is_half(values: np.ndarray) -> bool:
    with np.errstate(over="ignore"):
        return bool((values.astype(np.float16).astype(np.float64) == values).all())


def _cast(given: Given, rank: int, channels: Optional[int], rounding: float) -> None:
    _require(given.word("dtype", "") in ("fp16", "fp32"))


def _pad(given: Given, rank: int, channels: Optional[int], rounding: float) -> steps.Step:
    return steps.RepeatEdges(*repeated(given))


def _slice(given: Given, rank: int, channels: Optional[int], rounding: float) -> steps.Step:
    _require(len(given.whole("begin")) == rank)
    return steps.Crop(*cut(given))


def _gather(given: Given, rank: int, channels: Optional[int], rounding: float) -> steps.Step:
    indices = given.array("indices")
    _require(indices.ndim == 1 and not given.one("batch_dims", 0))
    at = given.one("axis", 0)
    axis = at % rank - (rank - 2)
    _require(-rank <= at < rank and axis in steps.AXES)
    return steps.Gather(axis, tuple(int(one) for one in indices))


def _matmul(given: Given, rank: int, channels: Optional[int], rounding: float) -> steps.Step:
    first = "x" in given
    matrix = given.array("x" if first else "y")
    own, other = ("x", "y") if first else ("y", "x")
    _require(matrix.ndim == 2 and not given.flags(f"transpose_{other}", (False,))[0])
    if first == given.flags(f"transpose_{own}", (False,))[0]:
        matrix = matrix.T
    return steps.MatMul(HEIGHT if first else WIDTH, LinearMap.of_matrix(matrix))


def _conv(given: Given, rank: int, channels: Optional[int], rounding: float) -> steps.Step:
    _require(edges(given) == NO_EDGES)
    return steps.Depthwise(*_kernels(given, channels, 1.0, rounding))


def _avg_pool(given: Given, rank: int, channels: Optional[int], rounding: float) -> steps.Step:
    _require(edges(given) == NO_EDGES and not given.flags("ceil_mode", [False])[0])
    sizes, strides = given.whole("kernel_sizes"), given.whole("strides", (1, 1))
    _require(len(sizes) == len(strides) == 2 and min(sizes + strides) > 0)
    rows, columns = (Kernel((1 / n,) * n, stride) for n, stride in zip(sizes, strides))
    return steps.Depthwise(rows, columns, channels or 1)


def _conv_transpose(
    given: Given, rank: int, channels: Optional[int], rounding: float
) -> steps.Step:
    _require("output_shape" not in given)
    strides = given.whole("strides", (1, 1))
    return steps.Deconvolution(*_kernels(given, channels, float(strides[1]), rounding))


def _kernels(
    given: Given, channels: Optional[int], total: float, rounding: float
) -> Tuple[Kernel, Kernel, int]:
    """The kernels along height and width, the same in every channel, and the channels."""
    weight, groups = given.array("weight"), given.one("groups", 1)
    _require("bias" not in given and given.whole("dilations", (1, 1)) == (1, 1))
    _require(weight.ndim == 4 and weight.shape[:2] == (groups, 1) and channels in (None, groups))
    _require(bool((weight == weight[0]).all()))
    strides = given.whole("strides", (1, 1))
    _require(len(strides) == 2 and min(strides) > 0)
    cuts = edges(given)
    _require(all(first == last for first, last in cuts))
    vectors = separated(weight[0, 0], total, rounding)
    rows, columns = (
        Kernel(tuple(pattern.tolist()), stride, first)
        for pattern, stride, (first, _) in zip(vectors, strides, cuts)
    )
    return rows, columns, groups


def _resize(given: Given, rank: int, channels: Optional[int], rounding: float) -> steps.Step:
    _require(given.word("sampling_mode", "DEFAULT") == "UNALIGN_CORNERS")
    size = given.one("target_size_height", 1), given.one("target_size_width", 1)
    return steps.ResizeBilinear(size)


def _upsample(given: Given, rank: int, channels: Optional[int], rounding: float) -> steps.Step:
    _require(not given.flags("align_corners", [True])[0])
    _require(not given.flags("half_pixel_centers", [True])[0])
    factors = given.one("scale_factor_height", 1), given.one("scale_factor_width", 1)
    return steps.UpsampleBilinear(factors)


_KINDS: Dict[str, Callable[[Given, int, Optional[int], float], Optional[steps.Step]]] = {
    "avg_pool": _avg_pool,
    "cast": _cast,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "gather": _gather,
    "matmul": _matmul,
    "pad": _pad,
    "resize_bilinear": _resize,
    "slice_by_index": _slice,
    "upsample_bilinear": _upsample,
}
