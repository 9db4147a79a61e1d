"""Networks as wholes: names, overrides, kinds of models."""

from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.shapes import Known, Unknown
from tests.formats.neuralnetwork.sizes.net import RELU, UP2, X, messages


def test_the_schema_is_the_one_under_test():
    assert schema.layer_class().DESCRIPTOR.full_name.startswith("CoreML.Specification")


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
