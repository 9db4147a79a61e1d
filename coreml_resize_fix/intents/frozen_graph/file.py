"""Read a frozen graph of TensorFlow as a message that is safe to walk, or say what else it is.

Nearly any bytes are some protobuf message, so a graph must have nodes whose names and operators
are those of TensorFlow, each once, and which read nothing but one another.
"""

import re
from typing import Any, Callable, Iterator, Optional, Set, Tuple

from coreml_resize_fix.intents import network_file
from coreml_resize_fix.intents.frozen_graph import schema
from coreml_resize_fix.intents.network_file import NetworkFile

FILE = NetworkFile(
    "a frozen graph of TensorFlow",
    ".pb",
    "pass what tf.compat.v1.graph_util.convert_variables_to_constants or "
    "convert_variables_to_constants_v2 makes, written in binary form",
)
Proto = Any  # a message of `schema.py`

_OPERATOR = re.compile(r"[A-Za-z_][\w>.]*")
_CHECKPOINT_END = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"  # of a table file, as a checkpoint's index is
_PRINTED = bytes(range(32, 127)) + b"\t\r\n"
_MOST_FIELDS = 1000  # looked at to tell what a message is
_VARINT, _LENGTH = 0, 2
_WIDTHS = {_VARINT: 0, 1: 8, _LENGTH: 0, 5: 4}  # wire type -> bytes of a number

Fields = Set[Tuple[int, int]]  # numbers and wire types of a message's fields
# what a message is whose fields are like that, and what to do with it
_OTHERS: Tuple[Tuple[Callable[[Fields], bool], str, str], ...] = (
    (
        lambda fields: {(1, _VARINT), (7, _LENGTH)} <= fields,
        "an ONNX model",
        "name it .onnx, and pass that",
    ),
    (
        lambda fields: (1, _VARINT) in fields and any(number >= 200 for number, _ in fields),
        "a Core ML model",
        "pass it as the model, and with `--manifest` what it was converted from",
    ),
    (
        lambda fields: fields <= {(1, _VARINT), (2, _LENGTH)} and (1, _VARINT) in fields,
        "a SavedModel without a graph",
        "save it again",
    ),
    (
        lambda fields: bool({(100, _LENGTH), (2, _LENGTH)} & fields) and (1, _LENGTH) in fields,
        "a Caffe model",
        "write its intents as JSON: Caffe's layers say in their own way what they compute",
    ),
)


def read(path: str) -> Proto:
    """The GraphDef of a file: of a frozen graph, a SavedModel, or a checkpoint's meta graph.

    Raises:
        ManifestError: it cannot be read, or is not a graph.
    """
    data = FILE.bytes_of(path)
    graph = next((found for found in _graphs(data) if _is_graph(found)), None)
    if graph is None:
        raise FILE.refusal(path, *_what_else(data))
    for nodes in (graph.node, *(function.node_def for function in graph.library.function)):
        if len({node.name for node in nodes}) < len(nodes):
            raise FILE.refusal(path, "two of its nodes have one name")
    names = {node.name for node in graph.node}
    for node in graph.node:
        for key in node.input:
            if node_of(key) not in names:
                raise FILE.refusal(path, f"`{text(node.name)}` reads what no node makes")
    return graph


def text(value: bytes) -> str:
    """A name as text; in what `read` gave it is always UTF-8."""
    return value.decode("utf-8")


def node_of(key: bytes) -> bytes:
    """The name of the node that an input names: `^node`, `node:1` or `node:output:1`."""
    return key.lstrip(b"^").partition(b":")[0]


def _graphs(data: bytes) -> Iterator[Proto]:
    graph = network_file.parsed(schema.message("GraphDef"), data)
    if graph is not None:
        yield graph
    saved = network_file.parsed(schema.message("SavedModel"), data)
    for held in saved.meta_graphs[:1] if saved is not None else ():
        yield held.graph_def
    meta = network_file.parsed(schema.message("MetaGraphDef"), data)
    if meta is not None:
        yield meta.graph_def


def _is_graph(graph: Proto) -> bool:
    """Whether there are nodes, and all names and operators are as TensorFlow writes them."""
    bodies = [graph.node, *(function.node_def for function in graph.library.function)]
    try:
        return bool(graph.node) and all(
            text(node.name) and _OPERATOR.fullmatch(text(node.op))
            for body in bodies
            for node in body
        )
    except UnicodeDecodeError:
        return False


def _what_else(data: bytes) -> Tuple[str, Optional[str]]:
    """Why the bytes are not a graph, and what to do; None for the usual help."""
    if data.endswith(_CHECKPOINT_END):
        return "it is the index of a checkpoint, which holds weights alone", None
    fields = _fields(data)
    for holds, what, hint in _OTHERS:
        if fields is not None and holds(fields):
            return f"it is {what}", hint
    if not data[:_MOST_FIELDS].translate(None, _PRINTED):
        return "it is text", None
    return "it has no nodes as TensorFlow writes them; is it complete?", None


def _fields(data: bytes) -> Optional[Fields]:
    """The first fields of a message; None if the bytes are none, or it has groups."""
    found: Fields = set()
    at = 0
    for _ in range(_MOST_FIELDS):
        if at >= len(data):
            break
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind not in _WIDTHS:
            return None
        found.add((number, kind))
        length, begin = _varint(data, at) if kind in (_VARINT, _LENGTH) else (_WIDTHS[kind], at)
        at = begin + (length if kind != _VARINT else 0)
    return found if at <= len(data) else None


def _varint(data: bytes, at: int) -> Tuple[int, int]:
    value = 0
    for place, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    return value, len(data) + 1
