"""Results of two files: the model and the weights that it reads, proved and replaced together."""

import json
import os
import shutil
import tracemalloc

import numpy as np
import pytest

pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

from coreml_resize_fix import audit, fix
from coreml_resize_fix.errors import OutputError, ProofError
from coreml_resize_fix.files import atomic
from coreml_resize_fix.files.alone import alone
from coreml_resize_fix.formats import package_items
from coreml_resize_fix.formats.mlprogram import weight_file
from coreml_resize_fix.run import pipeline, proof
from tests.formats.mlprogram import appending, build, calls
from tests.formats.mlprogram.appending import MODEL, NAME, NUMBERS, WEIGHTS
from tests.support.folders import contents

HAS, HAS_NONE = "ct9_ex17_range_other_bilF", "mil_ml16_half_pixel_false"
MANIFEST = "Manifest.json"


@pytest.fixture(autouse=True)
def _adds(monkeypatch):
    appending.adds_numbers(monkeypatch)


def prepared(name, folder, listed=True):
    """A package; `listed` is whether its manifest names a folder for weights."""
    path = calls.copied(name, folder)
    if not listed:
        manifest = os.path.join(path, MANIFEST)
        with open(manifest, encoding="utf-8") as file:
            document = json.load(file)
        entries = document["itemInfoEntries"]
        document["itemInfoEntries"] = {
            key: value for key, value in entries.items() if value["name"] != "weights"
        }
        with open(manifest, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=4)
    return path


def is_complete(package, before, others=()):
    """The result reads its old numbers and the new ones, and coremltools opens it."""
    after = contents(package)
    found = appending.constants(package)
    assert np.array_equal(found[NAME], NUMBERS)
    old = before.get(WEIGHTS)
    if old is not None:
        assert after[WEIGHTS][0][4 : len(old[0])] == old[0][4:]
        assert after[WEIGHTS][1] == old[1]
    made = {os.path.dirname(WEIGHTS), WEIGHTS, MODEL, *others}
    assert set(after) == set(before) | made
    assert {key for key in before if after[key] != before[key]} <= made
    with build.quiet():
        opened = build.ct.models.MLModel(str(package), skip_model_load=True)
    assert os.path.realpath(opened.weights_dir) == os.path.realpath(
        os.path.join(str(package), os.path.dirname(WEIGHTS))
    )


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize(("name", "listed"), [(HAS, True), (HAS_NONE, True), (HAS_NONE, False)])
def test_both_files_are_written(name, listed, in_place, tmp_path):
    path = prepared(name, tmp_path, listed)
    before = contents(path)
    target = fix(path, calls.with_sizes(name), in_place=in_place)
    assert (target == path) == in_place
    is_complete(target, before, () if listed else (MANIFEST,))
    if not in_place:
        assert contents(path) == before
    assert fix(target, calls.with_sizes(name)) == target, "the second run changes nothing"
    assert [one for one in os.listdir(str(tmp_path)) if one.startswith(".")] == []


def test_an_item_is_added_to_a_manifest_of_any_form(tmp_path):
    path = prepared(HAS_NONE, tmp_path, listed=False)
    with open(os.path.join(path, MANIFEST), encoding="utf-8") as file:
        document = json.load(file)
    document["note"] = '"itemInfoEntries": {'
    folder = os.path.join(os.path.realpath(path), "Data", "com.apple.CoreML", "weights")
    for form in ({"indent": 4}, {}, {"indent": 1, "sort_keys": True}, {"separators": (",", ":")}):
        with open(os.path.join(path, MANIFEST), "w", encoding="utf-8") as file:
            json.dump(document, file, **form)
        name, (patch,), _ = package_items.listing(path, folder)
        with open(name, encoding="utf-8") as file:
            text = file.read()
        made = json.loads(text[: patch.start] + patch.data.decode() + text[patch.end :])
        (added,) = set(made["itemInfoEntries"]) - set(document["itemInfoEntries"])
        assert made["itemInfoEntries"].pop(added) == {
            "author": "com.apple.CoreML",
            "description": "CoreML Model Weights",
            "name": "weights",
            "path": "com.apple.CoreML/weights",
        }
        assert made == document


@pytest.mark.parametrize("in_place", [False, True])
def test_the_proof_reads_the_new_numbers_before_anything_moves(in_place, tmp_path, monkeypatch):
    path = prepared(HAS, tmp_path)
    before, seen = contents(tmp_path), []
    really = proof.verify_written

    def prove(work, result):
        really(work, result)
        (found,) = [
            one
            for one in weight_file.references_of(result.program.functions[0])
            if one.offset >= len(before[os.path.join(os.path.basename(path), WEIGHTS)][0])
        ]
        place = result.beside.path(weight_file.relative(found.file_name))
        seen.append(weight_file.read(place, found.offset).data == NUMBERS.tobytes())
        kept = contents(tmp_path)
        assert {key: kept[key] for key in before} == before
        raise ProofError("it is wrong")

    monkeypatch.setattr(proof, "verify_written", prove)
    with pytest.raises(ProofError, match="it is wrong"):
        fix(path, calls.with_sizes(HAS), in_place=in_place)
    assert seen == [True]
    assert contents(tmp_path) == before


@pytest.mark.parametrize("what", ["weights", "model"])
def test_a_file_that_changes_meanwhile(what, tmp_path, monkeypatch):
    path = prepared(HAS, tmp_path)
    changed = os.path.join(path, WEIGHTS if what == "weights" else MODEL)
    really = proof.verify_written

    def prove(*arguments):
        really(*arguments)
        shutil.copy2(changed, changed + ".other")
        os.replace(changed + ".other", changed)

    monkeypatch.setattr(proof, "verify_written", prove)
    before = contents(path)
    with pytest.raises(OutputError, match="changed while it was read"):
        fix(path, calls.with_sizes(HAS), in_place=True)
    assert contents(path) == before


def test_a_weight_file_that_appears_meanwhile_is_left_alone(tmp_path, monkeypatch):
    path = prepared(HAS_NONE, tmp_path)
    really = proof.verify_written

    def prove(*arguments):
        really(*arguments)
        with open(os.path.join(path, WEIGHTS), "wb") as file:
            file.write(b"of somebody else")

    monkeypatch.setattr(proof, "verify_written", prove)
    before = contents(path)
    with pytest.raises(OutputError, match="changed while it was read"):
        fix(path, calls.with_sizes(HAS_NONE), in_place=True)
    after = contents(path)
    assert after.pop(WEIGHTS)[0] == b"of somebody else"
    del after[os.path.dirname(WEIGHTS)]
    assert after == before


def test_two_runs_in_one_place(tmp_path):
    path = prepared(HAS, tmp_path)
    before = contents(path)
    with alone(os.path.join(path, MODEL)), pytest.raises(OutputError, match="by another run"):
        fix(path, calls.with_sizes(HAS), in_place=True)
    assert contents(path) == before
    fix(path, calls.with_sizes(HAS), in_place=True)
    is_complete(path, before)


def test_a_link_to_the_weights_stays_one(tmp_path):
    path = prepared(HAS, tmp_path)
    real = os.path.join(path, "Data", "numbers.bin")
    os.rename(os.path.join(path, WEIGHTS), real)
    os.symlink("../../numbers.bin", os.path.join(path, WEIGHTS))
    for in_place in (False, True):
        target = fix(path, calls.with_sizes(HAS), in_place=in_place)
        assert os.readlink(os.path.join(target, WEIGHTS)) == "../../numbers.bin"
        assert np.array_equal(appending.constants(target)[NAME], NUMBERS)


def test_weights_outside_of_the_package_are_not_written_to(tmp_path):
    path = prepared(HAS, tmp_path)
    outside = str(tmp_path / "numbers.bin")
    os.rename(os.path.join(path, WEIGHTS), outside)
    os.symlink(outside, os.path.join(path, WEIGHTS))
    before = contents(tmp_path)
    with pytest.raises(Exception, match="link that leads out of it"):
        fix(path, calls.with_sizes(HAS), in_place=True)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_model_file_without_a_package(dry_run, tmp_path):
    """Two files that are no package cannot be replaced together."""
    path = prepared(HAS, tmp_path)
    folder = os.path.dirname(os.path.join(path, MODEL))
    before = contents(tmp_path)
    request = pipeline.Request(manifest=tuple(calls.with_sizes(HAS)), dry_run=dry_run)
    with pytest.raises(OutputError, match="only in a package are both replaced together"):
        pipeline.process(os.path.join(folder, "model.mlmodel"), request)
    assert contents(tmp_path) == before


def test_read_only_weights_keep_their_bits(tmp_path):
    path = prepared(HAS, tmp_path)
    os.chmod(os.path.join(path, WEIGHTS), 0o440)
    before = contents(path)
    is_complete(fix(path, calls.with_sizes(HAS)), before)
    fix(path, calls.with_sizes(HAS), in_place=True)
    is_complete(path, before)


@pytest.mark.parametrize("name", [HAS, HAS_NONE])
def test_an_mlmodel_gets_a_package_of_its_own(name, tmp_path):
    path = prepared(name, tmp_path)
    os.makedirs(os.path.dirname(os.path.join(path, WEIGHTS)), exist_ok=True)
    before = contents(tmp_path)
    with build.quiet():
        model = build.ct.models.MLModel(path, skip_model_load=True)
        model.author = "changed in memory"
        fixed = fix(model, calls.with_sizes(name))
        fixed.save(str(tmp_path / "saved.mlpackage"))
    assert audit(fixed, calls.with_sizes(name)).exit_code == 0
    saved = contents(tmp_path / "saved.mlpackage")
    assert (fixed.author, fixed.is_temp_package) == ("changed in memory", True)
    assert fixed.package_path not in (path, model.package_path)
    is_complete(tmp_path / "saved.mlpackage", contents(path))
    assert saved[os.path.join("Data", "notes.txt")][0] == b"mine"
    shutil.rmtree(str(tmp_path / "saved.mlpackage"))
    assert contents(tmp_path) == before
    shutil.rmtree(fixed.package_path)


def test_an_mlmodel_that_fails_its_proof_leaves_nothing(tmp_path, monkeypatch):
    path = prepared(HAS, tmp_path)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))

    def prove(*arguments):
        raise ProofError("it is wrong")

    with build.quiet():
        model = build.ct.models.MLModel(path, skip_model_load=True)
    monkeypatch.setattr(proof, "verify_written", prove)
    with pytest.raises(ProofError):
        fix(model, calls.with_sizes(HAS))
    assert os.listdir(str(tmp_path / "temporary")) == []


def test_weights_take_their_place_first(tmp_path, monkeypatch):
    path = prepared(HAS_NONE, tmp_path, listed=False)
    moved, really = [], atomic._take_place

    def take_place(temporary, target, replace):
        moved.append(os.path.basename(target))
        really(temporary, target, replace)

    monkeypatch.setattr(atomic, "_take_place", take_place)
    fix(path, calls.with_sizes(HAS_NONE), in_place=True)
    assert moved == ["weight.bin", "Manifest.json", "model.mlmodel"]


@pytest.mark.slow
def test_large_weights_pass_through_in_blocks(tmp_path):
    path = prepared(HAS, tmp_path)
    with open(os.path.join(path, WEIGHTS), "ab") as file:
        file.truncate(100_000_000)
    (tmp_path / "first").mkdir()
    fix(prepared(HAS, tmp_path / "first"), calls.with_sizes(HAS))  # everything is imported
    for in_place in (False, True):
        tracemalloc.start()
        fix(path, calls.with_sizes(HAS), in_place=in_place)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 30_000_000
    assert np.array_equal(appending.constants(path)[NAME], NUMBERS)
