"""Narrow layers that treat all channels alike to the channels that are compared."""

from typing import Any, List, Sequence

import numpy as np

from coreml_resize_fix.verify.kernels.checks import KernelError


def keep_channels(layers: Sequence[Any], channels: int, count: int) -> List[Any]:
    """The layers for the first `count` of their channels.

    Only a convolution with one group per channel has a number of channels. It must treat every
    channel like the first, so that the time and memory of a comparison do not grow with them.

    Raises:
        KernelError: channels are treated differently.
    """
    return [_narrow(layer, count) if _is_depthwise(layer, channels) else layer for layer in layers]


def _is_depthwise(layer: Any, channels: int) -> bool:
    is_convolution = layer.WhichOneof("layer") == "convolution"
    return is_convolution and int(layer.convolution.nGroups) == channels > 1


def _narrow(layer: Any, count: int) -> Any:
    made = type(layer)()
    made.CopyFrom(layer)
    params = made.convolution
    groups = int(params.nGroups)
    params.nGroups = params.outputChannels = count
    if params.isDeconvolution:
        params.kernelChannels = count
    for weights in (params.weights, params.bias):
        if weights.float16Value:
            weights.float16Value = _first(layer, weights.float16Value, groups, count, "<u2")
        elif weights.floatValue:
            numbers = np.array(weights.floatValue, dtype="<f4").tobytes()
            del weights.floatValue[:]
            weights.floatValue.extend(
                np.frombuffer(_first(layer, numbers, groups, count, "<u4"), dtype="<f4").tolist()
            )
    return made


def _first(layer: Any, numbers: bytes, groups: int, count: int, kind: str) -> bytes:
    """The numbers of the first channels; they are compared bit by bit."""
    values = np.frombuffer(numbers, dtype=kind)
    if len(values) % groups:
        raise KernelError(
            f"`{layer.name}`: {len(values)} numbers are not the same for {groups} channels"
        )
    patterns = values.reshape(groups, -1)
    if (patterns != patterns[0]).any():
        raise KernelError(f"`{layer.name}` treats its channels unlike each other")
    return patterns[:count].tobytes()
