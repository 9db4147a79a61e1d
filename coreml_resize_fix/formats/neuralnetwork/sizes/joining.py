"""Layers that join, cut, repeat or pad along an axis.

Rules: the comment of each layer in NeuralNetwork.proto of the Core ML format specification.
"""

from typing import List, Optional, Sequence

from coreml_resize_fix.formats.inference.call import Call, NotKnownError, Rules, add, join, times
from coreml_resize_fix.formats.shapes import Dims


def concat(call: Call) -> Sequence[Dims]:
    return [join(call, call.all_dims(), -5 if call.params.sequenceConcat else -3)]


def concat_nd(call: Call) -> Sequence[Dims]:
    return [join(call, call.all_dims(), int(call.params.axis))]


def stack(call: Call) -> Sequence[Dims]:
    shapes = call.all_dims()
    # Joined along a new axis of size 1 each, which must come out as one per input.
    axis = call.axis(int(call.params.axis), len(shapes[0]) + 1)
    return [join(call, [dims[:axis] + (1,) + dims[axis:] for dims in shapes], axis)]


def split(call: Call) -> Sequence[Dims]:
    return _even_parts(call, -3, int(call.params.nOutputs) or call.outputs)


def split_nd(call: Call) -> Sequence[Dims]:
    axis, sizes = int(call.params.axis), [int(size) for size in call.params.splitSizes]
    if not sizes:
        return _even_parts(call, axis, int(call.params.numSplits) or call.outputs)
    dims = call.dims()
    at = call.axis(axis, len(dims))
    if dims[at] is not None and sum(sizes) != dims[at]:
        call.conflict(f"cuts {dims[at]} into parts that sum up to {sum(sizes)}")
    return [dims[:at] + (size,) + dims[at + 1 :] for size in sizes[: call.outputs]]


def _even_parts(call: Call, axis: int, count: int) -> Sequence[Dims]:
    dims = call.dims()
    at = call.axis(axis, len(dims))
    part = call.divide(dims[at], count)
    return [dims[:at] + (part,) + dims[at + 1 :]] * min(count, call.outputs)


def slice_axis(call: Call) -> Sequence[Dims]:
    dims, params = call.dims(), call.params
    if params.axis not in (0, 1, 2):
        raise NotKnownError(f"{call} has an unknown axis {params.axis}")
    at = call.axis(params.axis - 3, len(dims))
    taken = _slice(call, dims[at], int(params.startIndex), int(params.endIndex), int(params.stride))
    return [dims[:at] + (taken,) + dims[at + 1 :]]


def _slice(
    call: Call, size: Optional[int], begin: Optional[int], end: Optional[int], stride: int
) -> Optional[int]:
    """Length of Python's [begin:end:stride], which the format's indices are documented to mean."""
    if stride == 0:
        raise NotKnownError(f"{call} has stride 0")
    return None if size is None else len(range(*slice(begin, end, stride).indices(size)))


def slice_static(call: Call) -> Sequence[Dims]:
    dims, params = call.dims(), call.params
    rank = len(dims)
    fields = [params.beginIds, params.endIds, params.strides, params.beginMasks, params.endMasks]
    squeeze = list(getattr(params, "squeezeMasks", ())) or [False] * rank
    if any(len(values) != rank for values in fields + [squeeze]):
        raise NotKnownError(f"{call} has not one value per dimension")
    result: List[Optional[int]] = []
    for axis, size in enumerate(dims):
        if squeeze[axis]:
            continue
        begin = None if params.beginMasks[axis] else int(params.beginIds[axis])
        end = None if params.endMasks[axis] else int(params.endIds[axis])
        result.append(_slice(call, size, begin, end, int(params.strides[axis])))
    return [tuple(result) or (1,)]


def slice_dynamic(call: Call) -> Sequence[Dims]:
    rank = len(call.dims())
    if len(call.blobs) > 6:
        raise NotKnownError(f"the rank that {call} gives depends on values")
    kept = rank - sum(map(bool, getattr(call.params, "squeezeMasks", ())))
    call.why = f"the sizes that {call} gives depend on values"
    return [(None,) * max(1, kept)]


def slice_by_size(call: Call) -> Sequence[Dims]:
    dims = call.dims()
    at = call.axis(int(call.params.axis), len(dims))
    size = int(call.params.size)
    whole = dims[at]
    if whole is not None and size > whole:
        call.conflict(f"takes {size} of {whole}")
    return [dims[:at] + (size,) + dims[at + 1 :]]


def sliding_windows(call: Call) -> Sequence[Dims]:
    dims, params = call.dims(), call.params
    at = call.axis(int(params.axis), len(dims))
    width, step, size = int(params.windowSize), int(params.step), dims[at]
    if step < 1:
        raise NotKnownError(f"{call} has step 0")
    count = None if size is None else (size - width) // step + 1
    return [dims[:at] + (count, width) + dims[at + 1 :]]


def sequence_repeat(call: Call) -> Sequence[Dims]:
    dims = call.dims(0, 5)
    count = int(call.params.nRepetitions) or 1
    return [dims[:-5] + (times(dims[-5], count),) + dims[-4:]]


def tile(call: Call) -> Sequence[Dims]:
    dims, reps = call.dims(), [int(count) for count in call.params.reps]
    if len(call.blobs) > 1:
        call.why = f"the sizes that {call} gives depend on values"
        return [(None,) * len(dims)]
    if not 1 <= len(reps) <= len(dims):
        raise NotKnownError(f"{call} has {len(reps)} counts for rank {len(dims)}")
    reps = [1] * (len(dims) - len(reps)) + reps
    return [tuple(times(size, count) for size, count in zip(dims, reps))]


def constant_pad(call: Call) -> Sequence[Dims]:
    dims, amounts = call.dims(), [int(amount) for amount in call.params.padAmounts]
    if len(call.blobs) > 1:
        call.why = f"the sizes that {call} gives depend on values"
        return [(None,) * len(dims)]
    if len(amounts) != 2 * len(dims):
        raise call.impossible(f"has {len(amounts)} amounts for rank {len(dims)}")
    both = [before + after for before, after in zip(amounts[::2], amounts[1::2])]
    if call.params.padToGivenOutputSizeMode:
        return [tuple(None if size is None else max(size, wanted)
                      for size, wanted in zip(dims, both))]  # fmt: skip
    return [tuple(add(size, extra) for size, extra in zip(dims, both))]


RULES: Rules = {
    "concat": concat,
    "concatND": concat_nd,
    "stack": stack,
    "split": split,
    "splitND": split_nd,
    "slice": slice_axis,
    "sliceStatic": slice_static,
    "sliceDynamic": slice_dynamic,
    "sliceBySize": slice_by_size,
    "slidingWindows": sliding_windows,
    "sequenceRepeat": sequence_repeat,
    "tile": tile,
    "constantPad": constant_pad,
}
