"""Inputs that no output depends on are told, and nothing else is."""

import random

import pytest
from google.protobuf import text_format

from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.support import build

ASK = Intent(mode="nearest", scale_factor=(2.0, 2.0))
LOST = "it computes the same for every input; trace and convert the model again"
CONSTANT = "loadConstant { shape: 1 shape: 4 shape: 4 data { floatValue: 1 } }"


def told(model):
    report, _ = pipeline.process_bytes(
        model.SerializeToString(), "model", pipeline.Request(assume=ASK, dry_run=True)
    )
    return report.exit_code, [note for note in report.notices if "depends on" in note]


def network(*layers, inputs=("image",), outputs=("scores",)):
    model = build.network((1, 4, 4), [], names=(inputs[0], outputs[0]))
    for name in inputs[1:]:
        model.description.input.add(name=name).CopyFrom(model.description.input[0])
        model.description.input[-1].name = name
    for name in outputs[1:]:
        model.description.output.add(name=name).type.multiArrayType.dataType = 65568
    build.named(model.neuralNetwork, layers)
    return model


def lost():
    """The resize reads a constant, as when a tracer has not seen a convolution."""
    return network(
        ("one", ["image"], "unused", build.RELU),
        ("two", [], "weights", CONSTANT),
        ("up", ["weights"], "scores", build.NEAREST),
    )


def test_a_network_that_lost_its_input_is_told_and_passes():
    assert told(lost()) == (0, ["no output depends on the input `image`: " + LOST])


def test_a_network_that_reads_its_input_is_not_told():
    used = network(
        ("two", [], "weights", CONSTANT.replace("4", "8")),
        ("up", ["image"], "bigger", build.NEAREST),
        ("add", ["bigger", "weights"], "scores", "add { alpha: 1 }"),
    )
    assert told(used) == (0, [])


def test_one_of_two_inputs_is_told_in_other_words():
    model = network(("up", ["image"], "scores", build.NEAREST), inputs=("image", "mask"))
    assert told(model) == (0, ["no output depends on the input `mask`: it is not used"])


def test_each_network_of_a_pipeline_is_told_by_its_place():
    second = network(
        ("relu", ["scores"], "mask", build.RELU), inputs=("scores",), outputs=("mask",)
    )
    (notice,) = told(build.pipeline([lost(), second]))[1]
    assert notice == "no output of `pipeline[0]` depends on the input `image`: " + LOST


@pytest.mark.parametrize("field", ["labelProbabilityLayerName: 'scores'", ""])
def test_a_classifier_gives_what_its_last_layer_or_a_named_one_makes(field):
    model = build.network((1, 4, 4), [build.NEAREST], kind="neuralNetworkClassifier")
    model.description.output[0].name = "classProbability"
    text_format.Merge(field, model.neuralNetworkClassifier)
    assert told(model)[1] == []


BRANCH = "branch { ifBranch { layers { %s } } elseBranch { layers { %s } } }"
BODY = "name: '%s' input: '%s' output: 'scores' activation { ReLU { } }"
LOOP = (
    "loop { conditionVar: 'go' conditionNetwork { layers { name: 'c' input: '%s' output: 'go' "
    "activation { ReLU { } } } } bodyNetwork { layers { " + BODY + " } } }"
)


@pytest.mark.parametrize(
    ("layer", "reads", "unused"),
    [
        (BRANCH % (BODY % ("a", "left"), BODY % ("b", "right")), ["decides"], []),
        (BRANCH % (BODY % ("a", "left"), BODY % ("b", "left")), ["decides"], ["right"]),
        (BRANCH % (BODY % ("a", "left"), BODY % ("b", "left")), ["left"], ["decides", "right"]),
        (LOOP % ("decides", "b", "left"), [], ["right"]),
        (LOOP % ("left", "b", "right"), [], ["decides"]),
    ],
)
def test_bodies_of_branches_and_loops_are_walked(layer, reads, unused):
    inputs = ("decides", "left", "right")
    model = network(inputs=inputs)
    message = model.neuralNetwork.layers.add(name="body", input=reads)
    text_format.Merge(layer, message)
    build.named(model.neuralNetwork, [("up", ["left"], "more", build.NEAREST)])
    found = [note for note in told(model)[1] if "not used" in note]
    listed = ", ".join("`{}`".format(name) for name in unused)
    word = "inputs" if len(unused) > 1 else "input"
    expected = "no output depends on the {} {}: it is not used".format(word, listed)
    assert found == ([expected] if unused else [])


@pytest.mark.slow
def test_random_networks_are_told_as_their_graphs_say():
    for seed in range(200):
        dice = random.Random(seed)
        inputs = ["in{}".format(k) for k in range(dice.randint(1, 4))]
        blobs, layers, depends = list(inputs), [], {name: {name} for name in inputs}
        for k in range(dice.randint(1, 9)):
            reads = dice.sample(blobs, min(len(blobs), dice.randint(0, 2)))
            text = {0: CONSTANT, 1: build.RELU, 2: "add { alpha: 1 }"}[len(reads)]
            blobs.append("b{}".format(k))
            layers.append((blobs[-1], reads, blobs[-1], text))
            depends[blobs[-1]] = set().union(*(depends[name] for name in reads))
        outputs = dice.sample(blobs[len(inputs) :], dice.randint(1, min(2, len(layers))))
        reached = set().union(*(depends[name] for name in outputs))
        model = network(*layers, inputs=inputs, outputs=outputs)
        build.named(model.neuralNetwork, [("up", [inputs[0]], "more", build.NEAREST)])
        missing = [name for name in inputs if name not in reached]
        notices = told(model)[1]
        assert len(notices) == bool(missing), seed
        assert [name for name in inputs if notices and "`{}`".format(name) in notices[0]] == missing
        assert bool(notices and LOST in notices[0]) == (missing == inputs), seed
