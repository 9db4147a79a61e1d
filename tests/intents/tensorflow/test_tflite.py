"""TFLite files written by hand: what each part of them means, and 200 drawn ones."""

import random

import pytest

from coreml_resize_fix.intents.tflite import reader
from coreml_resize_fix.intents.tflite import schema as read_schema
from tests.intents.tensorflow import flat

MODES = ("bilinear", "nearest")


def inner_resize(model, name):
    """What another subgraph makes of its tensor 0, as its tensor 2."""
    image, size = model.tensor("", (1, 4, 4, 3)), model.numbers(8, 8)
    model.resize("nearest", image, size, model.tensor(name))


def load(model, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(model if isinstance(model, bytes) else model.written())
    return reader.load(str(path))


def one_resize(**options):
    model = flat.Model()
    image = model.tensor("in", (1, 4, 5, 3))
    size, output = model.numbers(8, 15), model.tensor("up", (1, 8, 15, 3))
    model.resize(options.pop("mode", "bilinear"), image, size, output, **options)
    model.outputs(output)
    return model


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("half", [False, True])
def test_flags(mode, corners, half, tmp_path):
    intents, notices = load(one_resize(mode=mode, corners=corners, half=half), tmp_path)
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
    "seed", [pytest.param(k, marks=[pytest.mark.slow] * (k > 0)) for k in range(4)]
)
def test_drawn_networks(seed, tmp_path):
    rng = random.Random(seed)
    for _ in range(50):
        model, calls, notices = drawn(rng)
        found = load(model, tmp_path)
        seen = [
            (
                i.framework,
                i.mode,
                i.align_corners,
                i.input_size,
                i.size,
                i.scale_factor,
                i.output_size,
            )
            + (i.channels, i.name, i.used)
            for i in found.intents
        ]
        assert seen == calls
        assert sorted(notices) == sorted(
            next(word for word in ("quantized", "not known") if word in text)
            for text in found.notices
        )


def drawn(rng):
    """A chain of resizes; the calls in it, and what notices are about."""
    model, calls, about = flat.Model(), [], set()
    kind = rng.choice((flat.FLOAT32, flat.FLOAT32, flat.INT8))
    channels, is_open = rng.randint(1, 70), rng.random() < 0.3
    shape = [1, rng.randint(1, 40), rng.randint(1, 40), channels]
    known = (None, None) if is_open else tuple(shape[1:3])
    open_shape = [1, -1, -1, channels] if is_open else None
    image = model.tensor("in", shape, kind, signature=open_shape)
    dead_at = rng.randrange(6)
    for step in range(rng.randint(1, 4)):
        mode, name = rng.choice(MODES), "net/up{}/resize/Resize".format(step)
        corners, half = rng.choice(((False, False), (True, False), (False, True)))
        by_factor = is_open and rng.random() < 0.7
        if by_factor:
            factor = (rng.randint(1, 5), rng.randint(1, 5))
            size, made = computed(model, image, factor), [1, 1, 1, channels]
        else:
            factor, made = None, [1, rng.randint(1, 99), rng.randint(1, 99), channels]
            size = model.numbers(*made[1:3])
        output = model.tensor(name, made, kind, signature=open_shape if by_factor else None)
        model.resize(mode, image, size, output, corners, half)
        is_known = None not in known
        about |= {"quantized"} if kind == flat.INT8 else set()
        about |= set() if is_known else {"not known"}
        made_size = None if by_factor else tuple(made[1:3])
        calls.append(
            ("tensorflow2" if half else "tensorflow1", mode, corners, known if is_known else None)
            + (made_size, tuple(map(float, factor)) if factor else None, made_size)
            + (channels, name, None)
        )
        if step == dead_at:  # what nothing reads
            calls[-1] = calls[-1][:-1] + (False,)
            continue
        image, known = output, (None, None) if by_factor else made_size
        is_open = by_factor
        open_shape = [1, -1, -1, channels]
    model.outputs(image)
    return model, calls, about


def computed(model, image, factor):
    """`tf.shape(image)[1:3] * factor`, as the converter writes it."""
    shape, sides = model.tensor("", (4,), flat.INT32), model.tensor("", (2,), flat.INT32)
    product = model.tensor("", (2,), flat.INT32)
    model.node("Shape", [image], [shape])
    bounds = [model.numbers(n) for n in (1, 3, 1)]
    model.node("StridedSlice", [shape, *bounds], [sides], {0: ("i", 0)}, 32)
    model.node("Mul", [sides, model.numbers(*factor)], [product])
    return product


def test_without_options_neither_flag_is_set(tmp_path):
    model = one_resize(half=True)
    del model.nodes[0][3], model.nodes[0][4]
    (intent,), notices = load(model, tmp_path)
    assert (intent.framework, intent.align_corners, notices) == ("tensorflow1", False, [])


def test_options_of_another_operator_are_none(tmp_path):
    model = one_resize(half=True)
    model.nodes[0][3] = ("B", 74)
    (intent,), _ = load(model, tmp_path)
    assert intent.framework == "tensorflow1"


def test_numbers_of_operators_in_their_first_field_alone(tmp_path):
    """As written before 2020."""
    model = one_resize(mode="nearest", corners=True)
    del model.codes[0][3]
    (intent,), _ = load(model, tmp_path)
    assert (intent.mode, intent.align_corners) == ("nearest", True)


def test_the_name_of_a_fused_node_is_that_of_its_resize(tmp_path):
    model = one_resize()
    model.tensors[2][3] = ("S", "net/relu;net/up/resize/ResizeBilinear;net/bias")
    (intent,), _ = load(model, tmp_path)
    assert intent.name == "net/up/resize/ResizeBilinear"


def test_branches_and_loops_are_read_where_they_run(tmp_path):
    model = one_resize()
    head = model.tensor("head", (1, 8, 15, 3))
    model.node("If", [0, 2], [head], {0: ("i", 2), 1: ("i", 1)}, 92)
    model.node("While", [head], [head], {0: ("i", 3), 1: ("i", 4)}, 93)
    model.resize("bilinear", head, 1, model.tensor("last", (1, 8, 15, 3)), half=True)
    model.outputs(model.nodes[-1][2][1][0])
    for name in ("else", "then", "condition", "body"):
        model.begin()
        image = model.tensor("", (1, 8, 15, 3))
        model.resize("nearest", image, model.numbers(16, 30), model.tensor(name, (1, 16, 30, 3)))
        model.outputs(2)
    intents, notices = load(model, tmp_path)
    names = ["up", "then", "else", "condition", "body", "last"]
    assert [intent.name for intent in intents] == names
    assert notices == []


def test_subgraphs_that_are_not_called_are_named(tmp_path):
    model = one_resize()
    model.begin()
    model.resize(
        "nearest", model.tensor("", (1, 2, 2, 1)), model.numbers(4, 4), model.tensor("other")
    )
    intents, notices = load(model, tmp_path)
    assert [intent.name for intent in intents] == ["up"]
    assert notices == [
        "1 resize node (`other`) left out: in a subgraph that the first one does not call"
    ]


def test_calls_in_dead_calls_are_not_used(tmp_path):
    model = one_resize()
    model.node("Call", [0], [model.tensor("nothing")], {0: ("I", 1)}, 16)
    model.outputs(2)
    model.begin()
    model.resize(
        "nearest", model.tensor("", (1, 2, 2, 1)), model.numbers(4, 4), model.tensor("in it")
    )
    model.outputs(2)
    intents, _ = load(model, tmp_path)
    assert [(intent.name, intent.used) for intent in intents] == [("up", None), ("in it", False)]


@pytest.mark.parametrize(
    ("kind", "custom", "named"),
    [
        ("Custom", "FlexResizeBicubic", "custom FlexResizeBicubic"),
        ("Custom", "ResizeBilinear", "custom ResizeBilinear"),
        ("Custom", "MyUpsample", "custom MyUpsample"),
        ("Composite", "odml.upsample_bilinear", "composite odml.upsample_bilinear"),
        ("Custom", "FlexConv3D", None),
        ("TransposeConv", "", None),
    ],
)
def test_other_operators_that_resize_are_named(kind, custom, named, tmp_path):
    model = flat.Model()
    image, output = model.tensor("in", (1, 4, 4, 3)), model.tensor("out", (1, 8, 8, 3))
    second = {0: ("S", custom), 1: ("i", 1)} if kind == "Composite" else None
    size = model.numbers(8, 8)
    model.node(kind, [image, size], [output], custom=custom, second=second)
    if kind == "Composite":
        model.begin()
        model.node("Relu", [model.tensor()], [model.tensor()])
    intents, notices = load(model, tmp_path)
    assert intents == []
    what = "1 resize node (`out`) left out: the operator `{}` is not read".format(named)
    assert notices == ([what] if named else [])


def test_a_composite_is_what_it_is_made_of(tmp_path):
    model = flat.Model()
    image, output = model.tensor("in", (1, 4, 4, 3)), model.tensor("out", (1, 8, 8, 3))
    second = {0: ("S", "odml.upsample_bilinear"), 1: ("i", 1)}
    model.node("Composite", [image], [output], second=second)
    model.begin()
    model.resize(
        "bilinear", model.tensor("", (1, 4, 4, 3)), model.numbers(8, 8), model.tensor("up")
    )
    (intent,), notices = load(model, tmp_path)
    assert (intent.name, intent.size, notices) == ("up", (8, 8), [])


def test_slots_are_those_of_the_schema():
    schema = pytest.importorskip("tflite", reason="the schema of TFLite: pip install tflite")
    import inspect
    import re

    def slots(name):
        source = inspect.getsource(getattr(schema, name))
        found = re.findall(r"def (\w+)\(self(?:, j)?\):\n\s+o = .*?Offset\((\d+)\)", source)
        return {field.lower(): (int(place) - 4) // 2 for field, place in found}

    tables = {"MODEL": "Model", "OPERATOR_CODE": "OperatorCode", "SUBGRAPH": "SubGraph"}
    tables.update({"TENSOR": "Tensor", "OPERATOR": "Operator", "BUFFER": "Buffer"})
    for own, official in tables.items():
        for field, slot in getattr(read_schema, own).items():
            assert slots(official)[field.replace("_", "")] == slot
    for number, (name, options) in read_schema.OPERATORS.items():
        (official,) = (k for k, n in vars(schema.BuiltinOperator).items() if n == number)
        words = official.replace("STABLEHLO_", "").replace("_", "").lower()
        words = words.replace("concatenation", "concatv2").replace("gather", "gatherv2")
        assert words.replace("div", "realdiv").replace("floorreal", "floor") == name.lower()
        if options is None:
            continue
        union = (
            schema.BuiltinOptions if options.field == "builtin_options" else schema.BuiltinOptions2
        )
        (kind,) = (k for k, n in vars(union).items() if n == options.kind)
        known = slots(kind)
        for flag, (slot, _) in options.slots.items():
            (place,) = {n for f, n in known.items() if f.startswith(flag.replace("_", ""))}
            assert place == slot
