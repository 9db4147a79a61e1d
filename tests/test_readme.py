"""The README's commands and examples are those of the code."""

import json
import re
from pathlib import Path

from click.testing import CliRunner

from coreml_resize_fix.cli import command
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
    used = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", README))
    assert used
    assert used <= known


def test_linked_files_exist():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
