"""The README's commands and examples are those of the code."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import coreml_resize_fix
from coreml_resize_fix import audit, fix
from coreml_resize_fix.cli.command import command
from coreml_resize_fix.intents import manifest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_first_command_fixes_the_example_and_prints_what_is_shown(tmp_path, monkeypatch):
    line = next(line for line in README.splitlines() if ".venv/bin/coreml-resize-fix " in line)
    arguments = line.split(".venv/bin/coreml-resize-fix ")[1].split()
    monkeypatch.chdir(ROOT)
    output = tmp_path / "fixed.mlmodel"
    result = CliRunner().invoke(command, arguments + ["-o", str(output)])
    assert result.exit_code == 0, result.output
    assert output.exists()
    shown = re.search(r"```text\n(.*?)```", README, re.DOTALL).group(1)
    assert shown.strip() in result.output


def test_manifest_example_is_a_manifest_of_the_example():
    text = re.search(r"```json\n(.*?)```", README, re.DOTALL).group(1)
    assert [intent.layer for intent in manifest.parse(text)] == list(json.loads(text))
    assert [intent.size for intent in manifest.parse(text)] == [(10, 12), (25, 31)]


def test_exit_codes_are_those_of_the_help():
    documented = re.findall(r"^\| (\d) \| ", README, re.MULTILINE)
    helped = re.findall(r"^ +(\d)  ", CliRunner().invoke(command, ["--help"]).output, re.MULTILINE)
    assert documented == helped == ["0", "1", "2", "3"]


def test_every_option_in_a_readme_command_exists():
    known = {
        name for parameter in command.params for name in parameter.opts + parameter.secondary_opts
    }
    used = set(re.findall(r"(?<![\w-])(--[a-z][a-z0-9-]+)", README))
    assert used
    assert used <= known


def test_the_picture_is_the_one_that_the_tool_draws():
    spec = importlib.util.spec_from_file_location("picture", str(ROOT / "docs" / "make_picture.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert "](docs/shift.svg)" in README
    drawn = (ROOT / "docs" / "shift.svg").read_text(encoding="utf-8")
    assert drawn == module.text(), "run `python docs/make_picture.py`"


def test_figures_in_the_text_are_those_of_the_example(monkeypatch):
    monkeypatch.chdir(ROOT)
    report = audit("examples/unet/unet.mlmodel", "examples/unet/unet.intent.json")
    (moved,) = report.displacements
    assert "moved by {:.1f} pixels".format(max(moved.largest)) in README
    conflict = "20×24 and 25×31 does not fit"
    assert any(conflict in notice for notice in report.notices)
    assert "20×24 pixels where the skip connection has 25×31" in " ".join(README.split())


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_python_examples_use_what_exists(block):
    names = re.findall(r"^from coreml_resize_fix import (.*)$", block, re.MULTILINE)
    for name in names[0].split(", "):
        assert hasattr(coreml_resize_fix, name)
        assert name + "(" in block
    compile(block, "README.md", "exec")


def test_linked_files_exist():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_example_computes_what_pytorch_did_after_the_fix(tmp_path):
    """`unet.reference.npz` is what PyTorch 1.4 made of an image; the file as it is cannot run."""
    given = {"reference": "examples/unet/unet.reference.npz"}
    fixed = fix(
        "examples/unet/unet.mlmodel",
        "examples/unet/unet.intent.json",
        output=str(tmp_path / "fixed.mlmodel"),
        **given,
    )
    assert audit(fixed, **given).exit_code == 0
    assert audit("examples/unet/unet.mlmodel", **given).exit_code == 1
