"""The text report of the example, as people see it at 80 columns."""

import os

import pytest

from tests.cli.commands import CORNERS, HALF, INTENT, UNET, manifest, model, run
from tests.support import cases

GOLDEN = os.path.join(os.path.dirname(__file__), "golden")
WIDTH = 80
RUNS = {
    "dry-run": (["-n", "-m", "unet.intent.json"], 1),
    "inventory": ([], 3),
    "assume": (["-n", "--assume", "bilinear,align_corners=false"], 1),
}


@pytest.fixture
def example(tmp_path, monkeypatch):
    model("unet", tmp_path)
    (tmp_path / "unet.intent.json").write_bytes(cases.read_bytes(INTENT))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", sorted(RUNS))
def test_the_example(name, example):
    arguments, code = RUNS[name]
    ran = run("unet.mlmodel", *arguments)
    with open(os.path.join(GOLDEN, name + ".txt"), encoding="utf-8") as file:
        assert ran.out == file.read()
    assert (ran.code, ran.err) == (code, "")


def test_a_fix_says_what_was_written(example):
    dry = run("unet.mlmodel", "-n", "-m", "unet.intent.json", "--verify").out
    ran = run("unet.mlmodel", "-m", "unet.intent.json")
    lines = ran.out.splitlines()
    assert lines[-1] == "3 layers fixed, 1 right already; wrote unet-fixed.mlmodel."
    expected = [line.replace("fixable", "fixed  ", 1) for line in dry.splitlines()[:-1]]
    assert [" ".join(line.split()) for line in lines[:-1]] == [
        " ".join(line.split()) for line in expected
    ]


def wide(out):
    return [line for line in out.splitlines() if len(line) > WIDTH]


def test_goldens_fit_80_columns():
    for name in RUNS:
        with open(os.path.join(GOLDEN, name + ".txt"), encoding="utf-8") as file:
            assert wide(file.read()) == []


@pytest.mark.mostly_slow(quick=4)
@pytest.mark.parametrize("case", [c for c in cases.ALL if c.is_readable], ids=lambda c: c.name)
def test_every_fixture_fits_80_columns(case, tmp_path, monkeypatch):
    monkeypatch.chdir(case.folder)
    path = os.path.basename(case.path)
    out = run(path, "-n", "-m", manifest(case.document(), tmp_path)).out
    assert wide(out) == []
    assert wide(run(path).out) == []


def test_every_layer_that_does_not_match_is_explained(tmp_path):
    ran = run(model(HALF, tmp_path), "-n", "--assume", "bilinear,align_corners=false")
    for address in ("layers[4]", "layers[5]"):
        assert "  {} RSZ101 RSZ309: ".format(address) in ran.out
    assert ran.out.count("help for RSZ309: pass `--decompose`") == 1
    assert ran.out.count("help") == 1


def test_no_color_where_there_is_no_terminal():
    assert "\x1b" not in run(UNET, "-n", "--assume", CORNERS).out


def test_colors_on_a_terminal(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    painted = run(UNET, "-n", "--assume", CORNERS, color=True)
    assert "\x1b[33mfixable" in painted.out
    wrong = run("missing", color=True)
    assert wrong.err.startswith("\x1b[31merror\x1b[0m: `missing` does not exist")


def test_no_color_variable(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run(UNET, "-n", "--assume", CORNERS, color=True).out
    assert "\x1b" not in run("missing", color=True).err
