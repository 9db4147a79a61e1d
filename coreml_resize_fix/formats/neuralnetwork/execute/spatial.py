"""Layers over height and width: convolutions, pooling, padding, cropping, resizes.

Sources: the comments of each message in NeuralNetwork.proto of the Core ML format specification.
"""

from typing import Any, List, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.conventions import coreml
from coreml_resize_fix.formats.neuralnetwork.execute.call import (
    Kinds,
    LayerCall,
    edges,
    enum_name,
    pair,
)
from coreml_resize_fix.formats.neuralnetwork.sampling_modes import SAMPLING_MODES, upsample_mode
from coreml_resize_fix.verify.kernels import blocks, convolution, pooling, resampling, windows
from coreml_resize_fix.verify.kernels.checks import KernelError, need_rank, need_room

Pair = Tuple[int, int]


def _same_edges(
    same: Any, size: Sequence[int], kernel: Sequence[int], stride: Pair
) -> windows.Edges:
    """`same` padding; the larger half lies behind, or before if the top left is heavy."""
    found = []
    for pixels, length, step in zip(size, kernel, stride):
        total = max(0, (-(-pixels // step) - 1) * step + length - pixels)
        small, large = total // 2, total - total // 2
        top_heavy = enum_name(same, "asymmetryMode") == "TOP_LEFT_HEAVY"
        found.append((large, small) if top_heavy else (small, large))
    return found[0], found[1]


def conv(call: LayerCall) -> np.ndarray:
    params = call.params
    need_rank(call.x, 4)
    stride, dilation = pair(params.stride), pair(params.dilationFactor)
    if min(stride + dilation) < 1:
        raise KernelError("has a stride or dilation of zero")
    groups = int(params.nGroups) or 1
    outputs, channels = int(params.outputChannels), int(params.kernelChannels)
    if outputs % groups:
        raise KernelError(f"{outputs} channels in {groups} groups do not fit")
    transposed = bool(params.isDeconvolution)
    size = pair(params.kernelSize, 3)
    if len(call.inputs) > 1:
        weights = call.inputs[1].reshape(call.inputs[1].shape[-4:])
    else:
        shape = (channels, outputs // groups) if transposed else (outputs, channels)
        weights = call.numbers("weights", shape + size, axis=1 if transposed else 0)
    bias = call.numbers("bias", (outputs,)) if params.hasBias else None
    if transposed:
        around = _deconvolution_edges(call, size, stride)
        return convolution.deconvolve(call.x, weights, bias, stride, (1, 1), around, groups)
    around = edges(params.valid.paddingAmounts)
    if params.WhichOneof("ConvolutionPaddingType") == "same":
        reach = [(length - 1) * spread + 1 for length, spread in zip(size, dilation)]
        around = _same_edges(params.same, call.x.shape[-2:], reach, stride)
    return convolution.convolve(call.x, weights, bias, stride, dilation, around, groups)


def _deconvolution_edges(call: LayerCall, kernel: Pair, stride: Pair) -> windows.Edges:
    """What is cut off: as given; or what is above `outputShape`, or above size * stride."""
    params = call.params
    whole = [
        (pixels - 1) * step + length
        for pixels, step, length in zip(call.x.shape[-2:], stride, kernel)
    ]
    if params.outputShape:
        wanted = list(pair(params.outputShape))
    elif params.WhichOneof("ConvolutionPaddingType") == "same":
        wanted = [pixels * step for pixels, step in zip(call.x.shape[-2:], stride)]
    else:
        return edges(params.valid.paddingAmounts)
    heavy = (
        params.WhichOneof("ConvolutionPaddingType") == "same"
        and enum_name(params.same, "asymmetryMode") == "TOP_LEFT_HEAVY"
    )
    found = []
    for full, size in zip(whole, wanted):
        total = full - size
        first = max(0, total - total // 2 if heavy else total // 2)
        found.append((first, total - first))
    return found[0], found[1]


def pool(call: LayerCall) -> np.ndarray:
    params = call.params
    need_rank(call.x, 4)
    size = call.x.shape[-2:]
    kernel, stride = pair(params.kernelSize, 3), pair(params.stride)
    if not params.globalPooling and min(kernel + stride) < 1:
        raise KernelError("has a kernel or stride of zero")
    around: windows.Edges = windows.NO_EDGES
    beyond = (0, 0)
    kind = params.WhichOneof("PoolingPaddingType")
    if params.globalPooling:
        kernel, stride = (size[0], size[1]), (1, 1)
    elif kind == "same":
        around = _same_edges(params.same, size, kernel, stride)
    elif kind == "includeLastPixel":
        around, beyond = _complete(call, kernel, stride)
    else:
        around = edges(params.valid.paddingAmounts)
    mode = enum_name(params, "type")
    if mode == "AVERAGE":
        return pooling.average_pool(
            call.x, kernel, stride, around, bool(params.avgPoolExcludePadding), beyond
        )
    compute = pooling.max_pool if mode == "MAX" else pooling.length_pool
    return compute(call.x, kernel, stride, around)


def _complete(call: LayerCall, kernel: Pair, stride: Pair) -> Tuple[windows.Edges, Pair]:
    """Edges so that the last window has the last pixel, and how much of them is not counted."""
    amounts = pair(call.params.includeLastPixel.paddingAmounts, 0)
    found: List[Pair] = []
    beyond = []
    for pixels, length, step, amount in zip(call.x.shape[-2:], kernel, stride, amounts):
        count = -(-(pixels + 2 * amount - length) // step) + 1
        if max(amounts) > 0 and (count - 1) * step >= pixels + amount:
            count -= 1
        end = (count - 1) * step + length - pixels - amount
        found.append((amount, max(end, 0)))
        beyond.append(max(0, end - amount))
    return (found[0], found[1]), (beyond[0], beyond[1])


def crop(call: LayerCall) -> np.ndarray:
    need_rank(call.x, 3)
    if len(call.inputs) == 1:
        return windows.crop(call.x, edges(call.params.cropAmounts))
    offsets, like = pair(call.params.offset, 0), call.inputs[1].shape[-2:]
    around = [
        (first, whole - first - size)
        for whole, first, size in zip(call.x.shape[-2:], offsets, like)
    ]
    if min(min(edge) for edge in around) < 0:
        raise KernelError(f"crops {call.x.shape} to {call.inputs[1].shape}")
    return windows.crop(call.x, (around[0], around[1]))


def crop_resize(call: LayerCall) -> np.ndarray:
    """Input [1, B, C, H, W], boxes [n, 1, 4 or 5, 1, 1] → [n, B or 1, C, H_out, W_out]."""
    params = call.params
    image, boxes = call.inputs
    need_rank(image, 5, 5)
    need_rank(boxes, 5, 5)
    if image.shape[0] != 1 or boxes.shape[2] not in (4, 5) or boxes.shape[1::2] != (1, 1):
        raise KernelError(f"takes no {image.shape} with boxes {boxes.shape}")
    size = pair(params.targetSize)
    need_room((len(boxes), *image.shape[1:3], *size))
    return resampling.crop_resize(
        image[0],
        boxes[:, 0, :, 0, 0].astype(np.float64),
        size,
        SAMPLING_MODES[enum_name(params.mode, "samplingMethod")],
        enum_name(params.boxIndicesMode, "boxMode"),
        bool(params.normalizedCoordinates),
        params.spatialScale,
    )


def padding(call: LayerCall) -> np.ndarray:
    need_rank(call.x, 3)
    kind, around = call.params.WhichOneof("PaddingType"), edges(call.params.paddingAmounts)
    if kind == "constant":
        return windows.pad(call.x, around, call.params.constant.value)
    if kind is None:
        raise KernelError("says no type of padding")
    extend = windows.repeat_edges if kind == "replication" else windows.reflect_edges
    return extend(call.x, around)


def resize_bilinear(call: LayerCall) -> np.ndarray:
    mode = SAMPLING_MODES[enum_name(call.params.mode, "samplingMethod")]
    return _resized(call.x, pair(call.params.targetSize), mode)


def upsample(call: LayerCall) -> np.ndarray:
    params = call.params
    need_rank(call.x, 3)
    fractions = getattr(params, "fractionalScalingFactor", ())
    factors = fractions or params.scalingFactor or (1, 1)
    height, width = (
        coreml.upsample_output_size(side, factor, bool(fractions))
        for side, factor in zip(call.x.shape[-2:], factors)
    )
    mode = upsample_mode(enum_name(params, "mode"), enum_name(params, "linearUpsampleMode"))
    return _resized(call.x, (height, width), mode)


def _resized(x: np.ndarray, size: Pair, mode: Optional[str]) -> np.ndarray:
    need_rank(x, 3)
    need_room(x.shape[:-2] + size)
    if min(size) < 1:
        raise KernelError(f"would make a map of {size[0]}x{size[1]}")
    return resampling.resize(x, size, mode)


def reorganize(call: LayerCall) -> np.ndarray:
    mode, block = enum_name(call.params, "mode"), int(call.params.blockSize)
    if mode == "SPACE_TO_DEPTH":
        return blocks.to_depth(call.x, block, channels_first=False)
    return blocks.to_space(call.x, block, channels_first=mode == "PIXEL_SHUFFLE")


KINDS: Kinds = {
    "convolution": conv,
    "crop": crop,
    "cropResize": crop_resize,
    "padding": padding,
    "pooling": pool,
    "reorganizeData": reorganize,
    "resizeBilinear": resize_bilinear,
    "upsample": upsample,
}
