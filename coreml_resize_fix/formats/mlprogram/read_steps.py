"""Read operations as the steps that they compute, to recognize replacements by their map.

Only kinds of operations that replacements are made of can be read.
"""

from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.formats.mlprogram import interpret
from coreml_resize_fix.formats.mlprogram.execute.call import Call
from coreml_resize_fix.formats.mlprogram.steps import Step
from coreml_resize_fix.replacements import steps
from coreml_resize_fix.replacements.format import HALF, SINGLE, Computed
from coreml_resize_fix.replacements.maps import LinearMap
from coreml_resize_fix.replacements.patterns import separated
from coreml_resize_fix.replacements.steps import HEIGHT, WIDTH, Kernel
from coreml_resize_fix.verify.kernels.windows import NO_EDGES, Edges


class _UnreadableError(Exception):
    """An operation cannot be part of a replacement."""


class _Image(NamedTuple):
    """What operations read: the rank and channels of an image, and how weights are rounded.

    `rounding` is the largest error of a stored weight, as a share of the largest one.
    """

    rank: int
    channels: Optional[int]
    rounding: float


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
        image = _Image(rank, channels, _rounding(operations))
        for operation in operations:
            _require(operation.kind in _KINDS)
            call = interpret.call(operation)
            step = _KINDS[operation.kind](call, image)
            found += [] if step is None else [step]
    except (_UnreadableError, LookupError, TypeError, ValueError, ArithmeticError):
        return None
    by_weight = all(
        sum(isinstance(step, steps.MatMul) and step.axis == axis for step in found) <= 1
        for axis in steps.AXES
    ) and all(isinstance(step, (steps.MatMul, steps.Gather)) for step in found)
    return Computed(tuple(found), image.rounding, 0.0, by_weight)


def _rounding(operations: Sequence[Step]) -> float:
    """Largest rounding error of the stored weights: half precision if that keeps all of them."""
    stored = [
        interpret.call(operation).array(name)
        for operation in operations
        for name in _WEIGHTS.get(operation.kind, ())
        if name in interpret.call(operation)
    ]
    if not stored:
        return 0.0
    return HALF if all(map(_is_half, stored)) else SINGLE


# Parameters that hold weights, by the kind of operation.
_WEIGHTS = {"matmul": ("x", "y"), "conv": ("weight",), "conv_transpose": ("weight",)}


def _is_half(values: np.ndarray) -> bool:
    with np.errstate(over="ignore"):
        return bool((values.astype(np.float16).astype(np.float64) == values).all())


def _edges(call: Call) -> Edges:
    """`pad` of two axes; without a type of its own, nothing."""
    pad_type = call.word("pad_type", "valid")
    if pad_type == "valid":
        return NO_EDGES
    top, bottom, left, right = call.whole("pad", (0, 0, 0, 0))
    _require(pad_type == "custom" and min(top, bottom, left, right) >= 0)
    return (top, bottom), (left, right)


def _repeated(call: Call) -> Edges:
    """How much a `pad` adds to height and width by repeating the edges, and to nothing else."""
    sizes = call.whole("pad")
    _require(call.word("mode", "constant") == "replicate" and len(sizes) % 2 == 0)
    _require(len(sizes) >= 4 and not any(sizes[:-4]) and min(sizes) >= 0)
    return (sizes[-4], sizes[-3]), (sizes[-2], sizes[-1])


def _cut(call: Call) -> Edges:
    """What a `slice_by_index` cuts off from height and width alone, counted from both ends."""
    begin, end = call.whole("begin"), call.whole("end")
    none = (False,) * len(begin)
    begin_mask, end_mask = call.flags("begin_mask") or none, call.flags("end_mask") or none
    _require(not any(call.flags("squeeze_mask") or none))
    _require(set(call.whole("stride", (1,))) == {1})
    first = [0 if mask else at for at, mask in zip(begin, begin_mask)]
    last = [0 if mask else at for at, mask in zip(end, end_mask)]
    _require(all(mask or at < 0 for at, mask in zip(end, end_mask)))
    _require(min(first) >= 0 and not any(first[:-2]) and not any(last[:-2]))
    return (first[-2], -last[-2]), (first[-1], -last[-1])


def _cast(call: Call, image: _Image) -> None:
    _require(call.word("dtype", "") in ("fp16", "fp32"))


def _pad(call: Call, image: _Image) -> steps.Step:
    return steps.RepeatEdges(*_repeated(call))


def _slice(call: Call, image: _Image) -> steps.Step:
    _require(len(call.whole("begin")) == image.rank)
    return steps.Crop(*_cut(call))


def _gather(call: Call, image: _Image) -> steps.Step:
    indices = call.array("indices")
    _require(indices.ndim == 1 and not call.size("batch_dims", 0))
    at = call.size("axis", 0)
    axis = at % image.rank - (image.rank - 2)
    _require(-image.rank <= at < image.rank and axis in steps.AXES)
    return steps.Gather(axis, tuple(int(one) for one in indices))


def _matmul(call: Call, image: _Image) -> steps.Step:
    first = "x" in call
    matrix = call.array("x" if first else "y")
    own, other = ("x", "y") if first else ("y", "x")
    _require(matrix.ndim == 2 and not call.flag(f"transpose_{other}", False))
    if first == call.flag(f"transpose_{own}", False):
        matrix = matrix.T
    return steps.MatMul(HEIGHT if first else WIDTH, LinearMap.of_matrix(matrix))


def _conv(call: Call, image: _Image) -> steps.Step:
    _require(_edges(call) == NO_EDGES)
    return steps.Depthwise(*_kernels(call, image, 1.0))


def _avg_pool(call: Call, image: _Image) -> steps.Step:
    _require(_edges(call) == NO_EDGES and not call.flag("ceil_mode", False))
    sizes, strides = call.whole("kernel_sizes"), call.whole("strides", (1, 1))
    _require(len(sizes) == len(strides) == 2 and min(sizes + strides) > 0)
    rows, columns = (Kernel((1 / n,) * n, stride) for n, stride in zip(sizes, strides))
    return steps.Depthwise(rows, columns, image.channels or 1)


def _conv_transpose(call: Call, image: _Image) -> steps.Step:
    _require("output_shape" not in call)
    strides = call.whole("strides", (1, 1))
    return steps.Deconvolution(*_kernels(call, image, float(strides[1])))


def _kernels(call: Call, image: _Image, total: float) -> Tuple[Kernel, Kernel, int]:
    """The kernels along height and width, the same in every channel, and the channels."""
    weight, groups = call.array("weight"), call.size("groups", 1)
    _require("bias" not in call and call.whole("dilations", (1, 1)) == (1, 1))
    _require(
        weight.ndim == 4 and weight.shape[:2] == (groups, 1) and image.channels in (None, groups)
    )
    _require(bool((weight == weight[0]).all()))
    strides = call.whole("strides", (1, 1))
    _require(len(strides) == 2 and min(strides) > 0)
    cuts = _edges(call)
    _require(all(first == last for first, last in cuts))
    vectors = separated(weight[0, 0], total, image.rounding)
    rows, columns = (
        Kernel(tuple(pattern.tolist()), stride, first)
        for pattern, stride, (first, _) in zip(vectors, strides, cuts)
    )
    return rows, columns, groups


def _resize(call: Call, image: _Image) -> steps.Step:
    _require(call.word("sampling_mode", "DEFAULT") == "UNALIGN_CORNERS")
    size = call.size("target_size_height", 1), call.size("target_size_width", 1)
    return steps.ResizeBilinear(size)


def _upsample(call: Call, image: _Image) -> steps.Step:
    _require(not call.flag("align_corners", True))
    _require(not call.flag("half_pixel_centers", True))
    factors = call.size("scale_factor_height", 1), call.size("scale_factor_width", 1)
    return steps.UpsampleBilinear(factors)


_KINDS: Dict[str, Callable[[Call, _Image], Optional[steps.Step]]] = {
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
