"""Networks that run and networks that cannot, by the thousand; arithmetic of the tests' own."""

import random

import pytest

from coreml_resize_fix import api as models
from coreml_resize_fix.errors import UnmatchedError
from coreml_resize_fix.intents import assume
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.formats.neuralnetwork.sizes.one_layer_networks import (
    KINDS,
    edges,
    layer_normalization,
    matmul_of_two,
    model,
    reshape,
    split,
)

VARIANTS = 200
NEAREST = assume.parse("nearest,scale_factor=2")


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_network_that_cannot_run_is_never_right(kind):
    outcomes = set()
    for seed in range(VARIANTS):
        chance = random.Random(seed)
        params, shapes, runs = kind(chance)
        # Matrix products of arrays of rank 5 have axes that [C, H, W] leaves out.
        exact = chance.random() < 0.5 or kind in (matmul_of_two, layer_normalization, reshape)
        made = model(params, shapes, exact, outputs=4 if kind is split else 1)
        report, _ = pipeline.process_bytes(
            made.SerializeToString(), "model", pipeline.Request(assume=NEAREST, dry_run=True)
        )
        told = [(found.address, found.layer) for found in report.cannot_run]
        assert told == ([] if runs else [("layers[1]", "it")]), (seed, params, shapes, told)
        assert report.exit_code == (0 if runs else 1)
        assert report.codes == (() if runs else ("RSZ401",))
        outcomes.add(runs)
    assert outcomes == {True, False}


@pytest.mark.parametrize(
    ("params", "shapes", "message"),
    [
        (
            "padding { reflection {} paddingAmounts { " + edges([(0, 4), (0, 0)]) + " } }",
            [(3, 4, 5)],
            "`padding` cannot reflect 4 of 4",
        ),
        (
            "bias { shape: 4 }",
            [(3, 4, 5)],
            "`bias` of 4 values does not fit an input of 3×4×5",
        ),
        (
            "activation { PReLU { alpha { floatValue: [1, 2] } } }",
            [(3, 4, 5)],
            "`activation` has 2 values for 3 channels",
        ),
        (
            "layerNormalization { normalizedShape: 6 }",
            [(3, 4, 5)],
            "`layerNormalization` over 6 does not fit an input of 1×3×4×5",
        ),
        ("concat {}", [(3, 4, 5), (3, 4)], "`concat` joins blobs of ranks 2, 4"),
        ("convolution { outputChannels: 2 kernelChannels: 3 valid {} }", [(4, 5)],
         "`convolution` needs an input of rank 4 and gets 2"),
        ("reshapeLike {}", [(3, 4, 5), (3, 4)], "`reshapeLike` of 1×3×4×5 to 3×4 does not fit"),
        ("transpose { axes: [0, 2, 1] }", [(3, 4, 5)], "`transpose` has not each of 4 axes once"),
        ("dot {}", [(3, 1, 1)], "`dot` lacks input 2"),
    ],
)  # fmt: skip
def test_messages(params, shapes, message):
    made = model(params, shapes, exact=True)
    report, _ = pipeline.process_bytes(
        made.SerializeToString(), "model", pipeline.Request(assume=NEAREST, dry_run=True)
    )
    assert [found.message for found in report.cannot_run] == [message]
    assert "`layers[1]` (`it`) cannot run: {} (RSZ401)".format(message) in report.notices


def test_a_blob_that_nothing_makes():
    made = model("add {}", [(3, 4, 5)], exact=True)
    made.neuralNetwork.layers[1].input.append("nowhere")
    report, _ = pipeline.process_bytes(
        made.SerializeToString(), "model", pipeline.Request(assume=NEAREST, dry_run=True)
    )
    assert [found.message for found in report.cannot_run] == [
        "`add` reads `nowhere`, which nothing before it makes"
    ]


def truncated():
    """An Upsample whose factor 1.5 was cut to 1, and an add of the size that it should make."""
    made = model("add {}", [(3, 6, 6)], exact=False)
    made.neuralNetwork.layers[0].upsample.mode = 1
    made.neuralNetwork.layers[0].upsample.scalingFactor[:] = [1, 1]
    made.neuralNetwork.layers[1].input.append("up")
    return made


def test_what_the_fix_mends_is_no_failure(tmp_path):
    intent = Intent(align_corners=True, size=(6, 6))
    data = truncated().SerializeToString()
    report, result = pipeline.process_bytes(data, "model", pipeline.Request(assume=intent))
    assert (report.exit_code, report.cannot_run, report.codes) == (0, (), ())
    again, _ = pipeline.process_bytes(
        result, "model", pipeline.Request(assume=intent, dry_run=True)
    )
    assert again.exit_code == 0


def test_what_is_left_after_a_fix_is_a_failure_although_it_was_written():
    made = truncated()
    broken = made.neuralNetwork.layers.add(name="broken", input=["x0"], output=["z"])
    broken.batchnorm.channels = 4
    data = made.SerializeToString()
    intent = Intent(align_corners=True, size=(6, 6))
    report, result = pipeline.process_bytes(data, "model", pipeline.Request(assume=intent))
    assert result != data
    assert [finding.verdict for finding in report.findings] == ["fixed"]
    assert [found.layer for found in report.cannot_run] == ["broken"]
    assert report.exit_code == 1


def test_the_python_interface_says_what_cannot_run():
    made = model("batchnorm { channels: 4 }", [(3, 4, 5)], exact=False)
    with pytest.raises(UnmatchedError, match=r"`layers\[1\]` \(`it`\) cannot run") as raised:
        models.fix(made, assume="nearest,scale_factor=2")
    assert raised.value.report.exit_code == 1
    assert models.fix(made, assume="nearest,scale_factor=2", partial=True) is made
