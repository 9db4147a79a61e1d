"""Numbers of WeightParams messages: float32, float16, and quantized ones, spread again.

A layer's weights are found on wire level and read as they are: no layer is parsed whole.

Sources: the comments of WeightParams and QuantizationParams in NeuralNetwork.proto; numbers of
less than 8 bits are packed from the highest bit of the first byte on.
"""

from typing import Any, Iterator, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.formats.protobuf import schema, wire
from coreml_resize_fix.formats.protobuf.wire import LENGTH, Source
from coreml_resize_fix.verify.kernels import compressed
from coreml_resize_fix.verify.kernels.checks import KernelError, need_room

# Fields of WeightParams.
_SINGLE, _HALF, _RAW, _SIGNED, _QUANTIZATION = 1, 2, 30, 31, 40


class Parts(NamedTuple):
    """What a WeightParams message holds; `quantization` is its QuantizationParams, if there."""

    single: np.ndarray
    half: bytes = b""
    raw: bytes = b""
    signed: bytes = b""
    quantization: Optional[Any] = None

    def __bool__(self) -> bool:
        return bool(self.single.size or self.half or self.raw or self.signed)


def of_message(weights: Any) -> Parts:
    """The parts of a WeightParams message that holds its numbers."""
    quantized = hasattr(weights, "quantization") and weights.HasField("quantization")
    return Parts(
        np.array(weights.floatValue, dtype=np.float32),
        weights.float16Value,
        getattr(weights, "rawValue", b""),
        getattr(weights, "int8RawValue", b""),
        weights.quantization if quantized else None,
    )


def of_file(source: Source, start: int, end: int, path: Sequence[int]) -> Parts:
    """The parts of the WeightParams message that lies below the message in [start, end).

    path: the numbers of the fields that lead to it.
    """
    for number in path:
        found = [field for field in wire.fields(source, start, end) if field.number == number]
        if not found:
            return Parts(np.zeros(0, np.float32))
        start, end = found[-1].start, found[-1].end
    single, rest = [], {_HALF: b"", _RAW: b"", _SIGNED: b"", _QUANTIZATION: b""}
    for number, wire_type, begin, stop in _fields(source, start, end):
        if number == _SINGLE:
            single.append(np.frombuffer(source.read(begin, stop), "<f4"))
        elif number in rest and wire_type == LENGTH:
            rest[number] = source.read(begin, stop)
    joined = np.concatenate(single) if len(single) > 1 else (single or [np.zeros(0, "<f4")])[0]
    quantization = rest.pop(_QUANTIZATION)
    read = _parsed(_quantization(), quantization) if quantization else None
    return Parts(joined, rest[_HALF], rest[_RAW], rest[_SIGNED], read)


def _parsed(kind: Any, content: bytes) -> Any:
    try:
        return kind.FromString(content)
    except Exception as error:  # protobuf's DecodeError; its module differs between versions
        raise KernelError("has a quantization that does not parse") from error


def _fields(source: Source, start: int, end: int) -> Iterator[Tuple[int, int, int, int]]:
    for field in wire.fields(source, start, end):
        yield field.number, field.wire_type, field.start, field.end


def _quantization() -> Any:
    convolution = schema.layer_class().DESCRIPTOR.fields_by_name["convolution"].message_type
    weights = convolution.fields_by_name["weights"].message_type
    # Whatever the version of Protocol Buffers, a message makes another one of its own fields.
    holder = schema.layer_class()().convolution.weights
    assert holder.DESCRIPTOR is weights
    return type(holder.quantization)


def numbers(parts: Parts, shape: Sequence[int], dtype: np.dtype, axis: int = 0) -> np.ndarray:
    """The numbers in this shape and dtype; row-major, as stored.

    axis: the axis of the output channels, along which the scales of linear quantization stand.

    Raises:
        KernelError: they do not fill the shape.
    """
    wanted = [int(size) for size in shape]
    need_room(wanted)
    count = int(np.prod(wanted, dtype=np.int64))
    if parts.quantization is not None and (parts.raw or parts.signed):
        return _spread(parts, wanted, count, dtype, axis)
    if parts.half:
        if len(parts.half) % 2:
            raise KernelError("a number of float16 has two bytes")
        values = np.frombuffer(parts.half, dtype="<f2")
    else:
        values = parts.single
    if values.size != count:
        raise KernelError(f"{values.size} numbers do not fill {wanted}")
    return values.astype(dtype, copy=False).reshape(wanted)


def _spread(
    parts: Parts, wanted: Sequence[int], count: int, dtype: np.dtype, axis: int
) -> np.ndarray:
    """Quantized numbers: w * scale + bias, or entries of a table."""
    quantization = parts.quantization
    assert quantization is not None
    bits = int(quantization.numberOfBits) or 8
    if parts.signed:
        if len(parts.signed) != count:
            raise KernelError(f"{len(parts.signed)} numbers do not fill {list(wanted)}")
        stored = np.frombuffer(parts.signed, np.int8)
    else:
        if not 1 <= bits <= 8 or len(parts.raw) != -(-count * bits // 8):
            raise KernelError(
                f"{len(parts.raw)} bytes do not fill {list(wanted)} with {bits} bits each"
            )
        stored = compressed.unpacked(parts.raw, bits, count, high_first=True)
    if quantization.WhichOneof("QuantizationType") == "lookupTableQuantization":
        table = np.array(quantization.lookupTableQuantization.floatValue, dtype)
        if stored.size and int(stored.max()) >= table.size:
            raise KernelError(f"takes entry {int(stored.max())} of {table.size}")
        return np.asarray(table[stored].reshape(wanted))
    linear = quantization.linearQuantization
    made: np.ndarray = stored.astype(dtype).reshape(wanted)
    scale, bias = np.array(linear.scale, dtype), np.array(linear.bias, dtype)
    if scale.size:
        made *= _along(scale, wanted, axis)
    if bias.size:
        made += _along(bias, wanted, axis)
    return made


def _along(values: np.ndarray, shape: Sequence[int], axis: int) -> np.ndarray:
    """One number, or one for each element of the axis of the output channels."""
    if values.size == 1:
        return values
    if not shape or shape[axis] % values.size:
        raise KernelError(f"has {values.size} scales for {list(shape)}")
    each = np.repeat(values, shape[axis] // values.size)
    return each.reshape((1,) * axis + (-1,) + (1,) * (len(shape) - axis - 1))
