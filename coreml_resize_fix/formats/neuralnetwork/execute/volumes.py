"""Layers of volumes [B, C, D, H, W]: convolution and pooling along depth, height and width.

Sources: the comments of Convolution3DLayerParams, Pooling3DLayerParams and
GlobalPooling3DLayerParams in NeuralNetwork.proto.
"""

from typing import Any, Tuple

import numpy as np

from coreml_resize_fix.formats.neuralnetwork.execute.call import Kinds, LayerCall, enum_name
from coreml_resize_fix.verify.kernels import volumes
from coreml_resize_fix.verify.kernels.checks import KernelError, need_rank

Triple = Tuple[int, int, int]

_SIDES = (("Front", "Back"), ("Top", "Bottom"), ("Left", "Right"))


def _triple(params: Any, stem: str) -> Triple:
    """The fields of depth, height and width; what is not set counts as 1."""
    depth, height, width = (
        int(getattr(params, stem + axis)) or 1 for axis in ("Depth", "Height", "Width")
    )
    return depth, height, width


def _edges(
    params: Any, size: Tuple[int, ...], kernel: Triple, stride: Triple, dilation: Triple
) -> volumes.Edges:
    """As given; or, for `same`, as many as there is a position for each begun stride."""
    mode = enum_name(params, "paddingType")
    found = []
    for axis, (before, behind) in enumerate(_SIDES):
        if mode == "CUSTOM":
            amounts = [int(getattr(params, "customPadding" + side)) for side in (before, behind)]
            found.append((amounts[0], amounts[1]))
        elif mode == "SAME":
            reach, step = (kernel[axis] - 1) * dilation[axis] + 1, stride[axis]
            total = max(0, (-(-size[axis] // step) - 1) * step + reach - size[axis])
            found.append((total // 2, total - total // 2))
        else:
            found.append((0, 0))
    return found[0], found[1], found[2]


def conv(call: LayerCall) -> np.ndarray:
    params = call.params
    need_rank(call.x, 5, 5)
    if params.isDeconvolution:
        raise KernelError("is a deconvolution of volumes, which is not known here")
    kernel, stride = _triple(params, "kernel"), _triple(params, "stride")
    dilation, groups = _triple(params, "dilation"), int(params.nGroups) or 1
    outputs, inputs = int(params.outputChannels), int(params.inputChannels)
    weights = call.numbers("weights", (outputs, inputs // groups, *kernel))
    bias = call.numbers("bias", (outputs,)) if params.hasBias else None
    edges = _edges(params, call.x.shape[2:], kernel, stride, dilation)
    return volumes.convolve_volume(call.x, weights, bias, stride, dilation, edges, groups)


def pool(call: LayerCall) -> np.ndarray:
    params = call.params
    need_rank(call.x, 5, 5)
    kernel, stride = _triple(params, "kernel"), _triple(params, "stride")
    edges = _edges(params, call.x.shape[2:], kernel, stride, (1, 1, 1))
    if enum_name(params, "type") == "MAX":
        return volumes.max_pool_volume(call.x, kernel, stride, edges)
    excludes = bool(params.countExcludePadding)
    return volumes.average_pool_volume(call.x, kernel, stride, edges, excludes)


def global_pool(call: LayerCall) -> np.ndarray:
    need_rank(call.x, 5, 5)
    if enum_name(call.params, "type") == "MAX":
        return np.asarray(call.x.max(axis=(2, 3, 4), keepdims=True))
    return np.asarray(call.x.mean(axis=(2, 3, 4), keepdims=True, dtype=call.dtype))


KINDS: Kinds = {
    "convolution3d": conv,
    "globalPooling3d": global_pool,
    "pooling3d": pool,
}
