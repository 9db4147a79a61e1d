"""Layers of a neural network computed on the kernels: which kernel each kind is.

Sources: the comments of each message in NeuralNetwork.proto of the Core ML format specification.
What it forbids is an error here too: a rank that a layer does not take, weights that do not fill
their shape, a box that leaves the image. Arithmetic is in float64, on the weights as stored.
"""

from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Set, Tuple

import numpy as np

from coreml_resize_fix.formats.neuralnetwork.channels import keep_channels
from coreml_resize_fix.formats.neuralnetwork.sampling_modes import SAMPLING_MODES, upsample_mode
from coreml_resize_fix.verify.kernels import arrays, convolution, resampling, windows
from coreml_resize_fix.verify.kernels.checks import KernelError, need_rank

__all__ = ["KINDS", "run", "run_on_images"]

Blobs = Sequence[np.ndarray]


def run(layers: Sequence[Any], blobs: Mapping[str, np.ndarray]) -> Dict[str, np.ndarray]:
    """All blobs after `layers`, NeuralNetworkLayer messages in order, have read the given ones.

    Blobs have the rank that they have in the network: [S, B, C, H, W] under RANK5 mapping.

    Raises:
        KernelError: a kind is not known here, or used as its documentation forbids.
    """
    known = {name: np.asarray(blob, dtype=np.float64) for name, blob in blobs.items()}
    for layer in layers:
        kind = layer.WhichOneof("layer")
        if kind not in KINDS:
            raise KernelError(f"`{layer.name}` is a `{kind}` layer, which is not known here")
        missing = [name for name in layer.input if name not in known]
        if missing:
            raise KernelError(f"`{layer.name}` reads `{missing[0]}`, which nothing gives")
        try:
            inputs = [known[name] for name in layer.input]
            known[layer.output[0]] = KINDS[kind](getattr(layer, kind), inputs)
        except (ValueError, LookupError, ArithmeticError) as error:  # a KernelError is a ValueError
            raise KernelError(f"`{layer.name}`: {error}") from error
    return known


def run_on_images(
    layers: Sequence[Any], images: np.ndarray, rank: int, channels: Optional[int]
) -> np.ndarray:
    """What layers that read one blob make of images, (…, H, W) → (…, H', W').

    The blob has that rank and so many channels; images repeat to fill them.

    Raises:
        KernelError: the layers cannot be computed.
    """
    planes = images.reshape((-1,) + images.shape[-2:])
    channels = channels or len(planes)
    if channels > len(planes):
        layers, channels = keep_channels(layers, channels, len(planes)), len(planes)
    blob = _blob_read(layers)
    rounds = -(-len(planes) // channels)
    filled = np.resize(planes, (rounds * channels,) + planes.shape[1:])
    made = []
    for part in filled.reshape((rounds, channels) + planes.shape[1:]):
        given = part.reshape((1,) * (rank - 3) + part.shape)
        result = run(layers, {blob: given})[layers[-1].output[0]]
        made.append(result.reshape(result.shape[-3:]))
    flat = np.concatenate(made)[: len(planes)]
    return np.asarray(flat.reshape(images.shape[:-2] + flat.shape[-2:]))


def _blob_read(layers: Sequence[Any]) -> str:
    """The first blob that no layer before its reader made; the last layer may write it again."""
    made: Set[str] = set()
    for layer in layers:
        for name in layer.input:
            if name not in made:
                return str(name)
        made.update(layer.output)
    return ""


def _numbers(weights: Any, shape: Sequence[int]) -> np.ndarray:
    """The numbers of a WeightParams message as float64 of this shape; row-major, as stored."""
    if weights.float16Value:
        if len(weights.float16Value) % 2:
            raise KernelError("a number of float16 has two bytes")
        values = np.frombuffer(weights.float16Value, dtype="<f2")
    else:
        values = np.array(weights.floatValue, dtype=np.float32)
    wanted = [int(size) for size in shape]
    if values.size != np.prod(wanted):
        raise KernelError(f"{values.size} numbers do not fill {wanted}")
    return values.astype(np.float64).reshape(wanted)


def _enum_name(message: Any, field: str) -> str:
    descriptor = message.DESCRIPTOR.fields_by_name.get(field)
    if descriptor is None:  # coremltools before 4
        return "DEFAULT"
    return str(descriptor.enum_type.values_by_number[getattr(message, field)].name)


def _pair(values: Sequence[int], default: int = 1) -> Tuple[int, int]:
    height, width = tuple(int(value) for value in values) or (default, default)
    return height, width


def _edges(amounts: Any) -> windows.Edges:
    """(start, end) along height and width; nothing if not given."""
    found = [(int(edge.startEdgeSize), int(edge.endEdgeSize)) for edge in amounts.borderAmounts]
    if len(found) not in (0, 2):
        raise KernelError(f"has {len(found)} border amounts")
    return (found[0], found[1]) if found else windows.NO_EDGES


def _activation(params: Any, inputs: Blobs) -> np.ndarray:
    if params.WhichOneof("NonlinearityType") != "linear":
        raise KernelError("only a linear activation is known here")
    return arrays.linear(inputs[0], params.linear.alpha, params.linear.beta)


def _batched_matmul(params: Any, inputs: Blobs) -> np.ndarray:
    """Two inputs: their product. One: its last dimension times a matrix of shape [X1, X2]."""
    if len(inputs) == 2:
        left, right = inputs
        return arrays.matmul(left, right, bool(params.transposeA), bool(params.transposeB))
    first, second = int(params.weightMatrixFirstDimension), int(params.weightMatrixSecondDimension)
    if inputs[0].shape[-1] != first:
        raise KernelError(f"a matrix of {first} rows gets {inputs[0].shape}")
    # Values are stored in column-major order.
    product = arrays.matmul(inputs[0], _numbers(params.weights, (second, first)).T)
    return product + _numbers(params.bias, (second,)) if params.hasBias else product


def _convolution(params: Any, inputs: Blobs) -> np.ndarray:
    need_rank(inputs[0], 4)
    if params.WhichOneof("ConvolutionPaddingType") != "valid" or params.outputShape:
        raise KernelError("is not of `valid` padding")
    groups = int(params.nGroups) or 1
    outputs, channels = int(params.outputChannels), int(params.kernelChannels)
    if outputs % groups:
        raise KernelError(f"{outputs} channels in {groups} groups do not fit")
    transposed = bool(params.isDeconvolution)
    shape = (channels, outputs // groups) if transposed else (outputs, channels)
    compute = convolution.deconvolve if transposed else convolution.convolve
    return compute(
        inputs[0],
        _numbers(params.weights, shape + _pair(params.kernelSize, 3)),
        _numbers(params.bias, (outputs,)) if params.hasBias else None,
        _pair(params.stride),
        _pair(params.dilationFactor),
        _edges(params.valid.paddingAmounts),
        groups,
    )


def _crop(params: Any, inputs: Blobs) -> np.ndarray:
    need_rank(inputs[0], 3)
    if len(inputs) != 1:
        raise KernelError("crops to the size of another blob")
    return windows.crop(inputs[0], _edges(params.cropAmounts))


def _crop_resize(params: Any, inputs: Blobs) -> np.ndarray:
    """Input [1, B, C, H, W], boxes [n, 1, 4 or 5, 1, 1] → [n, B or 1, C, H_out, W_out]."""
    image, boxes = inputs
    need_rank(image, 5, 5)
    need_rank(boxes, 5, 5)
    if image.shape[0] != 1 or boxes.shape[2] not in (4, 5) or boxes.shape[1::2] != (1, 1):
        raise KernelError(f"takes no {image.shape} with boxes {boxes.shape}")
    return resampling.crop_resize(
        image[0],
        boxes[:, 0, :, 0, 0],
        _pair(params.targetSize),
        SAMPLING_MODES[_enum_name(params.mode, "samplingMethod")],
        _enum_name(params.boxIndicesMode, "boxMode"),
        bool(params.normalizedCoordinates),
        params.spatialScale,
    )


def _expand_dims(params: Any, inputs: Blobs) -> np.ndarray:
    return arrays.expand_dims(inputs[0], [int(axis) for axis in params.axes])


def _gather(params: Any, inputs: Blobs) -> np.ndarray:
    data, index = inputs
    return arrays.gather(data, index, int(params.axis))


def _load_constant(params: Any, inputs: Blobs) -> np.ndarray:
    if len(params.shape) != 3:
        raise KernelError("the shape of a constant must be [C, H, W]")
    return _numbers(params.data, params.shape)[np.newaxis, np.newaxis]


def _load_constant_nd(params: Any, inputs: Blobs) -> np.ndarray:
    if not 1 <= len(params.shape) <= 4:
        raise KernelError("a constant has rank 1 to 4")
    return _numbers(params.data, params.shape)


def _padding(params: Any, inputs: Blobs) -> np.ndarray:
    need_rank(inputs[0], 3)
    kind = params.WhichOneof("PaddingType")
    edges = _edges(params.paddingAmounts)
    if kind == "constant":
        return windows.pad(inputs[0], edges, params.constant.value)
    if kind is None:
        raise KernelError("says no type of padding")
    extend = windows.repeat_edges if kind == "replication" else windows.reflect_edges
    return extend(inputs[0], edges)


def _permute(params: Any, inputs: Blobs) -> np.ndarray:
    """`axis` orders [Seq, C, H, W]; the batch, axis 1 of the blob, stays."""
    need_rank(inputs[0], 5, 5)
    order = [int(axis) for axis in params.axis] or [0, 1, 2, 3]
    moved = arrays.transpose(np.moveaxis(inputs[0], 1, -1), [*order, 4])
    return np.moveaxis(moved, -1, 1)


def _resize_bilinear(params: Any, inputs: Blobs) -> np.ndarray:
    need_rank(inputs[0], 3)
    mode = SAMPLING_MODES[_enum_name(params.mode, "samplingMethod")]
    return resampling.resize(inputs[0], _pair(params.targetSize), mode)


def _squeeze(params: Any, inputs: Blobs) -> np.ndarray:
    axes = None if params.squeezeAll else [int(axis) for axis in params.axes]
    return arrays.squeeze(inputs[0], axes)


def _transpose(params: Any, inputs: Blobs) -> np.ndarray:
    return arrays.transpose(inputs[0], [int(axis) for axis in params.axes])


def _upsample(params: Any, inputs: Blobs) -> np.ndarray:
    need_rank(inputs[0], 3)
    # A product of single precision is what a fractional factor is made for.
    factors = getattr(params, "fractionalScalingFactor", ()) or params.scalingFactor or (1, 1)
    size = [int(np.float32(n) * np.float32(f)) for n, f in zip(inputs[0].shape[-2:], factors)]
    mode = upsample_mode(_enum_name(params, "mode"), _enum_name(params, "linearUpsampleMode"))
    return resampling.resize(inputs[0], size, mode)


KINDS: Dict[str, Callable[[Any, Blobs], np.ndarray]] = {
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
    "resizeBilinear": _resize_bilinear,
    "squeeze": _squeeze,
    "transpose": _transpose,
    "upsample": _upsample,
}
