"""`[tool.coreml-resize-fix]`: which file counts, what it may say, and what wins."""

import json
import os

import click
import pytest

from coreml_resize_fix.cli.command import command
from tests.cli.commands import CORNERS, FIXABLE, RIGHT, bound, manifest, model, run
from tests.support.process import REPOSITORY

EIGHT = {"8": {"align_corners": True}}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a model that drifts, one that is right, and their manifests."""
    for name in ("models", "intents", "deep"):
        (tmp_path / name).mkdir()
    (tmp_path / "deep" / "deeper").mkdir()
    for case, name in ((FIXABLE, "drifts"), (RIGHT, "right")):
        model(case, tmp_path / "models", name + ".mlmodel")
        manifest(EIGHT, tmp_path / "intents", name + ".json")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configure(folder, text, table="[tool.coreml-resize-fix]\n"):
    (folder / "pyproject.toml").write_text(table + text, encoding="utf-8")


ALL = 'models = ["models"]\nmanifest = "intents"\ndry-run = true\nformat = "json"\n'


def test_the_name_alone_is_enough(project):
    configure(project, ALL)
    ran = run()
    assert (ran.code, ran.err) == (1, "")
    assert [one["path"] for one in ran.json["models"]] == [
        os.path.join("models", "drifts.mlmodel"),
        os.path.join("models", "right.mlmodel"),
    ]
    assert sorted(os.listdir("models")) == ["drifts.mlmodel", "right.mlmodel"]


def test_from_a_folder_below_paths_are_those_of_the_file(project, monkeypatch):
    configure(project, ALL)
    above = run().json
    monkeypatch.chdir(project / "deep" / "deeper")
    below = run().json
    assert [one["path"] for one in below["models"]] == [
        os.path.join("..", "..", one["path"]) for one in above["models"]
    ]
    assert below["summary"] == above["summary"] == {"match": 1, "fixable": 1}


def test_the_nearest_file_that_has_it_counts(project, monkeypatch):
    configure(project, ALL)
    configure(
        project / "deep", 'models = "../models/right.mlmodel"\nassume = "nearest"\nquiet = true'
    )
    # It mentions the name, and has no table: the search goes on.
    configure(project / "deep" / "deeper", 'name = "coreml-resize-fix"\n', "[project]\n")
    monkeypatch.chdir(project / "deep" / "deeper")
    ran = run("--no-quiet", "-n", "--format", "json")
    (found,) = ran.json["models"]
    assert found["path"] == os.path.join("..", "..", "models", "right.mlmodel")
    assert found["layers"][0]["intent"]["mode"] == "nearest"


def test_the_command_line_wins(project):
    configure(project, ALL + 'jobs = 1\noutput = "results/"\n')
    ran = run("models/right.mlmodel", "--assume", CORNERS, "--format", "github", "-m", "intents")
    assert (ran.code, ran.out) == (0, "")
    # A flag of the table is turned off, and its `output` gives way to `--in-place`.
    assert run("models/drifts.mlmodel", "--no-dry-run", "--in-place").code == 0
    assert run("models/drifts.mlmodel").code == 0
    assert not (project / "results").exists()
    configure(project, 'manifest = "intents"\nin-place = true\n')
    assert run("models/right.mlmodel", "-o", "out.mlmodel").code == 0


def test_each_kind_of_value(project):
    configure(
        project,
        'manifest = "intents"\nverify = true\njobs = 2\ntolerance = 1\nruntime = "numpy"\n'
        'deployment-target = "iOS13"\nreport = "found.md"\nallow-nothing = false\n',
    )
    # A tolerance is for those runs that have a reference.
    assert run("models", "-n").code == 1
    assert (project / "found.md").exists()


def test_models_after_a_double_dash(project):
    configure(project, ALL)
    assert len(run("--", "models/right.mlmodel").json["models"]) == 1
    assert len(run("--").json["models"]) == 2
    ran = run("--", "--no-dry-run")
    assert (ran.code, ran.json["errors"][0]["path"]) == (2, "--no-dry-run")


WRONG = {
    "unknown": ('manifset = "x"', "has an unknown key `manifset`", "did you mean `manifest`?"),
    "underscore": ("dry_run = true", "unknown key `dry_run`", "did you mean `dry-run`?"),
    "far off": ("zzzz = 1", "unknown key `zzzz`", "the keys are allow-nothing, assume,"),
    "short": ('m = "x"', "unknown key `m`", ""),
    "help": ("help = true", "unknown key `help`", ""),
    "negated": ("no-verify = true", "unknown key `no-verify`", "did you mean `verify`?"),
    "text for a flag": ('dry-run = "yes"', "`dry-run` of", "it is true or false"),
    "number for text": ("manifest = 5", "`manifest` of", "it is text in quotes"),
    "flag for a number": ("jobs = true", "`jobs` of", "it is a whole number"),
    "text for a number": ('tolerance = "1"', "`tolerance` of", "it is a number"),
    "too small": ("jobs = -1", "`jobs` of", "-1 is"),
    "no format": ('format = "xml"', "`format` of", "xml"),
    "models": ("models = [1]", "`models` of", "it is a list of paths"),
    "no TOML": ("manifest = ", "is not TOML", "correct it"),
    "twice": ("jobs = 1\njobs = 2", "is not TOML", "correct it"),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_what_is_wrong_is_one_sentence(name, project):
    text, says, helps = WRONG[name]
    configure(project, text)
    ran = run("models", "-n")
    assert (ran.code, ran.out) == (2, "")
    first, second = ran.err.splitlines()
    assert first.startswith("error: ")
    assert says in first
    assert "pyproject.toml" in first
    assert second.startswith("help: ")
    assert helps in second


@pytest.mark.parametrize(
    "text", ["tool = 5\n# coreml-resize-fix", "[tool]\ncoreml-resize-fix-2 = 1\n", "", "[tool"]
)
def test_what_is_not_meant_for_this_command_is_left_alone(text, project):
    configure(project, text, "")
    assert run("models", "-n", "-m", "intents").code == 1


def test_other_spellings_of_the_table(project):
    for text in (
        '[tool."coreml-resize-fix"]\ndry-run = true',
        "tool.coreml-resize-fix.dry-run = true",
    ):
        configure(project, text, "")
        assert run("models", "-m", "intents").code == 1
        assert len(os.listdir("models")) == 2
    configure(project, "tool.coreml-resize-fix = 5", "")
    assert run("models").code == 2


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["--explain", "RSZ101"]])
def test_help_does_not_look(arguments, project):
    configure(project, "manifset = 1")
    assert run(*arguments).code == 0


def test_a_missing_model_is_still_missed(project):
    configure(project, "dry-run = true")
    ran = run()
    assert ran.code == 2
    assert "Missing argument" in ran.err


def test_a_file_that_cannot_be_read_is_an_error(project):
    configure(project, ALL)
    os.chmod("pyproject.toml", 0)
    ran = bound("models", "-n", folder=project)
    assert ran.code == 2
    assert "pyproject.toml`: permission denied" in ran.err


def test_completion_does_not_fail_on_it(project):
    configure(project, "manifset = 1")
    context = command.make_context("coreml-resize-fix", [], resilient_parsing=True)
    assert isinstance(context, click.Context)


def test_every_long_option_is_a_key(project):
    """Those that end at once but for them, and no other key."""
    text = run("models", "-n").err  # nothing to do with the table
    assert text == ""
    configure(project, "zzzz = 1")
    keys = run().err.split("the keys are ")[1].strip().split(", ")
    long = {o[2:] for p in command.params for o in p.opts if o.startswith("--")}
    assert set(keys) == (long - {"help", "version", "explain"}) | {"models"}


def test_this_project_has_none():
    """Tests run in its folder."""
    with open(os.path.join(REPOSITORY, "pyproject.toml"), encoding="utf-8") as file:
        assert "[tool.coreml-resize-fix]" not in file.read()


def test_json_is_printed_as_the_table_says(project):
    configure(project, ALL)
    assert json.loads(run("models/right.mlmodel").out)["exit_code"] == 0
