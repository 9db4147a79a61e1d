"""Several models in one run: folders, a manifest for each, processes, and errors of single ones."""

import json
import multiprocessing
import os
import re
import signal
import threading
from pathlib import Path

import pytest

from coreml_resize_fix.errors import ManifestError
from coreml_resize_fix.run import jobs, pipeline
from tests.cli.commands import (
    CORNERS,
    EMPTY,
    FIXABLE,
    HALF,
    NEVER,
    RIGHT,
    manifest,
    model,
    package,
    run,
    truth,
)
from tests.cli.test_errors import write
from tests.report.json_v1 import check
from tests.support.folders import contents

FIX = ["--assume", CORNERS]
JSON = ["--format", "json"]


@pytest.fixture
def models(tmp_path):
    """A folder with models of all kinds, at several depths, and what is no model."""
    folder = tmp_path / "models"
    for name in ("deep/er", ".hidden", "empty"):
        (folder / name).mkdir(parents=True)
    model(RIGHT, folder, "b.mlmodel")
    model(FIXABLE, folder, "a.mlmodel")
    model(FIXABLE, folder / "deep" / "er", "a.mlmodel")
    model(FIXABLE, folder / ".hidden", "a.mlmodel")
    package(folder / "deep", rename="c.mlpackage")
    (folder / "notes.txt").write_text("no model")
    return folder


FOUND = ["a.mlmodel", "b.mlmodel", "deep/c.mlpackage", "deep/er/a.mlmodel"]


def test_a_folder_stands_for_the_models_below_it(models):
    ran = run(models, "-n", *FIX, *JSON)
    check(ran.json)
    assert [entry["path"] for entry in ran.json["models"]] == [str(models / n) for n in FOUND]
    assert ran.json["summary"] == {"match": 1, "fixable": 3}


def test_names_of_what_is_passed_over_cannot_write_to_the_terminal(tmp_path):
    path = model(RIGHT, tmp_path, "a\x1b[31m.mlmodel")
    model(RIGHT, tmp_path, "a\x1b[31m-fixed.mlmodel")
    said = run(tmp_path, "-n", *FIX).err
    assert "passed over" in said
    assert "\\x1b[31m-fixed.mlmodel" in said
    assert "\x1b" not in said
    assert os.path.exists(path)


def test_results_of_earlier_runs_are_passed_over_and_said(models):
    assert run(models, *FIX).code == 0
    once = contents(models)
    assert "a-fixed.mlmodel" in once
    again = run(models, *FIX, "--force")
    assert contents(models) == once
    assert "passed over what earlier runs made: {}".format(models / "a-fixed.mlmodel") in again.err
    assert "deep/c-fixed.mlpackage" in again.err
    found = run(models, "-n", *FIX, *JSON).json["models"]
    assert [entry["path"] for entry in found] == [str(models / name) for name in FOUND]
    # Asked for by its own name, or without its input beside it, a result is a model like any other.
    named = run(models / "a-fixed.mlmodel", "-n", *FIX, *JSON)
    assert named.json["summary"] == {"match": 1}
    os.unlink(str(models / "a.mlmodel"))
    found = run(models, "-n", *FIX, *JSON).json["models"]
    assert str(models / "a-fixed.mlmodel") in [entry["path"] for entry in found]


def test_a_model_that_is_named_twice_is_done_once(models):
    names = [models / "a.mlmodel", models, models / "deep" / ".." / "a.mlmodel"]
    found = run(*names, "-n", *FIX, *JSON).json["models"]
    assert [entry["path"] for entry in found] == [str(models / name) for name in FOUND]


def test_results_keep_their_places_below_an_output_folder(models, tmp_path):
    ran = run(models, *FIX, "-o", tmp_path / "out")
    assert ran.code == 0
    assert {name for name in contents(tmp_path / "out") if "/Data/" not in name} >= {
        "a.mlmodel",
        "deep/c.mlpackage/Manifest.json",
        "deep/er/a.mlmodel",
    }


def test_a_dry_run_makes_no_folder(models, tmp_path):
    assert run(models, "-n", *FIX, "-o", tmp_path / "out").code == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_without_models_does_not_stop_the_others(models):
    ran = run(models / "empty", models / "b.mlmodel", "-n", *FIX, *JSON)
    assert (ran.code, ran.json["summary"]) == (2, {"match": 1})
    (error,) = ran.json["errors"]
    assert error["path"] == str(models / "empty")
    assert "is a folder without a model in it" in error["message"]


def test_an_error_of_one_of_several_models_names_it(tmp_path):
    """Of a manifest or a reference, too, which the others may share."""
    paths = [model(name, tmp_path) for name in (FIXABLE, RIGHT)]
    for path in paths:
        Path(path).with_suffix(".json").write_text("{")
    for few in (paths, paths[:1]):
        ran = run(*few, "-n", "-q", "-m", tmp_path)
        told = [line for line in ran.err.splitlines() if line.startswith("error: ")]
        assert len(told) == len(few)
        for path, line in zip(few, told):
            begin = "error: `{}`: ".format(path) if len(few) > 1 else "error: "
            intents = str(Path(path).with_suffix(".json"))
            assert line.startswith("{}`{}` is not JSON: ".format(begin, intents))


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("jobs", [1, 2, 0])
def test_a_bad_model_is_in_the_report_and_stops_no_other(jobs, tmp_path):
    paths = [model(name, tmp_path) for name in (FIXABLE, RIGHT, NEVER, EMPTY)]
    bad = str(tmp_path / "bad.mlmodel")
    write(b"Hello, this is no model at all.\n")(bad)
    paths.insert(1, bad)
    ran = run(*paths, "-n", *FIX, *JSON, "--jobs", jobs)
    check(ran.json)
    assert ran.code == ran.json["exit_code"] == 2
    assert [entry["path"] for entry in ran.json["models"]] == [p for p in paths if p != bad]
    assert [(e["path"], e["exit_code"]) for e in ran.json["errors"]] == [(bad, 2)]
    assert ran.err == "error: {}\nhelp: {}\n".format(
        ran.json["errors"][0]["message"], ran.json["errors"][0]["help"]
    )
    text = run(*paths, "-n", *FIX, "--jobs", jobs)
    assert re.search(r"^bad\.mlmodel +-  failed: is a text file, no model$", text.out, re.MULTILINE)
    summary = "\n\n5 models: 1 right, 2 not as asked for, 1 with nothing to compare, 1 failed.\n"
    assert text.out.count(summary) == text.out.count(" models: ") == 1


def test_processes_do_what_one_does(models, tmp_path):
    alone = run(models, *FIX, "-o", tmp_path / "alone", *JSON)
    together = run(models, *FIX, "-o", tmp_path / "together", *JSON, "-j", 3)
    assert contents(tmp_path / "alone") == contents(tmp_path / "together")
    assert together.out == alone.out.replace(str(tmp_path / "alone"), str(tmp_path / "together"))
    assert together.code == alone.code == 0


MANIFESTS = ["{}.json", "{}.intent.json"]


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_for_each_model_by_its_stem(name, tmp_path):
    paths = [model(case, tmp_path) for case in (HALF, RIGHT)]
    intents = tmp_path / "intents"
    intents.mkdir()
    for case in (HALF, RIGHT):
        os.rename(truth(case, tmp_path), str(intents / name.format(case)))
    ran = run(*paths, "-n", "-m", intents, *JSON)
    expected = [run(p, "-n", "-m", intents / name.format(c)) for p, c in zip(paths, (HALF, RIGHT))]
    assert ran.json["errors"] == []
    assert [len(entry["unused_intents"]) for entry in ran.json["models"]] == [0, 0]
    assert ran.code == max(one.code for one in expected)


def test_a_manifest_follows_the_folders_of_the_models(tmp_path):
    for folder in ("models/x", "models/y", "intents/x"):
        (tmp_path / folder).mkdir(parents=True)
    for folder in "xy":
        model(FIXABLE, tmp_path / "models" / folder, "net.mlmodel")
    corners = {"8": {"align_corners": True, "size": [10, 12]}}
    manifest(corners, tmp_path / "intents" / "x", "net.json")
    ran = run(tmp_path / "models", "-n", "-m", tmp_path / "intents", *JSON)
    assert [entry["path"] for entry in ran.json["models"]] == [
        str(tmp_path / "models/x/net.mlmodel")
    ]
    (error,) = ran.json["errors"]
    assert "has no manifest for `{}`".format(tmp_path / "models/y/net.mlmodel") in error["message"]
    assert error["help"].startswith("name it `net.json`, `net.onnx`, ")
    manifest(corners, tmp_path / "intents", "net.json")
    name = os.path.join("x", "net.mlmodel")
    with pytest.raises(ManifestError, match=r"has both .* and .* for"):
        jobs.find_manifest("x/net.mlmodel", name, str(tmp_path / "intents"))


def test_defects_of_one_manifest_are_listed_for_its_model_alone(tmp_path):
    paths = [model(RIGHT, tmp_path, name) for name in ("a.mlmodel", "b.mlmodel")]
    manifest({"resizes": [{"sise": 1}]}, tmp_path, "a.json")
    manifest({"resizes": [{"align_corners": True, "size": [10, 12]}]}, tmp_path, "b.json")
    ran = run(*paths, "-n", "-m", tmp_path, *JSON)
    assert [entry["path"] for entry in ran.json["models"]] == paths[1:]
    (error,) = ran.json["errors"]
    assert error["path"] == paths[0]
    assert [line.split(":")[0] for line in error["details"]] == ["$.resizes[0].sise"]


forked = pytest.mark.skipif(
    multiprocessing.get_start_method() != "fork",
    reason="needs processes that are forks: others do not see what a test puts in a place",
)


@pytest.fixture
def killed(monkeypatch):
    """Paths of models at which the process is killed, as the system does where memory is short."""
    paths, really = set(), pipeline.process_job

    def process(job, *arguments):
        if job.model in paths:
            os.kill(os.getpid(), signal.SIGKILL)
        return really(job, *arguments)

    monkeypatch.setattr(pipeline, "process_job", process)
    return paths


@forked
def test_a_model_at_which_processes_are_killed_fails_alone(tmp_path, killed):
    names = ["a.mlmodel", "b.mlmodel", "c.mlmodel", "d.mlmodel"]
    paths = [model(RIGHT, tmp_path, name) for name in names]
    killed.add(paths[1])
    ran = run(*paths, "-n", *FIX, *JSON, "--jobs", 2)
    check(ran.json)
    assert ran.code == 2
    assert [entry["path"] for entry in ran.json["models"]] == [paths[0], *paths[2:]]
    (error,) = ran.json["errors"]
    assert error["path"] == paths[1]
    assert error["message"].startswith(
        "a worker process was ended by the system at `{}`".format(paths[1])
    )
    assert "--jobs" in error["help"]
    assert "nothing was written" not in error["help"]


@forked
def test_where_a_defect_of_a_worker_arose_is_shown(tmp_path, monkeypatch):
    def fail(*arguments):
        return {}["no such key"]

    monkeypatch.setattr(pipeline, "process_job", fail)
    paths = [model(RIGHT, tmp_path, name) for name in ("a.mlmodel", "b.mlmodel")]
    assert run(*paths, "-n", *FIX, "--jobs", 2).err.count("a defect of this tool") == 2
    with pytest.raises(KeyError) as caught:
        run(*paths, "-n", *FIX, "--jobs", 2, "-v")
    assert re.search(r"(?s)Traceback .* in fail.*KeyError", str(caught.value.__cause__))


@pytest.mark.skipif(os.name != "posix", reason="pipes with a name are of POSIX")
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_manifest_from_a_pipe_serves_all_models(jobs, tmp_path):
    paths = [model(FIXABLE, tmp_path, name) for name in ("a.mlmodel", "b.mlmodel", "c.mlmodel")]
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)
    text = json.dumps({"8": {"align_corners": True, "size": [10, 12]}})
    writer = threading.Thread(target=Path(pipe).write_text, args=(text,), daemon=True)
    writer.start()
    ran = run(*paths, "-n", "-m", pipe, *JSON, "--jobs", jobs)
    writer.join()
    assert ran.json["summary"] == {"fixable": 3}


def test_jobs_below_zero_are_refused():
    ran = run("x.mlmodel", "--jobs", "-1")
    assert ran.code == 2
    assert re.search("jobs", ran.err)
