"""Constants, fills, look-ups by index, and layers whose output shape is another blob's content.

Rules: the comment of each layer in NeuralNetwork.proto of the Core ML format specification.
"""

import math
from typing import Sequence

from coreml_resize_fix.formats.inference.call import (
    MAX_RANK,
    Call,
    NotKnownError,
    Rule,
    Rules,
    broadcast,
    show,
    show_pair,
)
from coreml_resize_fix.formats.shapes import Dims


def load_constant(call: Call) -> Sequence[Dims]:
    """Rank 5 with either mapping of the network: [1, 1, C, H, W]."""
    shape = tuple(int(size) for size in call.params.shape)
    if len(shape) != 3:
        raise NotKnownError(f"{call} has a shape of {len(shape)} sizes, not 3")
    return [(1, 1) + shape]


def _field(name: str) -> Rule:
    """Output = the sizes in a parameter."""

    def rule(call: Call) -> Sequence[Dims]:
        shape = tuple(int(size) for size in getattr(call.params, name))
        if not shape:
            raise NotKnownError(f"{call} has no shape")
        return [shape]

    return rule


def _content(index: int) -> Rule:
    """Output = the values of a rank 1 input, whose length is the rank."""

    def rule(call: Call) -> Sequence[Dims]:
        dims = call.dims(index)
        if len(dims) != 1 or dims[0] is None or dims[0] > MAX_RANK:
            raise NotKnownError(f"the rank that {call} gives depends on values")
        call.why = f"the sizes that {call} gives depend on values"
        return [(None,) * dims[0]]

    return rule


def second_input(call: Call) -> Sequence[Dims]:
    return [call.dims(1)]


def broadcast_static(call: Call) -> Sequence[Dims]:
    target: Dims = tuple(int(size) for size in call.params.targetShape)
    return [_broadcast_to(call, call.dims(), target)]


def broadcast_like(call: Call) -> Sequence[Dims]:
    return [_broadcast_to(call, call.dims(), call.dims(1))]


def _broadcast_to(call: Call, dims: Dims, target: Dims) -> Dims:
    if not target:
        raise NotKnownError(f"{call} has no target shape")
    wide: Dims = (1,) * (len(target) - len(dims)) + dims
    if len(wide) > len(target):
        call.conflict(f"of rank {len(dims)} to rank {len(target)} does not fit")
        return target
    for axis, (size, wanted) in enumerate(zip(wide, target)):
        if size not in (1, None, wanted) and wanted is not None:
            text = show_pair(wide, target, len(target) - axis)
            call.conflict(f"of {text} does not fit")
            break
    return target


def get_shape(call: Call) -> Sequence[Dims]:
    return [(len(call.dims()),)]


def gather(call: Call) -> Sequence[Dims]:
    dims, indices = call.dims(0), call.dims(1)
    at = call.axis(int(call.params.axis), len(dims))
    return [dims[:at] + indices + dims[at + 1 :]]


def gather_nd(call: Call) -> Sequence[Dims]:
    dims, indices = call.dims(0), call.dims(1, 1)
    depth = indices[-1]
    if depth is None:
        raise NotKnownError(f"the rank that {call} gives depends on an unknown size")
    if not 0 < depth <= len(dims):
        raise NotKnownError(f"{call} has indices of length {depth} for rank {len(dims)}")
    return [indices[:-1] + dims[depth:] or (1,)]


def embedding(call: Call) -> Sequence[Dims]:
    dims = call.dims(0, 4)
    if any(size not in (1, None) for size in dims[-3:]):
        call.conflict(f"needs an input of …×1×1×1 and gets {show(dims)}")
    return [dims[:-3] + (int(call.params.outputChannels), 1, 1)]


def embedding_nd(call: Call) -> Sequence[Dims]:
    dims = call.dims(0, 2)
    if dims[-1] not in (1, None):
        call.conflict(f"needs an input of …×1 and gets {show(dims)}")
    return [dims[:-1] + (int(call.params.embeddingSize),)]


def one_hot(call: Call) -> Sequence[Dims]:
    dims = call.dims()
    at = call.axis(int(call.params.axis), len(dims) + 1)
    size = int(call.params.oneHotVectorSize)
    if len(call.blobs) > 1:
        call.why = f"the size that {call} gives depends on a value"
        return [dims[:at] + (None,) + dims[at:]]
    return [dims[:at] + (size,) + dims[at:]]


def range_static(call: Call) -> Sequence[Dims]:
    params = call.params
    step = params.stepSizeValue
    if not step or not all(map(math.isfinite, (step, params.startValue, params.endValue))):
        raise NotKnownError(f"{call} has no finite range")
    return [(max(0, math.ceil((params.endValue - params.startValue) / step)),)]


def range_dynamic(call: Call) -> Sequence[Dims]:
    call.why = f"the size that {call} gives depends on values"
    return [(None,)]


def where_nonzero(call: Call) -> Sequence[Dims]:
    call.why = f"the size that {call} gives depends on values"
    return [(None, len(call.dims()))]


def matmul(call: Call) -> Sequence[Dims]:
    params, left = call.params, call.dims(0, 1)
    if len(call.blobs) < 2:
        rows, columns = (
            int(params.weightMatrixFirstDimension),
            int(params.weightMatrixSecondDimension),
        )
        if rows and left[-1] not in (rows, None):
            call.conflict(f"expects {rows} columns and gets {left[-1]}")
        return [left[:-1] + (columns,)]
    right = call.dims(1, 1)
    left = (1,) + left if len(left) == 1 else left
    right = right + (1,) if len(right) == 1 else right
    if params.transposeA:
        left = left[:-2] + (left[-1], left[-2])
    if params.transposeB:
        right = right[:-2] + (right[-1], right[-2])
    if left[-1] is not None and right[-2] is not None and left[-1] != right[-2]:
        text = f"{show(left[-2:])} and {show(right[-2:])}"
        call.conflict(f"of {text} does not fit")
    return [broadcast(call, [left[:-2], right[:-2]]) + (left[-2], right[-1])]


def non_maximum_suppression(call: Call) -> Sequence[Dims]:
    boxes, scores = call.dims(0, 3), call.dims(1, 3)
    count = int(call.params.maxBoxes) if len(call.blobs) < 5 else None
    if count is None:
        call.why = f"the number of boxes that {call} gives is an input"
    batch = boxes[0]
    return [(batch, count, 4), (batch, count, scores[2]), (batch, count), (batch,)]


def categorical(call: Call) -> Sequence[Dims]:
    return [call.dims(0, 1)[:-1] + (int(call.params.numSamples),)]


RULES: Rules = {
    "loadConstant": load_constant,
    "loadConstantND": _field("shape"),
    "fillStatic": _field("targetShape"),
    "randomNormalStatic": _field("outputShape"),
    "randomUniformStatic": _field("outputShape"),
    "randomBernoulliStatic": _field("outputShape"),
    "fillDynamic": _content(0),
    "randomNormalDynamic": _content(0),
    "randomUniformDynamic": _content(0),
    "randomBernoulliDynamic": _content(0),
    "reshapeDynamic": _content(1),
    "broadcastToDynamic": _content(1),
    "gatherAlongAxis": second_input,
    "broadcastToLike": broadcast_like,
    "broadcastToStatic": broadcast_static,
    "getShape": get_shape,
    "gather": gather,
    "gatherND": gather_nd,
    "embedding": embedding,
    "embeddingND": embedding_nd,
    "oneHot": one_hot,
    "rangeStatic": range_static,
    "rangeDynamic": range_dynamic,
    "whereNonZero": where_nonzero,
    "batchedMatmul": matmul,
    "NonMaximumSuppression": non_maximum_suppression,
    "categoricalDistribution": categorical,
}
