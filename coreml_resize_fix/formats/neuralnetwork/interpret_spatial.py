"""Layers over height and width, in numpy: borders, convolutions, boxes.

Sources: the comments of BorderAmounts, PaddingLayerParams, CropLayerParams, ValidPadding,
ConvolutionLayerParams, SamplingMode and CropResizeLayerParams in NeuralNetwork.proto.
"""

from typing import Any, Callable, Dict, List, Sequence, Tuple

import numpy as np

from coreml_resize_fix.formats.neuralnetwork.interpret import interpolate
from coreml_resize_fix.formats.neuralnetwork.interpret_common import LayerError, need_rank, stored

__all__ = ["KINDS"]

Blobs = Sequence[np.ndarray]


def _edges(amounts: Any) -> List[Tuple[int, int]]:
    """(start, end) along height and width; nothing if not given."""
    if len(amounts.borderAmounts) not in (0, 2):
        raise LayerError("has {} border amounts".format(len(amounts.borderAmounts)))
    found = [(int(edge.startEdgeSize), int(edge.endEdgeSize)) for edge in amounts.borderAmounts]
    return found or [(0, 0), (0, 0)]


def _padding(layer: Any, params: Any, inputs: Blobs) -> np.ndarray:
    blob = inputs[0]
    need_rank(blob, 3)
    widths = [(0, 0)] * (blob.ndim - 2) + _edges(params.paddingAmounts)
    kind = params.WhichOneof("PaddingType")
    if kind == "replication":
        return np.pad(blob, widths, mode="edge")
    if kind == "reflection":
        return np.pad(blob, widths, mode="reflect")
    if kind == "constant":
        return np.pad(blob, widths, mode="constant", constant_values=params.constant.value)
    raise LayerError("says no type of padding")


def _crop(layer: Any, params: Any, inputs: Blobs) -> np.ndarray:
    blob = inputs[0]
    need_rank(blob, 3)
    if len(inputs) != 1:
        raise LayerError("crops to the size of another blob")
    (top, bottom), (left, right) = _edges(params.cropAmounts)
    height, width = blob.shape[-2:]
    if top + bottom >= height or left + right >= width:
        raise LayerError("leaves nothing of {}x{}".format(height, width))
    return blob[..., top : height - bottom, left : width - right]


def _convolution(layer: Any, params: Any, inputs: Blobs) -> np.ndarray:
    """Dimensions before [C, H, W] are batch. Padding of a convolution is zeros around the input;
    of a deconvolution, a border that is cut off its output."""
    need_rank(inputs[0], 4)
    if params.WhichOneof("ConvolutionPaddingType") != "valid" or params.outputShape:
        raise LayerError("is not of `valid` padding")
    lead = inputs[0].shape[:-3]
    images: np.ndarray = inputs[0].reshape((-1,) + inputs[0].shape[-3:])
    groups = int(params.nGroups) or 1
    kernel = tuple(int(k) for k in params.kernelSize) or (3, 3)
    out_channels, kernel_channels = int(params.outputChannels), int(params.kernelChannels)
    transposed = bool(params.isDeconvolution)
    needs = kernel_channels if transposed else kernel_channels * groups
    if images.shape[1] != needs or images.shape[1] % groups or out_channels % groups:
        raise LayerError("{} channels in {} groups do not fit".format(images.shape[1], groups))
    apply = _scatter if transposed else _collect
    outer = (kernel_channels, out_channels // groups)
    first, second = outer if transposed else (out_channels, kernel_channels)
    weight = stored(params.weights, (first, second) + kernel)
    weight = weight.reshape((groups, first // groups, second) + kernel)
    grouped = images.reshape((len(images), groups, -1) + images.shape[2:])
    made = apply(params, grouped, weight)
    made = made.reshape((len(images), out_channels) + made.shape[-2:])
    if params.hasBias:
        made = made + stored(params.bias, (out_channels, 1, 1))
    return made.reshape(lead + made.shape[1:])


def _pair(values: Sequence[int]) -> Tuple[int, int]:
    height, width = tuple(int(value) for value in values) or (1, 1)
    return height, width


def _collect(params: Any, images: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """out[i] = sum of w[j] x[i * stride + j * dilation]; weight [groups, out, in, kH, kW]."""
    widths = [(0, 0)] * 3 + _edges(params.valid.paddingAmounts)
    padded = np.pad(images, widths, mode="constant")
    stride, dilation = _pair(params.stride), _pair(params.dilationFactor)
    sizes = [
        (size - (k - 1) * d - 1) // s + 1
        for size, k, d, s in zip(padded.shape[-2:], weight.shape[-2:], dilation, stride)
    ]
    if min(sizes) < 1:
        raise LayerError("has a kernel larger than its input")
    total = np.zeros(images.shape[:2] + (weight.shape[1],) + tuple(sizes))
    for row, column in np.ndindex(*weight.shape[-2:]):
        top, left = row * dilation[0], column * dilation[1]
        part = padded[
            ...,
            top : top + (sizes[0] - 1) * stride[0] + 1 : stride[0],
            left : left + (sizes[1] - 1) * stride[1] + 1 : stride[1],
        ]
        total += np.einsum("goc,bgchw->bgohw", weight[..., row, column], part)
    return total


def _scatter(params: Any, images: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """out[i * stride + j] += w[j] x[i], less the border; weight [groups, in, out, kH, kW]."""
    stride, kernel = _pair(params.stride), weight.shape[-2:]
    height, width = ((n - 1) * s + k for n, s, k in zip(images.shape[-2:], stride, kernel))
    total = np.zeros(images.shape[:2] + (weight.shape[2], height, width))
    rows, columns = images.shape[-2:]
    for row, column in np.ndindex(*kernel):
        target = total[
            ...,
            row : row + (rows - 1) * stride[0] + 1 : stride[0],
            column : column + (columns - 1) * stride[1] + 1 : stride[1],
        ]
        target += np.einsum("gco,bgchw->bgohw", weight[..., row, column], images)
    (top, bottom), (left, right) = _edges(params.valid.paddingAmounts)
    return total[..., top : height - bottom, left : width - right]


def _crop_resize(layer: Any, params: Any, inputs: Blobs) -> np.ndarray:
    """Input [1, B, C, H, W], boxes [n, 1, 4 or 5, 1, 1] → [n, B or 1, C, H_out, W_out]."""
    image, boxes = inputs
    need_rank(image, 5, 5)
    need_rank(boxes, 5, 5)
    coordinates = boxes.shape[2]
    if image.shape[0] != 1 or coordinates not in (4, 5) or boxes.shape[1::2] != (1, 1):
        raise LayerError("takes no {} with boxes {}".format(image.shape, boxes.shape))
    wanted = tuple(int(n) for n in params.targetSize) or (1, 1)
    made: List[np.ndarray] = []
    for box in boxes[:, 0, :, 0, 0]:
        batch = image[0] if coordinates == 4 else image[0, int(box[0])][np.newaxis]
        made.append(_sampled(params, batch, box[-4:] * params.spatialScale, wanted))
    return np.stack(made)


def _sampled(params: Any, images: np.ndarray, box: np.ndarray, wanted: Sequence[int]) -> np.ndarray:
    grid = _GRIDS[_enum_name(params.mode, "samplingMethod")]
    corners = _LAYOUTS[_enum_name(params.boxIndicesMode, "boxMode")](*box.tolist())
    for axis, count, (start, end) in zip((-2, -1), wanted, corners):
        last = images.shape[axis] - 1
        if params.normalizedCoordinates:
            start, end = start * last, end * last
        if min(start, end) < 0 or max(start, end) > last:
            raise LayerError("box ({}, {}) leaves [0, {}]".format(start, end, last))
        # Points of an interval of so many pixels, from its beginning on; a reversed one runs back.
        points = start + np.sign(end - start or 1) * grid(abs(end - start) + 1, count)
        along = interpolate(np.swapaxes(images, axis, -1), points)
        images = np.swapaxes(along, axis, -1)
    return images


def _enum_name(message: Any, field: str) -> str:
    values = message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number
    return str(values[getattr(message, field)].name)


def _roi_align(pixels: float, count: int) -> np.ndarray:
    spacing = max(1, pixels - 1) / count
    start = 0.5 * spacing
    return np.minimum(pixels - 1, np.linspace(start, start + (count - 1) * spacing, count))


def _align_endpoints(pixels: float, count: int) -> np.ndarray:
    return np.linspace(0, pixels - 1, count) if count > 1 else np.array([(pixels - 1) / 2])


# SamplingMode: `count` points of the interval [0, pixels - 1].
_GRIDS: Dict[str, Callable[[float, int], np.ndarray]] = {
    "STRICT_ALIGN_ENDPOINTS_MODE": lambda pixels, count: np.linspace(0, pixels - 1, count),
    "ALIGN_ENDPOINTS_MODE": _align_endpoints,
    "UPSAMPLE_MODE": lambda pixels, count: np.minimum(
        pixels - 1, np.linspace(0, pixels - pixels / count, count)
    ),
    "ROI_ALIGN_MODE": _roi_align,
}

Interval = Tuple[float, float]

# BoxCoordinatesMode: the intervals along height and width.
_LAYOUTS: Dict[str, Callable[..., Tuple[Interval, Interval]]] = {
    "CORNERS_HEIGHT_FIRST": lambda top, left, bottom, right: ((top, bottom), (left, right)),
    "CORNERS_WIDTH_FIRST": lambda left, top, right, bottom: ((top, bottom), (left, right)),
    "CENTER_SIZE_HEIGHT_FIRST": lambda y, x, height, width: (
        (y - height / 2, y + height / 2),
        (x - width / 2, x + width / 2),
    ),
    "CENTER_SIZE_WIDTH_FIRST": lambda x, y, width, height: (
        (y - height / 2, y + height / 2),
        (x - width / 2, x + width / 2),
    ),
}

KINDS: Dict[str, Callable[[Any, Any, Blobs], np.ndarray]] = {
    "convolution": _convolution,
    "crop": _crop,
    "cropResize": _crop_resize,
    "padding": _padding,
}
