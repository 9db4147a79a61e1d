"""Branches and loops: what their bodies make of the blobs around them."""

from coreml_resize_fix.formats.shapes import Known, Unknown
from tests.formats.neuralnetwork.sizes.net import RELU, UP2, X


def branch_net(new_net, if_params, else_params):
    net = new_net().array("x", *X).array("condition", 1).output("y")
    branch = net.layer("branch { ifBranch {} elseBranch {} }", "condition", "").branch
    net.layer(if_params, "x", "inner", network=branch.ifBranch)
    net.layer(else_params, "x", "inner", network=branch.elseBranch)
    net.layer(RELU, "inner", "y")
    return net


def test_branches_that_agree(new_net):
    found = branch_net(new_net, UP2, UP2).infer()
    assert list(found.layers) == [
        "layers[0]/ifBranch/layers[0]",
        "layers[0]/elseBranch/layers[0]",
        "layers[0]",
        "layers[1]",
    ]
    assert found.layers["layers[0]/elseBranch/layers[0]"].outputs == (Known((1, 4, 20, 24)),)
    assert found.outputs == {"y": Known((1, 4, 20, 24))}


def test_branches_that_differ(new_net):
    found = branch_net(new_net, UP2, "upsample { scalingFactor: 2 scalingFactor: 1 }").infer()
    shape = found.outputs["y"]
    assert isinstance(shape, Unknown)
    assert shape.dims == (1, 4, 20, None)
    assert "branch" in shape.reason


def test_an_override_inside_a_branch(new_net):
    net = branch_net(new_net, UP2, UP2)
    both = {"layers[0]/ifBranch/layers[0]": (5, 5), "layers[0]/elseBranch/layers[0]": (5, 5)}
    assert net.infer(overrides=both).outputs == {"y": Known((1, 4, 5, 5))}


def test_a_branch_without_else_may_leave_the_old_blob(new_net):
    net = new_net().array("x", *X).output("x")
    branch = net.layer("branch { ifBranch {} }", "x", "").branch
    net.layer(UP2, "x", "x", network=branch.ifBranch)
    shape = net.infer().outputs["x"]
    assert isinstance(shape, Unknown)
    assert shape.dims == (1, 4, None, None)


def loop_net(new_net, params):
    net = new_net().array("x", *X).output("x")
    loop = net.layer(
        "loop { maxLoopIterations: 5 conditionNetwork {} bodyNetwork {} }", "", ""
    ).loop
    net.layer("lessThan { alpha: 3 }", "x", "go", network=loop.conditionNetwork)
    net.layer(params, "x", "next", network=loop.bodyNetwork)
    net.layer("copy {}", "next", "x", network=loop.bodyNetwork)
    return net


def test_a_loop_that_keeps_shapes(new_net):
    found = loop_net(new_net, RELU).infer()
    assert found.layers["layers[0]/conditionNetwork/layers[0]"].outputs == (Known(X),)
    assert found.layers["layers[0]/bodyNetwork/layers[1]"].outputs == (Known(X),)
    assert found.outputs == {"x": Known(X)}


def test_a_loop_that_grows_a_blob(new_net):
    found = loop_net(new_net, UP2).infer()
    # Inside the body as well: its second round sees another size.
    shape = found.layers["layers[0]/bodyNetwork/layers[0]"].inputs[0]
    assert isinstance(shape, Unknown)
    assert shape.dims == (1, 4, None, None)
    assert "loop" in shape.reason
    assert isinstance(found.outputs["x"], Unknown)


def test_a_change_that_takes_rounds_to_arrive(new_net):
    """d follows c follows b follows a, which grows: no round's shapes may be taken for final."""
    net = new_net().array("a", *X).array("b", *X).array("c", *X).array("d", *X).output("d")
    loop = net.layer("loop { conditionNetwork {} bodyNetwork {} }", "", "").loop
    for source, target in ("cd", "bc", "ab"):
        net.layer("copy {}", source, target, network=loop.bodyNetwork)
    net.layer(UP2, "a", "a", network=loop.bodyNetwork)
    found = net.infer()
    assert isinstance(found.outputs["d"], Unknown)
    assert isinstance(found.layers["layers[0]/bodyNetwork/layers[0]"].outputs[0], Unknown)


def test_loop_marks_make_nothing(new_net):
    net = new_net().array("x", 1)
    loop = net.layer("loop { conditionNetwork {} bodyNetwork {} }", "", "").loop
    net.layer("loopBreak { }", "", "", network=loop.bodyNetwork)
    net.layer("loopContinue { }", "", "", network=loop.bodyNetwork)
    found = net.infer()
    assert found.layers["layers[0]/bodyNetwork/layers[1]"].outputs == ()
    assert found.conflicts == ()
