"""Which layer a name of TensorFlow or Keras means."""

import random
from dataclasses import replace

import pytest

from tests.auditing.test_match_values import call, found, layer

# The names that TensorFlow 2.12 (Keras 2) and 2.21 (Keras 3) give the nodes of these layers.
KERAS_2 = {
    "up_sampling2d": "model/up_sampling2d/resize/ResizeBilinear",
    "up_sampling2d_1": "model/up_sampling2d_1/resize/ResizeBilinear",
    "decoder/up": "model/decoder/up/resize/ResizeBilinear",
    "up": "model/up/resize/ResizeBilinear",
    "up/tail": "model/up/tail/resize/ResizeBilinear",
}
KERAS_3 = {
    "up_sampling2d": "functional_1/up_sampling2d_1/resize/ResizeBilinear",
    "up_sampling2d_1": "functional_1/up_sampling2d_1_2/resize/ResizeBilinear",
    "up_sampling2d_2": "functional_1/up_sampling2d_2_1/resize/ResizeBilinear",
    "decoder/up": "functional_1/decoder_1/up_1/resize/ResizeBilinear",
    "up": "functional_1/up_1/resize/ResizeBilinear",
}
NODES = {name: name for name in KERAS_2.values()}
NODES["decoder/ResizeBilinear_1"] = "decoder/ResizeBilinear_1"
NODES["decoder/ResizeBilinear"] = "decoder/ResizeBilinear"

# What converters make of a node's name.
WRITTEN = {
    "coremltools": "{}_channel_first_upsample_bilinear",
    "coremltools, a saved model": "StatefulPartitionedCall/{}_channel_first_resize_bilinear",
    "tfcoreml": "{}:0",
    "onnx-coreml": "{}__46",
}


def program(name):
    return name.replace("/", "_") + "_channel_first_upsample_bilinear_cast_fp16"


def intents(names):
    return [call(name=name, framework="keras", input_size=None, channels=None) for name in names]


def layers(names):
    return [layer(place, name, size=None, channels=None) for place, name in enumerate(names)]


@pytest.mark.parametrize("nodes", [KERAS_2, KERAS_3, NODES], ids=["Keras 2", "Keras 3", "graph"])
@pytest.mark.parametrize("route", [*WRITTEN, "ML Program"])
@pytest.mark.parametrize("seed", range(4))
def test_names_decide_whatever_the_order(nodes, route, seed):
    """All evidence but names is equal, and so is none of the orders of calls and layers."""
    names = list(nodes)
    random.Random(seed).shuffle(names)
    shown = sorted(names)
    form = program if route == "ML Program" else WRITTEN[route].format
    written = [form(nodes[name]) for name in shown]
    places, result = found(intents(names), layers(written))
    assert places == [names.index(name) for name in shown]
    assert not result.unused
    assert {match.how for match in result.by_address.values()} == {"name"}


def test_a_layer_that_runs_again_takes_its_calls_in_order():
    """Keras 2 and 3: the layer `up` runs three times."""
    for scopes in (["up", "up_1", "up_2"], ["up_1", "up_3", "up_5"]):
        written = [f"model/{scope}/resize/ResizeBilinear_channel_first" for scope in scopes]
        written.insert(1, "model/other_1/resize/ResizeBilinear_channel_first")
        calls = [replace(one, index=n) for n, one in enumerate(intents(["up"] * 3))]
        places, _ = found(calls, layers(written))
        assert places == [0, "RSZ201", 1, 2]


def test_a_name_that_two_scopes_may_mean_is_not_guessed():
    """Of Keras 3 the first scope would be `up`'s, of Keras 2 `up_1`'s."""
    written = ["net_1/up_1/resize/ResizeBilinear", "net_1/up_1_2/resize/ResizeBilinear"]
    places, _ = found(intents(["up_1"]), layers(written))
    assert places == ["RSZ202", "RSZ202"]
    # Where a name is there as it stands, no scope has a count of its own.
    written = ["net/up/resize/ResizeBilinear", "net/up_1/resize/ResizeBilinear"]
    assert found(intents(["up_1"]), layers(written))[0] == ["RSZ201", 0]
    assert found(intents(["up"]), layers(written))[0] == [0, "RSZ201"]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("up", "net/up_conv/resize/ResizeBilinear:0"),
        ("up", "net/upper/resize/ResizeBilinear:0"),
        ("up", "net_upper_resize_ResizeBilinear"),
        ("dec/up", "net/up/dec/ResizeBilinear:0"),
        ("dec/up", "net/dec/x/up/ResizeBilinear:0"),
        ("a/ResizeBilinear", "a/ResizeBilinear_1:0"),
        ("a/ResizeBilinear", "ba/ResizeBilinear:0"),
        ("u.p/up", "uxp/up/resize"),
    ],
)
def test_other_names(name, written):
    """Nothing else tells the two layers from each other."""
    both = layers([written, "net/other/ResizeBilinear:0"])
    assert found(intents([name]), both)[0] == ["RSZ202", "RSZ202"]


@pytest.mark.parametrize("end", ["", ":0", ";net/other/BiasAdd1"])
def test_the_name_of_a_tensor_of_tflite(end):
    both = layers(["net/other/ResizeBilinear", "net/up/resize/ResizeBilinear_channel_first"])
    name = "net/up/resize/ResizeBilinear" + end
    assert found(intents([name]), both)[0] == ["RSZ201", 0]


def test_a_graph_without_the_outer_scope():
    """The intent is of a saved model, the Core ML model of a graph inside it."""
    name = "StatefulPartitionedCall/net/up/ResizeBilinear"
    for other in (
        "other/ResizeBilinear",
        "net/up/ResizeBilinear_1",
        "decoder/net/up/ResizeBilinear",
    ):
        both = layers([other, "net/up/ResizeBilinear:0"])
        assert found(intents([name]), both)[0] == ["RSZ201", 0]


def test_evidence_goes_before_a_scope():
    own = layers(["net/up/ResizeBilinear:0", "net/down/ResizeBilinear:0"])
    sized = [replace(one, channels=n) for n, one in enumerate(own, 3)]
    calls = [call(name="up", framework="keras", input_size=None, channels=4)]
    assert found(calls, sized)[0] == ["RSZ201", 0]
