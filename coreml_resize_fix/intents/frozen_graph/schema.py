"""The messages of a TensorFlow graph that are read, as a table made into protobuf classes.

Source: the public .proto files of TensorFlow (graph, node_def, attr_value, tensor, tensor_shape,
function, op_def, saved_model, meta_graph). Texts are bytes here, so that one place refuses
what is not UTF-8. Maps are what they are on the wire, lists of pairs. The classes have a pool of
their own, so that TensorFlow may be imported as well.
"""

from functools import lru_cache
from typing import Any, Dict, Tuple

_PACKAGE = "coreml_resize_fix.graph"
_LIST = "*"
# message -> field -> number, type (another message, or one of protobuf's; * is a list)
MESSAGES: Dict[str, Dict[str, Tuple[int, str]]] = {
    "GraphDef": {"node": (1, "*NodeDef"), "library": (2, "FunctionDefLibrary")},
    "NodeDef": {
        "name": (1, "bytes"),
        "op": (2, "bytes"),
        "input": (3, "*bytes"),
        "attr": (5, "*Attr"),
    },
    "Attr": {"key": (1, "bytes"), "value": (2, "AttrValue")},
    "AttrValue": {
        "list": (1, "ListValue"),
        "s": (2, "bytes"),
        "i": (3, "int64"),
        "b": (5, "bool"),
        "type": (6, "int32"),
        "shape": (7, "TensorShapeProto"),
        "tensor": (8, "TensorProto"),
        "func": (10, "NameAttrList"),
    },
    "ListValue": {
        "i": (3, "*int64"),
        "shape": (7, "*TensorShapeProto"),
        "func": (9, "*NameAttrList"),
    },
    "NameAttrList": {"name": (1, "bytes")},
    "TensorShapeProto": {"dim": (2, "*Dim"), "unknown_rank": (3, "bool")},
    "Dim": {"size": (1, "int64")},
    "TensorProto": {
        "dtype": (1, "int32"),
        "tensor_shape": (2, "TensorShapeProto"),
        "tensor_content": (4, "bytes"),
        "float_val": (5, "*float"),
        "int_val": (7, "*int32"),
        "int64_val": (10, "*int64"),
    },
    "FunctionDefLibrary": {"function": (1, "*FunctionDef")},
    "FunctionDef": {
        "signature": (1, "OpDef"),
        "node_def": (3, "*NodeDef"),
        "ret": (4, "*Ret"),
    },
    "Ret": {"key": (1, "bytes"), "value": (2, "bytes")},
    "OpDef": {"name": (1, "bytes"), "input_arg": (2, "*ArgDef"), "output_arg": (3, "*ArgDef")},
    "ArgDef": {"name": (1, "bytes")},
    "SavedModel": {"meta_graphs": (2, "*MetaGraphDef")},
    "MetaGraphDef": {"graph_def": (2, "GraphDef")},
}


@lru_cache(maxsize=None)
def message(name: str) -> Any:
    """The protobuf class of a message of the table."""
    from google.protobuf import message_factory

    pool = _pool()
    descriptor = pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)  # before protobuf 4.22


@lru_cache(maxsize=None)
def _pool() -> Any:
    from google.protobuf import descriptor_pb2, descriptor_pool

    file = descriptor_pb2.FileDescriptorProto(
        name="coreml_resize_fix/graph.proto", package=_PACKAGE, syntax="proto3"
    )
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in MESSAGES.items():
        described = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            of = kind.lstrip(_LIST)
            added = described.field.add(name=field, number=number)
            added.label = kinds.LABEL_REPEATED if kind != of else kinds.LABEL_OPTIONAL
            if of in MESSAGES:
                added.type, added.type_name = kinds.TYPE_MESSAGE, f".{_PACKAGE}.{of}"
            else:
                added.type = getattr(kinds, f"TYPE_{of.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool
