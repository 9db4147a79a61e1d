"""Operations that arrange the same elements in another shape, or make new ones.

Source of every rule here: the documentation of MIL's operators.
"""

from typing import List, Optional, Sequence

from coreml_resize_fix.formats.inference.call import NotKnownError, brief, product, show
from coreml_resize_fix.formats.mlprogram.sizes import size_parameters
from coreml_resize_fix.formats.mlprogram.sizes.call import OperationCall
from coreml_resize_fix.formats.shapes import Dims


def reshape(call: OperationCall) -> Sequence[Dims]:
    x, wanted = call.shape(), call.whole("shape")
    if 0 in wanted and len(wanted) != len(x):
        raise NotKnownError(f"{call} keeps dimensions of another rank")
    if wanted.count(-1) > 1:
        raise NotKnownError(f"{call} leaves two dimensions open")
    followed = _followed(call, wanted)
    if followed is not None:
        return [followed]
    sizes = call.changed()
    if sizes is not None and product(sizes[0]) == product(sizes[1]):
        call.conflict(
            f"joins {show(brief(x))}, which has as many elements as {show(brief(sizes[0]))} had: "
            "what takes it apart again would not notice"
        )
    shape: List[Optional[int]] = [
        x[axis] if size == 0 else size for axis, size in enumerate(wanted)
    ]
    whole = product(x)
    rest = product([size for size in shape if size != -1])
    if -1 in shape:
        open_axis = shape.index(-1)
        if whole is None or not rest:
            call.why = f"the sizes that {call} gives are not known"
            shape[open_axis] = None
        else:
            if whole % rest:
                call.conflict(f"of {show(x)} to {_text(wanted)} does not fit")
            shape[open_axis] = whole // rest
    elif whole is not None and rest is not None and whole != rest:
        call.conflict(f"of {show(x)} to {_text(wanted)} does not fit")
    return [tuple(shape)]


def _followed(call: OperationCall, wanted: Sequence[int]) -> Optional[Dims]:
    """The shape that takes the place of a constant one of sizes that have become others.

    One that leaves a size open, or keeps some, follows by itself as long as it fits.
    """
    sizes = call.changed() if call.states("shape") else None
    target = None if sizes is None else size_parameters.resolved(wanted, sizes[0])
    if sizes is None or target is None:
        return None
    followed = size_parameters.reshaped(sizes[0], target, sizes[1], call.merged)
    if min(wanted) < 1 and size_parameters.resolved(wanted, sizes[1]) is not None:
        return None
    return followed


def _text(wanted: Sequence[int]) -> str:
    return "×".join("?" if size == -1 else str(size) for size in wanted)


def reshape_like(call: OperationCall) -> Sequence[Dims]:
    x, models = call.shape(), call.shapes("ref_tensors")
    bounds = [call.contents(name) for name in ("begins", "ends", "end_masks")]
    shape: Dims = ()
    for index, dims in enumerate(models):
        if any(bound is None or index >= len(bound) for bound in bounds):
            raise NotKnownError(f"{call} has not one range for each tensor")
        begin, end, is_open = (int(bound[index][0]) for bound in bounds if bound)
        shape += dims[begin:] if is_open else dims[begin:end]
    whole, new = product(x), product(shape)
    if whole is not None and new is not None and whole != new:
        call.conflict(f"of {show(x)} to {show(shape)} does not fit")
    return [shape]


def transpose(call: OperationCall) -> Sequence[Dims]:
    x, order = call.shape(), call.whole("perm")
    axes = [call.axis(axis, len(x)) for axis in order]
    if sorted(axes) != list(range(len(x))):
        raise NotKnownError(f"{call} has an order that does not fit rank {len(x)}")
    return [tuple(x[axis] for axis in axes)]


def squeeze(call: OperationCall) -> Sequence[Dims]:
    x = call.shape()
    if "axes" not in call:
        if None in x:
            raise NotKnownError(f"which axes {call} drops depends on sizes")
        return [tuple(size for size in x if size != 1)]
    axes = {call.axis(axis, len(x)) for axis in call.whole("axes")}
    for axis in axes:
        if x[axis] not in (1, None):
            call.conflict(f"drops an axis of size {x[axis]}")
    return [tuple(size for axis, size in enumerate(x) if axis not in axes)]


def expand_dims(call: OperationCall) -> Sequence[Dims]:
    x, given = call.shape(), call.whole("axes")
    rank = len(x) + len(given)
    axes = {call.axis(axis, rank) for axis in given}
    left = iter(x)
    return [tuple(1 if axis in axes else next(left) for axis in range(rank))]


def flatten(call: OperationCall) -> Sequence[Dims]:
    x = call.shape()
    given = call.one("axis", 1)
    axis = call.axis(given, len(x)) if given < 0 else given
    return [(product(x[:axis]), product(x[axis:]))]


def shape_of(call: OperationCall) -> Sequence[Dims]:
    return [(len(call.shape()),)]


def fill(call: OperationCall) -> Sequence[Dims]:
    return [tuple(call.whole("shape"))]


def drawn(call: OperationCall) -> Sequence[Dims]:
    return [call.shape("x", 1)[:-1] + (call.one("size", 1),)]


def range_of(call: OperationCall) -> Sequence[Dims]:
    start, end, step = (call.numbers(name)[0] for name in ("start", "end", "step"))
    return [(max(0, -int(-(end - start) // step)),)]


def one_hot(call: OperationCall) -> Sequence[Dims]:
    indices, count = call.shape("indices"), call.one("one_hot_vector_size", 1)
    axis = call.axis(call.one("axis", -1), len(indices) + 1)
    return [indices[:axis] + (count,) + indices[axis:]]


RULES = {
    "expand_dims": expand_dims,
    "fill": fill,
    "flatten2d": flatten,
    "one_hot": one_hot,
    "random_bernoulli": fill,
    "random_categorical": drawn,
    "random_normal": fill,
    "random_uniform": fill,
    "range_1d": range_of,
    "reshape": reshape,
    "reshape_like": reshape_like,
    "shape": shape_of,
    "squeeze": squeeze,
    "transpose": transpose,
}
