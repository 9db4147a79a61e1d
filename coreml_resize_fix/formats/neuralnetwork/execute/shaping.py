"""Layers that arrange, cut and join what there is.

Sources: the comments of each message in NeuralNetwork.proto of the Core ML format specification.
Sizes and positions that are blobs are whole numbers among floating ones.
"""

from typing import List, Tuple

import numpy as np

from coreml_resize_fix.formats.neuralnetwork.execute.call import (
    Kinds,
    LayerCall,
    enum_name,
    whole_numbers,
)
from coreml_resize_fix.verify.kernels import arrays, cutting
from coreml_resize_fix.verify.kernels.checks import KernelError, axis_of, need_rank


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
            given.append(whole_numbers(call.inputs[place]))
        else:
            given.append(tuple(int(one) for one in getattr(call.params, name, ())))
    begin, end, strides, *masks = given
    return cutting.cut(
        call.x,
        begin,
        end,
        strides or None,
        *([bool(one) for one in mask] or None for mask in masks),
    )


def slice_by_size(call: LayerCall) -> np.ndarray:
    axis, begin = axis_of(int(call.params.axis), call.x.ndim), whole_numbers(call.inputs[1])[0]
    begins, sizes = [0] * call.x.ndim, [-1] * call.x.ndim
    begins[axis], sizes[axis] = begin, int(call.params.size)
    return cutting.cut_by_size(call.x, begins, sizes)


def constant_pad(call: LayerCall) -> np.ndarray:
    """Amounts before and behind each axis; or the size that an axis shall have at least."""
    amounts = whole_numbers(call.inputs[1]) if len(call.inputs) > 1 else call.whole("padAmounts")
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


def reshape_nd(call: LayerCall) -> np.ndarray:
    if call.kind == "reshapeLike":
        wanted: Tuple[int, ...] = call.inputs[1].shape
    elif call.kind == "reshapeDynamic":
        wanted = whole_numbers(call.inputs[1])
    else:
        wanted = call.whole("targetShape")
    return cutting.reshape(call.x, wanted)


KINDS: Kinds = {
    "concat": concat,
    "concatND": concat_nd,
    "constantPad": constant_pad,
    "expandDims": lambda call: arrays.expand_dims(call.x, call.whole("axes")),
    "flatten": flatten,
    "flattenTo2D": flatten_to_2d,
    "permute": permute,
    "rankPreservingReshape": reshape_nd,
    "reshape": reshape,
    "reshapeDynamic": reshape_nd,
    "reshapeLike": reshape_nd,
    "reshapeStatic": reshape_nd,
    "slice": slice_axis,
    "sliceBySize": slice_by_size,
    "sliceDynamic": slice_dynamic,
    "sliceStatic": slice_static,
    "split": split,
    "splitND": split_nd,
    "squeeze": squeeze,
    "stack": stack,
    "transpose": lambda call: arrays.transpose(call.x, call.whole("axes")),
}
