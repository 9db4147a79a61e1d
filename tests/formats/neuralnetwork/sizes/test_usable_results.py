"""Sizes that run, in a whole run: what reports say of them, and what the exit code is."""

import os

import pytest

from coreml_resize_fix.intents import manifest
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.report import document
from coreml_resize_fix.run import pipeline
from tests.formats.neuralnetwork.sizes.flexible_networks import allow_list, empty, layer

FIXTURE = os.path.join(os.path.dirname(__file__), "fixtures", "range_of_a_unet")


def test_the_range_of_a_converted_unet():
    report = pipeline.process(
        os.path.join(FIXTURE, "model.mlmodel"),
        pipeline.Request(
            manifest=manifest.load(os.path.join(FIXTURE, "intent.json")), dry_run=True
        ),
    )
    assert (report.exit_code, report.codes) == (0, ("RSZ402",))
    values = document.document(document.Run((report,)))["models"][0]["usable_sizes"]
    assert values == {"all": False, "multiple_of": [8, 8], "list": None}
    (notice,) = [text for text in report.notices if "RSZ402" in text]
    assert "multiples of 8" in notice
    assert "cannot run: `add` of" in notice


def fixable(allowed):
    """An Upsample ×1 where ×2 was meant, behind a halving; its map is added to the image."""
    made = empty("rank5", (32, 32))
    allow_list(made, allowed)
    network = made.neuralNetwork
    layer(network, "pooling { kernelSize: [2, 2] stride: [2, 2] valid {} }", ["image"], "d")
    layer(network, "upsample { scalingFactor: [1, 1] mode: NN }", ["d"], "u")
    layer(network, "add {}", ["u", "image"], "out")
    return made


@pytest.mark.parametrize(
    ("allowed", "usable", "code"),
    [
        ([(32, 32), (64, 48)], {"all": True, "multiple_of": None, "list": None}, 0),
        (
            [(32, 32), (33, 32), (48, 48)],
            {"all": False, "multiple_of": None, "list": [[32, 32], [48, 48]]},
            0,
        ),
        ([(32, 32), (33, 32)], {"all": False, "multiple_of": None, "list": [[32, 32]]}, 1),
    ],
)
def test_the_result_counts_not_the_file(allowed, usable, code):
    data = fixable(allowed).SerializeToString()
    request = pipeline.Request(assume=Intent(mode="nearest", scale_factor=(2.0, 2.0)))
    report, result = pipeline.process_bytes(data, "model", request)
    assert [finding.verdict for finding in report.findings] == ["fixed"]
    assert report.exit_code == code
    values = document.document(document.Run((report,)))["models"][0]["usable_sizes"]
    assert values == usable
    again, _ = pipeline.process_bytes(result, "model", request)
    assert (again.exit_code, again.usable.sizes) == (code, report.usable.sizes)
