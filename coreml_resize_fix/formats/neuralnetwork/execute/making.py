"""Layers that make new blobs, repeat what there is, or choose elements by their positions.

Sources: the comments of each message in NeuralNetwork.proto of the Core ML format specification.
Sizes and positions that are blobs are whole numbers among floating ones.
"""

import math
from typing import Tuple

import numpy as np

from coreml_resize_fix.formats.neuralnetwork.execute.call import (
    Kinds,
    LayerCall,
    enum_name,
    whole_numbers,
)
from coreml_resize_fix.verify.kernels import arrays, cutting, indexing
from coreml_resize_fix.verify.kernels.checks import KernelError, need_rank, need_room
from coreml_resize_fix.verify.kernels.elementwise import broadcast_shape


def load_constant(call: LayerCall) -> np.ndarray:
    shape = call.whole("shape")
    if len(shape) != 3:
        raise KernelError("the shape of a constant must be [C, H, W]")
    return call.numbers("data", shape)[np.newaxis, np.newaxis]


def load_constant_nd(call: LayerCall) -> np.ndarray:
    shape = call.whole("shape")
    if not 1 <= len(shape) <= 5:
        raise KernelError("a constant has rank 1 to 5")
    return call.numbers("data", shape)


def fill(call: LayerCall) -> np.ndarray:
    """A number in the shape of a blob, of a parameter, or of the numbers in a blob."""
    if call.kind == "fillStatic":
        shape = call.whole("targetShape")
    else:
        shape = call.x.shape if call.kind == "fillLike" else whole_numbers(call.x)
    return cutting.fill(shape, np.asarray(call.params.value, call.dtype))


def broadcast(call: LayerCall) -> np.ndarray:
    """0 and -1 in a target shape are axes that stay as they are, as in the shape rules."""
    if call.kind == "broadcastToLike":
        wanted: Tuple[int, ...] = call.inputs[1].shape
    elif call.kind == "broadcastToStatic":
        wanted = call.whole("targetShape")
    else:
        wanted = whole_numbers(call.inputs[1])
    own = (1,) * (len(wanted) - call.x.ndim) + call.x.shape
    shape = broadcast_shape(own, tuple(size if size > 0 else 1 for size in wanted))
    return cutting.broadcast_to(call.x, shape)


def tile(call: LayerCall) -> np.ndarray:
    counts = whole_numbers(call.inputs[1]) if len(call.inputs) > 1 else call.whole("reps")
    return cutting.tile(call.x, counts)


def sequence_repeat(call: LayerCall) -> np.ndarray:
    need_rank(call.x, 5)
    count = int(call.params.nRepetitions) or 1
    return cutting.tile(call.x, (1,) * (call.x.ndim - 5) + (count, 1, 1, 1, 1))


def range_of(call: LayerCall) -> np.ndarray:
    params = call.params
    if call.kind == "rangeStatic":
        end, start, step = params.endValue, params.startValue, params.stepSizeValue
    else:
        values = [params.startValue, params.startValue, params.stepSizeValue]
        for place, blob in enumerate(call.inputs):
            values[place] = float(blob.reshape(-1)[0])
        end, start, step = values
    if not step:
        raise KernelError("has a step of 0")
    count = max(0, math.ceil((end - start) / step))
    need_room((count,))
    return np.asarray((start + np.arange(count) * step).astype(call.dtype))


_SCATTERS = {f"SCATTER_{mode.upper()}": mode for mode in
             ("update", "add", "sub", "mul", "div", "max", "min")}  # fmt: skip


def scatter(call: LayerCall) -> np.ndarray:
    data, index, new = call.inputs
    mode = _SCATTERS[enum_name(call.params, "mode")]
    if call.kind == "scatterND":
        return indexing.scatter_nd(data, index, new, mode)
    write = indexing.scatter if call.kind == "scatter" else indexing.scatter_along_axis
    return write(data, index, new, int(call.params.axis), mode)


def one_hot(call: LayerCall) -> np.ndarray:
    params = call.params
    count = int(params.oneHotVectorSize)
    if len(call.inputs) > 1:
        count = whole_numbers(call.inputs[1])[0]
    on, off = (np.asarray(value, call.dtype) for value in (params.onValue, params.offValue))
    return indexing.one_hot(call.x, count, int(params.axis), on, off)


def reverse(call: LayerCall) -> np.ndarray:
    flags = list(call.params.reverseDim)
    if len(flags) != call.x.ndim:
        raise KernelError(f"has {len(flags)} flags for rank {call.x.ndim}")
    return np.flip(call.x, tuple(axis for axis, flag in enumerate(flags) if flag))


def reverse_sequence(call: LayerCall) -> np.ndarray:
    axes = int(call.params.sequenceAxis), int(call.params.batchAxis)
    return indexing.reverse_sequence(call.x, call.inputs[1].reshape(-1), *axes)


def band(call: LayerCall) -> np.ndarray:
    """Everything outside of a band, or on one side of a diagonal, becomes 0."""
    need_rank(call.x, 2)
    params = call.params
    if call.kind == "matrixBandPart":
        return indexing.triangle(call.x, int(params.numLower), int(params.numUpper))
    cut = np.tril if call.kind == "lowerTriangular" else np.triu
    return cut(call.x, int(params.k))


def sliding_windows(call: LayerCall) -> np.ndarray:
    size, step = int(call.params.windowSize), int(call.params.step)
    return cutting.sliding_windows(call.x, int(call.params.axis), size, step)


KINDS: Kinds = {
    "broadcastToDynamic": broadcast,
    "broadcastToLike": broadcast,
    "broadcastToStatic": broadcast,
    "fillDynamic": fill,
    "fillLike": fill,
    "fillStatic": fill,
    "gather": lambda call: arrays.gather(call.x, call.inputs[1], int(call.params.axis)),
    "gatherAlongAxis": lambda call: indexing.gather_along_axis(
        call.x, call.inputs[1], int(call.params.axis)
    ),
    "gatherND": lambda call: indexing.gather_nd(call.x, call.inputs[1]),
    "getShape": lambda call: np.array(call.x.shape, call.dtype),
    "loadConstant": load_constant,
    "loadConstantND": load_constant_nd,
    "lowerTriangular": band,
    "matrixBandPart": band,
    "oneHot": one_hot,
    "rangeDynamic": range_of,
    "rangeStatic": range_of,
    "reverse": reverse,
    "reverseSeq": reverse_sequence,
    "scatter": scatter,
    "scatterAlongAxis": scatter,
    "scatterND": scatter,
    "sequenceRepeat": sequence_repeat,
    "slidingWindows": sliding_windows,
    "tile": tile,
    "upperTriangular": band,
    "whereNonZero": lambda call: indexing.positions_of_nonzero(call.x),
}
