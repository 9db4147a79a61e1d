"""Find the precision in which a network stores its weights, from the first byte of each."""

from typing import Iterable

from coreml_resize_fix.formats.neuralnetwork.layers import LayerRef
from coreml_resize_fix.formats.protobuf import schema, wire
from coreml_resize_fix.formats.protobuf.wire import Source

_MESSAGE = "WeightParams"


def in_half_precision(source: Source, layers: Iterable[LayerRef]) -> bool:
    """Whether more weights are stored as float16Value than as floatValue."""
    half = single = 0
    fields = schema.layer_class()().DESCRIPTOR.fields_by_name
    for layer in layers:
        if layer.kind is None or fields[layer.kind].message_type is None:
            continue
        params = fields[layer.kind].message_type.fields
        numbers = {f.number for f in params if f.message_type and f.message_type.name == _MESSAGE}
        if not numbers:
            continue
        for outer in wire.fields(source, layer.node.start, layer.node.end):
            if outer.number != fields[layer.kind].number:
                continue
            for inner in wire.fields(source, outer.start, outer.end):
                if inner.number in numbers and inner.end > inner.start:
                    stored, _ = wire.read_varint(source, inner.start)
                    half += stored >> 3 == _number("float16Value")
                    single += stored >> 3 == _number("floatValue")
    return half > single


def _number(name: str) -> int:
    convolution = schema.layer_class().DESCRIPTOR.fields_by_name["convolution"].message_type
    weights = convolution.fields_by_name["weights"].message_type
    return int(weights.fields_by_name[name].number)
