"""Shapes through the common operators of a frozen graph, as far as they are known (NHWC).

A frozen graph has the shapes of its inputs alone. Source of the rules: the documentation of tf.nn.
"""

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

Shape = Tuple[Optional[int], ...]
Shapes = Sequence[Optional[Shape]]
Flags = Mapping[str, Any]

_RANK = 4


def inferred(kind: str, shapes: Shapes, flags: Flags) -> Optional[Shape]:
    """The shape of a node's output, by the name of its operator; None if it is not known."""
    rule = _RULES.get(kind)
    return rule(shapes, flags) if rule is not None and shapes else None


def _same(shapes: Shapes, flags: Flags) -> Optional[Shape]:
    return shapes[0]


def _broadcast(shapes: Shapes, flags: Flags) -> Optional[Shape]:
    if None in shapes:
        return None
    known = [shape for shape in shapes if shape is not None]
    rank = max(map(len, known))
    padded = [(1,) * (rank - len(shape)) + shape for shape in known]
    return tuple(_joined(sides) for sides in zip(*padded))


def _joined(sides: Sequence[Optional[int]]) -> Optional[int]:
    """One side of several that are broadcast: the one that is not 1."""
    others = {side for side in sides if side != 1}
    if not others:
        return 1
    return others.pop() if len(others) == 1 else None


def _convolution(shapes: Shapes, flags: Flags) -> Optional[Shape]:
    kernel = shapes[1] if len(shapes) > 1 else None
    if kernel is None or len(kernel) != _RANK:
        return None
    return _window(shapes[0], kernel[:2], kernel[3], flags)


def _depthwise(shapes: Shapes, flags: Flags) -> Optional[Shape]:
    kernel = shapes[1] if len(shapes) > 1 else None
    if kernel is None or len(kernel) != _RANK:
        return None
    channels = None if None in kernel[2:] else (kernel[2] or 0) * (kernel[3] or 0)
    return _window(shapes[0], kernel[:2], channels, flags)


def _pooling(shapes: Shapes, flags: Flags) -> Optional[Shape]:
    window: List[Optional[int]] = list(flags.get("ksize", ()))
    image = shapes[0]
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
    made: List[Optional[int]] = []
    for side, size, stride, dilation in zip(image[1:3], kernel, strides[1:3], dilations[1:3]):
        lost = 0 if padding == "SAME" else ((size or 0) - 1) * dilation
        known = side is not None and size is not None and stride > 0 and side > lost
        made.append(-(-(side - lost) // stride) if known and side is not None else None)
    return (image[0], *made, channels)


def _concatenated(shapes: Shapes, flags: Flags) -> Optional[Shape]:
    """Images one behind the other along the channels; their count is left open."""
    images = shapes[:-1]  # the last input is the axis
    if not flags.get("along_channels") or None in images or not images:
        return None
    sides = {shape[:-1] for shape in images if shape is not None}
    channels = [shape[-1] if shape else None for shape in images]
    count = None if None in channels else sum(n or 0 for n in channels)
    return (*sides.pop(), count) if len(sides) == 1 else None


_SAME = (
    "Identity Relu Relu6 Elu Selu LeakyRelu Sigmoid Tanh Softplus Softmax BiasAdd Cast "
    "FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 _FusedBatchNormEx StopGradient"
)
_BROADCAST = "Add AddV2 Sub Mul RealDiv Maximum Minimum"
_RULES: Dict[str, Callable[[Shapes, Flags], Optional[Shape]]] = {
    **dict.fromkeys(_SAME.split(), _same),
    **dict.fromkeys(_BROADCAST.split(), _broadcast),
    "Conv2D": _convolution,
    "_FusedConv2D": _convolution,
    "DepthwiseConv2dNative": _depthwise,
    "MaxPool": _pooling,
    "AvgPool": _pooling,
    "ConcatV2": _concatenated,
}
