"""Operations that join, cut, repeat or pick along an axis, and those that sum one up.

Source of every rule here: the documentation of MIL's operators.
"""

from typing import List, Optional, Sequence

from coreml_resize_fix.formats.inference.call import NotKnownError, add, join, show, times
from coreml_resize_fix.formats.mlprogram.sizes.call import OperationCall
from coreml_resize_fix.formats.shapes import Dims


def concat(call: OperationCall) -> Sequence[Dims]:
    # Scalars, which sizes are computed with, join to a vector.
    return [join(call, [dims or (1,) for dims in call.shapes("values")], call.one("axis"))]


def stack(call: OperationCall) -> Sequence[Dims]:
    shapes = call.shapes("values")
    axis = call.axis(call.one("axis"), len(shapes[0]) + 1)
    return [join(call, [dims[:axis] + (1,) + dims[axis:] for dims in shapes], axis)]


def split(call: OperationCall) -> Sequence[Dims]:
    x = call.shape("x", 1)
    axis = call.axis(call.one("axis"), len(x))
    size = x[axis]
    sizes: List[Optional[int]]
    if "split_sizes" in call:
        parts = call.whole("split_sizes")
        if size is not None and sum(parts) != size:
            call.conflict(f"cuts {size} into parts that sum up to {sum(parts)}")
        sizes = list(parts)
    else:
        count = call.one("num_splits")
        sizes = [call.divide(size, count)] * count
    return [x[:axis] + (part,) + x[axis + 1 :] for part in sizes[: call.outputs]]


def tile(call: OperationCall) -> Sequence[Dims]:
    x, reps = call.shape(), call.whole("reps")
    if len(reps) != len(x):
        raise NotKnownError(f"{call} has {len(reps)} counts for rank {len(x)}")
    return [tuple(times(size, count) for size, count in zip(x, reps))]


def pad(call: OperationCall) -> Sequence[Dims]:
    x, amounts = call.shape(), call.whole("pad")
    padded = len(amounts) // 2
    if len(amounts) % 2 or padded > len(x):
        raise NotKnownError(f"{call} has {len(amounts)} amounts for rank {len(x)}")
    extra = (0,) * (len(x) - padded) + tuple(map(sum, zip(amounts[::2], amounts[1::2])))
    return [tuple(add(size, more) for size, more in zip(x, extra))]


def gather(call: OperationCall) -> Sequence[Dims]:
    x, indices = call.shape("x", 1), call.shape("indices")
    axis = call.axis(call.one("axis", 0), len(x))
    shared = call.one("batch_dims", 0)
    _refuse_beyond(call, x[axis])
    return [x[:axis] + indices[shared:] + x[axis + 1 :]]


def _refuse_beyond(call: OperationCall, size: Optional[int]) -> None:
    """Constant indices of a size that has become smaller than they reach."""
    indices = call.contents("indices")
    if size is None or not indices or not indices[0]:
        return
    largest = max(indices[0])
    if largest >= size:
        call.conflict(f"takes element {int(largest)} of {size}")


def gather_nd(call: OperationCall) -> Sequence[Dims]:
    x, indices = call.shape("x", 1), call.shape("indices", 1)
    shared, picked = call.one("batch_dims", 0), indices[-1]
    if picked is None:
        raise NotKnownError(f"the sizes that {call} gives depend on values")
    return [indices[:-1] + x[shared + picked :]]


def slice_by_index(call: OperationCall) -> Sequence[Dims]:
    x = call.shape()
    rank = len(x)
    begin, end = call.contents("begin"), call.contents("end")
    strides = call.whole("stride", (1,) * rank)
    masks = [call.whole(name + "_mask", (0,) * rank) for name in ("begin", "end", "squeeze")]
    if any(len(numbers) != rank for numbers in [strides, *masks]):
        raise NotKnownError(f"{call} has not one value per dimension")
    found: List[Optional[int]] = []
    for axis, size in enumerate(x):
        open_begin, open_end, squeezed = (bool(mask[axis]) for mask in masks)
        if squeezed:
            continue
        if (begin is None and not open_begin) or (end is None and not open_end) or size is None:
            # Where it begins or ends is computed when it runs.
            call.why = f"the sizes that {call} gives depend on values"
            found.append(None)
            continue
        first = None if open_begin or begin is None else int(begin[0][axis])
        last = None if open_end or end is None else int(end[0][axis])
        found.append(len(range(*slice(first, last, strides[axis]).indices(size))))
    return [tuple(found)]


def slice_update(call: OperationCall) -> Sequence[Dims]:
    (place,), update = slice_by_index(call), call.shape("update")
    if None not in place + update and place != update:
        call.conflict(f"puts {show(update)} in the place of {show(place)}")
    return [call.shape()]


def slice_by_size(call: OperationCall) -> Sequence[Dims]:
    x, sizes = call.shape(), call.whole("size")
    begin = call.contents("begin")
    if len(sizes) != len(x):
        raise NotKnownError(f"{call} has not one value per dimension")
    found: List[Optional[int]] = []
    for axis, (whole, size) in enumerate(zip(x, sizes)):
        first = int(begin[0][axis]) if begin else None
        if size == -1:
            found.append(None if whole is None or first is None else whole - first)
            continue
        if whole is not None and (first or 0) + size > whole:
            call.conflict(f"takes {(first or 0) + size} of {whole}")
        found.append(size)
    return [tuple(found)]


def sliding_windows(call: OperationCall) -> Sequence[Dims]:
    x = call.shape("x", 1)
    axis = call.axis(call.one("axis"), len(x))
    width, stride, size = call.one("size"), call.one("stride", 1), x[axis]
    count = None if size is None else (size - width) // stride + 1
    return [x[:axis] + (count, width) + x[axis + 1 :]]


def topk(call: OperationCall) -> Sequence[Dims]:
    x, count = call.shape("x", 1), call.one("k", 1)
    axis = call.axis(call.one("axis", -1), len(x))
    size = x[axis]
    if size is not None and count > size:
        call.conflict(f"takes {count} of {size}")
    # iOS 17 can leave the indices out.
    return [x[:axis] + (count,) + x[axis + 1 :]] * call.outputs


def reduce(call: OperationCall) -> Sequence[Dims]:
    x = call.shape()
    name = "axis" if call.kind in ARGUMENTS else "axes"
    given = call.whole(name, (-1,) if call.kind in ARGUMENTS else tuple(range(len(x))))
    axes = {call.axis(axis, len(x)) for axis in given}
    if call.one("keep_dims", 0):
        return [tuple(1 if axis in axes else size for axis, size in enumerate(x))]
    return [tuple(size for axis, size in enumerate(x) if axis not in axes)]


ARGUMENTS = ("reduce_argmax", "reduce_argmin")
REDUCTIONS = (
    "reduce_l1_norm", "reduce_l2_norm", "reduce_log_sum", "reduce_log_sum_exp", "reduce_max",
    "reduce_mean", "reduce_min", "reduce_prod", "reduce_sum", "reduce_sum_square",
)  # fmt: skip

RULES = {
    "concat": concat,
    "gather": gather,
    "gather_nd": gather_nd,
    "pad": pad,
    "slice_by_index": slice_by_index,
    "slice_by_size": slice_by_size,
    "slice_update": slice_update,
    "sliding_windows": sliding_windows,
    "split": split,
    "stack": stack,
    "tile": tile,
    "topk": topk,
}
RULES.update((kind, reduce) for kind in ARGUMENTS + REDUCTIONS)
