"""Frozen graphs written by hand: what each part of them means, and 200 drawn ones."""

import random

import pytest

from coreml_resize_fix.intents import graph_reader, graph_schema, tensorflow_nodes
from tests.intents.tensorflow import graphs as g

OPERATORS = {"bilinear": "ResizeBilinear", "nearest": "ResizeNearestNeighbor"}
IMAGE = g.placeholder("image", (1, 4, 5, 3))
UP = [g.numbers("size", [8, 15]), g.resize("up", "ResizeBilinear", "image", "size", half=True)]


def load(data, tmp_path, name="graph.pb"):
    path = tmp_path / name
    path.write_bytes(data)
    return graph_reader.load(str(path))


@pytest.mark.parametrize("mode", sorted(OPERATORS))
@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("half", [False, True])
def test_flags(mode, corners, half, tmp_path):
    resize = g.resize("up", OPERATORS[mode], "image:0", "size", corners, half)
    intents, notices = load(g.graph(IMAGE, g.numbers("size", [8, 15]), resize), tmp_path)
    if corners and half:
        assert intents == []
        assert "1 resize node (`up`) left out" in notices[0]
        return
    (intent,) = intents
    assert (intent.mode, intent.align_corners) == (mode, corners)
    assert intent.framework == ("tensorflow2" if half else "tensorflow1")
    assert (intent.input_size, intent.size, intent.channels) == ((4, 5), (8, 15), 3)
    assert (intent.name, intent.used, notices) == ("up", None, [])


@pytest.mark.parametrize("operator", ["ResizeBicubic", "ResizeArea"])
def test_what_the_conventions_lack_is_named(operator, tmp_path):
    """Or read, where they have it."""
    resize = g.resize("up", operator, "image", "size")
    intents, notices = load(g.graph(IMAGE, g.numbers("size", [8, 15]), resize), tmp_path)
    assert len(intents) + sum("`up`) left out" in text for text in notices) == 1
    assert all(intent.mode == tensorflow_nodes.MODES[operator] for intent in intents)


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("seed", range(4))
def test_drawn_graphs(seed, tmp_path):
    rng = random.Random(seed)
    for _ in range(50):
        parts, calls = drawn(rng)
        nodes = [part for part in parts if part.number == 1]
        if rng.random() < 0.3:  # a graph need not be sorted
            rng.shuffle(nodes)
        found = load(g.graph(nodes), tmp_path)
        seen = [
            (i.framework, i.mode, i.align_corners, i.input_size, i.size, i.scale_factor)
            + (i.channels, i.name)
            for i in found.intents
        ]
        assert seen == calls


SIZES = ("constant", "product", "pack", "other", "factor", "split", "float")


def drawn(rng):
    """A chain of layers with resizes; the calls in it."""
    channels, is_open = rng.randint(1, 70), rng.random() < 0.5
    known = (None, None) if is_open else (rng.randint(1, 40), rng.randint(1, 40))
    parts, calls, image = [g.placeholder("image", (None, *known, channels))], [], "image"
    parts.append(g.placeholder("skip", (1, 17, 19, 4)))
    for step in range(rng.randint(1, 4)):
        name = "net/up{}".format(step)
        if rng.random() < 0.5:
            parts.append(
                g.node(name + "/relu", rng.choice(("Relu", "Identity", "BiasAdd")), [image])
            )
            image = name + "/relu"
        mode = rng.choice(sorted(OPERATORS))
        corners, half = rng.choice(((False, False), (True, False), (False, True)))
        more, size, factor = drawn_size(rng, name, image, known)
        parts += more
        parts.append(g.resize(name, OPERATORS[mode], image, name + "/size", corners, half))
        calls.append(
            ("tensorflow2" if half else "tensorflow1", mode, corners)
            + (None if None in known else known, size, factor, channels, name)
        )
        image, known = name, size or (None, None)
    return parts, calls


def drawn_size(rng, name, image, known):
    """Nodes that make `<name>/size`; the size, or the factor, that they come to."""
    kind, is_open = rng.choice(SIZES), None in known
    size, factor = (rng.randint(1, 99), rng.randint(1, 99)), (rng.randint(1, 5), rng.randint(1, 5))
    at = name + "/size"
    if kind == "constant":
        return [g.numbers(at, size)], size, None
    if kind == "product":
        parts = [g.numbers(name + "/a", size), g.numbers(name + "/b", factor)]
        made = (size[0] * factor[0], size[1] * factor[1])
        return [*parts, g.node(at, "Mul", [name + "/a", name + "/b"])], made, None
    if kind == "pack":
        parts = [g.numbers(name + "/" + key, [n], ()) for key, n in zip("hw", size)]
        return [*parts, g.node(at, "Pack", [name + "/h", name + "/w"])], size, None
    if kind == "other":
        parts = [g.node(name + "/shape", "Shape", ["skip"])]
        return [*parts, *g.slice_of(at, name + "/shape", 1, 3)], (17, 19), None
    shape = g.node(name + "/shape", "Shape", [image])
    made = None if is_open else (known[0] * factor[0], known[1] * factor[1])
    result = made, tuple(map(float, factor)) if is_open else None
    times = g.numbers(name + "/times", factor)
    if kind == "factor":
        sides = g.slice_of(name + "/sides", name + "/shape", 1, 3)
        product = g.node(at, "Mul", [name + "/sides", name + "/times"])
        return ([shape, *sides, times, product], *result)
    if kind == "split":
        parts = [shape]
        for axis, key in ((1, "h"), (2, "w")):
            part = name + "/" + key
            parts += g.slice_of(part, name + "/shape", axis, axis + 1, shrink=True)
            parts.append(g.numbers(part + "/times", [factor[axis - 1]], ()))
            parts.append(g.node(part + "/product", "Mul", [part + "/times", part]))
        return ([*parts, g.node(at, "Pack", [name + "/h/product", name + "/w/product"])], *result)
    to_float = g.attribute("DstT", g.count(6, g.FLOAT))
    to_int = g.attribute("DstT", g.count(6, g.INT32))
    sides = g.slice_of(name + "/sides", name + "/shape", 1, 3)
    cast = g.node(name + "/cast", "Cast", [name + "/sides"], to_float)
    times = g.numbers(name + "/times", factor, kind=g.FLOAT)
    product = g.node(name + "/product", "Mul", [name + "/cast", name + "/times"])
    parts = [shape, *sides, cast, times, product, g.node(at, "Cast", [name + "/product"], to_int)]
    return (parts, *result)


def test_numbers_that_repeat_are_written_once(tmp_path):
    value = [g.count(1, g.INT32), g.text(2, g.sides((2,))), g.count(7, 9)]
    size = g.node("size", "Const", (), g.attribute("value", g.text(8, value)))
    (intent,), _ = load(g.graph(IMAGE, size, UP[1]), tmp_path)
    assert intent.size == (9, 9)


@pytest.mark.parametrize(
    ("operator", "more", "before"),
    [
        ("Conv2D", {"strides": [1, 2, 2, 1], "padding": "SAME"}, (11, 17)),
        ("Conv2D", {"strides": [1, 2, 3, 1], "padding": "VALID"}, (10, 11)),
        ("MaxPool", {"ksize": [1, 2, 3, 1], "strides": [1, 2, 3, 1], "padding": "VALID"}, (10, 11)),
        ("AvgPool", {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "SAME"}, (11, 17)),
        ("DepthwiseConv2dNative", {"strides": [1, 1, 1, 1], "padding": "VALID"}, (20, 32)),
        ("Conv2D", {"strides": [1, 1, 1, 1], "padding": "SAME", "data_format": "NCHW"}, None),
        ("DepthToSpace", {}, None),
    ],
)
def test_sizes_behind_other_operators(operator, more, before, tmp_path):
    """21×33 before; a kernel of 2×2."""
    kernel = g.numbers("kernel", [0.0] * 4, (2, 2, 1, 1), g.FLOAT)
    attributes = [
        g.attribute(name, g.text(2, value))
        if isinstance(value, str)
        else g.attribute(name, g.text(1, [g.count(3, n) for n in value]))
        for name, value in more.items()
    ]
    layer = g.node("layer", operator, ["image", "kernel"], *attributes)
    up = g.resize("up", "ResizeBilinear", "layer", "size")
    image = g.placeholder("image", (1, 21, 33, 1))
    (intent,), notices = load(g.graph(image, kernel, layer, UP[0], up), tmp_path)
    assert intent.input_size == before
    assert bool(notices) == (before is None)


def test_shapes_that_the_graph_keeps(tmp_path):
    shapes = g.attribute("_output_shapes", g.text(1, [g.text(7, g.sides((1, 6, 7, 8)))]))
    layer = g.node("layer", "Unknown", ["image"], shapes)
    up = g.resize("up", "ResizeBilinear", "layer", "size")
    (intent,), notices = load(g.graph(IMAGE, layer, UP[0], up), tmp_path)
    assert (intent.input_size, intent.channels, notices) == ((6, 7), 8, [])


def scaled(scale, translation=(0.0, 0.0), kernel="triangle", antialias=True):
    """`tf.image.resize(image, [8, 15], antialias=True)`, as it writes it."""
    flags = g.attribute("kernel_type", g.text(2, kernel)), g.flag("antialias", antialias)
    return g.graph(
        IMAGE,
        UP[0],
        g.numbers("scale", scale, kind=g.FLOAT),
        g.numbers("zeros", translation, kind=g.FLOAT),
        g.node("up", "ScaleAndTranslate", ["image", "size", "scale", "zeros"], *flags),
    )


def test_scale_and_translate_of_a_whole_image(tmp_path):
    """An intent, or left out with the reason that a manifest gives, until it knows antialias."""
    intents, (*notices,) = load(scaled((2.0, 3.0)), tmp_path)
    assert all("antialias" in text for text in notices)
    assert len(intents) + len(notices) == 1
    for intent in intents:
        assert (intent.framework, intent.mode, intent.antialias) == (
            "tensorflow2",
            "bilinear",
            True,
        )
        assert (intent.input_size, intent.size) == ((4, 5), (8, 15))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (scaled((2.0, 3.1)), "that of a whole image"),
        (scaled((2.0, 3.0), (0.0, 1.0)), "that of a whole image"),
        (scaled((2.0, 3.0), kernel="lanczos5"), "`lanczos5`"),
        (scaled((2.0, 3.0), kernel="gaussian"), "`gaussian`"),
        (scaled((2.0, 3.0), antialias=False), "has no antialias"),
    ],
)
def test_scale_and_translate_otherwise(data, why, tmp_path):
    intents, (notice,) = load(data, tmp_path)
    assert intents == []
    assert why in notice


def test_functions_are_read_where_they_are_called(tmp_path):
    inner = [g.resize("in/up", "ResizeNearestNeighbor", "x", "n", corners=True)]
    function = g.function("half", ["x", "n"], {"y": "in/up:resized_images:0"}, inner)
    call = g.node("call", "StatefulPartitionedCall", ["image", "size"], g.calls("half"))
    last = g.resize("last", "ResizeBilinear", "call", "size")
    intents, notices = load(g.graph(IMAGE, UP[0], last, call, g.library(function)), tmp_path)
    assert [intent.name for intent in intents] == ["call/in/up", "last"]
    assert [intent.input_size for intent in intents] == [(4, 5), (8, 15)]
    assert [intent.size for intent in intents] == [(8, 15), (8, 15)]
    assert notices == []


def test_branches_in_order_and_functions_without_a_call(tmp_path):
    def one(name):
        resize = g.resize(name, "ResizeBilinear", "x", "size")
        return g.function(name, ["x"], {}, [g.numbers("size", [8, 15]), resize])

    parts = g.calls("no", "else_branch"), g.calls("yes", "then_branch")
    branch = g.node("if", "StatelessIf", ["flag", "image"], *parts)
    loop = g.node("while", "While", ["image"], g.calls("round", "body"), g.calls("go", "cond"))
    names = ("no", "yes", "round", "go", "never")
    flag = g.placeholder("flag", ())
    functions = g.library(*map(one, names))
    intents, notices = load(g.graph(IMAGE, flag, branch, loop, functions), tmp_path)
    assert [i.name for i in intents] == ["if/yes", "if/no", "while/go", "while/round"]
    # What a loop begins with is not what it goes on with.
    assert [i.input_size for i in intents] == [(4, 5), (4, 5), None, None]
    left_out = "1 resize node (`never`) left out: in a function that the graph does not call"
    assert notices[-1] == left_out


@pytest.mark.parametrize("operator", ["FusedResizeAndPadConv2D", "CropAndResize"])
def test_other_operators_that_resize_are_named(operator, tmp_path):
    intents, (notice,) = load(
        g.graph(IMAGE, UP[0], g.node("it", operator, ["image", "size"])), tmp_path
    )
    assert intents == []
    assert notice == "1 resize node (`it`) left out: the operator `{}` is not read".format(operator)


def test_saved_models_and_meta_graphs(tmp_path):
    """What they hold beside the graph is not read; of two graphs the first counts."""
    held = g.text(2, [IMAGE, *UP])
    meta = [g.text(1, [g.text(4, "serve"), g.text(5, "2.12.0")]), held, g.text(5, [])]
    other = [g.text(2, [IMAGE])]
    (intent,), _ = load(g.graph(meta), tmp_path)
    assert intent.name == "up"
    (intent,), _ = load(g.graph(g.count(1, 1), g.text(2, meta), g.text(2, other)), tmp_path)
    assert intent.name == "up"


def test_quantized_and_gradients(tmp_path):
    quantized = g.resize("q", "QuantizedResizeBilinear", "image", "size")
    gradient = g.node("grad", "ResizeBilinearGrad", ["image", "image"])
    (intent,), (notice,) = load(g.graph(IMAGE, UP[0], quantized, gradient), tmp_path)
    assert intent.name == "q"
    assert "rounds is not compared" in notice


def test_messages_are_those_of_tensorflow():
    tensorflow = pytest.importorskip(
        "tensorflow.core.protobuf.saved_model_pb2", reason="TensorFlow: pip install tensorflow"
    )
    from google.protobuf import descriptor_pb2

    kinds = {"bytes": (9, 12), "int64": (3,), "int32": (5, 14), "bool": (8,), "float": (2,)}
    own = {"Attr": "NodeDef.AttrEntry", "ListValue": "AttrValue.ListValue"}
    own.update({"Dim": "TensorShapeProto.Dim", "Ret": "FunctionDef.RetEntry"})
    own["ArgDef"] = "OpDef.ArgDef"
    for name, fields in graph_schema.MESSAGES.items():
        message = descriptor_pb2.DescriptorProto()
        full = "tensorflow." + own.get(name, name)
        tensorflow.DESCRIPTOR.pool.FindMessageTypeByName(full).CopyToProto(message)
        official = {field.number: field for field in message.field}
        for field, (number, kind) in fields.items():
            assert official[number].name == field
            is_list = official[number].label == official[number].LABEL_REPEATED
            assert is_list == (kind[0] == "*")
            of = kind.lstrip("*")
            if of in graph_schema.MESSAGES:
                assert official[number].type_name == ".tensorflow." + own.get(of, of)
            else:
                assert official[number].type in kinds[of]
