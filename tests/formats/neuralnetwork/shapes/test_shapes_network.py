"""Networks as wholes: conflicts, names, overrides, nested bodies, inputs, work."""

import sys

import pytest

from coreml_resize_fix.formats.neuralnetwork.shapes import RULES, Conflict, Flexible, Known, Unknown
from coreml_resize_fix.formats.protobuf import schema

UP2 = "upsample { scalingFactor: 2 scalingFactor: 2 }"
UP0 = "upsample { scalingFactor: 0 scalingFactor: 0 }"
RELU = "activation { ReLU {} }"
CONV = "convolution { outputChannels: 8 kernelChannels: 4 kernelSize: 1 kernelSize: 1 valid {} }"
X = (1, 4, 10, 12)


def messages(net, **options):
    return [(item.address, item.message) for item in net.infer(**options).conflicts]


# --- conflicts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "inputs", "message"),
    [
        ("add {}", [(1, 4, 20, 24), (1, 4, 25, 31)], "`add` of 20×24 and 25×31 does not fit"),
        (
            "addBroadcastable {}",
            [(4, 8), (1, 3, 8)],
            "`addBroadcastable` of 4×8 and 3×8 does not fit",
        ),
        ("multiply {}", [(1, 4, 5, 5), (1, 3, 5, 5)], "`multiply` of 4×5×5 and 3×5×5 does not fit"),
        ("concat {}", [(1, 4, 20, 24), (1, 8, 20, 25)], "`concat` of 20×24 and 20×25 does not fit"),
        ("concatND { axis: 1 }", [(1, 4, 8), (1, 3, 7)], "`concatND` of 4×8 and 3×7 does not fit"),
        ("stack { axis: 0 }", [(3, 4), (3, 5)], "`stack` of 3×4 and 3×5 does not fit"),
        (CONV, [(1, 6, 5, 5)], "`convolution` expects 4 input channels and gets 6"),
        (
            "convolution { outputChannels: 8 kernelChannels: 4 nGroups: 2 valid {} }",
            [(1, 4, 5, 5)],
            "`convolution` expects 8 input channels and gets 4",
        ),
        (
            "convolution { outputChannels: 8 kernelChannels: 4 kernelSize: [7, 3] valid {} }",
            [(1, 4, 5, 5)],
            "`convolution` gives a size of 8×-1×3",
        ),
        (
            "pooling { kernelSize: 2 kernelSize: 2 valid {} }",
            [(1, 4, 1, 9)],
            "`pooling` gives a size of 4×0×8",
        ),
        (
            "crop { cropAmounts { borderAmounts { startEdgeSize: 5 } borderAmounts {} } }",
            [(1, 4, 5, 5)],
            "`crop` gives a size of 4×0×5",
        ),
        ("crop { }", [(1, 4, 5, 5), (1, 4, 6, 5)], "`crop` of 5×5 to 6×5 does not fit"),
        (
            "innerProduct { inputChannels: 7 outputChannels: 3 }",
            [(2, 6)],
            "`innerProduct` expects 7 inputs and gets 6",
        ),
        (
            "reshapeStatic { targetShape: 5 targetShape: 5 }",
            [(3, 4)],
            "`reshapeStatic` of 3×4 to 5×5 does not fit",
        ),
        (
            "reshapeStatic { targetShape: 5 targetShape: -1 }",
            [(3, 4)],
            "`reshapeStatic` of 3×4 to 5×-1 does not fit",
        ),
        ("squeeze { axes: 0 }", [(3, 4)], "`squeeze` removes an axis of size 3"),
        ("split { nOutputs: 3 }", [(1, 4, 5, 5)], "`split` cannot divide 4 by 3"),
        (
            "splitND { axis: 0 splitSizes: 1 splitSizes: 2 }",
            [(4, 5)],
            "`splitND` cuts 4 into parts that sum up to 3",
        ),
        (
            "reorganizeData { mode: SPACE_TO_DEPTH blockSize: 2 }",
            [(1, 4, 5, 6)],
            "`reorganizeData` cannot divide 5 by 2",
        ),
        ("batchedMatmul { }", [(3, 4), (5, 6)], "`batchedMatmul` of 3×4 and 5×6 does not fit"),
        ("topK { axis: 0 K: 9 }", [(4, 5)], "`topK` takes 9 of 4"),
        (
            "broadcastToStatic { targetShape: 4 targetShape: 5 }",
            [(3, 5)],
            "`broadcastToStatic` of 3×5 and 4×5 does not fit",
        ),
        (
            "upsample { scalingFactor: 1099511627776 scalingFactor: 1 }",
            [X],
            "`upsample` gives a size of more than 2^40",
        ),
    ],
)
def test_conflict(new_net, params, inputs, message):
    net = new_net()
    names = "abc"[: len(inputs)]
    for name, dims in zip(names, inputs):
        net.array(name, *dims)
    net.layer(params, " ".join(names), "y")
    net.layer(RELU, "y", "z")
    found = net.infer()
    kind = net.network.layers[0].WhichOneof("layer")
    # Said once, at the layer that causes it, and not again by its reader.
    assert found.conflicts == (Conflict("layers[0]", "y", kind, message),)


def test_what_a_conflict_leaves_known(new_net):
    net = new_net().array("a", 1, 4, 20, 24).array("b", 1, 4, 20, 31)
    net.layer("add {}", "a b", "y")
    shape = net.result()
    assert isinstance(shape, Unknown)
    assert shape.dims == (1, 4, 20, None)
    assert "`add` of 20×24 and 20×31 does not fit" in shape.reason


def test_factor_zero_is_the_readers_conflict(new_net):
    net = new_net(exact=False).array("x", 4, 10, 12).output("y")
    net.layer(UP0, "x", "up")
    net.layer("add {}", "up x", "y")
    found = net.infer()
    assert found.layers["layers[0]"].outputs == (Known((1, 1, 4, 0, 0)),)
    assert messages(net) == [("layers[1]", "`add` gets an input of size 4×0×0")]


def test_factor_zero_of_an_output_is_its_own_conflict(new_net):
    net = new_net().array("x", *X).output("y")
    net.layer(UP0, "x", "y")
    assert messages(net) == [("layers[0]", "`upsample` gives a size of 4×0×0")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("upsample { mode: BILINEAR }", (1, 4, 10, 12)),
        ("upsample { scalingFactor: 3 scalingFactor: 1 }", (1, 4, 30, 12)),
        (
            "upsample { mode: BILINEAR fractionalScalingFactor: 2.5 fractionalScalingFactor: 1.26 "
            "linearUpsampleMode: ALIGN_CORNERS_TRUE }",
            (1, 4, 25, 15),
        ),
        ("upsample { fractionalScalingFactor: 0.5 fractionalScalingFactor: 0.26 }", (1, 4, 5, 3)),
        ("resizeBilinear { }", (1, 4, 1, 1)),
        ("resizeBilinear { targetSize: 25 targetSize: 31 }", (1, 4, 25, 31)),
    ],
)
def test_resize_defaults(new_net, text, expected):
    net = new_net().array("x", *X)
    net.layer(text, "x", "y")
    assert net.result() == Known(expected)


# --- names ---------------------------------------------------------------------------------------


def test_a_blob_assigned_twice_has_the_latest_shape(new_net):
    net = new_net().array("input", *X).output("input")
    net.layer(RELU, "input", "a")
    net.layer(UP2, "input", "input")
    net.layer(RELU, "input", "b")
    found = net.infer()
    assert found.layers["layers[0]"].outputs == (Known(X),)
    assert found.layers["layers[1]"].inputs == (Known(X),)
    assert found.layers["layers[2]"].inputs == (Known((1, 4, 20, 24)),)
    assert found.outputs == {"input": Known((1, 4, 20, 24))}


def test_an_undefined_blob_names_the_layer(new_net):
    net = new_net().array("x", *X).output("nowhere")
    net.layer(RELU, "y", "z")
    net.layer(RELU, "z", "y")
    reason = "layer `z` reads `y`, which nothing before it makes"
    assert net.infer().layers["layers[0]"].inputs == (Unknown(reason),)
    assert net.infer().layers["layers[1]"].outputs == (Unknown(reason),)
    assert net.infer().outputs == {"nowhere": Unknown("no layer makes an output `nowhere`")}


def test_prefix_and_network_kinds(new_net):
    for kind in ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor"):
        net = new_net(kind=kind).array("x", *X).output("y")
        net.layer(UP2, "x", "y")
        found = net.infer(prefix="pipeline[1]/")
        assert list(found.layers) == ["pipeline[1]/layers[0]"]
        assert found.outputs == {"y": Known((1, 4, 20, 24))}


def test_other_models_have_no_layers(new_net):
    net = new_net()
    net.model.pipeline.models.add()
    assert net.infer().layers == {}


def test_an_unknown_kind_names_the_layer(new_net):
    net = new_net().array("x", *X)
    layer = net.network.layers.add(name="new", input=["x"], output=["y"])
    assert layer.WhichOneof("layer") is None
    net.layer(RELU, "y", "z")
    reason = "layer `new` is of a kind that this schema does not know"
    assert net.result() == Unknown(reason)


# --- overrides -----------------------------------------------------------------------------------


def unet(new_net):
    net = new_net().array("x", 1, 4, 25, 31).output("y")
    net.layer("pooling { kernelSize: 2 kernelSize: 2 stride: 2 stride: 2 valid {} }", "x", "down")
    net.layer(UP2, "down", "up")
    net.layer("concat {}", "x up", "cat")
    net.layer("convolution { outputChannels: 2 kernelChannels: 8 same {} }", "cat", "y")
    return net


def test_an_override_propagates(new_net):
    net = unet(new_net)
    assert messages(net) == [("layers[2]", "`concat` of 25×31 and 24×30 does not fit")]
    found = net.infer(overrides={"layers[1]": (25, 31)})
    assert found.conflicts == ()
    assert found.layers["layers[1]"].outputs == (Known((1, 4, 25, 31)),)
    assert found.outputs == {"y": Known((1, 2, 25, 31))}


def test_an_override_keeps_to_its_prefix(new_net):
    net = unet(new_net)
    assert len(messages(net, overrides={"layers[1]": (25, 31)}, prefix="pipeline[0]/")) == 1
    assert messages(net, overrides={"pipeline[0]/layers[1]": (25, 31)}, prefix="pipeline[0]/") == []


def test_an_undecided_size_is_unknown_downstream(new_net):
    net = new_net().array("x", 1, 4, 25, 31).output("y")
    net.layer(UP2, "x", "up")
    net.layer(RELU, "up", "y")
    found = net.infer(overrides={"layers[0]": (None, 62)})
    reason = "the output size of `upsample` layer `up` is not decided"
    assert found.layers["layers[0]"].outputs == (Unknown(reason, (1, 4, None, 62)),)
    assert found.outputs == {"y": Unknown(reason, (1, 4, None, 62))}
    assert found.conflicts == ()


def test_an_undecided_size_takes_the_size_it_must_fit(new_net):
    net = unet(new_net)
    found = net.infer(overrides={"layers[1]": (None, None)})
    assert found.conflicts == ()
    assert found.outputs == {"y": Known((1, 2, 25, 31))}


def test_an_override_of_a_resize_without_a_rule(new_net):
    net = new_net().array("x", *X).output("y")
    net.layer('custom { className: "MyUpsample" }', "x", "up")
    net.layer(RELU, "up", "y")
    assert isinstance(net.infer().outputs["y"], Unknown)
    assert net.infer(overrides={"layers[0]": (7, 9)}).outputs == {"y": Known((1, 4, 7, 9))}


# --- nested bodies -------------------------------------------------------------------------------


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


# --- inputs --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exact", "sizes", "expected"),
    [
        (False, (7,), Known((1, 1, 7, 1, 1))),
        (False, (3, 10, 12), Known((1, 1, 3, 10, 12))),
        (False, (2, 3), Unknown("input `x` of shape 2×3 has no rank 5 form")),
        (False, (), Unknown("input `x` declares no shape")),
        (True, (7,), Known((7,))),
        (True, (3, 10, 12), Known((3, 10, 12))),
        (True, (1, 2, 3, 4, 5), Known((1, 2, 3, 4, 5))),
        (True, (), Unknown("input `x` declares no shape")),
    ],
)
def test_array_input(new_net, exact, sizes, expected):
    net = new_net(exact).array("x", *sizes)
    net.layer(RELU, "x", "y")
    assert net.result() == expected
    assert net.infer().flexible_inputs == ()


@pytest.mark.parametrize(
    ("exact", "color", "expected"),
    [
        (True, "RGB", (1, 3, 32, 48)),
        (True, "BGR", (1, 3, 32, 48)),
        (True, "GRAYSCALE", (1, 1, 32, 48)),
        (False, "RGB", (1, 1, 3, 32, 48)),
        (False, "GRAYSCALE", (1, 1, 1, 32, 48)),
    ],
)
def test_image_input(new_net, exact, color, expected):
    net = new_net(exact).image("x", "width: 48 height: 32 colorSpace: " + color)
    net.layer(RELU, "x", "y")
    assert net.result() == Known(expected)


def test_an_input_of_another_type(new_net):
    net = new_net()
    net.model.description.input.add(name="x").type.stringType.SetInParent()
    net.layer(RELU, "x", "y")
    assert net.result() == Unknown("input `x` is neither an array nor an image")


def ranges(*pairs):
    rows = "".join(f"sizeRanges {{ lowerBound: {low} upperBound: {high} }} " for low, high in pairs)
    return "shapeRange { " + rows + "}"


def test_shape_range(new_net):
    text = ranges((1, 1), (3, 3), (16, 64), (20, 80))
    net = new_net().array("x", 1, 3, 32, 40, text=text).output("y")
    net.layer(UP2, "x", "up")
    net.layer("pooling { kernelSize: 3 kernelSize: 3 stride: 2 stride: 2 same {} }", "x", "down")
    net.layer("pooling { globalPooling: true valid {} }", "x", "one")
    net.layer("resizeBilinear { targetSize: 9 targetSize: 9 }", "x", "y")
    found = net.infer()
    assert found.flexible_inputs == ("x",)
    assert found.layers["layers[0]"].inputs[0] == Flexible(((1, 1), (3, 3), (16, 64), (20, 80)))
    assert found.layers["layers[0]"].outputs[0] == Flexible(((1, 1), (3, 3), (32, 128), (40, 160)))
    assert found.layers["layers[1]"].outputs[0] == Flexible(((1, 1), (3, 3), (8, 32), (10, 40)))
    assert found.layers["layers[2]"].outputs[0] == Known((1, 3, 1, 1))
    assert found.outputs == {"y": Known((1, 3, 9, 9))}
    assert found.conflicts == ()


@pytest.mark.parametrize("no_bound", [-1, 2147483647])
def test_unbounded_on_one_axis(new_net, no_bound):
    text = ranges((1, 1), (3, 3), (16, 64), (20, no_bound))
    net = new_net().array("x", 1, 3, 32, 40, text=text)
    net.layer(UP2, "x", "y")
    assert net.result() == Flexible(((1, 1), (3, 3), (32, 128), (40, None)))


def test_a_range_of_one_size_is_not_flexible(new_net):
    net = new_net().array("x", 1, 3, 32, text=ranges((1, 1), (3, 3), (32, 32)))
    net.layer(RELU, "x", "y")
    assert net.infer().flexible_inputs == ()
    assert net.result() == Known((1, 3, 32))


def test_ranges_of_a_rank5_network(new_net):
    net = new_net(exact=False).array("x", 3, 32, 40, text=ranges((3, 3), (32, 64), (40, 40)))
    net.layer(UP2, "x", "y")
    assert net.result() == Flexible(((1, 1), (1, 1), (3, 3), (64, 128), (80, 80)))
    text = ranges((1, 1), (1, 4), (3, 3), (32, 64), (40, 40))
    net = new_net(exact=False).array("x", 3, 32, 40, text=text)
    net.layer(UP2, "x", "y")
    assert net.result() == Flexible(((1, 1), (1, 4), (3, 3), (64, 128), (80, 80)))


def test_enumerated_shapes(new_net):
    rows = "".join(
        f"shapes {{ shape: 1 shape: 3 shape: {height} shape: {width} }} "
        for height, width in ((32, 48), (64, 16), (48, 96))
    )
    net = new_net().array("x", 1, 3, 32, 48, text="enumeratedShapes { " + rows + "}")
    net.layer(UP2, "x", "y")
    assert net.infer().flexible_inputs == ("x",)
    assert net.result() == Flexible(((1, 1), (3, 3), (64, 128), (32, 192)))


def test_flexible_images(new_net):
    size = "width: 48 height: 32 colorSpace: RGB "
    limits = (
        "imageSizeRange { widthRange { lowerBound: 16 upperBound: -1 } "
        "heightRange { lowerBound: 32 upperBound: 32 } }"
    )
    net = new_net().image("x", size + limits)
    net.layer(UP2, "x", "y")
    assert net.result() == Flexible(((1, 1), (3, 3), (64, 64), (32, None)))
    several = "enumeratedSizes { sizes { width: 48 height: 32 } sizes { width: 64 height: 48 } }"
    net = new_net().image("x", size + several)
    net.layer(UP2, "x", "y")
    assert net.result() == Flexible(((1, 1), (3, 3), (64, 96), (96, 128)))


def test_every_enumerated_size_has_its_turn_beside_an_unbounded_input(new_net):
    rows = "".join(f"shapes {{ shape: {size} }} " for size in (9, 3, 5, 7, 2, 8, 4, 6, 99))
    net = new_net().array("a", 9, text="enumeratedShapes { " + rows + "}")
    net.array("b", 5, text=ranges((5, -1)))
    net.layer(RELU, "a", "y")
    net.layer(RELU, "b", "z")
    found = net.infer()
    assert found.layers["layers[0]"].outputs[0] == Flexible(((2, 99),))
    assert found.layers["layers[1]"].outputs[0] == Flexible(((5, None),))


def test_a_conflict_at_another_size_than_the_default(new_net):
    text = ranges((1, 1), (4, 4), (16, 64), (16, 64))
    net = new_net().array("x", 1, 4, 32, 32, text=text).output("y")
    net.layer("pooling { kernelSize: 2 kernelSize: 2 stride: 2 stride: 2 valid {} }", "x", "down")
    net.layer(UP2, "down", "up")
    net.layer("add {}", "x up", "y")
    found = net.infer()
    assert [(item.address, item.at_default) for item in found.conflicts] == [("layers[2]", False)]
    # The sizes that work still say what the output is.
    assert found.outputs == {"y": Flexible(((1, 1), (4, 4), (16, 64), (16, 64)))}


def test_a_conflict_at_every_size_is_reported_once(new_net):
    text = ranges((1, 1), (4, 4), (16, 64), (16, -1))
    net = new_net().array("x", 1, 4, 32, 32, text=text)
    net.layer(UP2, "x", "up")
    net.layer("add {}", "x up", "y")
    assert messages(net) == [("layers[1]", "`add` of 32×32 and 64×64 does not fit")]


def test_a_flexible_rank(new_net):
    rows = "shapes { shape: 1 shape: 3 shape: 4 } shapes { shape: 3 shape: 4 }"
    net = new_net().array("x", 1, 3, 4, text="enumeratedShapes { " + rows + "}")
    net.layer(RELU, "x", "y")
    assert net.result() == Unknown("the rank depends on the size of the input")


# --- kinds that coremltools' builder does not make, or whose sizes are values ---------------------

VALUES = "depend"


@pytest.mark.parametrize(
    ("params", "inputs", "expected"),
    [
        ("sliceDynamic { }", [(3, 4), (2,)], (None, None)),
        ("sliceDynamic { squeezeMasks: true squeezeMasks: false }", [(3, 4), (2,)], (None,)),
        ("fillDynamic { }", [(3,)], (None, None, None)),
        ("randomNormalDynamic { }", [(3,)], (None, None, None)),
        ("randomUniformDynamic { }", [(2,)], (None, None)),
        ("randomBernoulliDynamic { }", [(2,)], (None, None)),
        ("reshapeDynamic { }", [(3, 4), (3,)], (None, None, None)),
        ("broadcastToDynamic { }", [(3, 4), (3,)], (None, None, None)),
        ("rangeDynamic { }", [(1,)], (None,)),
        ("whereNonZero { }", [(3, 4)], (None, 2)),
        ("tile { }", [(3, 4), (2,)], (None, None)),
        ("constantPad { }", [(3, 4), (4,)], (None, None)),
        ("oneHot { axis: 0 }", [(3, 4), (1,)], (None, 3, 4)),
        ("topK { axis: -1 }", [(3, 4), (1,)], (3, None)),
        ("randomNormalStatic { outputShape: 2 outputShape: 3 }", [], (2, 3)),
        ("randomBernoulliStatic { outputShape: 2 outputShape: 3 }", [], (2, 3)),
        ("randomUniformLike { }", [(2, 3)], (2, 3)),
        ("randomBernoulliLike { }", [(2, 3)], (2, 3)),
        ("reverseSeq { batchAxis: 0 sequenceAxis: 1 }", [(2, 3), (2,)], (2, 3)),
        ("scatterND { }", [(3, 2), (4, 2), (4,)], (3, 2)),
        ("scatterAlongAxis { axis: -2 }", [(2, 5, 6), (2, 2, 6), (2, 2, 6)], (2, 5, 6)),
        ("reshapeStatic { targetShape: 2 targetShape: 3 }", [()], (2, 3)),
    ],
)
def test_kinds_without_a_builder(new_net, params, inputs, expected):
    net = new_net()
    names = "abc"[: len(inputs)]
    for name, dims in zip(names, inputs):
        net.array(name, *dims)
    net.layer(params, " ".join(names), "y")
    found = net.result()
    if None in expected:
        assert isinstance(found, Unknown)
        assert found.dims == expected
        assert VALUES in found.reason or "input" in found.reason
    else:
        assert found == Known(expected)


def test_a_rule_that_stumbles_is_an_unknown(new_net, monkeypatch):
    def stumble(call):
        raise IndexError("no such axis")

    net = new_net().array("x", *X)
    net.layer(RELU, "x", "y")
    monkeypatch.setitem(RULES, "activation", stumble)
    reason = "`activation` layer `y` has parameters that make no sense: no such axis"
    assert net.result() == Unknown(reason)


def test_loop_marks_make_nothing(new_net):
    net = new_net().array("x", 1)
    loop = net.layer("loop { conditionNetwork {} bodyNetwork {} }", "", "").loop
    net.layer("loopBreak { }", "", "", network=loop.bodyNetwork)
    net.layer("loopContinue { }", "", "", network=loop.bodyNetwork)
    found = net.infer()
    assert found.layers["layers[0]/bodyNetwork/layers[1]"].outputs == ()
    assert found.conflicts == ()


# --- work ----------------------------------------------------------------------------------------


def chain(new_net, count):
    net = new_net(exact=False).array("b0", 4, 64, 64)
    for index in range(count):
        net.layer(RELU if index % 2 else CONV.replace("8", "4"), f"b{index}", f"b{index + 1}")
    return net


def work(net):
    """How many functions of Python and of C are called: time is for benchmarks."""
    count = 0

    def profile(frame, event, function):
        nonlocal count
        count += event.endswith("call")

    sys.setprofile(profile)
    try:
        net.infer()
    finally:
        sys.setprofile(None)
    return count


def test_work_grows_with_the_layers_only(new_net):
    assert work(chain(new_net, 10000)) < 5.5 * work(chain(new_net, 2000))


def test_work_grows_with_the_branches_only(new_net):
    def branches(count):
        net = chain(new_net, 1)
        for index in range(1, count):
            branch = net.layer("branch { ifBranch {} elseBranch {} }", "b0", "").branch
            net.layer(RELU, f"b{index - 1}", f"b{index}", network=branch.ifBranch)
        return net

    assert work(branches(5000)) < 5.5 * work(branches(1000))


def test_the_schema_is_the_one_under_test():
    assert schema.layer_class().DESCRIPTOR.full_name.startswith("CoreML.Specification")
