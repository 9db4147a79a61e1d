"""Which intent belongs to which layer: layers and intents built in memory."""

import re

import pytest

from coreml_resize_fix.auditing.layer_names import LayerNames
from coreml_resize_fix.auditing.match import match
from coreml_resize_fix.auditing.module_paths import module_paths
from coreml_resize_fix.formats.input_sizes import UNKNOWN, InputSizes
from coreml_resize_fix.formats.neuralnetwork.parameters import Upsample
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent


def layer(place, name, size=(10, 12), channels=4, mode="BILINEAR", blob=None):
    return ResizeLayer(
        "layers[{}]".format(place),
        name,
        (blob or name,),
        Upsample(mode, scaling_factor=(2, 2)),
        InputSizes.static(size) if size else InputSizes(UNKNOWN),
        channels,
    )


def call(size=(20, 24), **more):
    return Intent(align_corners=more.pop("true", True), size=size, **more)


def found(intents, layers, assume=None):
    """For each layer the place of its intent, or the code of why it has none."""
    result = match(intents, lambda assumed: layers, assume)
    places = []
    for one in layers:
        got = result.by_address[one.address]
        places.append(got.code if got.intent is None else intents.index(got.intent))
    return places, result


TWO = [layer(0, "a"), layer(1, "b")]


@pytest.mark.parametrize("key", ["b", "blob", "layers[1]"])
def test_a_pin_is_a_name_a_blob_or_an_address(key):
    layers = [layer(0, "a"), layer(1, "b", blob="blob")]
    places, result = found([call(layer=key), call(layer="a", true=False)], layers)
    assert places == [1, 0]
    assert result.unused == []
    assert result.by_address["layers[1]"].how == "layer"


def test_an_address_goes_before_a_name_and_a_name_before_a_blob():
    layers = [layer(0, "x", blob="y"), layer(1, "layers[0]", blob="z"), layer(2, "y", blob="w")]
    assert found([call(layer="layers[0]")], layers)[0] == [0, "RSZ201", "RSZ201"]
    assert found([call(layer="y")], layers)[0] == ["RSZ201", "RSZ201", 0]


def test_a_pin_holds_against_its_name_and_all_evidence():
    pinned = call(layer="b", name="a", input_size=(3, 3), channels=99)
    places, _ = found([pinned], [layer(0, "a"), layer(1, "b", mode="NN")])
    assert places == ["RSZ201", 0]


def test_two_different_pins_on_one_layer_are_merged_calls():
    places, result = found([call(layer="a"), call(layer="layers[0]", true=False)], TWO)
    assert places == ["RSZ203", "RSZ201"]
    reason = result.by_address["layers[0]"].reason
    assert "bilinear corners=True" in reason
    assert "bilinear corners=False" in reason
    assert result.unused == []


def test_a_third_pin_does_not_settle_it():
    pins = [call(layer="a"), call(layer="a", true=False), call(layer="a")]
    assert found(pins, TWO)[0][0] == "RSZ203"


def test_two_equal_pins_on_one_layer_are_one():
    places, result = found([call(layer="a", name="x"), call(layer="layers[0]", name="y")], TWO[:1])
    assert places == [0]
    assert result.unused == []


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("upsmaple", "no resize layer has this name; did you mean `upsample`?"),
        ("xyz", "no resize layer has this name"),
        ("same", "`same` names 2 resize layers: write an address, such as `layers[0]` or "
         "`layers[1]`"),
    ],
)  # fmt: skip
def test_a_pin_that_names_none_or_several_is_unused(key, why):
    layers = [layer(0, "upsample", blob="same"), layer(1, "b", blob="same")]
    intents = [call(layer=key)]
    places, result = found(intents, layers)
    assert places == ["RSZ201", "RSZ201"]
    assert result.unused == intents
    assert LayerNames(layers).why_none(key, key) == why


def test_what_is_offered_names_one_layer_each():
    """Two functions of an ML Program have the same names, and so may layers."""
    names = ["up", "same", "same", "layers[0]"]
    layers = [layer(number, name, blob="x") for number, name in enumerate(names)]
    offered = LayerNames(layers).listed(10)
    assert offered == "name one of `up`, `layers[1]`, `layers[2]`, `layers[3]`"
    pins = re.findall("`(.*?)`", offered)
    places, result = found([call(layer=pin) for pin in pins], layers)
    assert (places, result.unused) == ([0, 1, 2, 3], [])


# --- names ---


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("26", set()),
        ("output", set()),
        ("Upsample_12", set()),
        ("input.4", set()),
        ("onnx::Add_12", set()),
        ("var_59", set()),
        ("upsample_bilinear2d_1", set()),
        ("/Upsample_1", set()),
        ("", set()),
        ("/", set()),
        ("/up/Upsample", {"up"}),
        ("/decoder.0/up/Upsample", {"decoder.0.up"}),
        ("/decoder.0/up/Upsample_output_0", {"decoder.0.up"}),
        ("/head/head.1/Upsample", {"head.1"}),
        ("/seq/seq.1/seq.1.0/up/Resize", {"seq.1.0.up"}),
        ("/net/head/head.1/Resize", {"net.head.1"}),
        ("/up/up2/Upsample", {"up.up2"}),
        ("/up_1/Upsample", {"up_1", "up"}),
        ("/block/up_3/Resize", {"block.up_3", "block.up"}),
        ("/head_x/Upsample", {"head_x"}),
        ("/_1/Upsample", {"_1"}),
    ],
)
def test_module_paths_in_the_names_of_each_era(name, paths):
    assert module_paths(name) == paths


NAMES = [
    # names of the calls, names of the layers, the layer of each call
    (["b", "a"], ["a", "b"], [1, 0]),
    (["up.b", "up.a"], ["/up/a/Upsample", "/up/b/Upsample"], [1, 0]),
    (["head.1", "up"], ["/up/Upsample", "/head/head.1/Upsample"], [1, 0]),
    (["out", "up", "up"], ["/up/Upsample", "/up_1/Upsample", "/out/Upsample"], [2, 0, 1]),
    (["up_1", "up"], ["/up/Upsample", "/up_1/Upsample"], [1, 0]),
    (["up_2", "up_1"], ["/up_1/Upsample", "/up_2/Upsample"], [1, 0]),
    (["/b/Upsample", "a"], ["/a/Upsample", "/b/Upsample"], [1, 0]),
    # `up` runs twice before `up_1`, and the exporter calls its second run `up_1`: names are silent
    (["up", "up", "up_1"], ["/up/Resize", "/up_1/Resize", "/up_1/Resize_1"], [0, 1, 2]),
    (
        ["m.up", "m.up", "m.up_1", "m.up", "m.up", "m.up_1"],
        ["/m/up/R", "/m/up_1/R", "/m/up_1/R_1", "/m/up_2/R", "/m/up_3/R", "/m/up_1_1/R"],
        [0, 1, 2, 3, 4, 5],
    ),
    # three calls cannot be two layers of that name, so the order decides
    (["up", "up", "up"], ["/up/Upsample", "/up_1/Upsample", "7"], [0, 1, 2]),
    (["", None], ["a", "b"], [0, 1]),
]


@pytest.mark.parametrize(("calls", "layers", "expected"), NAMES)
def test_names(calls, layers, expected):
    """Calls that all differ, so that a wrong pair shows."""
    intents = [call(size=(20 + n, 24), name=name) for n, name in enumerate(calls)]
    places, result = found(intents, [layer(n, name) for n, name in enumerate(layers)])
    assert places == [expected.index(n) for n in range(len(layers))]
    assert result.unused == []


def test_a_name_does_not_hold_against_evidence():
    layers = [layer(0, "a", size=(5, 5)), layer(1, "b")]
    intents = [call(name="b", input_size=(5, 5)), call(name="x", input_size=(10, 12), true=False)]
    assert found(intents, layers)[0] == [0, 1]


def test_a_blob_is_a_name_too():
    layers = [layer(0, "Upsample_5", blob="26"), layer(1, "Upsample_9", blob="31")]
    assert found([call(name="31"), call(name="26", true=False)], layers)[0] == [1, 0]


def test_two_names_for_one_layer():
    intents = [call(name="up"), call(name="/up/Upsample", true=False)]
    assert found(intents, [layer(0, "/up/Upsample")])[0] == ["RSZ203"]
    same = [call(name="up"), call(name="/up/Upsample")]
    places, result = found(same, [layer(0, "/up/Upsample")])
    assert (places, result.unused) == ([0], [])


@pytest.mark.parametrize("pinned", [True, False])
@pytest.mark.parametrize("other", [True, False])
def test_beside_a_pinned_intent_another_is_shared_only_if_it_asks_for_the_same(pinned, other):
    intents = [call(layer="a", true=pinned), call(true=other)]
    places, result = found(intents, [layer(0, "a")])
    assert places == [0]
    assert result.unused == ([] if pinned == other else intents[1:])
