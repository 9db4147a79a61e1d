"""Write small frozen graphs by hand, from the encoding of protobuf and TensorFlow's messages."""

import struct

from coreml_resize_fix.intents.frozen_graph import reader
from hardening.trees import FIXED32, LENGTH, VARINT, Node, written

INT32, FLOAT = 3, 1


def text(number, value):
    return Node(number, LENGTH, value if isinstance(value, (bytes, list)) else value.encode())


def count(number, value):
    return Node(number, VARINT, value % 2**64)


def sides(shape):
    """A TensorShapeProto; None is a side that is not known."""
    return [text(2, [count(1, -1 if n is None else n)]) for n in shape]


def attribute(name, value):
    return text(5, [text(1, name), text(2, [value])])


def flag(name, value):
    return attribute(name, count(5, value))


def node(name, operator, inputs=(), *attributes):
    """A NodeDef as a field of a GraphDef."""
    return text(1, body(name, operator, inputs, *attributes))


def body(name, operator, inputs=(), *attributes):
    return [text(1, name), text(2, operator), *(text(3, key) for key in inputs), *attributes]


def placeholder(name, shape):
    return node(name, "Placeholder", (), attribute("shape", text(7, sides(shape))))


def numbers(name, values, shape=None, kind=INT32):
    """A Const of whole numbers, or of single precision."""
    content = struct.pack("<{}{}".format(len(values), "i" if kind == INT32 else "f"), *values)
    dims = sides((len(values),) if shape is None else shape)
    tensor = [count(1, kind), text(2, dims), text(4, content)]
    return node(name, "Const", (), attribute("value", text(8, tensor)))


def slice_of(name, data, begin, end, shrink=False):
    """The nodes of `data[begin:end]`, or of `data[begin]`."""
    parts = [numbers("{}/{}".format(name, k), [n]) for k, n in enumerate((begin, end, 1))]
    names = ["{}/{}".format(name, k) for k in range(3)]
    mask = attribute("shrink_axis_mask", count(3, int(shrink)))
    return [*parts, node(name, "StridedSlice", [data, *names], mask)]


def resize(name, operator, image, size, corners=False, half=False):
    return node(
        name,
        operator,
        [image, size],
        flag("align_corners", corners),
        flag("half_pixel_centers", half),
    )


def function(name, arguments, results, nodes):
    """A FunctionDef in the library; results: output -> `node:out:0`."""
    signature = [text(1, name), *(text(2, [text(1, one)]) for one in arguments)]
    signature += [text(3, [text(1, one)]) for one in results]
    pairs = [text(4, [text(1, key), text(2, value)]) for key, value in results.items()]
    return text(1, [text(1, signature), *(Node(3, LENGTH, one.value) for one in nodes), *pairs])


def library(*functions):
    return text(2, list(functions))


def calls(name, attribute_name="f"):
    return attribute(attribute_name, text(10, [text(1, name)]))


def graph(*parts):
    """The bytes of a GraphDef; parts are fields, or lists of them."""
    flat = [field for part in parts for field in (part if isinstance(part, list) else [part])]
    return written(flat)


def single(value):
    return Node(4, FIXED32, struct.pack("<f", value))


OPERATORS = {"bilinear": "ResizeBilinear", "nearest": "ResizeNearestNeighbor"}
IMAGE = placeholder("image", (1, 4, 5, 3))
UP = [numbers("size", [8, 15]), resize("up", "ResizeBilinear", "image", "size", half=True)]


def load(data, tmp_path):
    """The intents of a graph, and its notices."""
    path = tmp_path / "graph.pb"
    path.write_bytes(data)
    return reader.load(str(path))
