"""Layers that arrange, cut, join and choose elements, or make new ones.

Sources: the comments of each message in NeuralNetwork.proto of the Core ML format specification.
Sizes and positions that are blobs are whole numbers among floating ones.
"""

import math
from typing import List, Tuple

import numpy as np

from coreml_resize_fix.formats.neuralnetwork.execute.call import Kinds, LayerCall, enum_name
from coreml_resize_fix.verify.kernels import arrays, cutting, indexing
from coreml_resize_fix.verify.kernels.checks import KernelError, axis_of, need_rank, need_room
from coreml_resize_fix.verify.kernels.elementwise import broadcast_shape


def _whole(blob: np.ndarray) -> Tuple[int, ...]:
    return tuple(int(number) for number in blob.reshape(-1).tolist())


def concat(call: LayerCall) -> np.ndarray:
    axis = -5 if call.params.sequenceConcat else -3
    need_rank(call.x, -axis)
    return cutting.join(call.inputs, axis)


def concat_nd(call: LayerCall) -> np.ndarray:
    interleave = bool(getattr(call.params, "interleave", False))
    return cutting.join(call.inputs, int(call.params.axis), interleave)


def stack(call: LayerCall) -> np.ndarray:
    axis = axis_of(int(call.params.axis), call.x.ndim + 1)
    return cutting.join([np.expand_dims(one, axis) for one in call.inputs], axis)


def split(call: LayerCall) -> List[np.ndarray]:
    need_rank(call.x, 3)
    count = int(call.params.nOutputs) or call.outputs
    return cutting.split(call.x, -3, cutting.equal_parts(call.x, -3, count))


def split_nd(call: LayerCall) -> List[np.ndarray]:
    axis, sizes = int(call.params.axis), list(call.whole("splitSizes"))
    count = int(call.params.numSplits) or call.outputs
    return cutting.split(call.x, axis, sizes or cutting.equal_parts(call.x, axis, count))


_SLICED = {"CHANNEL_AXIS": -3, "HEIGHT_AXIS": -2, "WIDTH_AXIS": -1}


def slice_axis(call: LayerCall) -> np.ndarray:
    params, axis = call.params, _SLICED[enum_name(call.params, "axis")]
    need_rank(call.x, -axis)
    part = slice(int(params.startIndex), int(params.endIndex), int(params.stride) or 1)
    return np.asarray(call.x[(..., part) + (slice(None),) * (-axis - 1)])


def slice_static(call: LayerCall) -> np.ndarray:
    params = call.params
    return cutting.cut(
        call.x,
        call.whole("beginIds"),
        call.whole("endIds"),
        call.whole("strides"),
        list(params.beginMasks),
        list(params.endMasks),
        list(getattr(params, "squeezeMasks", ())) or None,
    )


def slice_dynamic(call: LayerCall) -> np.ndarray:
    """Blobs after the first go before parameters: begin, end, strides, and the three masks."""
    names = ("", "endIds", "strides", "beginMasks", "endMasks", "squeezeMasks")
    given: List[Tuple[int, ...]] = []
    for place, name in enumerate(names, 1):
        if place < len(call.inputs):
            given.append(_whole(call.inputs[place]))
        else:
            given.append(tuple(int(one) for one in getattr(call.params, name, ())))
    begin, end, strides, *masks = given
    return cutting.cut(
        call.x, begin, end, strides or None, *([bool(one) for one in mask] or None for mask in masks)
    )


def slice_by_size(call: LayerCall) -> np.ndarray:
    axis, begin = axis_of(int(call.params.axis), call.x.ndim), _whole(call.inputs[1])[0]
    begins, sizes = [0] * call.x.ndim, [-1] * call.x.ndim
    begins[axis], sizes[axis] = begin, int(call.params.size)
    return cutting.cut_by_size(call.x, begins, sizes)


def constant_pad(call: LayerCall) -> np.ndarray:
    """Amounts before and behind each axis; or the size that an axis shall have at least."""
    amounts = _whole(call.inputs[1]) if len(call.inputs) > 1 else call.whole("padAmounts")
    if len(amounts) != 2 * call.x.ndim:
        raise KernelError(f"has {len(amounts)} amounts of padding for rank {call.x.ndim}")
    pairs = list(zip(amounts[::2], amounts[1::2]))
    if call.params.padToGivenOutputSizeMode:
        pairs = [
            (max(0, before - size) if before else 0, max(0, behind - size) if behind else 0)
            for size, (before, behind) in zip(call.x.shape, pairs)
        ]
    return cutting.pad(call.x, pairs, "constant", call.params.value)


def reshape(call: LayerCall) -> np.ndarray:
    """[Seq, 1, C, H, W] in another shape, in the order of channels or of pixels."""
    need_rank(call.x, 5, 5)
    target = call.whole("targetShape")
    if len(target) not in (3, 4):
        raise KernelError(f"has a target shape of {len(target)} sizes")
    sequence, batch = call.x.shape[:2]
    lead, (channels, height, width) = (sequence,) + (batch,), target[-3:]
    if len(target) == 4:
        lead = (target[0], batch)
    if enum_name(call.params, "mode") == "CHANNEL_FIRST":
        return cutting.reshape(call.x, lead + (channels, height, width))
    moved = np.moveaxis(call.x, 2, -1)
    return np.moveaxis(cutting.reshape(moved, lead + (height, width, channels)), -1, 2)


def flatten(call: LayerCall) -> np.ndarray:
    need_rank(call.x, 3)
    x = call.x
    if enum_name(call.params, "mode") == "CHANNEL_LAST":
        x = np.moveaxis(x, -3, -1)
    return x.reshape(x.shape[:-3] + (-1, 1, 1))


def flatten_to_2d(call: LayerCall) -> np.ndarray:
    axis = int(call.params.axis)
    axis = axis_of(axis, call.x.ndim) if axis != call.x.ndim else axis
    lead = int(np.prod(call.x.shape[:axis], dtype=np.int64))
    return call.x.reshape(lead, call.x.size // lead if lead else 0)


def permute(call: LayerCall) -> np.ndarray:
    """`axis` orders [Seq, C, H, W]; the batch, axis 1 of the blob, stays."""
    need_rank(call.x, 5, 5)
    order = list(call.whole("axis")) or [0, 1, 2, 3]
    moved = arrays.transpose(np.moveaxis(call.x, 1, -1), [*order, 4])
    return np.moveaxis(moved, -1, 1)


def squeeze(call: LayerCall) -> np.ndarray:
    return arrays.squeeze(call.x, None if call.params.squeezeAll else call.whole("axes"))


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
        shape = call.x.shape if call.kind == "fillLike" else _whole(call.x)
    return cutting.fill(shape, np.asarray(call.params.value, call.dtype))


def broadcast(call: LayerCall) -> np.ndarray:
    """0 and -1 in a target shape are axes that stay as they are, as in the shape rules."""
    if call.kind == "broadcastToLike":
        wanted: Tuple[int, ...] = call.inputs[1].shape
    elif call.kind == "broadcastToStatic":
        wanted = call.whole("targetShape")
    else:
        wanted = _whole(call.inputs[1])
    own = (1,) * (len(wanted) - call.x.ndim) + call.x.shape
    shape = broadcast_shape(own, tuple(size if size > 0 else 1 for size in wanted))
    return cutting.broadcast_to(call.x, shape)


def reshape_nd(call: LayerCall) -> np.ndarray:
    if call.kind == "reshapeLike":
        wanted: Tuple[int, ...] = call.inputs[1].shape
    elif call.kind == "reshapeDynamic":
        wanted = _whole(call.inputs[1])
    else:
        wanted = call.whole("targetShape")
    return cutting.reshape(call.x, wanted)


def tile(call: LayerCall) -> np.ndarray:
    counts = _whole(call.inputs[1]) if len(call.inputs) > 1 else call.whole("reps")
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
    return (start + np.arange(count) * step).astype(call.dtype)


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
        count = _whole(call.inputs[1])[0]
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
    "concat": concat,
    "concatND": concat_nd,
    "constantPad": constant_pad,
    "expandDims": lambda call: arrays.expand_dims(call.x, call.whole("axes")),
    "fillDynamic": fill,
    "fillLike": fill,
    "fillStatic": fill,
    "flatten": flatten,
    "flattenTo2D": flatten_to_2d,
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
    "permute": permute,
    "rangeDynamic": range_of,
    "rangeStatic": range_of,
    "rankPreservingReshape": reshape_nd,
    "reshape": reshape,
    "reshapeDynamic": reshape_nd,
    "reshapeLike": reshape_nd,
    "reshapeStatic": reshape_nd,
    "reverse": reverse,
    "reverseSeq": reverse_sequence,
    "scatter": scatter,
    "scatterAlongAxis": scatter,
    "scatterND": scatter,
    "sequenceRepeat": sequence_repeat,
    "slice": slice_axis,
    "sliceBySize": slice_by_size,
    "sliceDynamic": slice_dynamic,
    "sliceStatic": slice_static,
    "slidingWindows": sliding_windows,
    "split": split,
    "splitND": split_nd,
    "squeeze": squeeze,
    "stack": stack,
    "tile": tile,
    "transpose": lambda call: arrays.transpose(call.x, call.whole("axes")),
    "upperTriangular": band,
    "whereNonZero": lambda call: indexing.positions_of_nonzero(call.x),
}
