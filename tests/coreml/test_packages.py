"""Model packages: which file is the model, and that a fix touches no other."""

import json
import os
import shutil

import pytest

from coreml_resize_fix import api
from coreml_resize_fix.coreml import schema
from coreml_resize_fix.errors import ModelError, NotAModelError, SchemaError
from coreml_resize_fix.intents.model import Intent
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
    return api.process(path, api.Request(assume=ASK, **options))


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


@pytest.mark.parametrize("in_place", [False, True])
def test_a_package_of_coremltools_is_fixed_and_every_other_file_kept(in_place, tmp_path):
    case = cases.named("nn_package")
    if not schema.knows_ios14():
        with pytest.raises(SchemaError, match="too old to describe it"):
            api.process(case.path, api.Request(manifest=case.intents()))
        return
    package, model = aged_package(tmp_path)
    before = contents(package)
    request = api.Request(manifest=case.intents(), in_place=in_place)
    report = api.process(package, request)
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


OUTSIDE = "names a file outside of the package"
NOT_THERE = "has no model file"
NO_ROOT = "does not name a root model"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../../secret.mlmodel", OUTSIDE),
        ("com.apple.CoreML/../../../secret.mlmodel", OUTSIDE),
        ("{folder}/secret.mlmodel", OUTSIDE),
        ("../Manifest.json", OUTSIDE),
        ("com.apple.CoreML/link.mlmodel", OUTSIDE),
        ("..", OUTSIDE),
        (".", OUTSIDE),
        ("", OUTSIDE),
        ("com.apple.CoreML/none.mlmodel", NOT_THERE),
        ("com.apple.CoreML", NOT_THERE),
        ("com.apple.CoreML/model.mlmodel\0", NOT_THERE),
        (None, NOT_THERE),
        (["com.apple.CoreML/model.mlmodel"], NOT_THERE),
    ],
)
def test_a_manifest_that_names_no_file_of_the_package(path, reason, package, tmp_path):
    secret = str(tmp_path / "secret.mlmodel")
    shutil.copy(os.path.join(package, MODEL), secret)
    os.symlink(secret, os.path.join(package, os.path.dirname(MODEL), "link.mlmodel"))
    path = path.format(folder=str(tmp_path)) if isinstance(path, str) else path
    build.write_manifest(package, path)
    before = contents(tmp_path)
    with pytest.raises(ModelError, match=reason) as caught:
        fix(package, in_place=True)
    assert package in str(caught.value)
    assert caught.value.hint
    assert contents(tmp_path) == before


ITEMS = {"itemInfoEntries": {"A": {"path": "com.apple.CoreML/model.mlmodel"}}}
DAMAGED = {
    "empty": b"",
    "no JSON": b"{",
    "cut": json.dumps(dict(ITEMS, rootModelIdentifier="A")).encode()[:-1],
    "not UTF-8": b'{"rootModelIdentifier": "\xff"}',
    "nested without end": b"[" * 200000,
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "no root": json.dumps(ITEMS).encode(),
    "no items": b'{"rootModelIdentifier": "A"}',
    "root without an item": json.dumps(dict(ITEMS, rootModelIdentifier="B")).encode(),
    "root that is a list": json.dumps(dict(ITEMS, rootModelIdentifier=["A"])).encode(),
    "items that are a list": b'{"rootModelIdentifier": "A", "itemInfoEntries": []}',
    "item without a path": b'{"rootModelIdentifier": "A", "itemInfoEntries": {"A": {}}}',
    "item that is text": b'{"rootModelIdentifier": "A", "itemInfoEntries": {"A": "x"}}',
}


@pytest.mark.parametrize("name", sorted(DAMAGED))
def test_a_damaged_manifest_is_refused(name, package, tmp_path):
    build.write(package, DAMAGED[name], "Manifest.json")
    before = contents(tmp_path)
    with pytest.raises(ModelError, match=NO_ROOT) as caught:
        fix(package)
    assert package in str(caught.value)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("missing", ["Manifest.json", "Data"])
def test_an_incomplete_package_is_refused(missing, package):
    path = os.path.join(package, missing)
    (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)
    reason = "is a folder without a model package" if missing == "Manifest.json" else NOT_THERE
    with pytest.raises(ModelError, match=reason):
        fix(package)


@pytest.mark.parametrize("mark", ["folder", "file"])
def test_a_compiled_model_is_named_as_one(mark, tmp_path):
    folder = tmp_path / ("model.mlmodelc" if mark == "folder" else "model")
    folder.mkdir()
    (folder / ("coremldata.bin" if mark == "folder" else "model.mil")).write_bytes(b"x")
    with pytest.raises(NotAModelError, match="is a compiled model"):
        fix(str(folder))
