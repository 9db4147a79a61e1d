"""Layers over depth, height and width: the last three dimensions of a rank 5 blob [N, C, D, H, W].

Rules: the comments of `Convolution3DLayerParams` and `Pooling3DLayerParams` in NeuralNetwork.proto.
"""

from typing import Any, List, Optional, Sequence, Tuple

from coreml_resize_fix.formats.inference.call import Call, NotKnownError, Rules
from coreml_resize_fix.formats.shapes import Dims

from .spatial import channels_fit, positive, same_size, valid_size, whole_groups

_AXES = ("Depth", "Height", "Width")
_EDGES = (("Front", "Back"), ("Top", "Bottom"), ("Left", "Right"))
_CUSTOM, _VALID, _SAME = 0, 1, 2  # PaddingType of both layers


def _three(params: Any, name: str, default: int = 0) -> Tuple[int, ...]:
    return tuple(int(getattr(params, name + axis)) or default for axis in _AXES)


def _pads(params: Any) -> Tuple[int, ...]:
    if params.paddingType != _CUSTOM:
        return 0, 0, 0
    return tuple(sum(int(getattr(params, "customPadding" + end)) for end in both)
                 for both in _EDGES)  # fmt: skip


def convolution3d(call: Call) -> Sequence[Dims]:
    dims, params = call.dims(0, 5), call.params
    kernel, stride = _three(params, "kernel"), _three(params, "stride", 1)
    dilation = _three(params, "dilation", 1)
    positive(call, kernel, "kernel size")
    positive(call, stride, "stride")
    channels_fit(call, dims[-4], int(params.inputChannels))
    whole_groups(call, int(params.outputChannels), int(params.nGroups) or 1)
    whole_groups(call, int(params.inputChannels), int(params.nGroups) or 1, "input")
    out: Optional[int] = int(params.outputChannels)
    if params.isDeconvolution:
        if len(params.outputShape) != 3:
            raise NotKnownError(f"{call} is a deconvolution without output shape")
        return [dims[:-4] + (out,) + tuple(int(size) for size in params.outputShape)]
    same, pads = params.paddingType == _SAME, _pads(params)
    sizes: List[Optional[int]] = []
    for axis, size in enumerate(dims[-3:]):
        if size is None:
            sizes.append(None)
        elif same:
            sizes.append(same_size(size, stride[axis]))
        else:
            reach = (kernel[axis] - 1) * dilation[axis] + 1
            sizes.append(valid_size(size, reach, stride[axis], pads[axis]))
    return [dims[:-4] + (out,) + tuple(sizes)]


def pooling3d(call: Call) -> Sequence[Dims]:
    dims, params = call.dims(0, 5), call.params
    kernel, stride = _three(params, "kernel"), _three(params, "stride", 1)
    positive(call, kernel, "kernel size")
    positive(call, stride, "stride")
    pads = _pads(params)
    if params.paddingType == _SAME:
        # Documented as "the same spatial dimensions as the input", which no stride can give.
        if stride != (1, 1, 1):
            call.why = f"`same` padding with a stride is not defined for {call}"
            return [dims[:-3] + (None, None, None)]
        return [dims]
    sizes = [
        None if size is None else valid_size(size, kernel[axis], stride[axis], pads[axis])
        for axis, size in enumerate(dims[-3:])
    ]
    return [dims[:-3] + tuple(sizes)]


def global_pooling3d(call: Call) -> Sequence[Dims]:
    return [call.dims(0, 5)[:-3] + (1, 1, 1)]


RULES: Rules = {
    "convolution3d": convolution3d,
    "pooling3d": pooling3d,
    "globalPooling3d": global_pooling3d,
}
