"""Infer the shapes that the common operators of a frozen graph make (NHWC).

A frozen graph has the shapes of its inputs alone. Source of the rules: the documentation of tf.nn.
"""

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from coreml_resize_fix.intents.frozen_graph import rearranged
from coreml_resize_fix.intents.frozen_graph.rearranged import Given, Shape
from coreml_resize_fix.intents.tensorflow.shapes import broadcast, windows

Flags = Mapping[str, Any]
Rule = Callable[[Sequence[Given], Flags], Optional[Shape]]

_RANK = 4
# No chain of nodes makes more of a shape: each node could add an axis, or double a side.
MOST_AXES, _LARGEST = 16, 1 << 40


def inferred(kind: str, inputs: Sequence[Given], flags: Flags) -> Optional[Shape]:
    """The shape of a node's first output, by the name of its operator; None if it is not known."""
    rule = _RULES.get(kind)
    try:
        made = rule(inputs, flags) if rule is not None and inputs else None
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None  # numbers that this operator does not take
    if made is None or len(made) > MOST_AXES:
        return None
    return tuple(n if isinstance(n, int) and 0 < n <= _LARGEST else None for n in made)


def _same(inputs: Sequence[Given], flags: Flags) -> Optional[Shape]:
    return inputs[0].shape


def _broadcast(inputs: Sequence[Given], flags: Flags) -> Optional[Shape]:
    known = [one.shape for one in inputs if one.shape is not None]
    if len(known) < len(inputs):
        return None
    rank = max(map(len, known))
    padded = [(1,) * (rank - len(shape)) + shape for shape in known]
    return tuple(broadcast(sides) for sides in zip(*padded))


def _convolution(inputs: Sequence[Given], flags: Flags) -> Optional[Shape]:
    kernel = inputs[1].shape if len(inputs) > 1 else None
    if kernel is None or len(kernel) != _RANK:
        return None
    return _window(inputs[0].shape, kernel[:2], kernel[3], flags)


def _depthwise(inputs: Sequence[Given], flags: Flags) -> Optional[Shape]:
    kernel = inputs[1].shape if len(inputs) > 1 else None
    if kernel is None or len(kernel) != _RANK:
        return None
    channels = None if None in kernel[2:] else (kernel[2] or 0) * (kernel[3] or 0)
    return _window(inputs[0].shape, kernel[:2], channels, flags)


def _pooling(inputs: Sequence[Given], flags: Flags) -> Optional[Shape]:
    window: List[Optional[int]] = list(flags.get("ksize", ()))
    image = inputs[0].shape
    if len(window) != _RANK or image is None:
        return None
    return _window(image, window[1:3], image[-1], flags)


def _window(
    image: Optional[Shape],
    kernel: Sequence[Optional[int]],
    channels: Optional[int],
    flags: Flags,
) -> Optional[Shape]:
    strides, padding = flags.get("strides") or [1] * _RANK, flags.get("padding")
    dilations = flags.get("dilations") or [1] * _RANK
    if image is None or len(image) != _RANK or flags.get("data_format", "NHWC") != "NHWC":
        return None
    if len(strides) != _RANK or len(dilations) != _RANK or padding not in ("SAME", "VALID"):
        return None
    along = zip(image[1:3], kernel, strides[1:3], dilations[1:3])
    sides = (windows(*one, is_padded=padding == "SAME") for one in along)
    return (image[0], *sides, channels)


_SAME = """
Identity IdentityN Relu Relu6 Elu Selu LeakyRelu Sigmoid Tanh Softplus Softsign Softmax LogSoftmax
BiasAdd BiasAddV1 Cast FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 _FusedBatchNormEx LRN
StopGradient CheckNumerics Square Sqrt Rsqrt Neg Exp Log Abs Erf Floor Round ClipByValue
FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel
QuantizeAndDequantizeV2 QuantizeAndDequantizeV3
"""
_BROADCAST = "Add AddV2 AddN Sub Mul RealDiv DivNoNan Maximum Minimum Pow SquaredDifference"
_RULES: Dict[str, Rule] = {
    **rearranged.RULES,
    **dict.fromkeys(_BROADCAST.split(), _broadcast),
    **dict.fromkeys(_SAME.split(), _same),
    "Conv2D": _convolution,
    "_FusedConv2D": _convolution,
    "DepthwiseConv2dNative": _depthwise,
    "MaxPool": _pooling,
    "AvgPool": _pooling,
}
