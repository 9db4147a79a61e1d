"""Sizes and factors that nodes compute: what is folded, and what is rightly not known."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from coreml_resize_fix.intents.onnx import file, reader
from coreml_resize_fix.intents.onnx.fold import fold, tensor_value
from tests.intents.onnx import build

node = helper.make_node
f32, i64 = np.float32, np.int64


def value_of(array):
    return tensor_value(numpy_helper.from_array(np.asarray(array)))


def folded(operator, *arrays, **attributes):
    names = ["in{}".format(k) for k in range(len(arrays))]
    known = [(name, value_of(array)) for name, array in zip(names, arrays) if array is not None]
    values = {name: value for name, value in known if value is not None}
    inputs = [name if array is not None else "" for name, array in zip(names, arrays)]
    return fold(node(operator, inputs, ["out"], **attributes), values, {})


CASES = [
    ("Gather", [np.array([4, 5, 6]), np.array(1)], {}, 5),
    ("Gather", [np.array([4, 5, 6]), np.array([-1, 0])], {"axis": 0}, [6, 4]),
    ("Slice", [np.array([4, 5, 6])], {"starts": [1], "ends": [9], "axes": [0]}, [5, 6]),
    ("Slice", [np.array([4, 5, 6]), np.array([0]), np.array([2])], {}, [4, 5]),
    (
        "Slice",
        [np.array([4, 5, 6]), np.array([2]), np.array([-9]), np.array([0]), np.array([-1])],
        {},
        [6, 5, 4],
    ),
    ("Concat", [np.array([1, 2]), np.array([3])], {"axis": 0}, [1, 2, 3]),
    ("Unsqueeze", [np.array(7)], {"axes": [0]}, [7]),
    ("Unsqueeze", [np.array(7), np.array([0])], {}, [7]),
    ("Unsqueeze", [np.array([7, 8]), np.array([2, 0])], {}, [[[7], [8]]]),
    ("Squeeze", [np.array([7])], {"axes": [0]}, 7),
    ("Squeeze", [np.array([7]), np.array([0])], {}, 7),
    ("Squeeze", [np.array([[7]])], {}, 7),
    ("Reshape", [np.array(7), np.array([-1])], {}, [7]),
    ("Identity", [np.array([7])], {}, [7]),
    ("Add", [np.array([1, 2]), np.array(3)], {}, [4, 5]),
    ("Sub", [np.array([1, 2]), np.array(3)], {}, [-2, -1]),
    ("Mul", [np.array(3), np.array(4)], {}, 12),
    ("Min", [np.array(3), np.array(4)], {}, 3),
    ("Max", [np.array(3), np.array(4)], {}, 4),
    ("Div", [np.array([7, -7, 6]), np.array(2)], {}, [3, -3, 3]),
    ("Div", [np.array([7, 5], f32), np.array([2, 4], f32)], {}, [3.5, 1.25]),
    ("Floor", [np.array(3.7, f32)], {}, 3),
    ("Ceil", [np.array(3.2, f32)], {}, 4),
    ("Cast", [np.array(3.7, f32)], {"to": TensorProto.INT64}, 3),
]


@pytest.mark.parametrize(("operator", "arrays", "attributes", "expected"), CASES, ids=str)
def test_operators(operator, arrays, attributes, expected):
    result = folded(operator, *arrays, **attributes)
    assert result.tolist() == np.asarray(expected).tolist()


def test_float32_rounds_as_at_run_time():
    """10 × float32(0.7) is 7 in float32 and 6.99999988 in double precision."""
    product = folded("Mul", np.array(10, f32), np.array(0.7, f32))
    assert isinstance(product.item(), f32)
    assert fold(node("Floor", ["p"], ["out"]), {"p": product}, {}).tolist() == 7


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"value": helper.make_tensor("v", TensorProto.INT64, [2], [3, 4])}, [3, 4]),
        ({"value_int": 3}, 3),
        ({"value_ints": [3, 4]}, [3, 4]),
        ({"value_float": 1.5}, 1.5),
        ({"value_floats": [1.5, 2.0]}, [1.5, 2.0]),
        ({"value_string": "text"}, None),
    ],
)
def test_constants(attributes, expected):
    result = fold(node("Constant", [], ["out"], **attributes), {}, {})
    assert (result if result is None else result.tolist()) == expected


def test_shape_keeps_what_is_not_known():
    shapes = {"x": (None, 3, 10, 12)}
    assert fold(node("Shape", ["x"], ["out"]), {}, shapes).tolist() == [None, 3, 10, 12]
    assert fold(node("Shape", ["x"], ["out"], start=2), {}, shapes).tolist() == [10, 12]
    assert fold(node("Shape", ["x"], ["out"], start=-2, end=3), {}, shapes).tolist() == [10]
    values = {"s": fold(node("Shape", ["x"], ["s"]), {}, shapes), "two": value_of(2)}
    doubled = fold(node("Mul", ["s", "two"], ["out"]), values, shapes)
    assert doubled.tolist() == [None, 6, 20, 24]


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize(
    ("operator", "arrays", "attributes"),
    [
        ("Div", [np.array(1), np.array(0)], {}),
        ("Gather", [np.array([1]), np.array(5)], {}),
        ("Concat", [np.array([1]), np.array(5)], {"axis": 0}),
        ("Reshape", [np.array([1, 2, 3]), np.array([2, 2])], {}),
        ("Squeeze", [np.array([1, 2])], {"axes": [0]}),
        ("Cast", [np.array(np.inf, f32)], {"to": TensorProto.INT64}),
        ("Cast", [np.array(1)], {"to": TensorProto.STRING}),
        ("Mul", [np.zeros((1000, 1)), np.zeros((1, 1000))], {}),
        ("Mul", [np.zeros(2000), np.array(1.0)], {}),
        ("Relu", [np.array(1.0)], {}),
        ("Gather", [], {}),
    ],
)
def test_what_cannot_be_folded_is_not_known(operator, arrays, attributes):
    result = folded(operator, *arrays, **attributes)
    assert result is None or result.tolist() is None


@pytest.mark.parametrize(
    "change",
    [
        {"dims": [3]},
        {"dims": [-1]},
        {"data_type": TensorProto.STRING},
        {"data_location": TensorProto.EXTERNAL},
        {"raw_data": b"123"},
    ],
    ids=str,
)
def test_bad_tensors_have_no_value(change):
    tensor = numpy_helper.from_array(np.array([1, 2]))
    assert tensor_value(tensor).tolist() == [1, 2]
    for field, value in change.items():
        if field == "dims":
            del tensor.dims[:]
            tensor.dims.extend(value)
        else:
            setattr(tensor, field, value)
    assert tensor_value(tensor) is None


def chain(batch):
    """Two resizes in a row: the second's size is computed from the shape of the first's result."""
    float_ = TensorProto.FLOAT
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "two"], ["h"], axis=0),
        node("Cast", ["h"], ["hf"], to=float_),
        node("Mul", ["hf", "factor"], ["hm"]),
        node("Floor", ["hm"], ["hfl"]),
        node("Cast", ["hfl"], ["hi"], to=TensorProto.INT64),
        node("Unsqueeze", ["hi", "zeros"], ["hu"]),
        node("Slice", ["s", "zeros", "twos"], ["nc"]),
        node("Concat", ["nc", "hu", "width"], ["size1"], axis=0),
        node("Resize", ["x", "", "", "size1"], ["y"], mode="linear"),
        node("Relu", ["y"], ["z"]),
        node("Shape", ["z"], ["zs"]),
        node("Slice", ["zs", "twos", "fours"], ["hw"]),
        node("Mul", ["hw", "two"], ["hw2"]),
        node("Concat", ["nc", "hw2"], ["size2"], axis=0),
        node("Resize", ["z", "", "", "size2"], ["out"], mode="linear"),
    ]
    numbers = {"two": 2, "zeros": [0], "twos": [2], "fours": [4], "width": [31]}
    constants = [numpy_helper.from_array(np.array(v, i64), name) for name, v in numbers.items()]
    constants.append(numpy_helper.from_array(np.array(1.7, f32), "factor"))
    return build.model(nodes, shape=(batch, 3, 10, 12), constants=constants)


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("batch", [1, "N"])
def test_chain_of_sizes(batch, tmp_path):
    intents, notices = build.load(chain(batch), tmp_path)
    assert notices == []
    found = [(i.input_size, i.size, i.output_size, i.channels) for i in intents]
    first, second = (17, 31), (34, 62)
    assert found == [((10, 12), first, first, 3), (first, second, second, 3)]


def test_weights_are_not_needed(tmp_path):
    """External weights: the file beside it does not exist, and is never asked for."""
    proto = build.resize(sizes=[1, 3, 20, 24], mode="linear")
    weight = proto.graph.initializer.add(name="w", data_type=1, dims=[3, 3, 3, 3])
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="missing.bin")
    convolution = node("Conv", ["x", "w"], ["c"], pads=[0, 0, 0, 0])
    proto.graph.node[0].input[0] = "c"
    proto.graph.node.insert(0, convolution)
    path = tmp_path / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    (intent,), _ = reader.load(str(path))
    assert (intent.input_size, intent.output_size) == ((8, 10), (20, 24))


def test_large_weights_are_dropped_before_shape_inference(tmp_path):
    proto = build.resize(sizes=[1, 3, 20, 24], mode="linear")
    weight = numpy_helper.from_array(np.zeros((2, 2048), f32), "w")
    proto.graph.initializer.extend([weight])
    proto.graph.node.extend([node("Constant", [], ["c"], value=weight)])
    path = tmp_path / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    assert file.read(str(path)).ByteSize() < 1000 < proto.ByteSize()


def test_size_at_run_time(tmp_path):
    """A size that the file does not say: the intent has its mode, and matching its order."""
    proto = build.resize(sizes=[1, 3, 20, 24], mode="linear")
    del proto.graph.initializer[:]
    proto.graph.input.extend([helper.make_tensor_value_info("sizes", TensorProto.INT64, [4])])
    intent = build.only(proto, tmp_path)
    assert intent.size is None
    assert intent.input_size == (10, 12)
    assert intent.target_size(None) is None


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize(
    ("coordinates", "count"), [("align_corners", 1), ("half_pixel", 0), ("asymmetric", 0)]
)
def test_factor_at_run_time(coordinates, count, tmp_path):
    """Only align_corners samples the same grid for every factor of one size."""
    proto = build.resize(
        scales=[1.0, 1.0, 2.0, 2.0], mode="linear", coordinate_transformation_mode=coordinates
    )
    del proto.graph.initializer[:]
    proto.graph.input.extend([helper.make_tensor_value_info("scales", TensorProto.FLOAT, [4])])
    intents, notices = build.load(proto, tmp_path)
    assert len(intents) == count
    assert len(notices) == 1 - count
    assert count or "at run time" in notices[0]


def test_unknown_input_size(tmp_path):
    proto = build.resize(scales=[1.0, 1.0, 2.0, 2.0], mode="linear", shape=(1, 3, "h", "w"))
    (intent,), notices = build.load(proto, tmp_path)
    assert (intent.scale_factor, intent.input_size, intent.channels) == ((2.0, 2.0), None, 3)
    assert intent.target_size((7, 9)) == (14, 18)
    assert "size is not known" in notices[0]


def test_bodies_of_if(tmp_path):
    """The resizes of both branches, in the order of the file, with what is around them."""

    def branch(height):
        name = "sizes{}".format(height)
        body = [node("Resize", ["x", "", "", name], ["b"], mode="linear")]
        result = helper.make_tensor_value_info("b", TensorProto.FLOAT, None)
        sizes = build.constant(name, [1, 3, height, 24])
        return helper.make_graph(body, "branch", [], [result], initializer=[sizes])

    condition = helper.make_tensor("c", TensorProto.BOOL, [], [True])
    choice = node("If", ["c"], ["y"], then_branch=branch(20), else_branch=branch(30))
    sizes = build.constant("sizes", [1, 3, 40, 48])
    last = node("Resize", ["x", "", "", "sizes"], ["z"], mode="linear")
    proto = build.model([choice, last], constants=[condition, sizes], outputs=["y", "z"])
    intents, notices = build.load(proto, tmp_path)
    assert notices == []
    assert [i.output_size for i in intents] == [(20, 24), (30, 24), (40, 48)]
    assert {i.input_size for i in intents} == {(10, 12)}
