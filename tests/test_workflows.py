"""Shell completion, the pre-commit hook and the CI snippet do what their documents say."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import click
import pytest
import yaml

from tests.cli.commands import FIXABLE, RIGHT, manifest, model, run
from tests.support.cases import TESTS
from tests.support.process import REPOSITORY

MODERN = pytest.mark.skipif(
    int(click.__version__.split(".")[0]) < 8, reason="click 7 has no such completion: click>=8"
)
CORNERS = {"8": {"align_corners": True, "size": [10, 12]}}


def read(*parts):
    with open(os.path.join(os.path.dirname(TESTS), *parts), encoding="utf-8") as file:
        return file.read()


def blocks(text, language):
    return re.findall(r"```{}\n(.*?)```".format(language), text, re.DOTALL)


# --- completion ------------------------------------------------------------------------------


@pytest.fixture
def command(tmp_path):
    """A folder with the command in it, as an installation has it."""
    script = tmp_path / "bin" / "coreml-resize-fix"
    script.parent.mkdir()
    script.write_text('#!/bin/sh\nexec "{}" -m coreml_resize_fix "$@"\n'.format(sys.executable))
    script.chmod(0o755)
    return str(script.parent)


def environment(command, **more):
    path = command + os.pathsep + os.environ["PATH"]
    return dict(os.environ, PATH=path, PYTHONPATH=REPOSITORY, **more)


def offered(command, *words):
    """What bash offers as the last word of a command line, by the documented script."""
    (script,) = blocks(read("docs", "completion.md"), "bash")
    line = "coreml-resize-fix " + " ".join(words)
    code = (
        "{}\nCOMP_WORDS=({})\nCOMP_CWORD={}\n_coreml_resize_fix_completion coreml-resize-fix\n"
        'printf "%s\\n" "${{COMPREPLY[@]}}"\n'
    ).format(script, " ".join(shlex.quote(w) for w in line.split(" ")), len(words))
    ran = subprocess.run(
        ["bash", "-c", code], env=environment(command), stdout=subprocess.PIPE, check=True
    )
    return ran.stdout.decode().split()


@MODERN
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--form"], ["--format"]),
        (["--format", ""], ["text", "json", "markdown", "github", "sarif"]),
        (["--deployment-target", "ios1"], ["iOS11", "iOS12", "iOS13", "iOS14"]),
        (["--explain", "rsz10"], ["RSZ101", "RSZ106"]),
    ],
)
def test_bash_offers_options_and_values(words, expected, command):
    found = offered(command, *words)
    assert set(expected) <= set(found)
    assert all(word.lower().startswith(words[-1].lower()) for word in found)


@MODERN
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_parses(shell, command, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip("needs {0}: apt-get install {0}".format(shell))
    ran = subprocess.run(
        ["coreml-resize-fix"],
        env=environment(command, _COREML_RESIZE_FIX_COMPLETE=shell + "_source"),
        stdout=subprocess.PIPE,
        check=True,
    )
    script = tmp_path / ("script." + shell)
    script.write_bytes(ran.stdout)
    assert b"coreml-resize-fix" in ran.stdout
    subprocess.run([shell, "-n", str(script)], check=True)


def test_every_shell_is_documented():
    text = read("docs", "completion.md")
    for shell in ("bash", "zsh", "fish"):
        assert "_COREML_RESIZE_FIX_COMPLETE={}_source".format(shell) in text


# --- pre-commit ------------------------------------------------------------------------------


def test_the_hook_fails_on_drift_and_passes_on_what_is_right(tmp_path, monkeypatch):
    (hook,) = yaml.safe_load(read(".pre-commit-hooks.yaml"))
    assert set(hook) >= {"id", "name", "entry", "language", "files"}
    assert hook["entry"] == "coreml-resize-fix"
    monkeypatch.chdir(tmp_path)
    os.mkdir("intents")
    for case, name in ((FIXABLE, "drifts"), (RIGHT, "right")):
        model(case, tmp_path, name + ".mlmodel")
        manifest(CORNERS, tmp_path / "intents", name + ".json")
    names = ["drifts.mlmodel", "right.mlmodel"]
    assert [name for name in names if re.search(hook["files"], name)] == names
    assert run(*hook["args"], "right.mlmodel").code == 0
    assert run(*hook["args"], *names).code == 1
    inside = "x.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    assert re.search(hook["exclude"], inside)


def test_the_documented_configuration_uses_the_hook():
    (hook,) = yaml.safe_load(read(".pre-commit-hooks.yaml"))
    _, block = blocks(read("docs", "ci.md"), "yaml")
    (configured,) = yaml.safe_load(block)["repos"][0]["hooks"]
    assert configured["id"] == hook["id"]
    assert configured["args"] == hook["args"]


# --- continuous integration ------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(("case", "code"), [(FIXABLE, 1), (RIGHT, 0)])
def test_the_step_of_the_snippet_fails_on_drift(case, code, command, tmp_path):
    workflow, _ = blocks(read("docs", "ci.md"), "yaml")
    steps = yaml.safe_load(workflow)["jobs"]["resize"]["steps"]
    (step,) = [step["run"] for step in steps if "coreml-resize-fix models/" in step.get("run", "")]
    for folder in ("models", "intents"):
        (tmp_path / folder).mkdir()
    model(case, tmp_path / "models", "net.mlmodel")
    manifest(CORNERS, tmp_path / "intents", "net.json")
    summary = tmp_path / "summary.md"
    ran = subprocess.run(
        ["bash", "-e", "-c", step],
        cwd=str(tmp_path),
        env=environment(command, GITHUB_STEP_SUMMARY=str(summary)),
    )
    assert ran.returncode == code
    assert "### Resize layers: 1 {}".format("fixable" if code else "match") in summary.read_text()
    assert (tmp_path / "resize.html").exists()
