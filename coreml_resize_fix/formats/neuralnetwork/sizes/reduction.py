"""Reductions, selections along an axis, fully connected and recurrent layers, loop marks.

Rules: the comment of each layer in NeuralNetwork.proto of the Core ML format specification.
"""

from typing import Sequence

from coreml_resize_fix.formats.inference.call import Call, NotKnownError, Rules, product
from coreml_resize_fix.formats.shapes import Dims

_REDUCE_AXES = {0: (-3, -2, -1), 1: (-2, -1), 2: (-3,), 3: (-2,), 4: (-1,)}  # ReduceAxis


def reduce(call: Call) -> Sequence[Dims]:
    """The old layer: reduced axes stay, of size 1."""
    axes = _REDUCE_AXES.get(call.params.axis)
    if axes is None:
        raise NotKnownError(f"{call} has an unknown axis {call.params.axis}")
    dims = call.dims(0, -min(axes))
    return [_reduced(dims, [axis % len(dims) for axis in axes], True)]


def reduce_axes(call: Call) -> Sequence[Dims]:
    """The `reduce…` layers of iOS 13."""
    dims, params = call.dims(), call.params
    if params.reduceAll:
        return [_reduced(dims, range(len(dims)), bool(params.keepDims))]
    if not len(params.axes):
        raise NotKnownError(f"{call} names no axis")
    axes = [call.axis(int(axis), len(dims)) for axis in params.axes]
    return [_reduced(dims, axes, bool(params.keepDims))]


def _reduced(dims: Dims, axes: Sequence[int], keep: bool) -> Dims:
    if keep:
        return tuple(1 if axis in axes else size for axis, size in enumerate(dims))
    return tuple(size for axis, size in enumerate(dims) if axis not in axes) or (1,)


def arg_extreme(call: Call) -> Sequence[Dims]:
    dims, params = call.dims(), call.params
    return [_reduced(dims, [call.axis(int(params.axis), len(dims))], not params.removeDim)]


def top_k(call: Call) -> Sequence[Dims]:
    dims = call.dims()
    at = call.axis(int(call.params.axis), len(dims))
    count = int(call.params.K) if len(call.blobs) < 2 else None
    size = dims[at]
    if count is None:
        call.why = f"the size that {call} gives is an input"
    elif size is not None and count > size:
        call.conflict(f"takes {count} of {size}")
    return [dims[:at] + (count,) + dims[at + 1 :]] * 2


def inner_product(call: Call) -> Sequence[Dims]:
    """Ranks 1 to 3 multiply the last axis; ranks 4 and 5 flatten [C, H, W] first."""
    dims, params = call.dims(0, 1), call.params
    flat = len(dims) > 3
    given = product(dims[-3:]) if flat else dims[-1]
    expected = int(params.inputChannels)
    if expected and given is not None and given != expected:
        call.conflict(f"expects {expected} inputs and gets {given}")
    out = int(params.outputChannels)
    return [dims[:-3] + (out, 1, 1) if flat else dims[:-1] + (out,)]


def recurrent(call: Call) -> Sequence[Dims]:
    """The output, then the states: [Seq or 1, Batch, size, 1, 1] and [1, Batch, size, 1, 1]."""
    dims, params = call.dims(0, 5), call.params
    both_ways = call.kind == "biDirectionalLSTM"
    lstm = both_ways or call.kind == "uniDirectionalLSTM"
    whole = params.params.sequenceOutput if lstm else params.sequenceOutput
    size, expected = int(params.outputVectorSize), int(params.inputVectorSize)
    if expected and dims[-3] is not None and dims[-3] != expected:
        call.conflict(f"expects {expected} inputs and gets {dims[-3]}")
    state: Dims = (1, dims[-4], size, 1, 1)
    steps = dims[-5] if whole else 1
    first: Dims = (steps, dims[-4], size * (2 if both_ways else 1), 1, 1)
    states = (4 if both_ways else 2) if lstm else 1
    return [first] + [state] * states


def nothing(call: Call) -> Sequence[Dims]:
    """A mark inside a loop's body; it makes no blob."""
    return []


_REDUCTIONS = (
    "reduceL1", "reduceL2", "reduceMax", "reduceMin", "reduceSum", "reduceProd", "reduceMean",
    "reduceLogSum", "reduceSumSquare", "reduceLogSumExp",
)  # fmt: skip
_RECURRENT = ("simpleRecurrent", "gru", "uniDirectionalLSTM", "biDirectionalLSTM")

RULES: Rules = {
    "reduce": reduce,
    "argMax": arg_extreme,
    "argMin": arg_extreme,
    "topK": top_k,
    "innerProduct": inner_product,
    "loopBreak": nothing,
    "loopContinue": nothing,
}
RULES.update((kind, reduce_axes) for kind in _REDUCTIONS)
RULES.update((kind, recurrent) for kind in _RECURRENT)
