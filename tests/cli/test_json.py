"""`--format json`: version 1 exactly, and nothing else on stdout."""

import hashlib
import json

import numpy as np
import pytest

from tests.cli.commands import (
    CORNERS,
    EMPTY,
    FIXABLE,
    HALF,
    INTENT,
    MERGED,
    NEVER,
    RIGHT,
    UNET,
    VARYING,
    manifest,
    model,
    run,
    truth,
)
from tests.report.json_v1 import check
from tests.support import cases

JSON = ["--format", "json"]
RUNS = {
    "fix": (FIXABLE, ["--assume", CORNERS], 0, {"fixed": 1}),
    "dry run": (FIXABLE, ["--assume", CORNERS, "-n"], 1, {"fixable": 1}),
    "right": (RIGHT, ["--assume", CORNERS], 0, {"match": 1}),
    "option": (FIXABLE, ["--assume", "bilinear"], 1, {"needs-option": 1}),
    "option taken": (FIXABLE, ["--assume", "bilinear", "--decompose"], 0, {"fixed": 1}),
    "never": (NEVER, ["--assume", VARYING], 1, {"unmatchable": 2}),
    "inventory": (FIXABLE, [], 3, {"no-intent": 1}),
    "no layers": (EMPTY, ["--assume", CORNERS], 3, {}),
    "without proof": (FIXABLE, ["--assume", CORNERS, "--no-verify"], 0, {"fixed": 1}),
}


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("name", sorted(RUNS))
def test_each_kind_of_run(name, tmp_path):
    case, arguments, code, summary = RUNS[name]
    ran = run(model(case, tmp_path), *arguments, *JSON)
    check(ran.json)
    assert ran.json["exit_code"] == ran.code == code
    assert ran.json["summary"] == summary
    assert ran.err == ""


@pytest.mark.mostly_slow(quick=4)
@pytest.mark.parametrize("case", [p for p in cases.ALL if p.is_readable], ids=lambda c: c.name)
def test_every_fixture(case, tmp_path):
    intents = manifest(case.document(), tmp_path)
    document = json.loads(run(case.path, "-n", "-m", intents, *JSON).out)
    check(document)
    assert bool(document["models"]) == (case.name != "ct9_mlprogram")


def test_merged_calls_and_several_models(tmp_path):
    paths = [model(name, tmp_path) for name in (MERGED, HALF)]
    ran = run(*paths, "-n", "-m", truth(HALF, tmp_path), *JSON)
    check(ran.json)
    assert [entry["path"] for entry in ran.json["models"]] == paths
    assert ran.json["summary"] == {"fixable": 1, "needs-option": 1, "ambiguous": 1}


def test_unused_intents_are_named(tmp_path):
    entries = [{"layer": "8", "align_corners": True}, {"layer": "gone", "name": "up7"}, {"size": 3}]
    intents = manifest({"resizes": entries}, tmp_path)
    (entry,) = run(model(RIGHT, tmp_path), "-m", intents, *JSON).json["models"]
    assert entry["unused_intents"] == ["up7", "resizes[2]"]
    assert "; no resize layer is named `gone`" in entry["intents_without_layer"][0]["message"]


def test_several_layers_are_needed():
    ran = run(UNET, "-n", "-m", INTENT, "--deployment-target", "11.2", *JSON)
    check(ran.json)
    layers = {layer["name"]: layer for layer in ran.json["models"][0]["layers"]}
    assert layers["34"]["verdict"] == "needs-option"
    assert layers["34"]["needs"] == ["--decompose"]
    assert layers["34"]["codes"] == ["RSZ102", "RSZ309"]
    assert layers["34"]["after"]["output_size"] == [25, 31]
    assert layers["34"]["replacement"] == "decomposed"
    assert layers["34"]["added_layers"] == len(layers["34"]["after"]["layers"]) - 1 > 0
    assert layers["46"]["needs"] == []


def test_several_layers_in_the_result_are_one_entry(tmp_path):
    result = tmp_path / "out.mlmodel"
    assert (
        run(model(FIXABLE, tmp_path), "--assume", "bilinear", "--decompose", "-o", result).code == 0
    )
    ran = run(result, "--assume", "bilinear", *JSON)
    check(ran.json)
    (layer,) = ran.json["models"][0]["layers"]
    assert (ran.code, layer["kind"], layer["verdict"]) == (0, "composite", "match")


def test_text_is_ascii_and_ends_with_one_line_break():
    out = run(UNET, "-n", "-m", INTENT, *JSON).out
    assert out.encode("ascii")
    assert out.endswith("}\n")
    assert not out.endswith("\n\n")
    assert "\\u00d7" in out


def shift(before, after):
    """Largest distance between Upsample's own grid and align_corners=True, by their formulas."""
    index = np.arange(after)
    upsample = np.minimum(before - 1, index * before / after)
    return np.abs(upsample - index * (before - 1) / (after - 1)).max()


def test_the_example(tmp_path):
    result = tmp_path / "out.mlmodel"
    document = run(UNET, "-m", INTENT, "-o", result, *JSON).json
    (entry,) = document["models"]
    assert entry["path"] == UNET
    assert entry["output"] == str(result)
    assert entry["sha256"] == hashlib.sha256(cases.read_bytes(UNET)).hexdigest()
    assert entry["spec_version"] == {"before": 2, "after": 3}
    assert entry["minimum_ios"] == {"before": "11.2", "after": "12"}
    assert entry["unused_intents"] == []
    first, second, third, gate = entry["layers"]
    assert [layer["address"] for layer in entry["layers"]] == [
        "layers[9]",
        "layers[13]",
        "layers[17]",
        "layers[23]",
    ]
    assert [layer["codes"] for layer in entry["layers"]] == [["RSZ101"], ["RSZ102"], ["RSZ101"], []]
    assert second["before"] == {
        "scalingFactor": [2, 2],
        "fractionalScalingFactor": [],
        "mode": "BILINEAR",
        "linearUpsampleMode": "DEFAULT",
        "output_size": [20, 24],
    }
    assert second["after"] == {
        "targetSize": [25, 31],
        "mode": "STRICT_ALIGN_ENDPOINTS_MODE",
        "output_size": [25, 31],
    }
    assert second["input_size"] == [10, 12]
    assert second["intent_name"] == "decoder.up1"
    assert second["intent"]["size"] == [25, 31]
    assert (second["max_shift_px"], second["max_abs_error_before"]) == (None, None)
    assert first["max_shift_px"] == pytest.approx(max(shift(5, 10), shift(6, 12)))
    assert third["max_shift_px"] == pytest.approx(max(shift(25, 50), shift(31, 62)))
    assert first["max_abs_error_before"] > 0.1
    assert all(layer["max_abs_error_after"] < 1e-9 for layer in (first, second, third))
    assert gate["after"] is None
    assert gate["replacement"] is None
    assert gate["before"]["output_size"] == [50, 62]


def test_the_fingerprint_is_known_without_a_copy_except_of_a_large_model(monkeypatch):
    """An audit skips the weights; a hash would read them."""
    (entry,) = run(UNET, "-n", "-m", INTENT, *JSON).json["models"]
    assert entry["sha256"] == hashlib.sha256(cases.read_bytes(UNET)).hexdigest()
    monkeypatch.setattr("coreml_resize_fix.run.outputs.LARGEST_TO_HASH", 100)
    (entry,) = run(UNET, "-n", "-m", INTENT, *JSON).json["models"]
    assert entry["sha256"] is None


def test_quiet_prints_the_same():
    ran = run(UNET, "-n", "-m", INTENT, "-q", *JSON)
    assert ran == run(UNET, "-n", "-m", INTENT, *JSON)
    check(ran.json)
