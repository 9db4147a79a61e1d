"""Nodes that no output depends on: their calls owe the model no layer."""

import onnx
from onnx import TensorProto, helper

from coreml_resize_fix.intents.onnx import reader
from tests.intents.onnx import build


def used(model, folder):
    path = str(folder / "model.onnx")
    onnx.save(model, path)
    return [intent.used for intent in reader.load(path).intents]


def resize(made, name="x"):
    return helper.make_node("Resize", [name, "", "scales"], [made], name=made, mode="linear")


SCALES = [build.constant("scales", [1.0, 1.0, 2.0, 2.0])]


def test_a_node_that_reaches_no_output_is_not_used(tmp_path):
    nodes = [resize("dead"), resize("a"), helper.make_node("Relu", ["a"], ["y"])]
    nodes.insert(1, helper.make_node("Relu", ["dead"], ["nowhere"]))
    assert used(build.model(nodes, constants=SCALES), tmp_path) == [False, None]
    both = build.model(nodes, constants=SCALES, outputs=["y", "nowhere"])
    assert used(both, tmp_path) == [None, None]


def branches(reads):
    """An If that makes `y`; its first branch reads a resize outside and has one of its own."""

    def body(name, nodes):
        output = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        return helper.make_graph(nodes, name, [], [output])

    first = body("yes", [resize("inner", reads), helper.make_node("Relu", ["inner"], ["yes"])])
    other = body("no", [helper.make_node("Relu", ["x"], ["no"])])
    choice = helper.make_node("If", ["which"], ["y"], then_branch=first, else_branch=other)
    which = helper.make_tensor("which", TensorProto.BOOL, [], [True])
    return build.model([resize("a"), choice], constants=[*SCALES, which])


def test_bodies_of_nodes_use_what_they_read(tmp_path):
    assert used(branches("a"), tmp_path) == [None, None]
    assert used(branches("x"), tmp_path) == [False, None]
