"""Verdicts and fixes of every fixture: what meta.json and calls.json say of each layer."""

import json

import pytest
from click.testing import CliRunner

from coreml_resize_fix.cli.command import command
from coreml_resize_fix.formats.protobuf import schema
from tests.auditing.fixture_audits import PARAMETERS, address, audit, require
from tests.auditing.test_match_fixtures import AMBIGUOUS
from tests.support import cases

# The size of the input varies, so a layer of fixed size would freeze the model.
FLEXIBLE = [case.name for case in cases.ALL if "flexible" in case.name]
MODEL_FILE = "Data/com.apple.CoreML/model.mlmodel"


def judged(case):
    """(address, is it right as converted, the call it stands for) of each judged layer."""
    return [
        (address(layer), layer["verdict"].startswith("right"), case.calls[layer["calls"][0]])
        for layer in case.meta["layers"]
        if layer.get("verdict") and layer["type"] in ("upsample", "resizeBilinear")
    ]


def networks(model, prefix=""):
    kind = model.WhichOneof("Type")
    inner = getattr(model, kind)
    if kind.startswith("neuralNetwork"):
        yield prefix, inner
        return
    children = inner.models if kind == "pipeline" else inner.pipeline.models
    for index, child in enumerate(children):
        yield from networks(child, "{}pipeline[{}]/".format(prefix, index))


BODIES = {"branch": ("ifBranch", "elseBranch"), "loop": ("conditionNetwork", "bodyNetwork")}


def layers(network, prefix):
    for index, layer in enumerate(network.layers):
        place = "{}layers[{}]".format(prefix, index)
        yield place, layer
        kind = layer.WhichOneof("layer")
        for name in BODIES.get(kind, ()):
            body = getattr(getattr(layer, kind), name)
            yield from layers(body, "{}/{}/".format(place, name))


def layers_of(path):
    """Address → layer message of a model file, read with the official classes alone."""
    model = schema.model_class()()
    model.ParseFromString(cases.read_bytes(str(path)))
    return {a: layer for prefix, net in networks(model) for a, layer in layers(net, prefix)}


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("case", PARAMETERS)
def test_right_is_match_and_wrong_is_not(case):
    require(case)
    found = {f.layer.address: f for f in audit(case, case.document(used_only=False)).findings}
    for place, is_right, _ in judged(case):
        if case.name in AMBIGUOUS:
            assert found[place].verdict == "ambiguous"
            continue
        assert (found[place].verdict == "match") == is_right, found[place]
        assert (found[place].codes == ()) == is_right
        assert not is_right or found[place].max_shift_px == pytest.approx(0, abs=1e-9)


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("case", PARAMETERS)
def test_wrong_size_is_told_apart_from_wrong_values(case):
    require(case)
    verdicts = {address(layer): layer.get("verdict") or "" for layer in case.meta["layers"]}
    for finding in audit(case, case.document()).findings:
        said = verdicts[finding.layer.address]
        if said.startswith("wrong") and case.name not in AMBIGUOUS:
            assert ("RSZ102" in finding.codes) == said.startswith("wrong size"), finding


def expected_layer(case, is_right, call):
    """(kind, parameters) that a fix must leave, or None if it must leave the layer alone."""
    if is_right or case.name in FLEXIBLE or case.name in AMBIGUOUS:
        return None
    before, after = call["input_hw"], call["output_hw"]
    if call["mode"] == "bilinear" and call["align_corners"] and not call["antialias"]:
        return "resizeBilinear", after
    whole = not any(n % x for x, n in zip(before, after))
    if whole and call["mode"] == "nearest":
        return "upsample", [n // x for x, n in zip(before, after)]
    if whole and case.spec_version >= 5 and not call["antialias"]:
        return "half-pixel", [n // x for x, n in zip(before, after)]
    return None


@pytest.mark.mostly_slow(quick=4)
@pytest.mark.parametrize("case", PARAMETERS)
def test_a_fix_leaves_the_layers_that_the_calls_ask_for(case, tmp_path):
    require(case)
    intent, result = tmp_path / "intent.json", tmp_path / "result"
    intent.write_text(json.dumps(case.document(used_only=False)), encoding="utf-8")
    arguments = [case.path, "-m", str(intent), "-o", str(result), "--partial", "--quiet"]
    ran = CliRunner().invoke(command, arguments)
    assert ran.exit_code in (0, 1)
    assert (ran.output == "") == (ran.exit_code == 0)
    inside = MODEL_FILE if case.path.endswith(".mlpackage") else ""
    after = layers_of(result / inside if inside else result)
    before = layers_of(case.path + "/" + inside if inside else case.path)
    assert list(after) == list(before)
    asked = {place: expected_layer(case, right, call) for place, right, call in judged(case)}
    for place, layer in after.items():
        if asked.get(place) is None:
            assert layer.WhichOneof("layer") == before[place].WhichOneof("layer")
            kind = layer.WhichOneof("layer")
            if kind in ("upsample", "resizeBilinear"):
                assert layer == before[place]
            continue
        kind, numbers = asked[place]
        assert layer.WhichOneof("layer") == kind.replace("half-pixel", "upsample")
        if kind == "resizeBilinear":
            assert list(layer.resizeBilinear.targetSize) == numbers
            assert layer.resizeBilinear.HasField("mode")
            assert layer.resizeBilinear.mode.samplingMethod == 0  # STRICT_ALIGN_ENDPOINTS_MODE
        else:
            assert list(layer.upsample.scalingFactor) == numbers
            # NN and DEFAULT, or BILINEAR and ALIGN_CORNERS_FALSE
            assert layer.upsample.mode == (kind == "half-pixel")
            assert getattr(layer.upsample, "linearUpsampleMode", 0) == 2 * (kind == "half-pixel")


def test_the_fixtures_have_wrong_layers_of_each_kind_to_mend():
    kinds = [
        (expected_layer(case, right, call) or ("",))[0]
        for parameter in PARAMETERS
        for case in parameter.values
        for _, right, call in judged(case)
    ]
    assert kinds.count("resizeBilinear") > 50
    assert kinds.count("half-pixel") == 1
    assert kinds.count("") > 50
