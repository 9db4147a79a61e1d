"""The paths of each job are worked out before any model is read; a refusal waits for its turn."""

import os

import pytest

from coreml_resize_fix.errors import ManifestError, NotAModelError
from coreml_resize_fix.run import jobs, pipeline
from coreml_resize_fix.run.model_paths import Found
from coreml_resize_fix.run.options import Request
from tests.cli.commands import CORNERS, RIGHT, manifest, model, package, run


def test_every_path_of_a_job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir("intents")
    model(RIGHT, ".", "a.mlmodel")
    package(".", rename="p.mlpackage")
    manifest({}, "intents", "a.intent.json")
    manifest({}, "intents", "p.json")
    found = [
        Found("a.mlmodel", "a.mlmodel"),
        Found("p.mlpackage", os.path.join("d", "p.mlpackage")),
    ]
    plain, inside = jobs.resolve_all(found, manifest="intents")
    assert (plain.model_file, plain.output, plain.target) == (
        "a.mlmodel",
        None,
        "a-fixed.mlmodel",
    )
    assert plain.manifest == os.path.join("intents", "a.intent.json")
    assert os.path.samefile(inside.model_file, "p.mlpackage/Data/com.apple.CoreML/model.mlmodel")
    assert inside.manifest == os.path.join("intents", "p.json")
    sent = jobs.resolve_all(found, "out", "intents/p.json")
    assert [job.target for job in sent] == [
        os.path.join("out", "a.mlmodel"),
        os.path.join("out", "d", "p.mlpackage"),
    ]
    assert {job.manifest for job in sent} == {"intents/p.json"}
    assert jobs.resolve_all(found[:1], "new.mlmodel/../b.mlmodel")[0].target.endswith("b.mlmodel")
    assert not os.path.exists("out")


def test_a_refusal_is_raised_when_its_turn_comes(tmp_path):
    gone = jobs.resolve(str(tmp_path / "gone.mlmodel"))
    assert isinstance(gone.refusal, NotAModelError)
    with pytest.raises(NotAModelError, match="does not exist"):
        pipeline.process_job(gone, Request())
    source = model(RIGHT, tmp_path)
    without = jobs.resolve(source, manifest=str(tmp_path), name=os.path.basename(source))
    assert isinstance(without.refusal, ManifestError)
    assert without.manifest is None


@pytest.mark.parametrize("processes", [1, 2])
def test_refused_jobs_fail_alone_with_their_advice(processes, tmp_path):
    """Their errors keep what to do next on the way from another process."""
    paths = [model(RIGHT, tmp_path, name) for name in ("a.mlmodel", "b.mlmodel")]
    gone = str(tmp_path / "gone.mlmodel")
    ran = run(gone, *paths, "-n", "--assume", CORNERS, "-j", processes)
    assert ran.code == 2
    assert ran.err == f"error: `{gone}` does not exist\nhelp: check the path\n"
    manifest({"8": {"align_corners": True, "size": [10, 12]}}, tmp_path, "a.json")
    ran = run(*paths, "-n", "-m", tmp_path, "--format", "json", "-j", processes)
    assert [entry["path"] for entry in ran.json["models"]] == paths[:1]
    (error,) = ran.json["errors"]
    assert error["path"] == paths[1]
    assert error["help"].startswith("name it `b.json`, `b.onnx`, ")
