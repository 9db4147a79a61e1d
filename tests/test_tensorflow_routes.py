"""From TensorFlow and Keras: each resize is judged by its own call, and fixed as it computed it.

The routes are those of tests/fixtures/make_routes.py. What TensorFlow recorded decides: the
verdicts in meta.json compare it with what Core ML documents.
"""

import os

import numpy as np
import pytest

from tests.cli.commands import run
from tests.support.tensorflow_cases import ALL

OPTIONS = ("--format", "json", "--decompose")


@pytest.fixture(params=ALL, ids=lambda case: case.name)
def case(request):
    if not request.param.is_readable:
        pytest.skip("the schema is older than the model: pip install 'coremltools>=5'")
    return request.param


@pytest.mark.mostly_slow(quick=10)
def test_each_resize_is_judged_by_its_own_call_and_rightly(case, tmp_path):
    """The manifest is in the other order, so that names decide where converters keep any."""
    named = case.meta["route"] != "onnx"
    places = case.places[::-1] if named else case.places
    manifest, _ = case.write(str(tmp_path), places)
    ran = run(case.path, "-n", "-m", manifest, *OPTIONS)
    (model,) = ran.json["models"]
    layers = case.meta["layers"]
    assert [one["address"] for one in model["layers"]] == [one["address"] for one in layers]
    for found, expected in zip(model["layers"], layers):
        if "calls" in expected:
            assert found["intent"]["name"] == case.recorded[expected["calls"][0]]["name"]
            is_right = expected["verdict"] == "right"
            assert found["verdict"] == ("match" if is_right else "fixable"), found
        else:  # of one pixel every grid makes the same; a computed size is in no parameter
            assert found["verdict"] == "match", found
    assert len(model["intents_without_layer"]) == len(places) - len(layers)


@pytest.mark.mostly_slow(quick=3)
def test_a_fix_computes_what_tensorflow_did(case, tmp_path):
    manifest, npz = case.write(str(tmp_path), case.places)
    output = tmp_path / os.path.basename(case.path)
    ran = run(case.path, "-m", manifest, "-o", output, "--reference", npz, *OPTIONS)
    assert ran.code == 0, ran.out + ran.err
    (model,) = ran.json["models"]
    compared = model["network"]["outputs"]
    assert len(compared) == len(case.meta["outputs"])
    for one in compared:
        assert one["max_abs_error_after"] <= 1e-4 * one["magnitude"]
    wrong = [one for one in case.meta["layers"] if one.get("verdict", "right") != "right"]
    differing = [
        one["name"].split("_map")[0]
        for one in compared
        if one["max_abs_error_before"] is None  # another size
        or one["max_abs_error_before"] > 1e-3 * one["magnitude"]
    ]
    if case.meta["names"]:  # an output for each call
        names = [case.meta["names"][case.places.index(one["calls"][0])] for one in wrong]
        assert sorted(differing) == sorted(names)
    else:
        assert bool(differing) == bool(wrong)
    again = output if wrong else case.path
    assert run(again, "-n", "-m", manifest, "--reference", npz).code == 0


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("name", ["ct90_calls_nn", "tfcoreml_calls"])
def test_classes_are_those_of_the_axis_of_channels(name, tmp_path):
    """The first model gives (N, H, W, C), the second [C, H, W]; outputs are maps of 2 scores."""
    (case,) = (one for one in ALL if one.name == name)
    if not case.is_readable:
        pytest.skip("the schema is older than the model: pip install 'coremltools>=5'")
    manifest, npz = case.write(str(tmp_path), case.places)
    wanted = dict(np.load(npz))
    (model,) = run(case.path, "-n", "-m", manifest, "--reference", npz, *OPTIONS).json["models"]
    for one in model["effects"]["outputs"]:
        scores = wanted["output_" + one["name"].split("__")[0]]
        assert one["pixels"] == scores.shape[1] * scores.shape[2]
        assert 0 <= one["changed_pixels"] <= one["pixels"]
    page = tmp_path / "page.html"
    run(case.path, "-n", "-m", manifest, "--reference", npz, "--report", page)
    for name in case.meta["names"]:
        height, width = wanted[f"output_{name}_map"].shape[1:3]
        assert f"{height}×{width}" in page.read_text(encoding="utf-8")
