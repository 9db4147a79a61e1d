"""Layers that give the same elements another shape or order.

Rules: the comment of each layer in NeuralNetwork.proto of the Core ML format specification.
"""

from typing import Any, List, Optional, Sequence, Tuple

from coreml_resize_fix.formats.inference.call import Call, NotKnownError, Rules, product, show
from coreml_resize_fix.formats.shapes import Dims


def reshape(call: Call) -> Sequence[Dims]:
    """Rank 5 in and out; a target of length 3 keeps the sequence, of length 4 sets it."""
    dims, target = call.dims(0, 5), [int(size) for size in call.params.targetShape]
    if len(dims) != 5 or len(target) not in (3, 4):
        raise NotKnownError(f"{call} needs rank 5 and a target of 3 or 4 sizes")
    lead = dims[:2] if len(target) == 3 else (None, dims[1])
    full = [lead[0] if len(target) == 3 else target[0], lead[1]] + target[-3:]
    return [_reshaped(call, dims, full)]


def reshape_static(call: Call) -> Sequence[Dims]:
    target: List[Optional[int]] = [int(size) for size in call.params.targetShape]
    if target and call.blobs and call.blobs[0].dims is None:
        # The target decides the shape, unless one of its sizes is -1.
        return [tuple(None if size == -1 else size for size in target)]
    return [_reshaped(call, call.dims(), target)]


def reshape_keeping_rank(call: Call) -> Sequence[Dims]:
    dims, target = call.dims(), [int(size) for size in call.params.targetShape]
    if len(target) != len(dims):
        raise call.impossible(f"has {len(target)} sizes for rank {len(dims)}")
    return [_reshaped(call, dims, [size or kept for size, kept in zip(target, dims)])]


def _reshaped(call: Call, dims: Dims, target: Sequence[Optional[int]]) -> Dims:
    """The target, its one -1 worked out, when the number of elements allows it."""
    if not target:
        raise NotKnownError(f"{call} has no target shape")
    free = [axis for axis, size in enumerate(target) if size == -1]
    if len(free) > 1:
        raise NotKnownError(f"{call} leaves {len(free)} sizes open")
    total, fixed = product(dims), product([size for size in target if size != -1])
    result = list(target)
    if free:
        result[free[0]] = None
        if total is not None and fixed:
            result[free[0]] = total // fixed
            fixed *= total // fixed
    if total is not None and fixed is not None and fixed != total:
        call.conflict(f"of {show(dims)} to {show(tuple(target))} does not fit")
    return tuple(result)


def reshape_like(call: Call) -> Sequence[Dims]:
    dims, target = call.dims(0), call.dims(1)
    one, other = product(dims), product(target)
    if one is not None and other is not None and one != other:
        call.conflict(f"of {show(dims)} to {show(target)} does not fit")
    return [target]


def flatten(call: Call) -> Sequence[Dims]:
    dims = call.dims(0, 3)
    return [dims[:-3] + (product(dims[-3:]), 1, 1)]


def flatten_to_2d(call: Call) -> Sequence[Dims]:
    dims, axis = call.dims(), int(call.params.axis)
    if not -len(dims) <= axis <= len(dims):
        raise NotKnownError(f"{call} has axis {axis}, but rank {len(dims)}")
    return [(product(dims[:axis]), product(dims[axis:]))]


def permute(call: Call) -> Sequence[Dims]:
    """Permutes [Seq, C, H, W] of a rank 5 blob; the batch axis stays where it is."""
    dims, order = call.dims(0, 5), [int(axis) for axis in call.params.axis] or [0, 1, 2, 3]
    if len(dims) != 5 or sorted(order) != [0, 1, 2, 3]:
        raise NotKnownError(f"{call} needs rank 5 and an order of 0, 1, 2, 3")
    moved = [(dims[:1] + dims[2:])[axis] for axis in order]
    return [(moved[0], dims[1], moved[1], moved[2], moved[3])]


def transpose(call: Call) -> Sequence[Dims]:
    dims, axes = call.dims(), [int(axis) for axis in call.params.axes]
    if sorted(axes) != list(range(len(dims))):
        raise call.impossible(f"has not each of {len(dims)} axes once")
    return [tuple(dims[axis] for axis in axes)]


def expand_dims(call: Call) -> Sequence[Dims]:
    dims, axes = call.dims(), _axes(call)
    rank = len(dims) + len(axes)
    new = {call.axis(axis, rank) for axis in axes}
    if len(new) != len(axes):
        raise NotKnownError(f"{call} has an axis twice")
    old = iter(dims)
    return [tuple(1 if axis in new else next(old) for axis in range(rank))]


def squeeze(call: Call) -> Sequence[Dims]:
    dims = call.dims()
    if call.params.squeezeAll:
        if None in dims:
            raise NotKnownError(f"the rank that {call} gives depends on unknown sizes")
        return [tuple(size for size in dims if size != 1) or (1,)]
    gone = {call.axis(axis, len(dims)) for axis in _axes(call)}
    for axis in sorted(gone):
        if dims[axis] not in (1, None):
            call.conflict(f"removes an axis of size {dims[axis]}")
            break
    return [tuple(size for axis, size in enumerate(dims) if axis not in gone) or (1,)]


def _axes(call: Call) -> Tuple[int, ...]:
    axes: Any = call.params.axes
    if not len(axes):
        raise NotKnownError(f"{call} names no axis")
    return tuple(int(axis) for axis in axes)


RULES: Rules = {
    "reshape": reshape,
    "reshapeStatic": reshape_static,
    "rankPreservingReshape": reshape_keeping_rank,
    "reshapeLike": reshape_like,
    "flatten": flatten,
    "flattenTo2D": flatten_to_2d,
    "permute": permute,
    "transpose": transpose,
    "expandDims": expand_dims,
    "squeeze": squeeze,
}
