"""Converted ML Programs: the error that another executor measured when they were collected."""

import json
import os

import numpy as np
import pytest

from coreml_resize_fix.formats.protobuf import schema
from tests.cli.commands import manifest, run
from tests.report.json_v1 import check
from tests.support.cases import FIXTURES, read_json, resize

PROGRAMS = os.path.join(FIXTURES, "mlprogram")
NAMES = sorted(name for name in os.listdir(PROGRAMS) if os.path.isdir(os.path.join(PROGRAMS, name)))


@pytest.mark.mostly_slow(quick=3)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.skipif(
    "mlProgram" not in schema.model_class().DESCRIPTOR.fields_by_name,
    reason="this coremltools has no ML Programs",
)
def test_the_error_as_converted_and_with_the_intended_resizes(name, tmp_path):
    folder = os.path.join(PROGRAMS, name)
    calls = read_json(os.path.join(folder, "intent.json"))
    path = manifest(
        {"resizes": [dict(resize(call), used=call["used"]) for call in calls]}, tmp_path
    )
    with np.load(os.path.join(folder, "io.npz")) as recorded:
        arrays = {k: recorded[k] for k in recorded.files if k.startswith("interp")}
        inputs = [k for k in recorded.files if k.startswith("input")]
        arrays.update(("input_" + k, recorded[k]) for k in inputs)
        outputs = [k for k in recorded.files if k.startswith("output")]
        arrays.update(("output_" + k, recorded[k]) for k in outputs)
    np.savez(str(tmp_path / "io.npz"), **arrays)
    ran = run(
        os.path.join(folder, "model.mlpackage"), "-m", path, "-n", "--reference",
        tmp_path / "io.npz", "--format", "json",
    )  # fmt: skip
    check(ran.json)
    (model,) = ran.json["models"]
    (output,) = model["network"]["outputs"]
    share = 1 / output["magnitude"]
    before = output["max_abs_error_before"]
    assert model["network"]["tolerance"] == 2e-2
    # Nobody knows in which precision Core ML multiplies a size by its factor.
    measured = read_json(os.path.join(folder, "meta.json"))["executed_error"]
    if before is None:
        assert any(isinstance(one, str) for one in measured.values())  # another size
    else:
        assert before * share == pytest.approx(measured["f32"], rel=0.01, abs=1e-3)
    (intended,) = model["network_details"]["with_intended_resizes"]
    assert intended["max_abs_error"] * share < 1e-3
    assert "not the resizes' doing" not in json.dumps(model)
