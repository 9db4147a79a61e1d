"""Shell completion, the pre-commit hook and the CI snippet do what their documents say."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import yaml

from tests.cli.commands import EMPTY, FIXABLE, RIGHT, manifest, model, package, run
from tests.support.cases import TESTS
from tests.support.process import REPOSITORY

MODERN = pytest.mark.skipif(
    importlib.util.find_spec("click.shell_completion") is None,
    reason="click 7 has no such completion: click>=8",
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


@pytest.mark.mostly_slow(quick=1)
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
    block = blocks(read("docs", "ci.md"), "yaml")[-2]
    (configured,) = yaml.safe_load(block)["repos"][0]["hooks"]
    assert configured["id"] == hook["id"]
    assert configured["args"] == hook["args"]


def find_pre_commit():
    if importlib.util.find_spec("pre_commit") is not None:
        return [sys.executable, "-m", "pre_commit"]
    path = shutil.which("pre-commit")
    return None if path is None else [path]


PRE_COMMIT = find_pre_commit()
HAS_PRE_COMMIT = pytest.mark.skipif(
    PRE_COMMIT is None or shutil.which("git") is None,
    reason="needs git and pre-commit: pip install pre-commit",
)


def with_pre_commit(tmp_path, command, *names, configured=None):
    """What pre-commit makes of the hook, `configured` so, in a repository with these models."""
    (hook,) = yaml.safe_load(read(".pre-commit-hooks.yaml"))
    hook.update(configured or {})
    hook["language"] = "system"  # what is installed here, instead of an environment of its own
    config = {"repos": [{"repo": "local", "hooks": [hook]}]}
    (tmp_path / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    env = environment(command, PRE_COMMIT_HOME=str(tmp_path / "cache"))
    for arguments in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *arguments], cwd=str(tmp_path), env=env, check=True)
    ran = subprocess.run(
        [*PRE_COMMIT, "run", "--files", *names],
        cwd=str(tmp_path),
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return ran.returncode, ran.stdout.decode()


@pytest.fixture
def repository(tmp_path):
    """A folder with a model that drifts, one that is right, and their manifests."""
    (tmp_path / "intents").mkdir()
    for case, name in ((FIXABLE, "drifts"), (RIGHT, "right")):
        model(case, tmp_path, name + ".mlmodel")
        manifest(CORNERS, tmp_path / "intents", name + ".json")
    return tmp_path


@HAS_PRE_COMMIT
def test_pre_commit_shows_the_finding(repository, command):
    code, out = with_pre_commit(repository, command, "drifts.mlmodel", "right.mlmodel")
    assert code == 1
    assert "Failed" in out
    assert "drifts.mlmodel" in out
    assert "RSZ102" in out


@pytest.mark.slow
@HAS_PRE_COMMIT
def test_pre_commit_passes_what_has_nothing_to_check(repository, command):
    model(EMPTY, repository, "none.mlmodel")
    manifest({}, repository / "intents", "none.json")
    model(FIXABLE, repository, "unknown.mlmodel")
    names = ["right.mlmodel", "none.mlmodel", "unknown.mlmodel"]
    code, out = with_pre_commit(repository, command, *names)
    assert code == 0, out
    assert "Passed" in out
    line = "passed over `unknown.mlmodel`: the folder `intents` has no manifest for"
    assert line in out
    inside = "x.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    assert "Skipped" in with_pre_commit(repository, command, inside)[1]


@pytest.mark.slow
@HAS_PRE_COMMIT
@pytest.mark.parametrize(("case", "code"), [(FIXABLE, 1), (RIGHT, 0)])
def test_pre_commit_audits_packages_as_documented(case, code, command, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "intents").mkdir()
    package(tmp_path / "models", case, "net.mlpackage")
    manifest(CORNERS, tmp_path / "intents", "net.json")
    (configured,) = yaml.safe_load(blocks(read("docs", "ci.md"), "yaml")[-1])
    inside = "models/net.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    for changed in ("intents/net.json", inside):
        ran, out = with_pre_commit(tmp_path, command, changed, configured=configured)
        assert (ran, "RSZ102" in out) == (code, bool(code)), out


@pytest.mark.slow
@HAS_PRE_COMMIT
def test_pre_commit_names_a_missing_folder_of_manifests(repository, command):
    shutil.rmtree(str(repository / "intents"))
    code, out = with_pre_commit(repository, command, "right.mlmodel")
    assert code == 1
    assert "error: cannot read the manifest `intents`: no such file" in out


# --- continuous integration ------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(("case", "code"), [(FIXABLE, 1), (RIGHT, 0)])
def test_the_step_of_the_snippet_fails_on_drift(case, code, command, tmp_path):
    workflow = blocks(read("docs", "ci.md"), "yaml")[1]
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


# --- the action ------------------------------------------------------------------------------


def action_steps():
    return yaml.safe_load(read("action.yml"))["runs"]["steps"]


def run_action(folder, command, **inputs):
    """The script of the action's last step, with the command where the one before puts it."""
    place = folder / "temp" / "coreml-resize-fix" / "bin"
    if not place.exists():
        shutil.copytree(command, str(place))
    env = environment(
        command,
        RUNNER_TEMP=str(folder / "temp"),
        RUNNER_OS="Linux",
        GITHUB_STEP_SUMMARY=str(folder / "summary.md"),
        **inputs,
    )
    script = action_steps()[-1]["run"]
    ran = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=str(folder),
        env=env,
        capture_output=True,
    )
    return ran.returncode, ran.stdout.decode(), ran.stderr.decode()


INPUTS = {"MODELS": "", "MANIFEST": "", "OPTIONS": "", "REPORT": "resize-report.md"}


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_action_annotates_and_fails(repository, command):
    given = dict(INPUTS, MODELS="drifts.mlmodel\nright.mlmodel\n", MANIFEST="intents")
    code, out, err = run_action(repository, command, **given)
    assert (code, err) == (1, "")
    assert out.startswith("::error file=drifts.mlmodel,title=RSZ102 wrong-size%3A 8 (layers[")
    assert out.count("\n") == 1
    assert "### Resize layers: 1 match, 1 fixable" in (repository / "summary.md").read_text()
    assert run_action(repository, command, **dict(given, MODELS="right.mlmodel"))[:2] == (0, "")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_action_takes_options_and_defaults_of_pyproject(repository, command):
    text = '[tool.coreml-resize-fix]\nmodels = ["right.mlmodel"]\nmanifest = "intents"\n'
    (repository / "pyproject.toml").write_text(text)
    given = dict(INPUTS, OPTIONS="--deployment-target\niOS13\n", REPORT="")
    assert run_action(repository, command, **given) == (0, "", "")
    assert not (repository / "summary.md").exists()
    hostile = "$(touch made).mlmodel"
    assert run_action(repository, command, **dict(given, MODELS=hostile))[0] == 2
    assert not (repository / "made").exists()


def test_the_action_reads_inputs_from_the_environment():
    """An expression in a script is a script that the input writes."""
    action = yaml.safe_load(read("action.yml"))
    assert action["runs"]["using"] == "composite"
    used = set()
    for step in action_steps():
        assert "${{" not in step.get("run", "")
        assert "run" not in step or step["shell"] == "bash"
        for value in {**step.get("env", {}), **step.get("with", {})}.values():
            used |= set(re.findall(r"inputs\.([\w-]+)", str(value)))
    assert used == set(action["inputs"])
    assert set(INPUTS) == set(action_steps()[-1]["env"])


def test_the_documented_step_uses_inputs_that_there_are():
    step = yaml.safe_load(blocks(read("docs", "ci.md"), "yaml")[0])["jobs"]["resize"]["steps"][-1]
    assert set(step["with"]) <= set(yaml.safe_load(read("action.yml"))["inputs"])
