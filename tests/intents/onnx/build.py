"""Small ONNX models made in memory, for the tests."""

import onnx
from onnx import TensorProto, helper

from coreml_resize_fix.intents.onnx import reader

KINDS = {int: TensorProto.INT64, float: TensorProto.FLOAT}


def constant(name, numbers, kind=None):
    kind = kind or KINDS[type(numbers[0])]
    return helper.make_tensor(name, kind, [len(numbers)], numbers)


def model(
    nodes, opset=13, shape=(1, 3, 10, 12), constants=(), producer="", version="", outputs=None
):
    """A model with the input `x`; the output is the last node's unless given."""
    names = outputs or [nodes[-1].output[0]]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names],
        initializer=list(constants),
    )
    return helper.make_model(
        graph,
        opset_imports=[helper.make_operatorsetid("", opset)],
        producer_name=producer,
        producer_version=version,
    )


def resize(scales=None, sizes=None, opset=13, producer="", version="", name="", **attributes):
    """A model of one Resize of `x`, by constant scales or sizes."""
    shape = attributes.pop("shape", (1, 3, 10, 12))
    constants = []
    if scales is not None:
        constants.append(constant("scales", scales))
    if sizes is not None:
        constants.append(constant("sizes", sizes))
    inputs = ["x", "", "scales" if scales is not None else "", "sizes"]
    if opset == 10:
        inputs = ["x", "scales"]
    elif sizes is None:
        del inputs[3]
    node = helper.make_node("Resize", inputs, ["y"], name=name, **attributes)
    return model([node], opset, shape, constants, producer, version)


def upsample(scales, opset=9, producer="", version="", **attributes):
    """A model of one Upsample of `x`: 7 has its scales in an attribute, 9 in an input."""
    if opset < 9:
        node = helper.make_node("Upsample", ["x"], ["y"], scales=scales, **attributes)
        return model([node], opset, producer=producer, version=version)
    node = helper.make_node("Upsample", ["x", "scales"], ["y"], **attributes)
    constants = [constant("scales", scales)]
    return model([node], opset, constants=constants, producer=producer, version=version)


def load(proto, tmp_path):
    """What the reader makes of a model."""
    path = str(tmp_path / "model.onnx")
    onnx.save(proto, path)
    return reader.load(path)


def only(proto, tmp_path):
    """The one intent of a model, which must come without a remark."""
    intents, notices = load(proto, tmp_path)
    assert notices == []
    assert len(intents) == 1
    return intents[0]
