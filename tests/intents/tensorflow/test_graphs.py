"""Frozen graphs written by hand: what each part of them means."""

import pytest

from coreml_resize_fix.intents.frozen_graph import schema
from tests.intents.tensorflow import graphs as g
from tests.intents.tensorflow.graphs import IMAGE, OPERATORS, UP, load


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


@pytest.mark.parametrize(
    ("operator", "mode"), [("ResizeBicubic", "bicubic"), ("ResizeArea", "area")]
)
@pytest.mark.parametrize("corners", [False, True])
def test_other_modes(operator, mode, corners, tmp_path):
    resize = g.resize("up", operator, "image", "size", corners)
    (intent,), notices = load(g.graph(IMAGE, g.numbers("size", [8, 15]), resize), tmp_path)
    assert (intent.framework, intent.mode) == ("tensorflow1", mode)
    assert (intent.align_corners, notices) == (corners, [])


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


@pytest.mark.parametrize(("kernel", "mode"), [("triangle", "bilinear"), ("keyscubic", "bicubic")])
def test_scale_and_translate_of_a_whole_image(kernel, mode, tmp_path):
    (intent,), notices = load(scaled((2.0, 3.0), kernel=kernel), tmp_path)
    assert (intent.framework, intent.mode, intent.antialias) == ("tensorflow2", mode, True)
    assert (intent.input_size, intent.size, notices) == ((4, 5), (8, 15), [])


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


def test_one_name_in_both_branches(tmp_path):
    """What a node is in `then` says nothing of the node of that name in `else`."""

    def one(name, operator):
        nodes = [g.numbers("size", [8, 15]), g.node("n", operator, ["x"])]
        return g.function(
            name, ["x"], {}, [*nodes, g.resize("up", "ResizeBilinear", "n:o:0", "size")]
        )

    parts = g.calls("yes", "then_branch"), g.calls("no", "else_branch")
    branch = g.node("if", "If", ["flag", "image"], *parts)
    functions = g.library(one("yes", "Identity"), one("no", "DepthToSpace"))
    flag = g.placeholder("flag", ())
    intents, _ = load(g.graph(IMAGE, flag, branch, functions), tmp_path)
    assert [intent.input_size for intent in intents] == [(4, 5), None]


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
    for name, fields in schema.MESSAGES.items():
        message = descriptor_pb2.DescriptorProto()
        full = "tensorflow." + own.get(name, name)
        tensorflow.DESCRIPTOR.pool.FindMessageTypeByName(full).CopyToProto(message)
        official = {field.number: field for field in message.field}
        for field, (number, kind) in fields.items():
            assert official[number].name == field
            is_list = official[number].label == official[number].LABEL_REPEATED
            assert is_list == (kind[0] == "*")
            of = kind.lstrip("*")
            if of in schema.MESSAGES:
                assert official[number].type_name == ".tensorflow." + own.get(of, of)
            else:
                assert official[number].type in kinds[of]
