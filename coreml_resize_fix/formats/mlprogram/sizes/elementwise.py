"""Operations that work element by element, and those that contract an axis.

Source of every rule here: the documentation of MIL's operators.
"""

from typing import Dict, List, Sequence, Tuple

from coreml_resize_fix.formats.inference.call import NotKnownError, broadcast, product, show
from coreml_resize_fix.formats.mlprogram.sizes.call import OperationCall
from coreml_resize_fix.formats.shapes import Dims

UNARY = (
    "abs", "acos", "argsort", "asin", "atan", "atanh", "band_part", "cast", "ceil",
    "clamped_relu", "clip", "cos", "cosh", "cumsum", "elu", "erf", "exp", "exp2", "floor", "gelu",
    "identity", "inverse", "l2_norm", "leaky_relu",
    "linear_activation", "local_response_norm", "log", "logical_not", "relu", "relu6",
    "reverse", "reverse_sequence", "round", "rsqrt", "scaled_tanh", "sigmoid", "sigmoid_hard",
    "sign", "silu", "sin", "sinh", "softmax", "softplus", "softsign",
    "sqrt", "square", "tan", "tanh", "threshold", "thresholded_relu",
)  # fmt: skip

BINARY = (
    "add", "equal", "floor_div", "greater", "greater_equal", "less", "less_equal", "logical_and",
    "logical_or", "logical_xor", "maximum", "minimum", "mod", "mul", "not_equal", "pow",
    "real_div", "sub",
)  # fmt: skip

# operation → its parameters that hold one value for each channel
PER_CHANNEL: Dict[str, Tuple[str, ...]] = {
    "batch_norm": ("mean", "variance", "gamma", "beta"),
    "instance_norm": ("gamma", "beta"),
    "prelu": ("alpha",),
    "softplus_parametric": ("alpha", "beta"),
}

KEEPS_SIZE = (*UNARY, *PER_CHANNEL, "layer_norm")

# operation → the parameter whose shape its output has
SAME_AS: Dict[str, str] = {
    "quantize": "input",
    "dequantize": "input",
    "fill_like": "ref_tensor",
    "gather_along_axis": "indices",
    "read_state": "input",
    "scatter": "data",
    "scatter_along_axis": "data",
    "scatter_nd": "data",
}


def same(call: OperationCall) -> Sequence[Dims]:
    return [call.shape(SAME_AS.get(call.kind, "x"))]


def by_channel(call: OperationCall) -> Sequence[Dims]:
    x = call.shape("x", 2)
    for name in PER_CHANNEL[call.kind]:
        _have_values(call, name, (x[1],))
    return [x]


def layer_norm(call: OperationCall) -> Sequence[Dims]:
    x = call.shape()
    axes = sorted(call.axis(axis, len(x)) for axis in call.whole("axes", range(len(x))))
    for name in ("gamma", "beta"):
        _have_values(call, name, tuple(x[axis] for axis in axes))
    return [x]


def _have_values(call: OperationCall, name: str, wanted: Dims) -> None:
    """One value for each element along the axes that an operation normalizes or scales."""
    values = call.shape(name) if name in call else wanted
    if None not in wanted and product(values) not in (None, product(wanted)):
        call.conflict(f"has {show(values)} values in `{name}` for {show(wanted)}")


def common_shape(call: OperationCall) -> Sequence[Dims]:
    return [broadcast(call, [call.shape("x"), call.shape("y")])]


def select(call: OperationCall) -> Sequence[Dims]:
    return [broadcast(call, [call.shape("cond"), call.shape("a"), call.shape("b")])]


def matmul(call: OperationCall) -> Sequence[Dims]:
    left, right = call.shape("x", 1), call.shape("y", 1)
    # A vector is a row on the left and a column on the right; its axis goes again.
    vector_left, vector_right = len(left) == 1, len(right) == 1
    left = (1,) + left if vector_left else left
    right = right + (1,) if vector_right else right
    if call.one("transpose_x", 0) and not vector_left:
        left = left[:-2] + (left[-1], left[-2])
    if call.one("transpose_y", 0) and not vector_right:
        right = right[:-2] + (right[-1], right[-2])
    _meet(call, left[-1], right[-2])
    batch = broadcast(call, [left[:-2], right[:-2]])
    rows = () if vector_left else (left[-2],)
    return [batch + rows + (() if vector_right else (right[-1],))]


def linear(call: OperationCall) -> Sequence[Dims]:
    x, weight = call.shape("x", 1), call.shape("weight", 2)
    _meet(call, x[-1], weight[1])
    return [x[:-1] + (weight[0],)]


def attention(call: OperationCall) -> Sequence[Dims]:
    query, key, value = (call.shape(name, 3) for name in ("query", "key", "value"))
    _meet(call, query[-1], key[-1])
    _meet(call, key[-2], value[-2])
    return [query[:-1] + (value[-1],)]


def einsum(call: OperationCall) -> Sequence[Dims]:
    shapes = call.shapes("values")
    sides = call.word("equation").replace(" ", "").split("->")
    terms = sides[0].split(",")
    if len(sides) != 2 or [len(term) for term in terms] != [len(dims) for dims in shapes]:
        raise NotKnownError(f"{call} has an equation that does not fit its inputs")
    sizes: Dict[str, List[int]] = {}
    for term, dims in zip(terms, shapes):
        for letter, size in zip(term, dims):
            if size is not None:
                sizes.setdefault(letter, []).append(size)
    for found in sizes.values():
        for size in found:
            if 1 not in (size, found[0]):
                _meet(call, found[0], size)
    return [tuple(max(sizes[letter]) if letter in sizes else None for letter in sides[1])]


def _meet(call: OperationCall, one: object, other: object) -> None:
    """Two axes that are summed over together must be of one size."""
    if one is not None and other is not None and one != other:
        call.conflict(f"sums over {one} and {other} together")


RULES = {
    "einsum": einsum,
    "layer_norm": layer_norm,
    "linear": linear,
    "matmul": matmul,
    "scaled_dot_product_attention": attention,
    "select": select,
}
RULES.update((kind, by_channel) for kind in PER_CHANNEL)
RULES.update((kind, same) for kind in UNARY + tuple(SAME_AS))
RULES.update((kind, common_shape) for kind in BINARY)
