"""The Manifest.json of a package: it names a file of the package, or the package is refused."""

import json
import os
import shutil

import pytest

from coreml_resize_fix.errors import ModelError, NotAModelError
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.support import build
from tests.support.folders import contents

ASK = Intent(align_corners=True, size=(12, 16))
MODEL = os.path.join("Data", "com.apple.CoreML", "model.mlmodel")


def fix(path, **options):
    return pipeline.process(path, pipeline.Request(assume=ASK, **options))


@pytest.fixture
def package(tmp_path):
    return build.write_package(tmp_path, build.network([2, 6, 8], [build.DOUBLE], version=3))


OUTSIDE = "names a file outside of the package"
LEADS_OUT = "has a link that leads out of it: `Data.com.apple.CoreML.link.mlmodel`"
NOT_THERE = "has no model file"
NO_ROOT = "does not name a root model"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../../secret.mlmodel", OUTSIDE),
        ("com.apple.CoreML/../../../secret.mlmodel", OUTSIDE),
        ("{folder}/secret.mlmodel", OUTSIDE),
        ("../Manifest.json", OUTSIDE),
        ("com.apple.CoreML/link.mlmodel", LEADS_OUT),
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
    reason = "is a folder without a model" if missing == "Manifest.json" else NOT_THERE
    with pytest.raises(ModelError, match=reason):
        fix(package)


@pytest.mark.parametrize("mark", ["folder", "file"])
def test_a_compiled_model_is_named_as_one(mark, tmp_path):
    folder = tmp_path / ("model.mlmodelc" if mark == "folder" else "model")
    folder.mkdir()
    (folder / ("coremldata.bin" if mark == "folder" else "model.mil")).write_bytes(b"x")
    with pytest.raises(NotAModelError, match="is a compiled model"):
        fix(str(folder))
