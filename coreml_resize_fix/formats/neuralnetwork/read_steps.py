"""Read layers as the steps that they compute, to recognize replacements by their map.

Only kinds of layers that replacements are made of can be read.
"""

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.formats.neuralnetwork.read_blobs import (
    ADDED,
    CHANNELS,
    Blobs,
    Image,
    NotAReplacementError,
    require,
)
from coreml_resize_fix.replacements import steps
from coreml_resize_fix.replacements.format import Computed
from coreml_resize_fix.replacements.maps import LinearMap
from coreml_resize_fix.replacements.one_size import BOX_ROUNDING
from coreml_resize_fix.replacements.patterns import separated
from coreml_resize_fix.replacements.steps import Kernel

Pair = Tuple[int, int]

# Twice as many as any replacement has.
_MOST_LAYERS = 32


def read(layers: Sequence[Any], rank: int, channels: Optional[int]) -> Optional[Computed]:
    """The steps of NeuralNetworkLayer messages, in order, for an image of that rank.

    None if some layer cannot be part of a replacement.
    """
    if not 3 <= rank <= 5 or len(layers) > _MOST_LAYERS:
        return None
    blobs = Blobs(rank, channels)
    try:
        for layer in layers:
            kind = layer.WhichOneof("layer")
            require(kind in _KINDS and len(layer.output) == 1)
            blobs.add(layer.output[0], _KINDS[kind](blobs, getattr(layer, kind), list(layer.input)))
        last = blobs.images.get(layers[-1].output[0], Image(()))
        require(last.labels == blobs.first.labels)
    except (NotAReplacementError, ValueError, IndexError):
        return None
    boxes = any(isinstance(step, steps.CropResize) for step in last.steps)
    return Computed(last.steps, blobs.rounding, BOX_ROUNDING if boxes else 0.0)


def _edges(amounts: Any) -> Tuple[Pair, Pair]:
    found = [(int(edge.startEdgeSize), int(edge.endEdgeSize)) for edge in amounts.borderAmounts]
    require(len(found) in (0, 2))
    return (found[0], found[1]) if found else ((0, 0), (0, 0))


def _activation(blobs: Blobs, params: Any, inputs: List[str]) -> Any:
    require(params.WhichOneof("NonlinearityType") == "linear")
    require((params.linear.alpha, params.linear.beta) == (1.0, 0.0))
    return blobs.image(inputs[0])


def _padding(blobs: Blobs, params: Any, inputs: List[str]) -> Any:
    require(params.WhichOneof("PaddingType") == "replication")
    image = blobs.image(inputs[0])
    return image.then(steps.RepeatEdges(*image.axes(*_edges(params.paddingAmounts))))


def _crop(blobs: Blobs, params: Any, inputs: List[str]) -> Any:
    require(len(inputs) == 1)
    image = blobs.image(inputs[0])
    return image.then(steps.Crop(*image.axes(*_edges(params.cropAmounts))))


def _upsample(blobs: Blobs, params: Any, inputs: List[str]) -> Any:
    modes = params.DESCRIPTOR.fields_by_name["mode"].enum_type.values_by_name
    require(params.mode == modes["BILINEAR"].number)
    require(not getattr(params, "linearUpsampleMode", 0))
    require(not getattr(params, "fractionalScalingFactor", ()))
    image = blobs.image(inputs[0])
    first, second = [int(factor) for factor in params.scalingFactor] or (1, 1)
    return image.then(steps.UpsampleBilinear(image.axes(first, second)))


def _convolution(blobs: Blobs, params: Any, inputs: List[str]) -> Any:
    """A convolution of each channel, or a product along an axis in the place of the channels."""
    require(len(inputs) == 1 and params.WhichOneof("ConvolutionPaddingType") == "valid")
    require(not params.outputShape and not params.hasBias)
    require(list(params.dilationFactor) in ([], [1, 1]))
    image = blobs.image(inputs[0])
    require(len(image.labels) >= 4)
    kernel = [int(size) for size in params.kernelSize] or [3, 3]
    stride = [int(size) for size in params.stride] or [1, 1]
    borders = _edges(params.valid.paddingAmounts)
    if image.labels[-3] == CHANNELS:
        return _depthwise(blobs, params, image, (kernel, stride, borders))
    require(kernel == stride == [1, 1] and borders == ((0, 0), (0, 0)))
    require((int(params.nGroups) or 1) == 1 and not params.isDeconvolution)
    shape = int(params.outputChannels), int(params.kernelChannels)
    return _mixed(image, image.labels[-3], blobs.numbers(params.weights, shape))


def _depthwise(blobs: Blobs, params: Any, image: Image, shape: Any) -> Any:
    kernel, stride, borders = shape
    groups, up = int(params.nGroups) or 1, bool(params.isDeconvolution)
    require(int(params.outputChannels) == groups)
    require(int(params.kernelChannels) == (groups if up else 1))
    require(blobs.channels in (None, groups))
    patterns = blobs.numbers(params.weights, [groups, *kernel])
    require(bool((patterns == patterns[0]).all()))
    require(up or borders == ((0, 0), (0, 0)))
    require(all(start == end for start, end in borders) and min(stride) > 0)
    # The sum of the weights of an axis that keeps a flat image flat.
    first, second = separated(patterns[0], stride[1] if up else 1, blobs.rounding)
    kernels = [
        Kernel(tuple(weights.tolist()), step, border[0])
        for weights, step, border in zip((first, second), stride, borders)
    ]
    rows, columns = image.axes(*kernels)
    kind = steps.Deconvolution if up else steps.Depthwise
    return image.then(kind(rows, columns, groups))


def _mixed(image: Image, label: Any, matrix: np.ndarray) -> Image:
    require(label in steps.AXES)
    return image.then(steps.MatMul(label, LinearMap.of_matrix(matrix)))


def _permute(blobs: Blobs, params: Any, inputs: List[str]) -> Any:
    """`axis` orders [Seq, C, H, W]; the batch, the second dimension of the blob, stays."""
    image = blobs.image(inputs[0])
    order = [int(axis) for axis in params.axis]
    require(sorted(order) == [0, 1, 2, 3] and len(image.labels) == 5)
    moving = image.labels[:1] + image.labels[2:]
    moved = [moving[axis] for axis in order]
    return image._replace(labels=(moved[0], image.labels[1], *moved[1:]))


def _transpose(blobs: Blobs, params: Any, inputs: List[str]) -> Any:
    image = blobs.image(inputs[0])
    order = [int(axis) for axis in params.axes]
    require(sorted(order) == list(range(len(image.labels))))
    return image._replace(labels=tuple(image.labels[axis] for axis in order))


def _load_constant(blobs: Blobs, params: Any, inputs: List[str]) -> Any:
    require(len(params.shape) == 3)
    return blobs.numbers(params.data, [1, 1, *params.shape])


def _load_constant_nd(blobs: Blobs, params: Any, inputs: List[str]) -> Any:
    require(len(params.shape) > 0)
    return blobs.numbers(params.data, params.shape)


def _gather(blobs: Blobs, params: Any, inputs: List[str]) -> Any:
    require(len(inputs) == 2 and inputs[1] in blobs.constants)
    image, index = blobs.image(inputs[0]), blobs.constants[inputs[1]]
    label = image.labels[int(params.axis)]
    require(label in steps.AXES and index.ndim == 1 and bool((index == np.rint(index)).all()))
    return image.then(steps.Gather(label, tuple(index.astype(np.int64).tolist())))


def _batched_matmul(blobs: Blobs, params: Any, inputs: List[str]) -> Any:
    if len(inputs) == 1:
        require(not (params.hasBias or params.transposeA or params.transposeB))
        image = blobs.image(inputs[0])
        shape = int(params.weightMatrixSecondDimension), int(params.weightMatrixFirstDimension)
        return _mixed(image, image.labels[-1], blobs.numbers(params.weights, shape))
    require(len(inputs) == 2)
    left, right = inputs
    if left in blobs.constants:
        matrix, image = blobs.constants[left], blobs.image(right)
        require(matrix.ndim == 2 and not params.transposeB)
        return _mixed(image, image.labels[-2], matrix.T if params.transposeA else matrix)
    require(right in blobs.constants and not params.transposeA)
    matrix, image = blobs.constants[right], blobs.image(left)
    require(matrix.ndim == 2)
    return _mixed(image, image.labels[-1], matrix if params.transposeB else matrix.T)


def _expand_dims(blobs: Blobs, params: Any, inputs: List[str]) -> Any:
    image = blobs.image(inputs[0])
    rank = len(image.labels) + len(params.axes)
    require(rank <= 5)
    axes = {int(axis) % rank for axis in params.axes}
    require(len(axes) == len(params.axes))
    old = iter(image.labels)
    return image._replace(labels=tuple(ADDED if at in axes else next(old) for at in range(rank)))


def _squeeze(blobs: Blobs, params: Any, inputs: List[str]) -> Any:
    image = blobs.image(inputs[0])
    axes = {int(axis) % len(image.labels) for axis in params.axes}
    require(not params.squeezeAll and all(image.labels[axis] == ADDED for axis in axes))
    kept = (label for at, label in enumerate(image.labels) if at not in axes)
    return image._replace(labels=tuple(kept))


def _crop_resize(blobs: Blobs, params: Any, inputs: List[str]) -> Any:
    require(len(inputs) == 2 and inputs[1] in blobs.constants)
    image, box = blobs.image(inputs[0]), blobs.constants[inputs[1]]
    require(len(image.labels) == 5 and box.shape == (1, 1, 4, 1, 1))
    methods = params.mode.DESCRIPTOR.fields_by_name["samplingMethod"].enum_type.values_by_name
    require(params.mode.samplingMethod == methods["ALIGN_ENDPOINTS_MODE"].number)
    boxes = params.boxIndicesMode.DESCRIPTOR.fields_by_name["boxMode"].enum_type.values_by_name
    require(params.boxIndicesMode.boxMode == boxes["CORNERS_HEIGHT_FIRST"].number)
    require(not params.normalizedCoordinates and params.spatialScale == 1.0)
    first, second = [int(size) for size in params.targetSize] or (1, 1)
    corners = box.ravel().tolist()
    (top, bottom), (left, right) = image.axes(corners[::2], corners[1::2])
    return image.then(steps.CropResize(image.axes(first, second), (top, left, bottom, right)))


_KINDS: Dict[str, Callable[[Blobs, Any, List[str]], Any]] = {
    "activation": _activation,
    "batchedMatmul": _batched_matmul,
    "convolution": _convolution,
    "crop": _crop,
    "cropResize": _crop_resize,
    "expandDims": _expand_dims,
    "gather": _gather,
    "loadConstant": _load_constant,
    "loadConstantND": _load_constant_nd,
    "padding": _padding,
    "permute": _permute,
    "squeeze": _squeeze,
    "transpose": _transpose,
    "upsample": _upsample,
}
