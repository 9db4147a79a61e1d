"""Read the attributes of a node in a frozen graph: its flags, its shape, a small constant."""

import struct
from typing import Any, Callable, Dict, List, Mapping, Optional

from coreml_resize_fix.intents.frozen_graph.file import Proto, text
from coreml_resize_fix.intents.tensorflow.nodes import Tensor
from coreml_resize_fix.intents.tensorflow.sizes import MOST_ELEMENTS, Shape, Value

# DataType -> field of the numbers, as `struct` has them in tensor_content
_NUMBERS = {1: ("float_val", "f"), 3: ("int_val", "i"), 9: ("int64_val", "q")}
_FLOATS = (1, 2, 14, 19)
_MOST_AXES = 2  # of a constant whose numbers are read: those of Pad are a table
_MASKS = ("begin", "end", "ellipsis", "new_axis", "shrink_axis")


def _as_text(value: Proto) -> str:
    return str(value.s.decode("utf-8", "replace"))


def _as_list(value: Proto) -> List[int]:
    return list(value.list.i[:MOST_ELEMENTS])


_FLAGS: Dict[bytes, Callable[[Proto], Any]] = {
    **dict.fromkeys(
        (b"align_corners", b"half_pixel_centers", b"antialias", b"keep_dims"), lambda value: value.b
    ),
    **dict.fromkeys((b"kernel_type", b"padding", b"data_format"), _as_text),
    **dict.fromkeys((b"strides", b"ksize", b"dilations", b"squeeze_dims"), _as_list),
    **dict.fromkeys((f"{name}_mask".encode() for name in _MASKS), lambda value: value.i),
    **dict.fromkeys((b"N", b"block_size"), lambda value: value.i),
    b"DstT": lambda value: value.type,
}


Attributes = Mapping[bytes, Proto]  # AttrValue by name


def flags_of(kind: str, attributes: Attributes) -> Dict[str, Any]:
    """The attributes by which an operator decides what it computes, as Python values."""
    found = {text(key): _FLAGS[key](value) for key, value in attributes.items() if key in _FLAGS}
    if kind == "Cast":
        found["to_float"] = found.get("DstT") in _FLOATS
    return found


def declared_shape(kind: str, attributes: Attributes) -> Optional[Shape]:
    """The shape of a node's first output if an attribute has it: of inputs, and where TensorFlow
    was asked to write all shapes."""
    found: Optional[Shape] = None
    if b"_output_shapes" in attributes and attributes[b"_output_shapes"].list.shape:
        found = _shape(attributes[b"_output_shapes"].list.shape[0])
    if found is None and kind.startswith("Placeholder") and b"shape" in attributes:
        found = _shape(attributes[b"shape"].shape)
    return found


def _shape(message: Proto) -> Optional[Shape]:
    if message.unknown_rank or len(message.dim) > MOST_ELEMENTS:
        return None
    return tuple(dim.size if dim.size > 0 else None for dim in message.dim)


def constant(tensor: Proto) -> Tensor:
    """The shape of a constant, and its numbers if they are few.

    Of numbers that repeat to the end, a file may have the first alone.
    """
    shape, sides = _shape(tensor.tensor_shape), tensor.tensor_shape.dim
    count = 1
    for side in sides[:_MOST_AXES]:
        count = min(count * side.size, MOST_ELEMENTS + 1)
    if len(sides) > _MOST_AXES or not 0 <= count <= MOST_ELEMENTS or tensor.dtype not in _NUMBERS:
        return Tensor(shape)
    field, code = _NUMBERS[tensor.dtype]
    numbers = tuple(getattr(tensor, field)[:count])
    width = struct.calcsize(f"<{code}")
    if len(tensor.tensor_content) == count * width:
        numbers = struct.unpack(f"<{count}{code}", tensor.tensor_content)
    numbers += (numbers[-1:] or (0,)) * (count - len(numbers))
    if len(sides) > 1:
        return Tensor(shape, table=numbers)
    return Tensor(shape, Value(numbers, bool(sides), tensor.dtype in _FLOATS))
