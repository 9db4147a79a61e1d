"""Layers that work element by element: the output has the inputs' common shape.

`add`, `multiply`, `average`, `max` and `min` are documented for [B,1,1,1], [B,C,1,1], [B,1,H,W] and
[B,C,H,W] "for example"; they are assumed to accept all that NumPy broadcasts. The
`…Broadcastable` layers, comparisons and logic follow NumPy by their documentation.
"""

from typing import List, Sequence

from coreml_resize_fix.formats.inference.call import Call, Rules, broadcast, first_input
from coreml_resize_fix.formats.shapes import Dims

UNARY = (
    "mvn", "l2normalize", "softmax", "lrn", "unary", "softmaxND",
    "copy", "clip", "ceil", "floor", "sign", "round", "exp2",
    "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
    "erf", "gelu", "clampedReLU", "logicalNot", "cumSum", "argSort", "reverse", "reverseSeq",
    "matrixBandPart", "lowerTriangular", "upperTriangular", "fillLike",
    "randomNormalLike", "randomUniformLike", "randomBernoulliLike",
    "scatter", "scatterND", "scatterAlongAxis",
)  # fmt: skip

BINARY = (
    "add", "multiply", "average", "max", "min",
    "addBroadcastable", "subtractBroadcastable", "multiplyBroadcastable", "divideBroadcastable",
    "floorDivBroadcastable", "modBroadcastable", "powBroadcastable",
    "maxBroadcastable", "minBroadcastable", "whereBroadcastable",
    "equal", "notEqual", "lessThan", "lessEqual", "greaterThan", "greaterEqual",
    "logicalAnd", "logicalOr", "logicalXor",
)  # fmt: skip


def common_shape(call: Call) -> Sequence[Dims]:
    """One input (a scalar is the other operand): its shape; several: their broadcast shape."""
    return [broadcast(call, call.all_dims())]


def dot(call: Call) -> Sequence[Dims]:
    """Scalar product over the channels: [B, C, 1, 1] twice gives [B, 1, 1, 1]."""
    call.dims(1, 3)
    dims: List[Dims] = [call.dims(0, 3), call.dims(1, 3)]
    both = broadcast(call, dims)
    return [both[:-3] + (1,) + both[-2:]]


RULES: Rules = {"dot": dot}
RULES.update((kind, first_input) for kind in UNARY)
RULES.update((kind, common_shape) for kind in BINARY)
