"""Serialize the constants and operations that are put into a program."""

import struct
from typing import Any, Dict, Optional, Sequence, Tuple

from coreml_resize_fix.formats.mlprogram.data_types import LETTERS
from coreml_resize_fix.formats.mlprogram.locate import (
    ATTRIBUTES,
    INPUTS,
    KEY,
    KIND,
    OUTPUTS,
    VALUE,
)
from coreml_resize_fix.formats.mlprogram.steps import Constant, Held, Packed, StoredElsewhere
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.protobuf.wire import encode_field

_NAME, _TYPE = 1, 2  # NamedValueType
_ARGUMENTS = 1  # Argument
_BOUND_NAME, _BOUND_VALUE = 1, 2  # Binding
_FLOATS = 1  # RepeatedFloats

# data type → the field of a TensorValue; the others lie packed in `bytes`
_HELD: Dict[str, str] = {
    "BOOL": "bools",
    "STRING": "strings",
    "FLOAT32": "floats",
    "INT32": "ints",
}


def constant(name: str, content: Held) -> bytes:
    """A const operation that makes `name`, as coremltools writes them."""
    return (
        encode_field(KIND, b"const")
        + encode_field(OUTPUTS, named_type(name, content.data_type, content.dims))
        + _entry(ATTRIBUTES, "val", value(content))
        + name_attribute(name)
    )


def name_attribute(name: str) -> bytes:
    """The attribute that names an operation."""
    return _entry(ATTRIBUTES, "name", value(Constant("STRING", (name,))))


def named_type(name: str, data_type: str, dims: Sequence[Optional[int]]) -> bytes:
    """A NamedValueType of a tensor."""
    kind = _tensor_type(schema.mil().ValueType(), data_type, dims)
    return encode_field(_NAME, name.encode()) + encode_field(_TYPE, kind.SerializeToString())


def value(content: Held) -> bytes:
    """A Value: in the model file, or the place where it lies in another one."""
    message = schema.mil().Value()
    _tensor_type(message.type, content.data_type, content.dims)
    if isinstance(content, StoredElsewhere):
        message.blobFileValue.fileName = content.file.file_name
        message.blobFileValue.offset = content.file.offset
        return bytes(message.SerializeToString())
    tensor = message.immediateValue.tensor
    held = _HELD.get(content.data_type)
    if isinstance(content, Packed):
        if held is None:
            tensor.bytes.values = content.data
        elif held == "floats":  # packed in the file, too: a number of Python takes 24 bytes
            tensor.floats.MergeFromString(encode_field(_FLOATS, content.data))
        else:
            getattr(tensor, held).values.extend(_integers(content))
    elif held is None:
        code = f"<{len(content.numbers)}{LETTERS[content.data_type]}"
        tensor.bytes.values = struct.pack(code, *content.numbers)
    else:
        getattr(tensor, held).values.extend(content.numbers)
    data: bytes = message.SerializeToString()
    return data


def _integers(content: Packed) -> Tuple[int, ...]:
    return struct.unpack(f"<{len(content.data) // 4}i", content.data)


def _tensor_type(message: Any, data_type: str, dims: Sequence[Optional[int]]) -> Any:
    tensor = message.tensorType
    names = tensor.DESCRIPTOR.fields_by_name["dataType"].enum_type.values_by_name
    tensor.dataType = names[data_type].number
    if dims:
        tensor.rank = len(dims)
    for size in dims:
        dimension = tensor.dimensions.add()
        if size is None:
            dimension.unknown.SetInParent()
        else:
            dimension.constant.size = size
    return message


def dimension(size: Optional[int]) -> bytes:
    """A Dimension: of this size, or of any."""
    message = schema.mil().Dimension()
    if size is None:
        message.unknown.SetInParent()
    else:
        message.constant.size = size
    data: bytes = message.SerializeToString()
    return data


def bound_name(name: str) -> bytes:
    """An Argument that is the name of a value."""
    return encode_field(_ARGUMENTS, encode_field(_BOUND_NAME, name.encode()))


def bound_value(content: Held) -> bytes:
    """An Argument that is a value itself."""
    return encode_field(_ARGUMENTS, encode_field(_BOUND_VALUE, value(content)))


def inputs(arguments: Sequence[Tuple[str, bytes]]) -> bytes:
    """The parameters of an operation: names and Argument messages."""
    return b"".join(_entry(INPUTS, name, argument) for name, argument in arguments)


def _entry(number: int, key: str, content: bytes) -> bytes:
    return encode_field(number, encode_field(KEY, key.encode()) + encode_field(VALUE, content))
