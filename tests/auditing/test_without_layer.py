"""Calls that owe no layer: which they are, and converted models that have none for them."""

import json
import os

import pytest

from coreml_resize_fix.auditing.without_layer import WithoutLayer, copies, no_layer_needed
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents import manifest
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.report import document, html, markdown, text
from coreml_resize_fix.run import pipeline
from coreml_resize_fix.run.results import Run
from tests.auditing.networks_without_layers import Net, needs_ios14
from tests.report import json_v1
from tests.support import cases

FOLDER = os.path.join(cases.FIXTURES, "without_layer")


def entries(name):
    with open(os.path.join(FOLDER, name, "intent.json"), encoding="utf-8") as file:
        return json.load(file)


def audited(name, document=None, **options):
    defects = []
    intents = manifest.from_document(document or entries(name), defects)
    assert not defects
    request = pipeline.Request(manifest=intents, dry_run=True, **options)
    with open(os.path.join(FOLDER, name, "model.mlmodel"), "rb") as file:
        return pipeline.process_bytes(file.read(), name, request)[0]


def verdicts(report):
    return [finding.verdict for finding in report.findings]


def reasons(report):
    return [(found.intent.index, found.reason) for found in report.without_layer]


# What F.interpolate of PyTorch 2.13 returned of noise of this size: the input itself, or not.
AT = {"input_size": (7, 9)}
FACTOR = {"scale_factor": (1.05, 1.05)}
SIZE = {"size": (7, 9)}
OBSERVED = [
    (dict(mode="bilinear", **SIZE), True),
    (dict(mode="bilinear", align_corners=True, **SIZE), True),
    (dict(mode="bilinear", antialias=True, **SIZE), True),
    (dict(mode="bilinear", align_corners=True, antialias=True, **FACTOR), True),
    (dict(mode="bilinear", **FACTOR), True),
    (dict(mode="bilinear", antialias=True, **FACTOR), True),
    (dict(mode="nearest", **SIZE), True),
    (dict(mode="nearest", **FACTOR), True),
    (dict(mode="nearest-exact", **SIZE), True),
    (dict(mode="area", **SIZE), True),
    (dict(mode="area", **FACTOR), True),
    (dict(mode="bicubic", **SIZE), True),
    (dict(mode="bicubic", align_corners=True, **FACTOR), True),
    (dict(mode="bicubic", recompute_scale_factor=True, **FACTOR), True),
    (dict(mode="bicubic", antialias=True, **FACTOR), True),
    (dict(mode="bicubic", **FACTOR), False),
    ({"mode": "bilinear", "size": (7, 18)}, False),
    ({"mode": "bilinear", "size": (9, 7)}, False),
    ({"mode": "nearest", "scale_factor": (2.0, 1.0)}, False),
]


@pytest.mark.parametrize(("call", "copied"), OBSERVED)
def test_copies_are_what_pytorch_copies(call, copied):
    assert copies(Intent(**call, **AT)) is copied


def test_nearest_exact_by_a_factor_reads_other_pixels():
    """floor((i + .5) / 1.04) is i up to 12 only; of 24 pixels 24 come out."""
    assert [int((i + 0.5) / 1.04) == i for i in (11, 12, 13, 23)] == [True, True, False, False]
    call = Intent(mode="nearest-exact", scale_factor=(1.04, 1.04), input_size=(24, 24))
    assert call.target_size((24, 24)) == (24, 24)
    assert not copies(call)


def test_a_call_that_was_not_recorded_copies_by_a_factor_of_one_only():
    assert copies(Intent(scale_factor=(1.0, 1.0)))
    assert not copies(Intent(scale_factor=(1.001, 1.001)))
    assert not copies(Intent(size=(8, 8)))


def test_an_onnx_node_copies_by_its_coordinates():
    node = {"framework": "onnx", "size": (8, 8), "input_size": (8, 8)}
    assert copies(Intent(coordinate_transformation_mode="align_corners", **node))
    assert copies(Intent(coordinate_transformation_mode="asymmetric", mode="nearest", **node))


def test_what_is_said_of_a_call():
    call = Intent(size=(8, 8), input_size=(4, 6), site="net.py:14", name="head")
    assert no_layer_needed(call) is None
    assert WithoutLayer(call, "missing").message == (
        "intent without a layer: `head`, bilinear corners=False size=8×8, 4×6 → 8×8, called "
        "at `net.py:14` (RSZ205)"
    )
    assert no_layer_needed(Intent(used=False)) == "unused"
    told = WithoutLayer(Intent(used=False, site="net.py:2"), "unused").message
    assert told == ("`net.py:2`, bilinear corners=False: needs no layer, as it reaches no output")


@needs_ios14
def test_dropped_copies_leave_their_neighbours_alone():
    report = audited("identity_call_dropped")
    assert (verdicts(report), report.exit_code) == (["match"] * 2, 0)
    assert reasons(report) == [(1, "copies"), (3, "copies")]
    report = audited("identity_semfpn")
    assert (verdicts(report), report.exit_code) == (["match"] * 4, 0)
    assert reasons(report) == [(1, "copies"), (4, "copies")]


@needs_ios14
def test_a_dropped_copy_blocks_no_fix(tmp_path):
    report = audited("identity_blocks_ios13", target=4)
    assert verdicts(report) == ["fixable"] * 2
    path = os.path.join(FOLDER, "identity_blocks_ios13", "model.mlmodel")
    calls = manifest.load(os.path.join(FOLDER, "identity_blocks_ios13", "intent.json"))
    output = str(tmp_path / "out.mlmodel")
    fixed = pipeline.process(path, pipeline.Request(manifest=calls, target=4, output=output))
    assert (verdicts(fixed), fixed.exit_code) == (["fixed"] * 2, 0)
    again = pipeline.process(output, pipeline.Request(manifest=calls, target=4, dry_run=True))
    assert (verdicts(again), again.exit_code) == (["match"] * 2, 0)


@needs_ios14
def test_a_dead_call_is_missing_until_it_is_said_to_be_dead():
    document = entries("dead_aux_head_unified")
    report = audited("dead_aux_head_unified", document)
    assert (verdicts(report), reasons(report)) == (["match"], [(1, "missing")])
    assert (report.exit_code, [intent.label for intent in report.unused]) == (1, ["m"])
    document["resizes"][1]["used"] = False
    report = audited("dead_aux_head_unified", document)
    assert (verdicts(report), reasons(report)) == (["match"], [(1, "unused")])
    assert (report.exit_code, report.unused) == (0, ())


def test_a_pooling_layer_computes_a_call_of_area():
    report = audited("area_is_pooling")
    (finding,) = report.findings
    assert (finding.layer.kind, finding.verdict, finding.codes) == ("pooling", "match", ())
    assert (finding.layer.name, finding.layer.output_size) == ("input", (8, 10))
    assert (report.without_layer, report.exit_code) == ([], 0)
    assert finding.max_abs_error_before < 1e-12


@pytest.mark.parametrize(
    "change",
    [
        {"scale_factor": None, "size": [4, 5], "output_size": [4, 5]},
        {"scale_factor": None, "size": [8, 9], "output_size": [8, 9]},
        {"channels": 3},
        {"input_size": [16, 22], "output_size": [8, 11]},
        {"mode": "bilinear"},
    ],
)
def test_a_pooling_layer_of_another_kernel_is_no_match(change):
    document = entries("area_is_pooling")
    document["resizes"][0].update(change)
    report = audited("area_is_pooling", document)
    assert (verdicts(report), reasons(report)) == ([], [(0, "missing")])
    assert report.exit_code == 1


@needs_ios14
def test_two_calls_of_area_have_two_pooling_layers_or_share_one():
    for layers in (2, 1):
        net = Net(1, (6, 8))
        blob = net.relu("image")
        calls = [net.call(blob, False, (3, 4), mode="area") for _ in range(2)]
        made = [net.pool(blob, "AVERAGE") for _ in range(layers)]
        report = net.report([net.join(made[0], made[-1])])
        assert [found.layer.kind for found in report.findings] == ["pooling"] * layers
        assert {found.intent.index for found in report.findings} <= set(calls)
        assert (report.exit_code, report.without_layer) == (0, [])


@pytest.mark.parametrize("key", ["input", "input_1", "layers[1]"])
def test_a_call_of_area_may_name_its_pooling_layer(key):
    document = entries("area_is_pooling")
    document["resizes"][0]["layer"] = key
    report = audited("area_is_pooling", document)
    assert (verdicts(report), report.exit_code) == (["match"], 0)
    document["resizes"][0]["size"], document["resizes"][0]["scale_factor"] = [4, 5], None
    document["resizes"][0]["output_size"] = [4, 5]
    assert reasons(audited("area_is_pooling", document)) == [(0, "missing")]


def test_a_map_put_together_of_means_computes_a_call_of_area():
    """coremltools 9 slices the windows of 7×5 → 3×2, as no pooling layer has them."""
    report = audited("area_of_slices")
    assert (verdicts(report), reasons(report)) == ([], [(0, "computed-elsewhere")])
    assert report.exit_code == 0
    assert text.closing(report, dry_run=True) == "no resize layer, and none is needed."
    for change in ({"size": [2, 3], "output_size": [2, 3]}, {"input_size": [7, 6]}):
        document = entries("area_of_slices")
        document["resizes"][0].update(change)
        assert reasons(audited("area_of_slices", document)) == [(0, "missing")]


@pytest.mark.parametrize("edge", range(4))
def test_one_window_that_is_another_is_seen(edge):
    model = schema.model_class()()
    with open(os.path.join(FOLDER, "area_of_slices", "model.mlmodel"), "rb") as file:
        model.ParseFromString(file.read())
    ids = model.neuralNetwork.layers[5].sliceStatic
    begins_or_ends = (ids.beginIds, ids.endIds)[edge // 2]
    begins_or_ends[2 + edge % 2] += 1 if edge < 2 else -1
    calls = manifest.load(os.path.join(FOLDER, "area_of_slices", "intent.json"))
    request = pipeline.Request(manifest=calls, dry_run=True)
    report = pipeline.process_bytes(model.SerializeToString(), "model", request)[0]
    assert reasons(report) == [(0, "missing")]


@needs_ios14
def test_reports_say_it_briefly():
    shown = text.render(Run((audited("identity_semfpn"),), True))
    assert "\n  no layer is needed for `resizes[1]`, `resizes[4]` (copies)\n" in shown
    shown = text.render(Run((audited("dead_aux_head_unified"),), True))
    assert "intent without a layer: `m`," in shown
    assert "help for RSZ205: convert again" in shown
    page = html.render(Run((audited("identity_semfpn"),), True))
    assert "No layer is needed for" in page
    assert "- no layer is needed for `resizes" in markdown.render(
        Run((audited("identity_semfpn"),), True)
    )


@needs_ios14
def test_json_names_every_intent_without_a_layer():
    found = document.document(Run((audited("identity_semfpn"), audited("dead_aux_head_unified"))))
    first, second = found["models"]
    assert first["unused_intents"] == []
    assert [(e["intent"], e["reason"]) for e in first["intents_without_layer"]] == [
        ("resizes[1]", "copies"),
        ("resizes[4]", "copies"),
    ]
    assert second["unused_intents"] == ["m"]
    (entry,) = second["intents_without_layer"]
    assert (entry["intent"], entry["reason"]) == ("m", "missing")
    json_v1.check(found)


def test_names_that_contradict_speak_against_the_order():
    report = audited("order_against_names")
    first = report.findings[0]
    assert (first.layer.name, first.verdict) == ("/m1/up/Upsample", "no-intent")
    assert "`m0.up` is another module's call than `/m1/up/Upsample`" in first.message
    assert report.exit_code == 1
