"""No message raises: every outcome is a shape, an unknown with a reason, or a conflict."""

import os

import pytest

from coreml_resize_fix.formats.neuralnetwork import sizes
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.shapes import Known, Unknown
from tests.support.cases import FIXTURES

hypothesis = pytest.importorskip("hypothesis", reason="needs hypothesis: pip install hypothesis")
st = hypothesis.strategies

CORPUS = os.path.join(FIXTURES, "corpus")
KINDS = sorted(f.name for f in schema.layer_class().DESCRIPTOR.oneofs_by_name["layer"].fields)
# protobuf's names for field types, by number
FLOATS, SIGNED, UNSIGNED, BOOL, TEXT, MESSAGE, BYTES, ENUM = (
    (1, 2),
    (3, 5),
    (4, 13),
    8,
    9,
    11,
    12,
    14,
)
SMALL = [0, 1, 2, 3, 4, 5, 7, 100]
LIMITS = {3: 2**63 - 1, 5: 2**31 - 1, 4: 2**64 - 1, 13: 2**32 - 1}
NAMES = ["x", "v", "a", "b", "c", ""]


def check(model, **options):
    """What must hold of any answer."""
    found = sizes.infer(model, **options)
    for layer in found.layers.values():
        for shape in layer.inputs + layer.outputs:
            if isinstance(shape, Unknown):
                assert shape.reason
                assert shape.dims is None or None in shape.dims
            elif isinstance(shape, Known):
                assert all(isinstance(size, int) and size >= 0 for size in shape.dims)
            else:
                assert all(high is None or low <= high for low, high in shape.dims)
    for conflict in found.conflicts:
        assert conflict.message.startswith("`")
    if model.WhichOneof("Type") == "neuralNetwork":
        assert set(found.outputs) == {output.name for output in model.description.output}
    return found


def is_repeated(field):
    repeated = getattr(field, "is_repeated", None)
    return field.label == 3 if repeated is None else repeated


def value_of(draw, field):
    if field.type in FLOATS:
        return draw(st.sampled_from([0.0, 1.0, 2.5, -1.0, 1e38, float("inf"), float("nan")]))
    if field.type in SIGNED:
        return draw(st.sampled_from(SMALL + [-1, -2, -9, LIMITS[field.type], -LIMITS[field.type]]))
    if field.type in UNSIGNED:
        return draw(st.sampled_from(SMALL + [LIMITS[field.type]]))
    if field.type == BOOL:
        return draw(st.booleans())
    if field.type == ENUM:
        return draw(st.sampled_from([0, 1, 2, 3, 99]))
    return b"" if field.type == BYTES else draw(st.sampled_from(NAMES))


def fill(draw, message, depth=0):
    for field in message.DESCRIPTOR.fields:
        if "eight" in field.name or draw(st.integers(0, 3)) == 0:
            continue
        if field.type == MESSAGE:
            if depth > 4:
                continue
            if field.message_type.GetOptions().map_entry:
                continue
            if field.message_type.name == "NeuralNetwork":
                network(draw, getattr(message, field.name), depth + 1)
            elif is_repeated(field):
                for _ in range(draw(st.integers(0, 3))):
                    fill(draw, getattr(message, field.name).add(), depth + 1)
            else:
                getattr(message, field.name).SetInParent()
                fill(draw, getattr(message, field.name), depth + 1)
        elif is_repeated(field):
            count = draw(st.sampled_from([0, 1, 2, 2, 3, 4, 4, 5, 8, 10]))
            getattr(message, field.name).extend(value_of(draw, field) for _ in range(count))
        else:
            setattr(message, field.name, value_of(draw, field))


def network(draw, message, depth=0):
    for _ in range(draw(st.integers(0, 6 if depth == 0 else 2))):
        layer = message.layers.add(name=draw(st.sampled_from(NAMES)))
        layer.input.extend(draw(st.lists(st.sampled_from(NAMES), max_size=4)))
        layer.output.extend(draw(st.lists(st.sampled_from(NAMES), max_size=3)))
        params = getattr(layer, draw(st.sampled_from(KINDS)))
        params.SetInParent()
        fill(draw, params, depth)


@st.composite
def models(draw):
    model = schema.model_class()()
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=3)):
        feature = model.description.input.add(name=name)
        if draw(st.integers(0, 4)):
            dims = draw(st.sampled_from([[4], [4, 6, 8], [1, 4, 6, 8], [1, 1, 4, 6, 8], [2, 0, 3]]))
            feature.type.multiArrayType.shape.extend(dims)
        if draw(st.integers(0, 2)) == 0:
            fill(draw, feature.type)
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=2)):
        model.description.output.add(name=name)
    net = model.neuralNetwork
    net.SetInParent()
    net.arrayInputShapeMapping = draw(st.sampled_from([0, 1, 1, 7]))
    net.imageInputShapeMapping = draw(st.sampled_from([0, 1, 7]))
    network(draw, net)
    return model


ANY = hypothesis.settings(max_examples=200)


@pytest.mark.slow
@ANY
@hypothesis.given(models(), st.sampled_from([None, (3, 4), (None, None), (0, 5)]))
def test_no_message_raises(model, size):
    options = {} if size is None else {"overrides": {"layers[0]": size}}
    found = check(model, **options)
    # No rule stumbles: each says itself what it cannot work with.
    for layer in found.layers.values():
        for shape in layer.outputs:
            assert "make no sense" not in getattr(shape, "reason", "")


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dims", [(), (4,), (2, 4), (1, 1, 4, 6, 8), (1, 4, 6, 8), (2, 3, 0, 5)])
def test_each_kind_without_parameters(kind, dims):
    for inputs in range(6):
        model = schema.model_class()()
        model.description.input.add(name="x").type.multiArrayType.shape.extend(dims)
        model.neuralNetwork.arrayInputShapeMapping = 1
        layer = model.neuralNetwork.layers.add(name="l", input=["x"] * inputs, output=["y", "z"])
        getattr(layer, kind).SetInParent()
        found = check(model)
        for shape in found.layers["layers[0]"].outputs:
            assert "make no sense" not in getattr(shape, "reason", "")


@pytest.mark.slow
@ANY
@hypothesis.given(st.data())
def test_damaged_real_models(data):
    case = data.draw(st.sampled_from(["blog_par_TF", "ct9_nn_lin1d", "ct9_nn_exportdyn_mulx"]))
    with open(os.path.join(CORPUS, case, "model.mlmodel"), "rb") as file:
        content = bytearray(file.read())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    model = schema.model_class()()
    try:
        model.ParseFromString(bytes(content))
    except Exception:  # the parser's own refusal
        hypothesis.reject()
    check(model)


@pytest.mark.parametrize("depth", [31, 32, 33, 60])
@pytest.mark.parametrize(("kind", "body"), [("branch", "ifBranch"), ("loop", "bodyNetwork")])
def test_deep_nesting(new_net, depth, kind, body):
    net = new_net().array("x", 1, 4, 10, 12).output("x")
    where = net.network
    for _ in range(depth):
        where = getattr(getattr(net.layer(kind + " {}", "x", "", network=where), kind), body)
    net.layer("upsample { scalingFactor: 2 scalingFactor: 2 }", "x", "x", network=where)
    found = check(net.model)  # 2^60 walks if each level took two
    assert isinstance(found.outputs["x"], Unknown)
    if depth > 32:
        assert "nests more than 32 bodies" in found.outputs["x"].reason


def test_sizes_do_not_explode(new_net):
    net = new_net().array("b0", 1, 4, 10, 12).output("b3000")
    for index in range(3000):
        text = "upsample { scalingFactor: 18446744073709551615 scalingFactor: 3 }"
        net.layer(text, f"b{index}", f"b{index + 1}")
    assert isinstance(check(net.model).outputs["b3000"], Unknown)


def test_ranks_do_not_explode(new_net):
    net = new_net().array("b0", 1, 4).output("b3000")
    for index in range(3000):
        net.layer("expandDims { axes: 0 axes: 1 }", f"b{index}", f"b{index + 1}")
    found = check(net.model)
    assert found.conflicts[0].message == "`expandDims` gives a blob of rank 18"


def test_a_split_into_more_parts_than_memory(new_net):
    net = new_net().array("x", 8, 2)
    net.layer("splitND { axis: 0 numSplits: 18446744073709551615 }", "x", "a b")
    assert [item.message for item in check(net.model).conflicts] == [
        "`splitND` cannot divide 8 by 18446744073709551615"
    ]
