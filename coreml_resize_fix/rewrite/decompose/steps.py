"""Core ML layers as values: a kind and how its parameters are filled, without names."""

from dataclasses import dataclass
from typing import Any, Callable, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.coreml import wire
from coreml_resize_fix.sampling import AxisSpec
from coreml_resize_fix.sampling.reference import matrix

__all__ = ["Filter", "Step"]


@dataclass(frozen=True)
class Step:
    """One layer of a chain.

    kind: the field of NeuralNetworkLayer; fill: writes the parameters of a message of that kind,
    given whether weights are stored in half precision; constant: a layer whose output is this
    one's other input, before the chain's blob if `constant_first`; multiply_adds: per image;
    weights: how many numbers it stores.
    """

    kind: str
    fill: Callable[[Any, bool], None]
    constant: Optional["Step"] = None
    constant_first: bool = False
    multiply_adds: int = 0
    weights: int = 0


class Filter(NamedTuple):
    """One axis of a convolution: the edge pixel is repeated `pad` times, then `kernel` strides.

    crop: border of a deconvolution that is cut off at each end.
    """

    kernel: np.ndarray
    stride: int
    pad: Tuple[int, int] = (0, 0)
    crop: int = 0


def store(weights: Any, values: np.ndarray, half: bool) -> None:
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


def repeat_edges(rows: Tuple[int, int], columns: Tuple[int, int]) -> Step:
    """Pad by repeating the edge pixel: (top, bottom), (left, right)."""

    def fill(params: Any, half: bool) -> None:
        params.replication.SetInParent()
        _borders(params.paddingAmounts, (rows, columns))

    return Step("padding", fill)


def crop(rows: Tuple[int, int], columns: Tuple[int, int]) -> Step:
    """Cut off (top, bottom), (left, right)."""

    def fill(params: Any, half: bool) -> None:
        params.offset.extend((0, 0))
        _borders(params.cropAmounts, (rows, columns))

    return Step("crop", fill)


def upsample_default(factors: Tuple[int, int], multiply_adds: int) -> Step:
    """Upsample BILINEAR by whole factors, the only grid that it has on iOS 11."""

    def fill(params: Any, half: bool) -> None:
        params.scalingFactor.extend(factors)
        params.mode = (
            params.DESCRIPTOR.enum_types_by_name["InterpolationMode"]
            .values_by_name["BILINEAR"]
            .number
        )

    return Step("upsample", fill, multiply_adds=multiply_adds)


def _convolution(
    params: Any, channels: Tuple[int, int], groups: int, filters: Tuple[Filter, Filter]
) -> None:
    """The fields of a convolution but its weights, all written as Apple's builder does."""
    params.outputChannels, params.kernelChannels = channels
    params.nGroups = groups
    params.kernelSize.extend(len(axis.kernel) for axis in filters)
    params.stride.extend(axis.stride for axis in filters)
    params.dilationFactor.extend((1, 1))
    _borders(params.valid.paddingAmounts, [(axis.crop, axis.crop) for axis in filters])


def depthwise(filters: Tuple[Filter, Filter], channels: int, up: bool, positions: int) -> Step:
    """One filter for every channel: convolution, or deconvolution to go up.

    positions: how many times the filter is applied to one channel.
    """
    rows, columns = (axis.kernel for axis in filters)
    weights = channels * len(rows) * len(columns)

    def fill(params: Any, half: bool) -> None:
        # A deconvolution counts all input channels, a convolution those of one group.
        _convolution(params, (channels, channels if up else 1), channels, filters)
        params.isDeconvolution = up
        pattern = np.outer(rows, columns).astype(np.float32)
        store(params.weights, np.tile(pattern.ravel(), channels), half)

    return Step("convolution", fill, multiply_adds=weights * positions, weights=weights)


def mix_channels(axis: AxisSpec, multiply_adds: int) -> Step:
    """1×1 convolution: N output channels = the axis' matrix (N, X) @ X input channels."""
    point = Filter(np.ones(1), 1)
    channels = axis.output_size, axis.input_size

    def fill(params: Any, half: bool) -> None:
        _convolution(params, channels, 1, (point, point))
        store(params.weights, matrix(axis), half)

    return Step("convolution", fill, multiply_adds=multiply_adds, weights=_weights(axis))


def permute(*order: int) -> Step:
    """Output dimension i of [S, C, H, W] is input dimension order[i]; B stays where it is."""
    return Step("permute", lambda params, half: params.axis.extend(order))


def multiply_right(axis: AxisSpec, multiply_adds: int) -> Step:
    """Last dimension, of size N = the axis' matrix (N, X) @ last dimension, of size X."""

    def fill(params: Any, half: bool) -> None:
        params.weightMatrixFirstDimension = axis.input_size
        params.weightMatrixSecondDimension = axis.output_size
        # [X, N] in column-major order is [N, X] row by row.
        store(params.weights, matrix(axis), half)

    return Step("batchedMatmul", fill, multiply_adds=multiply_adds, weights=_weights(axis))


def multiply_left(axis: AxisSpec, multiply_adds: int) -> Step:
    """Last dimension but one, of size N = the axis' matrix (N, X) @ that dimension, of size X."""

    def constant(params: Any, half: bool) -> None:
        params.shape.extend((axis.output_size, axis.input_size))
        store(params.data, matrix(axis), half)

    return Step(
        "batchedMatmul",
        lambda params, half: None,
        constant=Step("loadConstantND", constant),
        constant_first=True,
        multiply_adds=multiply_adds,
        weights=_weights(axis),
    )


def _weights(axis: AxisSpec) -> int:
    return axis.input_size * axis.output_size


def indices(index: np.ndarray) -> Step:
    """A constant for `choose`."""

    def fill(params: Any, half: bool) -> None:
        params.shape.append(len(index))
        # Half precision skips whole numbers above 2048.
        store(params.data, index, half=False)

    return Step("loadConstantND", fill, weights=len(index))


def choose(constant: Step, axis: int) -> Step:
    """Output i along `axis`, counted from the end, is the input at the constant's i-th index."""

    def fill(params: Any, half: bool) -> None:
        params.axis = axis

    return Step("gather", fill, constant=constant)


def crop_resize(
    size: Tuple[int, int], box: Tuple[float, float, float, float], multiply_adds: int
) -> Step:
    """Sample `size` points between the corners of `box`: top, left, bottom, right, in pixels."""

    def corners(params: Any, half: bool) -> None:
        params.shape.extend((4, 1, 1))
        store(params.data, np.array(box), half=False)

    def fill(params: Any, half: bool) -> None:
        params.targetSize.extend(size)
        params.normalizedCoordinates = False
        params.spatialScale = 1.0  # the schema's default is 0, which would read one pixel only
        methods = params.mode.DESCRIPTOR.enum_types_by_name["Method"].values_by_name
        params.mode.samplingMethod = methods["ALIGN_ENDPOINTS_MODE"].number
        # Present although it is the default, as Apple's builder writes it.
        params.boxIndicesMode.SetInParent()

    return Step(
        "cropResize", fill, constant=Step("loadConstant", corners), multiply_adds=multiply_adds
    )


def expand(axes: Sequence[int]) -> Step:
    """New dimensions of size one."""
    return Step("expandDims", lambda params, half: params.axes.extend(axes))


def squeeze(axes: Sequence[int]) -> Step:
    """Remove dimensions of size one."""
    return Step("squeeze", lambda params, half: params.axes.extend(axes))
