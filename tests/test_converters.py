"""Old and new converters: each resize is judged rightly, and fixed computes what PyTorch did."""

import json
import os

import numpy as np
import pytest

from tests.cli.commands import run
from tests.support import docs_scripts
from tests.support.converted import ALL

OPTIONS = ("--format", "json", "--decompose")


@pytest.fixture(params=ALL, ids=lambda case: case.name)
def case(request):
    if not request.param.is_readable:
        pytest.skip("the schema is older than the model: pip install 'coremltools>=5'")
    return request.param


@pytest.fixture
def asked(case, tmp_path):
    """The manifest, and beside it all that PyTorch computed, under the names of the calls."""
    path = tmp_path / "intent.json"
    path.write_text(json.dumps(case.document))
    recorded = dict(np.load(os.path.join(case.recording, "io.npz")))
    named = {f"output_{name}": recorded[f"output{n}"] for n, name in enumerate(case.meta["names"])}
    resized = {key: value for key, value in recorded.items() if key.startswith("interp")}
    np.savez(str(tmp_path / "intent.npz"), input_image=recorded["input"], **named, **resized)
    return path


@pytest.mark.mostly_slow(quick=12)
def test_each_resize_is_judged_by_its_own_call_and_rightly(case, asked):
    """`verdict` in meta.json compares what Core ML documents with what PyTorch computed."""
    (model,) = run(case.path, "-n", "-m", asked, *OPTIONS).json["models"]
    layers = case.meta["layers"]
    assert [layer["address"] for layer in model["layers"]] == [one["address"] for one in layers]
    for found, expected in zip(model["layers"], layers):
        (call,) = expected["calls"]
        assert found["intent"]["output_size"] == case.calls[call]["output_hw"]
        assert found["intent"]["mode"] == case.calls[call]["mode"]
        is_right = expected["verdict"] == "right"
        assert found["verdict"] == ("match" if is_right else "fixable"), expected["verdict"]
        if "size" in expected["verdict"]:
            assert "RSZ102" in found["codes"]
    left = model["intents_without_layer"]
    assert len(left) + len(layers) == len(case.calls)
    assert bool(left) == (case.name == "stablehlo_ml")  # it has no resizes: matrices and gathers


@pytest.mark.mostly_slow(quick=4)
def test_a_fix_computes_what_pytorch_did(case, asked, tmp_path):
    output = tmp_path / os.path.basename(case.path)
    npz = tmp_path / "intent.npz"
    ran = run(case.path, "-m", asked, "-o", output, "--reference", npz, *OPTIONS)
    assert ran.code == 0, ran.out + ran.err
    (model,) = ran.json["models"]
    compared = model["network"]["outputs"]
    assert len(compared) == len(case.calls)
    for one in compared:
        assert one["max_abs_error_after"] <= 1e-4 * one["magnitude"]
    wrong = [layer["calls"][0] for layer in case.meta["layers"] if layer["verdict"] != "right"]
    assert [one["reason"] for one in model["intents_without_layer"]] == ["computed-elsewhere"] * (
        len(case.calls) - len(case.meta["layers"])
    )
    differed = [
        n
        for n, one in enumerate(compared)
        if one["max_abs_error_before"] is None
        or one["max_abs_error_before"] > 1e-3 * one["magnitude"]
    ]
    assert differed == wrong
    again = output if wrong else case.path
    assert run(again, "-n", "-m", asked, "--reference", npz).code == 0


def test_the_table_of_converters_is_up_to_date():
    module, written = docs_scripts.load("make_converters.py", "converters.md")
    assert written == module.text(), "run `python docs/make_converters.py`"
