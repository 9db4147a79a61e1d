"""The structure of a model without its weights.

The file is walked on wire level, only along the messages that lead to layers. Weights are left
out of the copy that the official classes then parse: understand with the official schema, locate
with the wire format. Every message on the way keeps its byte range, so that an edit can be spliced
in.
"""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from coreml_resize_fix.errors import ModelError
from coreml_resize_fix.formats.protobuf import schema, wire
from coreml_resize_fix.formats.protobuf.wire import Field, Source

BULK = 1024  # bytes; a longer field of layer parameters holds weights
DEEPEST = 64  # nested messages; converters stay below ten

VERSION_FIELD, DESCRIPTION_FIELD, OUTPUT_FIELD = 1, 2, 10
ML_PROGRAM = 502  # coremltools before 5 does not know this type of model
BRANCH, LOOP = 605, 615
_FIRST_MODEL_TYPE = 200  # Model: every field from here on is one of the `Type` oneof
_FIRST_LAYER_TYPE = 100  # Layer: likewise

# message → field number → message: the way down to the layers.
WAY_DOWN: Dict[str, Dict[int, str]] = {
    "Model": {
        DESCRIPTION_FIELD: "Description",
        200: "PipelineOwner",  # pipelineClassifier
        201: "PipelineOwner",  # pipelineRegressor
        202: "Pipeline",
        303: "Network",  # neuralNetworkRegressor
        403: "Network",  # neuralNetworkClassifier
        500: "Network",  # neuralNetwork
    },
    "Description": {OUTPUT_FIELD: "Feature"},
    "PipelineOwner": {1: "Pipeline"},
    "Pipeline": {1: "Model"},
    "Network": {1: "Layer"},
    "Layer": {BRANCH: "Branch", LOOP: "Loop"},
    "Branch": {1: "Network", 2: "Network"},
    "Loop": {3: "Network", 4: "Network"},
    "Feature": {},
}
REPEATED = {("Pipeline", 1), ("Network", 1), ("Description", OUTPUT_FIELD)}

# In these messages a long field is bulk (weights, class labels, a mean image): it is emptied.
_HOLDS_BULK = {"Model", "Description", "Network"}
_INPUT_DESCRIPTION = ("Description", 1)


class Node(NamedTuple):
    """A message of the file: where it lies and the messages on the way down inside it."""

    message: str
    field: Optional[Field]  # None for the outermost message
    start: int
    end: int
    children: Dict[int, List["Node"]]
    version: Optional[Field]  # of a Model: its specificationVersion
    is_program: bool = False  # of a Model: it is an ML Program

    def only(self, number: int) -> "Node":
        """The one child message in a singular field."""
        return self.children[number][0]


class Skeleton(NamedTuple):
    """`model` is the parsed Model without weights; `root` says where everything lies."""

    model: Any
    root: Node
    size: int


def read(source: Source) -> Skeleton:
    """Parse the structure of a model.

    Raises:
        ModelError: the bytes are not a Core ML model, or are damaged.
    """
    root, content = _scan(source, "Model", None, 0, source.size, 0)
    model = schema.model_class()()
    try:
        model.ParseFromString(bytes(content))
    except Exception as error:  # protobuf's DecodeError; its module differs between versions
        raise ModelError(f"the structure does not parse as a Core ML model: {error}") from error
    return Skeleton(model, root, source.size)


def _scan(
    source: Source, message: str, field: Optional[Field], start: int, end: int, depth: int
) -> Tuple[Node, bytearray]:
    if depth > DEEPEST:
        raise ModelError(f"messages are nested more than {DEEPEST} deep at byte {start}")
    way_down = WAY_DOWN[message]
    content = bytearray()
    children: Dict[int, List[Node]] = {}
    version: Optional[Field] = None
    types: List[int] = []
    for item in wire.fields(source, start, end):
        if message == "Model" and item.number >= _FIRST_MODEL_TYPE:
            types.append(item.number)
        if item.wire_type != wire.LENGTH:
            content += source.read(item.tag_at, item.end)
            is_version = item.wire_type == wire.VARINT and item.number == VERSION_FIELD
            if message == "Model" and is_version:
                version = item
            continue
        below = way_down.get(item.number)
        if below is not None:
            node, inner = _scan(source, below, item, item.start, item.end, depth + 1)
            children.setdefault(item.number, []).append(node)
        else:
            inner = _leaf(source, message, item)
        content += source.read(item.tag_at, item.value_at) + wire.encode_varint(len(inner)) + inner
    _refuse_repeats(message, children, len(types), start)
    return Node(message, field, start, end, children, version, ML_PROGRAM in types), content


def _leaf(source: Source, message: str, item: Field) -> bytearray:
    """The content of a field that leads to no layer, without bulk."""
    if item.end - item.start <= BULK or (message, item.number) == _INPUT_DESCRIPTION:
        return bytearray(source.read(item.start, item.end))
    if message in _HOLDS_BULK:
        return bytearray()
    if message != "Layer" or item.number < _FIRST_LAYER_TYPE:
        return bytearray(source.read(item.start, item.end))
    if item.number not in schema.layer_type_numbers():
        return bytearray()  # of a later kind of layer it is not known which fields hold weights
    kept = bytearray()
    for inner in wire.fields(source, item.start, item.end):
        if inner.wire_type == wire.LENGTH and inner.end - inner.start > BULK:
            kept += source.read(inner.tag_at, inner.value_at) + b"\0"
        else:
            kept += source.read(inner.tag_at, inner.end)
    return kept


def _refuse_repeats(message: str, children: Dict[int, List[Node]], types: int, at: int) -> None:
    repeated = [
        number
        for number, nodes in children.items()
        if len(nodes) > 1 and (message, number) not in REPEATED
    ]
    if repeated or types > 1:
        raise ModelError(f"the {message.lower()} at byte {at} holds two of what it may hold once")
