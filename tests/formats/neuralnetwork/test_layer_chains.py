"""Groups of layers that stand in for one: found by name, and addresses as they were before."""

import pytest

from coreml_resize_fix.formats.neuralnetwork import layer_chains
from coreml_resize_fix.formats.neuralnetwork.layers import models
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.protobuf.skeleton import read
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.intents import assume
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.report.template import template
from coreml_resize_fix.run import pipeline
from tests.support import build, edits


def layer(network, name, kind, reads, makes=None):
    message = network.layers.add(name=name, input=reads, output=[makes or name])
    getattr(message, kind).SetInParent()
    return message


def walked(model):
    return next(iter(models(read(Source(model.SerializeToString()))))).layers


def groups_of(model):
    return [
        [ref.message.name for ref in group.layers] for group in layer_chains.groups(walked(model))
    ]


def test_parts_before_the_layer_they_help_are_a_group():
    model = schema.model_class()()
    network = model.neuralNetwork
    layer(network, "a", "softmax", ["image"])
    layer(network, "up__resize_padding", "padding", ["a"])
    layer(network, "up", "convolution", ["up__resize_padding"])
    layer(network, "up__resize_crop", "crop", ["up"])  # behind it: no part of it
    assert groups_of(model) == [["up__resize_padding", "up"]]
    assert layer_chains.groups(walked(model))[0].blob == "a"


def test_names_of_other_converters_are_no_group():
    model = schema.model_class()()
    network = model.neuralNetwork
    layer(network, "conv_padding", "padding", ["image"])
    layer(network, "conv", "convolution", ["conv_padding"])
    layer(network, "u__resize_padding", "padding", ["conv"])
    layer(network, "up", "convolution", ["u__resize_padding"])
    assert groups_of(model) == []


@pytest.mark.parametrize(
    ("name", "kind", "makes"),
    [
        ("up__resize_activation", "activation", None),  # not the one that changes nothing
        ("up__resize_padding", "padding", "x"),
        ("up__resize_padding", "crop", None),
        ("up__resize_up", "upsample", None),
        ("up__resize_softmax", "softmax", None),
        ("up__resize_", "padding", None),
    ],
)
def test_layers_that_only_sound_like_parts_are_none(name, kind, makes):
    model = schema.model_class()()
    layer(model.neuralNetwork, name, kind, ["image"], makes)
    layer(model.neuralNetwork, "up", "convolution", [makes or name])
    assert groups_of(model) == []


@pytest.mark.parametrize(("alpha", "beta", "parts"), [(1, 0, 1), (2, 0, 0), (1, 0.5, 0)])
def test_an_activation_is_a_part_if_it_changes_nothing(alpha, beta, parts):
    model = schema.model_class()()
    linear = layer(model.neuralNetwork, "up__resize_activation", "activation", ["image"])
    linear.activation.linear.alpha, linear.activation.linear.beta = alpha, beta
    layer(model.neuralNetwork, "up", "convolution", ["up__resize_activation"])
    assert len(groups_of(model)) == parts


def test_parts_begin_with_the_activation_that_changes_nothing():
    model = schema.model_class()()
    network = model.neuralNetwork
    layer(network, "up__resize_padding", "padding", ["image"])
    mark = layer(network, "up__resize_activation", "activation", ["up__resize_padding"])
    mark.activation.linear.alpha = 1.0
    layer(network, "up", "convolution", ["up__resize_activation"])
    assert groups_of(model) == [["up__resize_activation", "up"]]


def test_a_layer_that_has_parts_itself_is_no_part():
    """A resize that is called like a part of the layer behind it, after several took its place."""
    model = schema.model_class()()
    network = model.neuralNetwork
    inner = "up__resize_convolution"
    layer(network, inner + "__resize_padding", "padding", ["image"])
    layer(network, inner, "convolution", [inner + "__resize_padding"])
    layer(network, "up", "convolution", [inner])
    assert groups_of(model) == [[inner + "__resize_padding", inner]]


def test_a_resize_is_no_part_and_has_none():
    model = schema.model_class()()
    network = model.neuralNetwork
    layer(network, "up__resize_padding", "padding", ["image"])
    layer(network, "up", "upsample", ["up__resize_padding"])
    layer(network, "down__resize_upsample", "upsample", ["up"])
    layer(network, "down", "crop", ["down__resize_upsample"])
    assert groups_of(model) == []


def test_an_honest_layer_with_the_name_of_a_part_is_no_part_of_a_fix():
    relu = ("scores__resize_activation", ["image"], "x", build.RELU)
    model = build.network((2, 6, 8), [], version=3)
    build.named(model.neuralNetwork, [relu, ("scores", ["x"], "scores", build.DOUBLE)])
    request = pipeline.Request(
        assume=assume.parse("bilinear,align_corners=false,size=12x16"), decompose=True
    )
    report, result = pipeline.process_bytes(model.SerializeToString(), "model", request)
    assert [finding.verdict for finding in report.findings] == ["fixed"]
    again, same = pipeline.process_bytes(result, "model", request)
    assert (again.exit_code, same) == (0, result)


def test_a_group_that_reads_two_blobs_is_none():
    model = schema.model_class()()
    network = model.neuralNetwork
    layer(network, "up__resize_padding", "padding", ["image"])
    layer(network, "up", "add", ["up__resize_padding", "other"])
    assert groups_of(model) == []


def test_original_addresses_also_inside_a_branch():
    model = schema.model_class()()
    network = model.neuralNetwork
    layer(network, "up__resize_padding", "padding", ["image"])
    layer(network, "up", "convolution", ["up__resize_padding"])
    body = layer(network, "branch", "branch", ["up"]).branch.ifBranch
    layer(body, "in__resize_padding", "padding", ["up"])
    layer(body, "in", "convolution", ["in__resize_padding"])
    layers = walked(model)
    before = layer_chains.original_addresses(layers, layer_chains.groups(layers))
    assert before["layers[1]"] == "layers[0]"
    assert before["layers[2]"] == "layers[1]"
    assert before["layers[2]/ifBranch/layers[1]"] == "layers[1]/ifBranch/layers[0]"


def test_a_manifest_that_pins_by_address_still_fits_the_result(tmp_path):
    model = schema.model_class()()
    model.specificationVersion = 3
    feature = model.description.input.add(name="image")
    feature.type.multiArrayType.shape.extend((2, 5, 5))
    model.description.output.add(name="result")
    for name, reads in (("one", "image"), ("result", "one")):
        message = layer(model.neuralNetwork, name, "upsample", [reads])
        message.upsample.scalingFactor.extend((2, 2))
        message.upsample.mode = 1
    path, output = str(tmp_path / "m.mlmodel"), str(tmp_path / "out.mlmodel")
    with open(path, "wb") as file:
        file.write(model.SerializeToString())
    intents = [
        Intent(layer="layers[0]", size=(10, 10)),
        Intent(layer="layers[1]", align_corners=True, size=(20, 20)),
    ]
    request = pipeline.Request(manifest=intents, decompose=True, output=output)
    assert pipeline.process(path, request).exit_code == 0
    again = pipeline.process(output, pipeline.Request(manifest=intents))
    assert (again.exit_code, [f.layer.address for f in again.findings]) == (
        0,
        ["layers[1]", "layers[2]"],
    )
    assert again.notices[0] == (
        "`layers[1]` names `result`, which had that address before this file was fixed; "
        "`one` has it now"
    )


def test_a_template_of_the_result_pins_what_a_manifest_means():
    """Layers of one name are pinned by address, which the first replacement has moved."""
    model = build.network((2, 6, 8), [], version=3)
    layers = [("up", ["image"], "x", build.DOUBLE), ("up", ["x"], "scores", build.DOUBLE)]
    build.named(model.neuralNetwork, layers)
    asks = [Intent(layer="layers[0]", size=(12, 16)), Intent(layer="layers[1]", size=(24, 32))]
    request = pipeline.Request(manifest=asks, decompose=True)
    report, result = pipeline.process_bytes(model.SerializeToString(), "model", request)
    assert report.exit_code == 0
    found, _ = pipeline.process_bytes(result, "model", pipeline.Request())
    entries = template(found.findings)["resizes"]
    pinned = {tuple(ask.size): ask.layer for ask in asks}
    assert {tuple(entry["size"]): entry["layer"] for entry in entries} == pinned


def half_precision():
    """A network whose weights are float16, before a layer that only several layers can replace."""
    convolution = (
        "convolution { outputChannels: 2 kernelChannels: 2 kernelSize: 1 kernelSize: 1 valid { } "
        'weights { float16Value: "\\000\\074\\000\\000\\000\\000\\000\\074" } }'
    )
    return build.network([2, 6, 8], [convolution, build.DOUBLE], version=3).SerializeToString()


def test_layers_of_half_precision_are_known_again():
    request = pipeline.Request(
        assume=assume.parse("bilinear,align_corners=false,size=12x16"), decompose=True
    )
    report, result = pipeline.process_bytes(half_precision(), "model", request)
    assert [finding.verdict for finding in report.findings] == ["fixed"]
    made = list(edits.parse(result).neuralNetwork.layers)[1:]
    stored = [layer.convolution.weights for layer in made if layer.HasField("convolution")]
    assert all(len(weights.float16Value) > 0 for weights in stored)
    assert stored
    # They are, whatever the weights of the rest have become since.
    changed = edits.parse(result)
    changed.neuralNetwork.layers[0].convolution.weights.ClearField("float16Value")
    changed.neuralNetwork.layers[0].convolution.weights.floatValue.extend([1, 0, 0, 1])
    for data in (result, changed.SerializeToString()):
        again = pipeline.process_bytes(data, "model", request)
        assert (again[0].exit_code, again[1]) == (0, data)
