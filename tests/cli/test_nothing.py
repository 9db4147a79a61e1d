"""`--allow-nothing`, and `-m -`."""

import io
import json
import os

import pytest
from click.testing import CliRunner

from coreml_resize_fix.cli.command import command
from tests.cli.commands import (
    CORNERS,
    EMPTY,
    FIXABLE,
    INTENT,
    RIGHT,
    UNET,
    manifest,
    model,
    run,
)
from tests.report.json_v1 import check

EIGHT = {"8": {"align_corners": True, "size": [10, 12]}}


@pytest.mark.parametrize(
    ("case", "arguments", "code"),
    [
        (EMPTY, ["--assume", CORNERS], 0),
        (EMPTY, [], 0),
        (FIXABLE, [], 0),
        (FIXABLE, ["-n", "--assume", CORNERS], 1),
        (RIGHT, ["-n", "--assume", CORNERS], 0),
    ],
)
def test_nothing_to_check_is_0(case, arguments, code, tmp_path):
    plain = run(model(case, tmp_path), *arguments)
    allowed = run(model(case, tmp_path), *arguments, "--allow-nothing")
    assert allowed.code == code
    assert plain.code == (3 if code == 0 and case != RIGHT else code)
    assert (allowed.out, allowed.err) == (plain.out, plain.err)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two models, one of them with a manifest."""
    (tmp_path / "intents").mkdir()
    model(RIGHT, tmp_path, "known.mlmodel")
    model(FIXABLE, tmp_path, "new.mlmodel")
    manifest(EIGHT, tmp_path / "intents", "known.json")
    monkeypatch.chdir(tmp_path)
    return tmp_path


AUDIT = ["known.mlmodel", "new.mlmodel", "-n", "-m", "intents"]


def test_a_model_without_a_manifest_is_passed_over_in_a_line(folder):
    ran = run(*AUDIT, "--allow-nothing")
    assert ran.code == 0
    line = "passed over `new.mlmodel`: the folder `intents` has no manifest for `new.mlmodel`\n"
    assert ran.err == line
    assert "new.mlmodel" not in ran.out
    assert run(*AUDIT).code == 2
    # Nothing else is passed over: two manifests, one that is broken.
    manifest(EIGHT, folder / "intents", "known.intent.json")
    assert run(*AUDIT, "--allow-nothing").code == 2
    os.remove("intents/known.intent.json")
    manifest({"8": {"size": 0}}, folder / "intents", "known.json")
    assert run(*AUDIT, "--allow-nothing").code == 2


@pytest.mark.parametrize("style", ["text", "json", "markdown", "github", "sarif"])
def test_all_are_passed_over(style, folder):
    ran = run("new.mlmodel", "-n", "-m", "intents", "--allow-nothing", "--format", style)
    assert ran.code == 0
    assert (ran.err == "") == (style == "github")
    if style == "json":
        check(ran.json)
        assert (ran.json["exit_code"], ran.json["models"]) == (0, [])
    if style == "sarif":
        told = json.loads(ran.out)["runs"][0]["invocations"][0]
        assert told["toolExecutionNotifications"] == []
    if style == "github":
        assert ran.out == ""


def test_a_folder_that_is_not_there_is_an_error(folder):
    ran = run("new.mlmodel", "-n", "-m", "intent", "--allow-nothing")
    assert ran.code == 2
    assert "cannot read the manifest `intent`" in ran.err


# --- a manifest on standard input ------------------------------------------------------------


def given(text, *arguments):
    """A run with that on standard input."""
    data = text if isinstance(text, bytes) else text.encode("utf-8")
    ran = CliRunner().invoke(command, list(map(str, arguments)), input=io.BytesIO(data))
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return ran


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def test_a_manifest_is_read_from_standard_input(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-").mkdir()  # a folder of that name is another matter
    ran = given(read(INTENT), UNET, "-n", "-m", "-", "--format", "json")
    told = json.loads(ran.stdout)
    assert ran.exit_code == 1
    assert told["summary"] == {"match": 1, "fixable": 3}


def test_it_is_for_every_model_and_every_worker(tmp_path):
    paths = [model(FIXABLE, tmp_path, name + ".mlmodel") for name in "abc"]
    for jobs in "1", "2":
        ran = given(json.dumps(EIGHT), *paths, "-n", "-m", "-", "-j", jobs, "-q")
        assert ran.exit_code == 1
        assert ran.stdout.count(": fixable RSZ102: ") == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "`standard input` is not JSON"),
        ("[]", "`standard input` has 1 defect"),
        (b"\xff", "the manifest `standard input` is not UTF-8"),
    ],
)
def test_what_is_wrong_there_is_named(text, says):
    ran = given(text, UNET, "-n", "-m", "-")
    assert ran.exit_code == 2
    assert says in ran.output


def test_it_can_be_written_again(tmp_path):
    path = tmp_path / "again.json"
    ran = given(read(INTENT), UNET, "-n", "-m", "-", "--write-manifest", path)
    assert ran.exit_code == 1
    assert len(json.loads(path.read_text())["resizes"]) == 4
