"""The JSON document, from reports in memory."""

import json
from dataclasses import replace

import coreml_resize_fix
from coreml_resize_fix.formats.input_sizes import UNKNOWN, InputSizes
from coreml_resize_fix.formats.neuralnetwork.parameters import ResizeBilinear, Upsample
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.report import document
from coreml_resize_fix.run.results import Failure, Run
from tests.report.json_v1 import VERDICTS, check
from tests.report.reports import report, run, unet

WRONG = Failure("a.mlmodel", "`a.mlmodel` is empty", "convert it", details=("$.x: y",))


CODES = {
    (report("match"),): 0,
    (report("match"), report()): 3,
    (report(), report("fixable"), report("match")): 1,
    (): 3,
}


def test_every_verdict_is_of_version_1_and_counted():
    found = [report(*VERDICTS), report("match", "match", "ambiguous")]
    needs = replace(found[0].findings[3], needs=("--deployment-target iOS14", "--decompose"))
    findings = found[0].findings[:3] + (needs,) + found[0].findings[4:]
    found[0] = replace(found[0], findings=findings)
    made = document.document(run(*found))
    check(made)
    assert list(made["summary"].items()) == [
        ("match", 3),
        ("fixed", 1),
        ("fixable", 1),
        ("needs-option", 1),
        ("unmatchable", 1),
        ("no-intent", 1),
        ("ambiguous", 2),
    ]


def test_the_worst_exit_code_counts():
    assert [run(*found).exit_code for found in CODES] == list(CODES.values())
    assert run(report("match"), WRONG).exit_code == 2


def test_only_a_failure():
    assert document.document(Run((WRONG,))) == {
        "format": "coreml-resize-fix/report",
        "version": 1,
        "tool_version": coreml_resize_fix.__version__,
        "exit_code": 2,
        "models": [],
        "errors": [
            {
                "path": "a.mlmodel",
                "message": "`a.mlmodel` is empty",
                "details": ["$.x: y"],
                "help": "convert it",
                "exit_code": 2,
            }
        ],
        "summary": {},
    }


def layer_of(finding):
    (model,) = document.document(run(replace(unet(), findings=(finding,))))["models"]
    return model["layers"][0]


def test_parameters_of_each_kind():
    finding = unet().findings[0]
    upsample = Upsample("BILINEAR", "ALIGN_CORNERS_TRUE", (), (2.5, 1.5))
    of_upsample = replace(finding, layer=replace(finding.layer, params=upsample))
    assert layer_of(of_upsample)["before"] == {
        "scalingFactor": [],
        "fractionalScalingFactor": [2.5, 1.5],
        "mode": "BILINEAR",
        "linearUpsampleMode": "ALIGN_CORNERS_TRUE",
        "output_size": [12, 9],
    }
    resize = ResizeBilinear((7, 9), "ROI_ALIGN_MODE")
    of_resize = replace(finding, layer=replace(finding.layer, params=resize))
    assert layer_of(of_resize)["kind"] == "resizeBilinear"
    assert layer_of(of_resize)["before"] == {
        "targetSize": [7, 9],
        "mode": "ROI_ALIGN_MODE",
        "output_size": [7, 9],
    }


def test_sizes_that_are_not_known_are_null():
    finding = unet().findings[0]
    layer = replace(finding.layer, input=InputSizes(UNKNOWN))
    shown = layer_of(replace(finding, layer=layer, max_shift_px=None))
    assert shown["input_size"] is None
    assert shown["before"]["output_size"] is None
    assert shown["max_shift_px"] is None


def test_an_intent_is_an_entry_of_a_manifest():
    intent = Intent(
        name="up", scale_factor=(2.0, 1.5), channels=3, framework_version="1.4", index=7
    )
    shown = layer_of(replace(unet().findings[0], intent=intent))
    assert shown["intent_name"] == "up"
    assert shown["intent"] == {
        "name": "up",
        "layer": None,
        "framework": "torch",
        "mode": "bilinear",
        "align_corners": False,
        "antialias": False,
        "size": None,
        "scale_factor": [2.0, 1.5],
        "recompute_scale_factor": None,
        "input_size": None,
        "output_size": None,
        "channels": 3,
    }
    none = layer_of(replace(unet().findings[0], intent=None, after=None))
    assert (none["intent"], none["intent_name"], none["after"]) == (None, None, None)


def test_text_is_the_document_in_ascii():
    found = run(report("match", path="größe.mlmodel"))
    text = document.render(found)
    assert json.loads(text) == document.document(found)
    assert text.encode("ascii")
