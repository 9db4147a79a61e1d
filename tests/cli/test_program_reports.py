"""Reports on ML Programs as people see them: one file of tests/cli/golden/ for each.

After a change of wording: `python -m tests.cli.test_program_reports` writes them anew; read them.
"""

import json
import os
import re
import shutil
import sys
import tempfile

import pytest

pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

from coreml_resize_fix import __version__
from coreml_resize_fix.intents.source import Manifest
from tests.cli.commands import run
from tests.formats.mlprogram import calls, files

GOLDEN = os.path.join(os.path.dirname(__file__), "golden", "programs")
WIDTH = 80
PACKAGES = {
    "ct9_ml15_aa_half": 1,  # antialias dropped
    "ct9_ml17_acT_sf_rounds_up": 0,  # a row too many
    "ct9_ex17_range_other_bilF": 1,  # the factor of another tensor, in a model of varying size
    "ct9_ml17_area_nondiv": 0,  # computed by other operations
}
# The kind of a report, its suffix, and the options that ask for it.
KINDS = {
    "inventory": (".txt", []),
    "dry-run": (".txt", ["-n", "-m", "intent.json"]),
    "fix": (".txt", ["-m", "intent.json"]),
    "json": (".json", ["-n", "-m", "intent.json", "--format", "json"]),
    "markdown": (".md", ["-n", "-m", "intent.json", "--format", "markdown"]),
}
CASES = [(name, kind) for name in PACKAGES for kind in KINDS]


def shown(name, kind):
    """What a run in the folder of a package prints; NumPy's last digits are left out."""
    if not os.path.exists("model.mlpackage"):
        shutil.copytree(str(files.package(name)), "model.mlpackage")
        intents = Manifest()
        intents.extend(calls.intents(name))
        intents.save("intent.json")
    ran = run("model.mlpackage", *KINDS[kind][1])
    out = ran.out.replace(f'"tool_version": "{__version__}"', '"tool_version": "…"')
    return ran, re.sub(r"\d+\.\d{6,}(?:e-\d+)?|\d(?:\.\d+)?e-\d+", _shortened, out)


def _shortened(number):
    """Six digits, and nothing of what is only rounding."""
    value = float(number.group())
    return f"{value:.6g}" if value > 1e-9 else "0"


def path(name, kind):
    return os.path.join(GOLDEN, f"{name}-{kind}{KINDS[kind][0]}")


@pytest.mark.mostly_slow(quick=5)
@pytest.mark.parametrize(("name", "kind"), CASES)
def test_the_report(name, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran, out = shown(name, kind)
    with open(path(name, kind), encoding="utf-8") as file:
        assert out == file.read()
    if kind == "fix":
        assert (ran.code, ran.err) == (PACKAGES[name], "")
        assert os.path.exists("model-fixed.mlpackage") == (name.endswith("up"))


def test_goldens_fit_80_columns():
    for name, kind in CASES:
        with open(path(name, kind), encoding="utf-8") as file:
            lines = file.read().splitlines()
        if KINDS[kind][0] == ".txt":
            assert [line for line in lines if len(line) > WIDTH] == []
        if kind == "json":
            assert json.loads("\n".join(lines))["models"][0]["model_kind"] == "ml-program"


def write():
    os.makedirs(GOLDEN, exist_ok=True)
    for name, kind in CASES:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            _, out = shown(name, kind)
            with open(path(name, kind), "w", encoding="utf-8") as file:
                file.write(out)


if __name__ == "__main__":
    sys.exit(write())
