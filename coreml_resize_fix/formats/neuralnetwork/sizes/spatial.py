"""Layers that work on the last two dimensions, height and width: convolutions, pooling, resizes.

Formulas: the comments of `ValidPadding`, `SamePadding`, `PoolingLayerParams` and of each layer in
NeuralNetwork.proto of the Core ML format specification.
"""

import math
from typing import Any, List, Optional, Sequence, Tuple

from coreml_resize_fix.conventions import coreml
from coreml_resize_fix.formats.inference.call import Call, NotKnownError, Rules, pair, show, times
from coreml_resize_fix.formats.shapes import Dims


def edges(call: Call, amounts: Any) -> List[Tuple[int, int]]:
    """`BorderAmounts` as [(top, bottom), (left, right)]; absent means no border."""
    borders = amounts.borderAmounts
    if len(borders) not in (0, 2):
        raise NotKnownError(f"{call} has {len(borders)} border amounts, not 2")
    pairs = [(int(edge.startEdgeSize), int(edge.endEdgeSize)) for edge in borders]
    return pairs or [(0, 0), (0, 0)]


def positive(call: Call, values: Sequence[int], field: str) -> None:
    """A stride, kernel or block of size 0 can compute nothing."""
    if min(values) < 1:
        raise NotKnownError(f"{call} has {field} {show(tuple(values))}")


def valid_size(size: int, kernel: int, stride: int, pad: int) -> int:
    """Number of kernel positions in `size` elements widened by `pad` (both ends together)."""
    return (size + pad - kernel) // stride + 1


def same_size(size: int, stride: int) -> int:
    """`same` padding: one position per begun stride; `asymmetryMode` only moves the padding."""
    return -(-size // stride)


def last_pixel_size(size: int, kernel: int, stride: int, pad: int, padded: bool) -> int:
    """`includeLastPixel` pooling; `pad` is on each end, `padded` whether either axis has any."""
    count = -(-(size + 2 * pad - kernel) // stride) + 1
    return count - 1 if padded and (count - 1) * stride >= size + pad else count


def channels_fit(call: Call, given: Optional[int], expected: int) -> None:
    """Conflict when the input has another number of channels than the weights."""
    if given is not None and expected and given != expected:
        call.conflict(f"expects {expected} input channels and gets {given}")


def whole_groups(call: Call, channels: int, groups: int, which: str = "output") -> None:
    """Conflict when channels cannot be shared out evenly among the groups."""
    if groups > 1 and channels % groups:
        call.conflict(f"cannot share {channels} {which} channels among {groups} groups")


def convolution(call: Call) -> Sequence[Dims]:
    dims, params = call.dims(0, 4), call.params
    kernel = pair(call, params.kernelSize, 3, "kernelSize")
    stride = pair(call, params.stride, 1, "stride")
    dilation = pair(call, params.dilationFactor, 1, "dilationFactor")
    groups = int(params.nGroups) or 1
    positive(call, kernel, "kernel size")
    positive(call, stride, "stride")
    transposed = bool(params.isDeconvolution)
    # The kernels of a deconvolution span all input channels, for every number of groups.
    channels_fit(call, dims[-3], int(params.kernelChannels) * (1 if transposed else groups))
    whole_groups(call, int(params.outputChannels), groups)
    if transposed:
        whole_groups(call, int(params.kernelChannels), groups, "input")
    same = params.WhichOneof("ConvolutionPaddingType") == "same"
    pads = [(0, 0), (0, 0)] if same else edges(call, params.valid.paddingAmounts)
    fixed = pair(call, params.outputShape, 0, "outputShape") if transposed else (0, 0)

    def one(axis: int, size: Optional[int]) -> Optional[int]:
        if fixed[axis]:
            return fixed[axis]
        if size is None:
            return None
        pad = sum(pads[axis])
        if transposed:
            if same:
                return size * stride[axis]
            return (size - 1) * stride[axis] + kernel[axis] - pad
        if same:
            return same_size(size, stride[axis])
        return valid_size(size, (kernel[axis] - 1) * dilation[axis] + 1, stride[axis], pad)

    return [dims[:-3] + (int(params.outputChannels), one(0, dims[-2]), one(1, dims[-1]))]


def pooling(call: Call) -> Sequence[Dims]:
    dims, params = call.dims(0, 4), call.params
    if params.globalPooling:
        return [dims[:-2] + (1, 1)]
    kernel = pair(call, params.kernelSize, 3, "kernelSize")
    stride = pair(call, params.stride, 1, "stride")
    positive(call, kernel, "kernel size")
    positive(call, stride, "stride")
    padding = params.WhichOneof("PoolingPaddingType")
    last = pair(call, params.includeLastPixel.paddingAmounts, 0, "paddingAmounts")
    pads = edges(call, params.valid.paddingAmounts)

    def one(axis: int, size: Optional[int]) -> Optional[int]:
        if size is None:
            return None
        if padding == "same":
            return same_size(size, stride[axis])
        if padding == "includeLastPixel":
            return last_pixel_size(size, kernel[axis], stride[axis], last[axis], any(last))
        return valid_size(size, kernel[axis], stride[axis], sum(pads[axis]))

    return [dims[:-2] + (one(0, dims[-2]), one(1, dims[-1]))]


def padding(call: Call) -> Sequence[Dims]:
    dims, amounts = call.dims(0, 2), edges(call, call.params.paddingAmounts)
    if call.params.WhichOneof("PaddingType") == "reflection":
        for size, edge in zip(dims[-2:], amounts):
            if size is not None and max(edge) >= size:
                call.conflict(f"cannot reflect {max(edge)} of {size}")
                break
    sizes = [None if size is None else size + sum(edge) for size, edge in zip(dims[-2:], amounts)]
    return [dims[:-2] + tuple(sizes)]


def crop(call: Call) -> Sequence[Dims]:
    dims = call.dims(0, 3)
    if len(call.blobs) > 1:
        like = call.dims(1, 3)[-2:]
        offsets = pair(call, call.params.offset, 0, "offset")
        for size, offset, wanted in zip(dims[-2:], offsets, like):
            if size is not None and wanted is not None and offset + wanted > size:
                call.conflict(f"of {show(dims[-2:])} to {show(like)} does not fit")
                break
        return [dims[:-2] + like]
    sizes = [
        None if size is None else size - sum(edge)
        for size, edge in zip(dims[-2:], edges(call, call.params.cropAmounts))
    ]
    return [dims[:-2] + tuple(sizes)]


def scaled_size(size: int, factor: float, fractional: bool) -> Optional[int]:
    """Elements along one axis after Upsample; None if the factor is not a usable number."""
    if not math.isfinite(factor) or factor < 0:
        return None
    return coreml.upsample_output_size(size, factor, fractional)


def upsample(call: Call) -> Sequence[Dims]:
    dims, params = call.dims(0, 3), call.params
    # coremltools before 4.0 does not know the field, nor any model that uses it.
    factors = list(getattr(params, "fractionalScalingFactor", ()))
    fractional = bool(factors)
    factors = factors or list(params.scalingFactor) or [1, 1]
    if len(factors) != 2:
        raise NotKnownError(f"{call} has {len(factors)} scaling factors, not 2")
    sizes = [
        None if size is None else scaled_size(size, factor, fractional)
        for size, factor in zip(dims[-2:], factors)
    ]
    if not all(map(math.isfinite, factors)):
        call.why = f"{call} has a scaling factor that is not a number"
    return [dims[:-2] + tuple(sizes)]


def resize_bilinear(call: Call) -> Sequence[Dims]:
    return [call.dims(0, 3)[:-2] + pair(call, call.params.targetSize, 1, "targetSize")]


def crop_resize(call: Call) -> Sequence[Dims]:
    dims, boxes = call.dims(0, 5), call.dims(1, 5)
    if boxes[-3] not in (4, 5, None):
        call.conflict(f"needs boxes of 4 or 5 numbers and gets {boxes[-3]}")
    batch = 1 if boxes[-3] == 5 else None if boxes[-3] is None else dims[-4]
    size = pair(call, call.params.targetSize, 1, "targetSize")
    return [(boxes[-5], batch, dims[-3]) + size]


def reorganize(call: Call) -> Sequence[Dims]:
    dims, block = call.dims(0, 3), int(call.params.blockSize)
    positive(call, (block,), "block size")
    to_depth = call.params.mode == 0
    channels, height, width = dims[-3:]
    if to_depth:
        new = times(channels, block * block), call.divide(height, block), call.divide(width, block)
    else:  # depth to space and pixel shuffle differ in the order of the channels only
        new = call.divide(channels, block * block), times(height, block), times(width, block)
    return [dims[:-3] + new]


RULES: Rules = {
    "convolution": convolution,
    "pooling": pooling,
    "padding": padding,
    "crop": crop,
    "upsample": upsample,
    "resizeBilinear": resize_bilinear,
    "cropResize": crop_resize,
    "reorganizeData": reorganize,
}
