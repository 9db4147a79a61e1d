"""Paths of one run that are the same, or one inside of the other: nothing is written then."""

import os
import shutil

import pytest

from tests.cli.commands import CORNERS, EMPTY, FIXABLE, RIGHT, manifest, model, package, run
from tests.support import cases
from tests.support.folders import contents

FIX = ["--assume", CORNERS]
LEAVE = "help: leave one of them out, or pass `--output` with a folder\n"
OUTPUT = "help: choose another `--output`\n"
REPORT = "help: choose another `--report`\n"
WRITE = "help: choose another `--write-manifest`\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Models, packages, manifests and folders of them, as the rows below name them."""
    monkeypatch.chdir(tmp_path)
    for folder in ("d", "a/sub", "b/sub", "intents", "o.mlpackage"):
        os.makedirs(folder)
    for path in ("a.mlmodel", "a-fixed.mlmodel", "d/a.mlmodel", "d/b.mlmodel", "a/sub/x.mlmodel"):
        model(FIXABLE, tmp_path, path)
    model(FIXABLE, tmp_path, "b/sub/x.mlmodel")
    os.link("b/sub/x.mlmodel", "hard.mlmodel")
    for path in ("p.mlpackage", "o.mlpackage/in.mlpackage"):
        package(tmp_path, rename=path)
    package(tmp_path / "d", rename="o.mlpackage")
    shutil.copy(os.path.join("d", "o.mlpackage", "Manifest.json"), "o.mlpackage")
    shutil.copytree("p.mlpackage/Data", "o.mlpackage/Data")
    shutil.copy(os.path.join(cases.named(FIXABLE).folder, "model.onnx"), "m.onnx")
    corners = {"8": {"align_corners": True, "size": [10, 12]}}
    for path in ("i.json", "intents/a.json", "o.mlpackage/i.json"):
        manifest(corners, tmp_path, path)
    os.symlink("i.json", "link.json")
    os.symlink("d", "other")
    os.symlink(os.path.join("d", "b.mlmodel"), "x-fixed.mlmodel")
    shutil.copy("a.mlmodel", "x.mlmodel")
    return tmp_path


# arguments → the sentence, and what to do
MODELS = {
    "a.mlmodel a-fixed.mlmodel --force": (
        "`a-fixed.mlmodel` is a model of this run and the output of `a.mlmodel` at once",
        LEAVE,
    ),
    "a.mlmodel a-fixed.mlmodel": (
        "`a-fixed.mlmodel` is a model of this run and the output of `a.mlmodel` at once",
        LEAVE,
    ),
    # Through a link: the output of one is where the other is read.
    "x.mlmodel d/b.mlmodel --force": (
        "`d/b.mlmodel` is a model of this run and the output of `x.mlmodel` at once",
        LEAVE,
    ),
    "a b/sub -o b --force": (
        "`b/sub/x.mlmodel` is a model of this run and the output of `a/sub/x.mlmodel` at once",
        OUTPUT,
    ),
    "a hard.mlmodel -o b --force": (
        "`hard.mlmodel` is a model of this run and the output of `a/sub/x.mlmodel` at once",
        OUTPUT,
    ),
    "d/a.mlmodel d/b.mlmodel p.mlpackage -o p.mlpackage": (
        "`p.mlpackage` is a package, and 3 models would go into it",
        "help: with several models `--output` is a folder: choose another\n",
    ),
    "d/a.mlmodel d/b.mlmodel p.mlpackage -o p.mlpackage/Data": (
        "`p.mlpackage/Data/a.mlmodel`, the output of `d/a.mlmodel`, is inside of `p.mlpackage`, a "
        "model of this run",
        OUTPUT,
    ),
    "d/o.mlpackage o.mlpackage/in.mlpackage -o . --force": (
        "`o.mlpackage/in.mlpackage`, a model of this run, is inside of `./o.mlpackage`, the output "
        "of `d/o.mlpackage`",
        OUTPUT,
    ),
}
OTHERS = {
    "a.mlmodel -o r.json --report r.json": (
        "`r.json` is the output of `a.mlmodel` and the report at once",
        REPORT,
    ),
    "a.mlmodel -o ./d/../r.json --report r.json": (
        "`./d/../r.json` is the output of `a.mlmodel` and the report at once",
        REPORT,
    ),
    "p.mlpackage -o n.mlpackage --report n.mlpackage/r.md": (
        "`n.mlpackage/r.md`, the report, is inside of `n.mlpackage`, the output of `p.mlpackage`",
        OUTPUT,
    ),
    "p.mlpackage --report p.mlpackage/r.md": (
        "`p.mlpackage/r.md`, the report, is inside of `p.mlpackage`, a model of this run",
        REPORT,
    ),
    "p.mlpackage -n --report p.mlpackage/r.md": (
        "`p.mlpackage/r.md`, the report, is inside of `p.mlpackage`, a model of this run",
        REPORT,
    ),
    "p.mlpackage --write-manifest p.mlpackage/Manifest.json --force": (
        "`p.mlpackage/Manifest.json`, the manifest to write, is inside of `p.mlpackage`, a model "
        "of this run",
        WRITE,
    ),
    "a.mlmodel --write-manifest a.mlmodel --force": (
        "`a.mlmodel` does not name a manifest",
        "help: end it in .json\n",
    ),
    "a.mlmodel -n --write-manifest a.mlmodel --force": (
        "`a.mlmodel` does not name a manifest",
        "help: end it in .json\n",
    ),
    "a.mlmodel -m m.onnx --write-manifest m.onnx --force": (
        "`m.onnx` does not name a manifest",
        "help: end it in .json\n",
    ),
    "a.mlmodel -m i.json -o i.json --force": (
        "`i.json` is the output of `a.mlmodel` and the manifest in use at once",
        OUTPUT,
    ),
    "a.mlmodel -m i.json -o i.npz": (
        "`i.npz` is the output of `a.mlmodel` and the recorded tensors in use at once",
        OUTPUT,
    ),
    "a.mlmodel -m i.json --write-manifest i.json --force": (
        "`i.json` is the manifest in use and the manifest to write at once",
        WRITE,
    ),
    "a.mlmodel -m i.json --write-manifest link.json --force": (
        "`i.json` is the manifest in use and the manifest to write at once",
        WRITE,
    ),
    "a.mlmodel -n -m intents --write-manifest intents/a.json --force": (
        "`intents/a.json` is the manifest in use and the manifest to write at once",
        WRITE,
    ),
    "d/a.mlmodel other/b.mlmodel -m intents --write-manifest intents/a.json --force": (
        "`intents/a.json` is the manifest in use and the manifest to write at once",
        WRITE,
    ),
    "p.mlpackage -m o.mlpackage/i.json -o o.mlpackage --force": (
        "`o.mlpackage/i.json`, the manifest in use, is inside of `o.mlpackage`, the output of "
        "`p.mlpackage`",
        OUTPUT,
    ),
    "a.mlmodel --report w.json --write-manifest w.json": (
        "`w.json` is the report and the manifest to write at once",
        WRITE,
    ),
}


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("arguments", sorted(MODELS))
def test_models_that_would_be_written_over_others(arguments, jobs, here):
    refused(arguments + " --jobs " + jobs, *MODELS[arguments])


@pytest.mark.parametrize("arguments", sorted(OTHERS))
def test_other_paths_that_meet(arguments, here):
    refused(arguments, *OTHERS[arguments])


def refused(arguments, fact, instead):
    before = contents(".")
    intent = [] if "-m " in arguments else FIX
    ran = run(*arguments.split(), *intent)
    assert (ran.code, ran.out, ran.err) == (2, "", "error: {}\n{}".format(fact, instead))
    assert contents(".") == before


def test_tensors_that_are_written_with_a_manifest(here):
    with open("i.npz", "wb") as file:
        file.write(b"recorded")
    shutil.copy("i.npz", "w.npz")
    before = contents(".")
    ran = run("a.mlmodel", "-m", "i.json", "--write-manifest", "w.json")
    assert (ran.code, ran.err) == (
        2,
        "error: `w.npz` exists\nhelp: pass `--force` to overwrite it\n",
    )
    ran = run("a.mlmodel", "-m", "i.json", "--write-manifest", "w.json", "-o", "w.npz", "--force")
    assert ran.err == (
        "error: `w.npz` is the output of `a.mlmodel` and the recorded tensors to write at once\n"
        + WRITE
    )
    assert contents(".") == before


def test_a_manifest_that_exists_is_told_before_a_model_is_written(here):
    manifest({}, here, "w.json")
    before = contents(".")
    ran = run("a.mlmodel", *FIX, "-o", "new.mlmodel", "--write-manifest", "w.json")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: `w.json` exists\nhelp: pass `--force` to overwrite it\n"
    assert contents(".") == before
    ran = run("a.mlmodel", *FIX, "-o", "new.mlmodel", "--write-manifest", "w.json", "--force")
    assert ran.code == 0


@pytest.mark.parametrize("option", ["--output", "-o", "--manifest", "--report", "--write-manifest"])
def test_an_empty_path(option, here):
    before = contents(".")
    ran = run("a.mlmodel", *FIX, option, "")
    name = "--output" if option == "-o" else option
    assert (ran.code, ran.out, ran.err) == (
        2,
        "",
        "error: `{}` is empty\nhelp: name a path, or leave it out\n".format(name),
    )
    assert contents(".") == before


ALLOWED = [
    # An audit writes no model, and reads what it is told to.
    "a.mlmodel a-fixed.mlmodel -n",
    "a.mlmodel -n -o r.json --report r.json",
    "a.mlmodel a-fixed.mlmodel -o out",
    "a.mlmodel a-fixed.mlmodel --in-place",
    "o.mlpackage o.mlpackage/in.mlpackage --in-place",
    "d/a.mlmodel -o new.mlmodel --report d/r.json --write-manifest d/w.json",
    "d --report d/r.json",
    "a.mlmodel -o new.mlmodel -m i.json --write-manifest intents/i.json",
    "a.mlmodel -n -m intents --report intents/r.json",
    "hard.mlmodel b/sub/x.mlmodel -o new",
]


@pytest.mark.parametrize("arguments", ALLOWED)
def test_paths_that_only_lie_beside_each_other(arguments, here):
    intent = [] if "-m " in arguments else FIX
    ran = run(*arguments.split(), *intent)
    said = [line for line in ran.err.splitlines() if not line.startswith("wrote ")]
    assert (said, ran.code) == ([], 1 if "-n" in arguments.split() else 0)


def test_one_bad_model_refuses_no_run(here):
    """What is not a model is reported as such, and nothing is inside of an ordinary folder."""
    os.makedirs("empty")
    for path in ("empty", "missing.mlmodel"):
        ran = run(path, "a.mlmodel", *FIX, "-o", "out", "--report", "empty/r.json")
        assert ran.code == 2
        assert "at once" not in ran.err
        assert "is inside of" not in ran.err
        assert os.path.exists("out/a.mlmodel")
        shutil.rmtree("out")
    model(EMPTY, here, "empty.mlmodel")
    assert run("empty.mlmodel", model(RIGHT, here), *FIX, "--in-place").code == 3
