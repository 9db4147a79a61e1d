"""Read an ONNX file as a message that is safe to walk: no weights, no invalid text."""

from typing import Any, Iterator

from coreml_resize_fix.errors import ManifestError
from coreml_resize_fix.intents import network_file
from coreml_resize_fix.intents.network_file import NetworkFile

Proto = Any  # a message of the onnx package, which is imported inside functions only

# Shape arithmetic works on a few numbers; larger tensors are weights.
MOST_ELEMENTS = 1024

FILE = NetworkFile(
    "an ONNX model", ".onnx", "pass a file that `torch.onnx.export` wrote, at opset 11 or later"
)
_DATA_FIELDS = (
    "raw_data",
    "float_data",
    "int32_data",
    "int64_data",
    "double_data",
    "uint64_data",
    "string_data",
)
_DOMAINS = ("", "ai.onnx")


def read(path: str) -> Proto:
    """The ModelProto of a file, without its weights; external weight files are never opened.

    Raises:
        ManifestError: it cannot be read, or is not an ONNX model.
    """
    model = read_whole(path)
    for graph in graphs(model.graph):
        _drop_weights(graph)
    return model


def read_whole(path: str) -> Proto:
    """The ModelProto of a file with the weights that are in it.

    Raises:
        ManifestError: it cannot be read, or is not an ONNX model.
    """
    data = FILE.bytes_of(path)
    model = _parsed(path, data)
    if not model.HasField("graph") or not model.graph.node:
        raise FILE.refusal(path, "it has no graph of nodes")
    if not opset(model):
        raise FILE.refusal(path, "it names no version of the ONNX operators; is it complete?")
    if not all(isinstance(text, str) for text in _texts(model)):
        raise FILE.refusal(path, "it has names that are not UTF-8 text")
    return model


def opset(model: Proto) -> int:
    """The version of the standard operators; 0 if the model names none."""
    return max((o.version for o in model.opset_import if o.domain in _DOMAINS), default=0)


def is_standard(node: Proto) -> bool:
    """Whether a node's operator is one of ONNX's own."""
    return node.domain in _DOMAINS


def graphs(graph: Proto) -> Iterator[Proto]:
    """A graph and all graphs inside it (the bodies of If, Loop and Scan)."""
    yield graph
    for node in graph.node:
        for body in bodies(node):
            yield from graphs(body)


def bodies(node: Proto) -> Iterator[Proto]:
    """The graphs that are attributes of a node, in Core ML's order: then before else."""
    for attribute in sorted(node.attribute, key=lambda item: bool(item.name == "else_branch")):
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _parsed(path: str, data: bytes) -> Proto:
    try:
        import onnx
    except ImportError as error:
        raise ManifestError(
            f"`{path}` needs the package onnx, which is not installed",
            "pip install onnx, or write the intents as JSON",
        ) from error
    model = network_file.parsed(onnx.ModelProto, data)
    if model is None:
        raise FILE.refusal(path, "it is cut off, damaged or something else")
    return model


def _texts(model: Proto) -> Iterator[Any]:
    """Every text that is used; text that is not UTF-8 is bytes or None."""
    try:
        yield from (model.producer_name, model.producer_version)
        yield from (imported.domain for imported in model.opset_import)
        for graph in graphs(model.graph):
            for node in graph.node:
                yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
                yield from (attribute.name for attribute in node.attribute)
                for entry in getattr(node, "metadata_props", ()):
                    yield from (entry.key, entry.value)
            for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
                yield value.name
    except UnicodeDecodeError:
        yield None


def _drop_weights(graph: Proto) -> None:
    """Drop weights, since shape inference copies the model each time."""
    tensors = list(graph.initializer)
    tensors += [attribute.t for node in graph.node for attribute in node.attribute]
    for tensor in tensors:
        for field in _DATA_FIELDS:
            data = getattr(tensor, field)
            if len(data) > MOST_ELEMENTS * (8 if field == "raw_data" else 1):
                tensor.ClearField(field)
