"""The layers that replacements are written with: a kind, and how its parameters are filled."""

from typing import Any, Callable, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.formats.protobuf import wire
from coreml_resize_fix.replacements import steps
from coreml_resize_fix.replacements.steps import WIDTH, Kernel


class Layer(NamedTuple):
    """A layer without names.

    kind: the field of NeuralNetworkLayer; fill: writes the parameters of a message of that kind,
    given whether weights are stored in half precision; constant: a layer whose output is this
    one's other input, before the chain's blob if `constant_first`.
    """

    kind: str
    fill: Callable[[Any, bool], None]
    constant: Optional["Constant"] = None
    constant_first: bool = False


class Constant(NamedTuple):
    """Numbers that a layer reads; layers that read equal `numbers` share them, if there are any."""

    kind: str
    fill: Callable[[Any, bool], None]
    numbers: Tuple[int, ...] = ()


def _store(weights: Any, values: np.ndarray, half: bool) -> None:
    """Write a WeightParams message, row by row.

    Half precision is used only where it keeps every weight: a rounded weight would be a small
    error at every pixel, and these layers exist to have none.
    """
    flat = np.asarray(values, dtype=np.float32).ravel()
    if half and np.array_equal(flat.astype(np.float16).astype(np.float32), flat):
        weights.float16Value = flat.astype("<f2").tobytes()
    else:
        field = weights.DESCRIPTOR.fields_by_name["floatValue"].number
        # As they are packed in the file: protobuf would make a Python number of each.
        weights.MergeFromString(wire.encode_field(field, flat.astype("<f4").tobytes()))


def _borders(amounts: Any, edges: Sequence[Tuple[int, int]]) -> None:
    for start, end in edges:
        amounts.borderAmounts.add(startEdgeSize=start, endEdgeSize=end)


def _repeat_edges(step: steps.RepeatEdges) -> Layer:
    def fill(params: Any, half: bool) -> None:
        params.replication.SetInParent()
        _borders(params.paddingAmounts, (step.rows, step.columns))

    return Layer("padding", fill)


def _crop(step: steps.Crop) -> Layer:
    def fill(params: Any, half: bool) -> None:
        params.offset.extend((0, 0))
        _borders(params.cropAmounts, (step.rows, step.columns))

    return Layer("crop", fill)


def _upsample(step: steps.UpsampleBilinear) -> Layer:
    """Upsample BILINEAR by whole factors, the only grid that it has on iOS 11."""

    def fill(params: Any, half: bool) -> None:
        params.scalingFactor.extend(step.factors)
        modes = params.DESCRIPTOR.enum_types_by_name["InterpolationMode"].values_by_name
        params.mode = modes["BILINEAR"].number

    return Layer("upsample", fill)


def _convolution(
    params: Any, channels: Tuple[int, int], groups: int, kernels: Tuple[Kernel, Kernel]
) -> None:
    """The fields of a convolution but its weights, all written as Apple's builder does."""
    params.outputChannels, params.kernelChannels = channels
    params.nGroups = groups
    params.kernelSize.extend(len(axis.weights) for axis in kernels)
    params.stride.extend(axis.stride for axis in kernels)
    params.dilationFactor.extend((1, 1))
    _borders(params.valid.paddingAmounts, [(axis.crop, axis.crop) for axis in kernels])


def _depthwise(step: steps.Convolution) -> Layer:
    """Of a Depthwise or a Deconvolution."""
    up = isinstance(step, steps.Deconvolution)

    def fill(params: Any, half: bool) -> None:
        # A deconvolution counts all input channels, a convolution those of one group.
        each = step.channels if up else 1
        _convolution(params, (step.channels, each), step.channels, (step.rows, step.columns))
        params.isDeconvolution = up
        pattern = np.outer(step.rows.weights, step.columns.weights).astype(np.float32)
        _store(params.weights, np.tile(pattern.ravel(), step.channels), half)

    return Layer("convolution", fill)


def mix_channels(step: steps.MatMul) -> Layer:
    """1×1 convolution: N output channels = the matrix (N, X) @ X input channels."""
    point = Kernel((1.0,), 1)

    def fill(params: Any, half: bool) -> None:
        _convolution(params, (step.map.output_size, step.map.input_size), 1, (point, point))
        _store(params.weights, step.map.matrix, half)

    return Layer("convolution", fill)


def permute(order: Sequence[int]) -> Layer:
    """Output dimension i of [S, C, H, W] is input dimension order[i]; B stays where it is."""
    return Layer("permute", lambda params, half: params.axis.extend(order))


def _multiply(step: steps.MatMul) -> Layer:
    """A weight matrix from the right along W, a constant from the left along H."""
    if step.axis == WIDTH:

        def fill(params: Any, half: bool) -> None:
            params.weightMatrixFirstDimension = step.map.input_size
            params.weightMatrixSecondDimension = step.map.output_size
            # [X, N] in column-major order is [N, X] row by row.
            _store(params.weights, step.map.matrix, half)

        return Layer("batchedMatmul", fill)

    def constant(params: Any, half: bool) -> None:
        params.shape.extend((step.map.output_size, step.map.input_size))
        _store(params.data, step.map.matrix, half)

    return Layer(
        "batchedMatmul",
        lambda params, half: None,
        constant=Constant("loadConstantND", constant),
        constant_first=True,
    )


def _gather(step: steps.Gather) -> Layer:
    def indices(params: Any, half: bool) -> None:
        params.shape.append(len(step.indices))
        # Half precision skips whole numbers above 2048.
        _store(params.data, np.array(step.indices), half=False)

    def fill(params: Any, half: bool) -> None:
        params.axis = step.axis - 2  # counted from the end

    return Layer("gather", fill, Constant("loadConstantND", indices, step.indices))


def _crop_resize(step: steps.CropResize) -> Layer:
    def corners(params: Any, half: bool) -> None:
        params.shape.extend((4, 1, 1))
        _store(params.data, np.array(step.box), half=False)

    def fill(params: Any, half: bool) -> None:
        params.targetSize.extend(step.size)
        params.normalizedCoordinates = False
        params.spatialScale = 1.0  # the schema's default is 0, which would read one pixel only
        methods = params.mode.DESCRIPTOR.enum_types_by_name["Method"].values_by_name
        params.mode.samplingMethod = methods["ALIGN_ENDPOINTS_MODE"].number
        # Present although it is the default, as Apple's builder writes it.
        params.boxIndicesMode.SetInParent()

    return Layer("cropResize", fill, Constant("loadConstant", corners))


def expand(axes: Sequence[int]) -> Layer:
    """New dimensions of size one."""
    return Layer("expandDims", lambda params, half: params.axes.extend(axes))


def squeeze(axes: Sequence[int]) -> Layer:
    """Remove dimensions of size one."""
    return Layer("squeeze", lambda params, half: params.axes.extend(axes))


class Form(NamedTuple):
    """The layer that a kind of step is written as, from a version on.

    least_rank: of the blob that it reads; 0 where that does not matter.
    """

    spec_version: int
    make: Callable[[Any], Layer]
    least_rank: int = 0


FORMS = {
    steps.RepeatEdges: Form(1, _repeat_edges),
    steps.Crop: Form(1, _crop),
    steps.UpsampleBilinear: Form(1, _upsample),
    steps.Depthwise: Form(1, _depthwise, least_rank=4),
    steps.Deconvolution: Form(1, _depthwise, least_rank=4),
    steps.CropResize: Form(3, _crop_resize, least_rank=5),
    steps.Gather: Form(4, _gather),
    steps.MatMul: Form(4, _multiply),
}
