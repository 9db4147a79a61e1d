"""Operations that arrange, cut, join and choose elements, and that compute with sizes.

Source: the documentation of MIL's tensor_transformation, tensor_operation and scatter_gather
operations. Scalars that are joined count as vectors of one number.
"""

import math
from typing import List

import numpy as np

from coreml_resize_fix.formats.mlprogram.execute.call import Call, Kinds
from coreml_resize_fix.verify.kernels import arrays, cutting, indexing
from coreml_resize_fix.verify.kernels.checks import KernelError, axis_of, need_room


def concat(call: Call) -> np.ndarray:
    values = [np.atleast_1d(value) for value in call.arrays("values")]
    return cutting.join(values, call.size("axis"), call.flag("interleave"))


def stack(call: Call) -> np.ndarray:
    values = call.arrays("values")
    axis = axis_of(call.size("axis"), values[0].ndim + 1)
    return cutting.join([np.expand_dims(value, axis) for value in values], axis)


def split(call: Call) -> List[np.ndarray]:
    x, axis = call.array(), call.size("axis")
    if "split_sizes" in call:
        return cutting.split(x, axis, call.whole("split_sizes"))
    return cutting.split(x, axis, cutting.equal_parts(x, axis, call.size("num_splits")))


def slice_by_index(call: Call) -> np.ndarray:
    return cutting.cut(
        call.array(),
        call.whole("begin"),
        call.whole("end"),
        call.whole("stride") if "stride" in call else None,
        *(call.flags(name + "_mask") for name in ("begin", "end", "squeeze")),
    )


def slice_by_size(call: Call) -> np.ndarray:
    return cutting.cut_by_size(call.array(), call.whole("begin"), call.whole("size"))


def slice_update(call: Call) -> np.ndarray:
    """A copy of x in which the part that slice_by_index would take is `update`."""
    made = call.array().copy()
    strides = call.whole("stride") if "stride" in call else None
    masks = [call.flags(name + "_mask") for name in ("begin", "end", "squeeze")]
    part = cutting.cut(made, call.whole("begin"), call.whole("end"), strides, *masks)
    part[...] = call.array("update")
    return np.asarray(made)


def pad(call: Call) -> np.ndarray:
    amounts = call.whole("pad")
    if len(amounts) % 2:
        raise KernelError(f"has {len(amounts)} amounts of padding")
    pairs = list(zip(amounts[::2], amounts[1::2]))
    mode, value = call.word("mode", "constant"), call.number("constant_val", 0.0)
    return cutting.pad(call.array(), pairs, mode, value)


def reshape_like(call: Call) -> np.ndarray:
    shape: List[int] = []
    models = call.arrays("ref_tensors")
    bounds = (call.arrays("begins"), call.arrays("ends"), call.arrays("end_masks"))
    for model, begin, end, is_open in zip(models, *bounds):
        shape += model.shape[int(begin) : None if bool(is_open) else int(end)]
    return cutting.reshape(call.array(), shape)


def squeeze(call: Call) -> np.ndarray:
    """Axes of another size than one stay, as in PyTorch; without axes all of size one go."""
    x = call.array()
    axes = call.whole("axes", [axis for axis, size in enumerate(x.shape) if size == 1])
    gone = {axis_of(axis, x.ndim) for axis in axes}
    kept = [size for axis, size in enumerate(x.shape) if axis not in gone or size != 1]
    return x.reshape(kept)


def transpose(call: Call) -> np.ndarray:
    x = call.array()
    return arrays.transpose(x, [axis_of(axis, x.ndim) for axis in call.whole("perm")])


def flatten(call: Call) -> np.ndarray:
    x = call.array()
    axis = call.size("axis", 1)
    axis = axis_of(axis, x.ndim) if axis < 0 else min(axis, x.ndim)
    lead = int(np.prod(x.shape[:axis], dtype=np.int64))
    return x.reshape(lead, x.size // lead if lead else 0)


def shape_of(call: Call) -> np.ndarray:
    return np.array(call.array().shape, np.int32)


def fill(call: Call) -> np.ndarray:
    value = call.array("value") if "value" in call else np.zeros((), call.dtype)
    return cutting.fill(call.whole("shape"), value.reshape(()))


def fill_like(call: Call) -> np.ndarray:
    value = call.array("value") if "value" in call else np.zeros((), call.dtype)
    return cutting.fill(call.array("ref_tensor").shape, value.reshape(()))


def range_of(call: Call) -> np.ndarray:
    start, end, step = (call.array(name).reshape(()) for name in ("start", "end", "step"))
    if step == 0:
        raise KernelError("has a step of 0")
    count = max(0, math.ceil((float(end) - float(start)) / float(step)))
    need_room((count,))
    return np.asarray((start + np.arange(count).astype(start.dtype) * step).astype(start.dtype))


def one_hot(call: Call) -> np.ndarray:
    on = call.array("on_value") if "on_value" in call else np.int32(1)
    off = call.array("off_value") if "off_value" in call else np.zeros((), on.dtype)
    count, axis = call.size("one_hot_vector_size"), call.size("axis", -1)
    return indexing.one_hot(call.array("indices"), count, axis, on, off)


def gather(call: Call) -> np.ndarray:
    x = np.atleast_1d(call.array())
    shared = call.size("batch_dims", 0)
    return indexing.gather_batched(x, call.array("indices"), call.size("axis", 0), shared)


def gather_along_axis(call: Call) -> np.ndarray:
    return indexing.gather_along_axis(call.array(), call.array("indices"), call.size("axis", 0))


def gather_nd(call: Call) -> np.ndarray:
    return indexing.gather_nd(call.array(), call.array("indices"), call.size("batch_dims", 0))


def scatter(call: Call) -> np.ndarray:
    given = call.array("data"), call.array("indices"), call.array("updates")
    mode = call.word("mode", "add")
    if call.kind == "scatter_nd":
        return indexing.scatter_nd(*given, mode)
    write = indexing.scatter if call.kind == "scatter" else indexing.scatter_along_axis
    return write(*given, call.size("axis", 0), mode)


def sliding_windows(call: Call) -> np.ndarray:
    size, stride = call.size("size"), call.size("stride", 1)
    return cutting.sliding_windows(call.array(), call.size("axis"), size, stride)


def reverse(call: Call) -> np.ndarray:
    x = call.array()
    axes = call.whole("axes", range(x.ndim))
    return np.flip(x, tuple(axis_of(axis, x.ndim) for axis in axes))


def reverse_sequence(call: Call) -> np.ndarray:
    axes = call.size("seq_axis", 0), call.size("batch_axis", 0)
    return indexing.reverse_sequence(call.array(), call.array("lengths"), *axes)


def band_part(call: Call) -> np.ndarray:
    return indexing.triangle(call.array(), call.size("lower", -1), call.size("upper", -1))


KINDS: Kinds = {
    "band_part": band_part,
    "concat": concat,
    "expand_dims": lambda call: arrays.expand_dims(call.array(), call.whole("axes")),
    "fill": fill,
    "fill_like": fill_like,
    "flatten2d": flatten,
    "gather": gather,
    "gather_along_axis": gather_along_axis,
    "gather_nd": gather_nd,
    "non_zero": lambda call: indexing.positions_of_nonzero(call.array()),
    "one_hot": one_hot,
    "pad": pad,
    "range_1d": range_of,
    "reshape": lambda call: cutting.reshape(call.array(), call.whole("shape")),
    "reshape_like": reshape_like,
    "reverse": reverse,
    "reverse_sequence": reverse_sequence,
    "scatter": scatter,
    "scatter_along_axis": scatter,
    "scatter_nd": scatter,
    "shape": shape_of,
    "slice_by_index": slice_by_index,
    "slice_by_size": slice_by_size,
    "slice_update": slice_update,
    "sliding_windows": sliding_windows,
    "split": split,
    "squeeze": squeeze,
    "stack": stack,
    "tile": lambda call: cutting.tile(call.array(), call.whole("reps")),
    "transpose": transpose,
}
