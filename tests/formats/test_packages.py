"""Model packages: which file is the model, and that a fix touches no other."""

import os

import pytest

from coreml_resize_fix.errors import SchemaError
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.support import build, cases, edits
from tests.support.folders import contents, copied
from tests.support.process import WITHOUT_TORCH, answer

ASK = Intent(align_corners=True, size=(12, 16))
MODEL = os.path.join("Data", "com.apple.CoreML", "model.mlmodel")


READER = """
import coremltools, json
spec = coremltools.models.MLModel(sys.argv[1]).get_spec()
print(json.dumps(list(spec.neuralNetwork.layers[2].resizeBilinear.targetSize)))
"""


def fix(path, **options):
    return pipeline.process(path, pipeline.Request(assume=ASK, **options))


@pytest.fixture
def package(tmp_path):
    path = build.write_package(tmp_path, build.network([2, 6, 8], [build.DOUBLE], version=3))
    os.chmod(os.path.join(path, "Data", "com.apple.CoreML", "weights", "weight.bin"), 0o600)
    os.makedirs(os.path.join(path, "Data", "empty"))
    return path


def aged_package(folder):
    """nn_package as an older converter writes it: with Upsample layers in their first form."""
    package = copied(cases.named("nn_package").path, folder)
    path = os.path.join(package, MODEL)
    model = edits.parsed(path)
    for index in (2, 5):
        layer = model.neuralNetwork.layers[index]
        assert layer.WhichOneof("layer") == "upsample"
        layer.upsample.ClearField("linearUpsampleMode")
    with open(path, "wb") as file:
        file.write(model.SerializeToString())
    return package, model


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("in_place", [False, True])
def test_a_package_of_coremltools_is_fixed_and_every_other_file_kept(in_place, tmp_path):
    case = cases.named("nn_package")
    if not schema.knows_ios14():
        with pytest.raises(SchemaError, match="too old to describe it"):
            pipeline.process(case.path, pipeline.Request(manifest=case.intents()))
        return
    package, model = aged_package(tmp_path)
    before = contents(package)
    request = pipeline.Request(manifest=case.intents(), in_place=in_place)
    report = pipeline.process(package, request)
    changed = {
        "layers[2]": edits.strict(12, 16),
        "layers[5]": edits.Mend("upsample", (2, 2), "ALIGN_CORNERS_FALSE"),
    }
    assert [(c["align_corners"], c["input_hw"], c["output_hw"]) for c in case.calls] == [
        (True, [6, 8], [12, 16]),
        (False, [12, 16], [24, 32]),
    ]
    expected = edits.apply(model, changed)
    assert edits.parsed(os.path.join(report.output, MODEL)) == expected
    target = package if in_place else str(tmp_path / "model-fixed.mlpackage")
    assert report.output == target
    after = contents(target)
    for found in (before, after):
        del found[MODEL]
    assert after == before
    assert sorted(os.listdir(str(tmp_path))) == sorted(
        {"model.mlpackage", os.path.basename(target)}
    )
    assert answer(WITHOUT_TORCH + READER, target) == [12, 16]


@pytest.mark.parametrize("how", ["default", "elsewhere", "slash", "in place", "force"])
def test_only_the_model_of_a_package_changes(how, package, tmp_path):
    before = contents(package)
    target = {
        "default": str(tmp_path / "model-fixed.mlpackage"),
        "elsewhere": str(tmp_path / "other" / "new.mlpackage"),
        "slash": str(tmp_path / "model-fixed.mlpackage"),
        "in place": package,
        "force": str(tmp_path / "new.mlpackage"),
    }[how]
    os.makedirs(os.path.dirname(target), exist_ok=True)
    options = {"output": target} if how in ("elsewhere", "force") else {}
    if how == "force":
        build.write(build.write_package(tmp_path, b"old", "new.mlpackage"), b"old", "old.txt")
        options["force"] = True
    path = package + "/" if how == "slash" else package
    report = fix(path, in_place=how == "in place", **options)
    assert report.exit_code == 0
    assert report.output == target
    after = contents(target)
    assert edits.parse(after.pop(MODEL)[0]) == edits.apply(
        edits.parse(before[MODEL][0]), {"layers[0]": edits.strict(12, 16)}
    )
    if how != "in place":
        assert contents(package) == before
    del before[MODEL]
    assert after == before
    assert [name for name in os.listdir(str(tmp_path)) if name.startswith(".")] == []


def test_a_second_run_on_a_package_changes_nothing(package, tmp_path):
    fixed = fix(package).output
    before = contents(tmp_path)
    for options in ({}, {"in_place": True}, {"dry_run": True}):
        report = fix(fixed, **options)
        assert (report.exit_code, report.output) == (0, None)
    assert contents(tmp_path) == before


def test_a_dry_run_of_a_package_writes_nothing(package, tmp_path):
    before = contents(tmp_path)
    report = fix(package, dry_run=True)
    assert (report.exit_code, report.output) == (1, None)
    assert contents(tmp_path) == before
