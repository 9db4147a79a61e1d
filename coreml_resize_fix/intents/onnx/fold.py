"""Compute the small nodes around a resize: arithmetic on shapes, sizes and factors.

PyTorch's exporter writes `size=t.shape[2:]` as Shape, Gather, Concat nodes and a recomputed
scale_factor as Cast, Mul, Floor. With known shapes these are constants. Values are NumPy arrays of
NumPy scalars, so that float32 arithmetic rounds as it does at run time; None marks an element
that is not known, such as the batch size.
"""

import operator
from functools import partial
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.intents.onnx.file import MOST_ELEMENTS, Proto, is_standard

Shape = Tuple[Optional[int], ...]
Inputs = Sequence[Any]

_EXTERNAL = 1
# TensorProto.DataType -> (field of the numbers, their type)
_TYPES: Dict[int, Tuple[str, Any]] = {
    1: ("float_data", np.float32),
    6: ("int32_data", np.int32),
    7: ("int64_data", np.int64),
    11: ("double_data", np.float64),
}
# attributes of Constant other than a tensor: name, default, type
_LITERALS: Tuple[Tuple[str, Any, Any], ...] = (
    ("value_int", 0, np.int64),
    ("value_float", 0.0, np.float32),
    ("value_ints", [], np.int64),
    ("value_floats", [], np.float32),
)


def attribute(node: Proto, name: str, default: Any) -> Any:
    """An attribute of the type of its default: text, int, float, or a list of ints or floats."""
    for item in node.attribute:
        if item.name == name:
            if isinstance(default, str):
                return item.s.decode("utf-8", "replace")
            if isinstance(default, (int, float)):
                return item.f if isinstance(default, float) else item.i
            return list(item.ints) or list(item.floats)
    return default


def tensor_value(tensor: Proto) -> Optional[np.ndarray]:
    """The numbers of a small TensorProto; None for other types, weights and external data."""
    is_bad = tensor.data_type not in _TYPES or any(n < 0 for n in tensor.dims)
    if is_bad or tensor.data_location == _EXTERNAL:
        return None
    field, kind = _TYPES[tensor.data_type]
    numbers = getattr(tensor, field)
    try:
        flat = np.frombuffer(tensor.raw_data, kind) if tensor.raw_data else np.array(numbers, kind)
        return _boxed(flat.reshape(tuple(tensor.dims))) if flat.size <= MOST_ELEMENTS else None
    except (OverflowError, ValueError):
        return None


def fold(
    node: Proto, values: Mapping[str, np.ndarray], shapes: Mapping[str, Shape]
) -> Optional[np.ndarray]:
    """The value of a node's output; None for other nodes, and if it is not known."""
    if not is_standard(node):
        return None
    if node.op_type == "Shape":
        return _shape(node, shapes)
    if node.op_type not in _OPERATORS or any(name not in values for name in node.input if name):
        return None
    inputs = [values[name] if name else None for name in node.input]
    try:
        with np.errstate(all="ignore"):
            result: Optional[np.ndarray] = _OPERATORS[node.op_type](node, inputs)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None  # an input of another kind than the operator takes, or left out
    return None if result is None or result.size > MOST_ELEMENTS else result


def _box(numbers: Iterable[Any], shape: Sequence[int]) -> np.ndarray:
    """An array of NumPy scalars: their types survive object arithmetic, and None may join them."""
    flat = list(numbers)
    box = np.empty(len(flat), object)
    for place, number in enumerate(flat):
        box[place] = number  # one by one: NumPy 1 makes Python's numbers of a whole list
    return box.reshape(shape)


def _boxed(result: Any) -> np.ndarray:
    """`_box` of an array of any type, or of the scalar that NumPy returns for rank 0."""
    if not isinstance(result, np.ndarray):
        return _box([result], ())
    return result if result.dtype == object else _box(result.reshape(-1), result.shape)


def _shape(node: Proto, shapes: Mapping[str, Shape]) -> Optional[np.ndarray]:
    shape = shapes.get(node.input[0]) if node.input else None
    if shape is None:
        return None
    part = shape[attribute(node, "start", 0) : attribute(node, "end", len(shape))]
    return _box((None if n is None else np.int64(n) for n in part), [len(part)])


def _elementwise(function: Callable[..., Any], node: Proto, inputs: Inputs) -> np.ndarray:
    def known(*numbers: Any) -> Any:
        return None if any(number is None for number in numbers) else function(*numbers)

    return _boxed(np.frompyfunc(known, len(inputs), 1)(*inputs))


def _divide(one: Any, other: Any) -> Any:
    if isinstance(one, np.floating):
        return one / other
    quotient = abs(int(one)) // abs(int(other))  # integers are rounded towards zero
    return type(one)(quotient if (one < 0) == (other < 0) else -quotient)


def _cast(node: Proto, inputs: Inputs) -> np.ndarray:
    kind = _TYPES[attribute(node, "to", 0)][1]
    return _elementwise(lambda n: kind(n) if np.isfinite(n) else None, node, inputs)


def _constant(node: Proto, inputs: Inputs) -> Optional[np.ndarray]:
    for item in node.attribute:
        if item.name == "value":
            return tensor_value(item.t)
    for name, default, kind in _LITERALS:
        if any(item.name == name for item in node.attribute):
            return _boxed(np.array(attribute(node, name, default), kind))
    return None


def _gather(node: Proto, inputs: Inputs) -> np.ndarray:
    indices = np.array(inputs[1].tolist(), dtype=np.int64)
    return _boxed(np.take(inputs[0], indices, axis=attribute(node, "axis", 0)))


def _listed(node: Proto, inputs: Inputs, place: int, name: str) -> Optional[List[int]]:
    """A list of integers: an attribute at first, an input in later versions of an operator."""
    if len(inputs) > place and inputs[place] is not None:
        return [int(number) for number in inputs[place].reshape(-1)]
    return attribute(node, name, None) if inputs[1:] == [] else None


def _slice(node: Proto, inputs: Inputs) -> np.ndarray:
    data = inputs[0]
    starts, ends = _listed(node, inputs, 1, "starts") or [], _listed(node, inputs, 2, "ends") or []
    axes = _listed(node, inputs, 3, "axes") or range(len(starts))
    steps = _listed(node, inputs, 4, "steps") or [1] * len(starts)
    for axis, start, end, step in zip(axes, starts, ends, steps):
        data = data[(slice(None),) * (axis % data.ndim) + (slice(start, end, step),)]
    return _boxed(data)


def _concat(node: Proto, inputs: Inputs) -> np.ndarray:
    return _boxed(np.concatenate(list(inputs), axis=attribute(node, "axis", 0)))


def _unsqueeze(node: Proto, inputs: Inputs) -> np.ndarray:
    data = inputs[0]
    for axis in sorted(_listed(node, inputs, 1, "axes") or []):
        data = np.expand_dims(data, axis)
    return _boxed(data)


def _squeeze(node: Proto, inputs: Inputs) -> np.ndarray:
    axes = _listed(node, inputs, 1, "axes")
    return _boxed(np.squeeze(inputs[0], None if axes is None else tuple(axes)))


def _reshape(node: Proto, inputs: Inputs) -> np.ndarray:
    return _boxed(inputs[0].reshape([int(n) for n in inputs[1].reshape(-1)]))


_OPERATORS: Dict[str, Callable[[Proto, Inputs], Optional[np.ndarray]]] = {
    "Constant": _constant,
    "Identity": lambda node, inputs: _boxed(inputs[0]),
    "Cast": _cast,
    "Gather": _gather,
    "Slice": _slice,
    "Concat": _concat,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Reshape": _reshape,
    "Add": partial(_elementwise, operator.add),
    "Sub": partial(_elementwise, operator.sub),
    "Mul": partial(_elementwise, operator.mul),
    "Div": partial(_elementwise, _divide),
    "Min": partial(_elementwise, min),
    "Max": partial(_elementwise, max),
    "Floor": partial(_elementwise, np.floor),
    "Ceil": partial(_elementwise, np.ceil),
}
