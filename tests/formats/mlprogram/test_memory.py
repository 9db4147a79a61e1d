"""`fix` on what `coremltools.convert` returns: an MLModel in, an MLModel out, weights kept."""

import os

import pytest

pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

from coreml_resize_fix import audit, fix
from tests.formats.mlprogram import build, calls, files
from tests.support.folders import contents

WEIGHTS = os.path.join("Data", "com.apple.CoreML", "weights", "weight.bin")


def opened(name, tmp_path):
    package = calls.copied(name, tmp_path)
    os.makedirs(os.path.join(package, "Data", "com.apple.CoreML", "weights"), exist_ok=True)
    with build.quiet():
        return build.ct.models.MLModel(package, skip_model_load=True)


@pytest.mark.parametrize("name", ["ct9_ex17_range_other_bilF", "mil_ml16_half_pixel_false"])
def test_an_mlmodel_comes_back(name, tmp_path):
    model, intents = opened(name, tmp_path), calls.with_sizes(name)
    before = model.get_spec().SerializeToString(deterministic=True)
    with build.quiet():
        fixed = fix(model, intents)
        fixed.save(str(tmp_path / "fixed.mlpackage"))
    assert type(fixed) is type(model)
    assert model.get_spec().SerializeToString(deterministic=True) == before
    assert audit(fixed, intents).exit_code == 0
    saved, original = contents(tmp_path / "fixed.mlpackage"), contents(files.package(name))
    assert saved.get(WEIGHTS) == original.get(WEIGHTS)
    build.opens(tmp_path / "fixed.mlpackage")


def test_one_that_is_right_comes_back_itself(tmp_path):
    name = "ct9_ml17_equal_calls"
    model = opened(name, tmp_path)
    assert fix(model, calls.intents(name)) is model


def test_a_spec_comes_back_as_one(tmp_path):
    name = "mil_ml16_half_pixel_false"
    spec = opened(name, tmp_path).get_spec()
    fixed = fix(spec, calls.intents(name))
    assert type(fixed) is type(spec)
    assert audit(fixed, calls.intents(name)).exit_code == 0
