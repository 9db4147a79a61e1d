"""Inputs that are named by where one stands, links to packages, folders inside of an input."""

import json
import os

import numpy as np
import pytest

from coreml_resize_fix.errors import ModelError
from coreml_resize_fix.intents import tensors
from coreml_resize_fix.run import pipeline
from tests.cli.commands import CORNERS, FIXABLE, manifest, model, package, run
from tests.support.folders import contents

ASK = ("--assume", CORNERS)


@pytest.mark.parametrize(("inside", "name"), [("", "."), ("Data", "..")])
def test_a_package_that_is_named_from_within(inside, name, tmp_path, monkeypatch):
    path = package(tmp_path)
    monkeypatch.chdir(os.path.join(path, inside))
    before = contents(path)
    assert run(name, *ASK, "-o", str(tmp_path / "out") + os.sep).code == 0
    assert os.listdir(str(tmp_path / "out")) == ["model.mlpackage"]
    assert run(name, *ASK).code == 0
    assert sorted(os.listdir(str(tmp_path))) == ["model-fixed.mlpackage", "model.mlpackage", "out"]
    assert contents(path) == before


def test_no_folder_is_made_inside_of_an_input(tmp_path):
    path = package(tmp_path)
    before = contents(tmp_path)
    ran = run(path, *ASK, "-o", os.path.join(path, "sub", "deep") + os.sep)
    assert ran.code == 2
    assert "is inside of the input" in ran.err
    assert contents(tmp_path) == before


def test_a_link_to_a_package_stays_a_link(tmp_path):
    path, real = package(tmp_path), package(tmp_path, rename="real.mlpackage")
    os.symlink("real.mlpackage", str(tmp_path / "link.mlpackage"))
    before = contents(real)
    assert run(path, *ASK, "-o", tmp_path / "link.mlpackage", "--force").code == 0
    assert os.readlink(str(tmp_path / "link.mlpackage")) == "real.mlpackage"
    assert contents(real) != before


@pytest.mark.parametrize("failing", [1, 2])
def test_a_disk_that_fails_is_no_failed_proof(failing, tmp_path, monkeypatch):
    """The first reading is of the input, the second one of the result."""
    really, calls = pipeline.open_file, []

    def open_file(path, label):
        calls.append(path)
        if len(calls) == failing:
            raise ModelError("cannot read it: input/output error") from OSError(5, "disk")
        return really(path, label)

    monkeypatch.setattr(pipeline, "open_file", open_file)
    path = model(FIXABLE, tmp_path)
    ran = run(path, *ASK)
    assert (ran.code, len(calls)) == (2, failing)
    assert "report this" not in ran.err
    assert os.listdir(str(tmp_path)) == [FIXABLE + ".mlmodel"]


def test_half_of_a_surrogate_pair_is_no_model_of_a_package(tmp_path):
    path = package(tmp_path)
    entries = {"A": {"path": "\ud800/model.mlmodel"}}
    document = {"rootModelIdentifier": "A", "itemInfoEntries": entries}
    manifest(document, path, "Manifest.json")
    ran = run(path, *ASK)
    assert ran.code == 2
    assert "does not name a root model" in ran.err


def test_recorded_tensors_are_written_with_their_manifest(tmp_path):
    path = model(FIXABLE, tmp_path)
    given = manifest({"8": {"align_corners": True, "size": [10, 12]}}, tmp_path)
    shown = np.zeros((1, 1, 5, 6), "f4"), np.zeros((1, 1, 10, 12), "f4")
    tensors.save(given, {0: tensors.Recorded(*shown)})
    ran = run(path, "-n", "-m", given, "--write-manifest", tmp_path / "out.json")
    assert ran.code in (1, 2)
    assert sorted(tensors.load(str(tmp_path / "out.json"), 1)) == [0]


def test_a_folder_without_a_manifest_is_an_error_of_the_model(tmp_path):
    path = model(FIXABLE, tmp_path, "net.mlmodel")
    (tmp_path / "intents").mkdir()
    ran = run(path, "-n", "-m", tmp_path / "intents", "--format", "json")
    (error,) = ran.json["errors"]
    assert (ran.code, error["path"]) == (2, path)
    assert "has no manifest for" in error["message"]


def test_the_manifest_of_a_folder_is_the_one_that_is_written(tmp_path):
    path = model(FIXABLE, tmp_path, "net.mlmodel")
    folder = tmp_path / "intents"
    folder.mkdir()
    manifest({"8": {"align_corners": True, "size": [10, 12]}}, folder, "net.json")
    assert run(path, "-n", "-m", folder, "--write-manifest", tmp_path / "out.json").code == 1
    with open(str(tmp_path / "out.json"), encoding="utf-8") as file:
        (written,) = json.load(file)["resizes"]
    assert (written["align_corners"], written["size"]) == (True, [10, 12])
