"""Exit codes 0, 1 and 3 in each way to reach them; 2 is in test_errors.py."""

import os
import re

import pytest

from tests.cli.commands import (
    CORNERS,
    EMPTY,
    FIXABLE,
    HALF,
    INTENT,
    MERGED,
    NEVER,
    RIGHT,
    UNET,
    VARYING,
    manifest,
    model,
    run,
    truth,
)

# name → model, arguments, exit code
SINGLE = {
    "all right": (RIGHT, ["--assume", CORNERS], 0),
    "all right, dry run": (RIGHT, ["--assume", CORNERS, "-n"], 0),
    "fixed": (FIXABLE, ["--assume", CORNERS], 0),
    "fixed without proof": (FIXABLE, ["--assume", CORNERS, "--no-verify"], 0),
    "fixed, asked for by a target": (
        FIXABLE,
        ["--assume", CORNERS, "--deployment-target", "iOS13"],
        0,
    ),
    "fixable, dry run": (FIXABLE, ["--assume", CORNERS, "-n"], 1),
    "several layers": (FIXABLE, ["--assume", "bilinear", "--decompose"], 0),
    "several layers, not asked for": (FIXABLE, ["--assume", "bilinear"], 1),
    "several layers, dry run": (FIXABLE, ["--assume", "bilinear", "--decompose", "-n"], 1),
    "never": (NEVER, ["--assume", VARYING, "--decompose"], 1),
    "never, dry run": (NEVER, ["--assume", VARYING, "-n"], 1),
    "never, partial": (NEVER, ["--assume", VARYING, "--partial"], 1),
    "inventory": (FIXABLE, [], 3),
    "inventory, dry run": (FIXABLE, ["-n"], 3),
    "no resize layer": (EMPTY, ["--assume", CORNERS], 3),
    "no resize layer, inventory": (EMPTY, [], 3),
}


@pytest.mark.parametrize("name", sorted(SINGLE))
def test_one_model(name, tmp_path):
    case, arguments, code = SINGLE[name]
    assert run(model(case, tmp_path), *arguments).code == code


MANIFESTS = {
    "of the true calls": (lambda folder: INTENT, 0),
    "without some layers": ({"29": {"align_corners": True}}, 1),
    "without any layer": ({}, 1),
    "with a layer that is not there": (
        {"29": {"align_corners": True, "size": 9}, "gone": {"align_corners": True}},
        1,
    ),
}


@pytest.mark.parametrize("name", sorted(MANIFESTS))
def test_manifests(name, tmp_path):
    content, code = MANIFESTS[name]
    path = content(tmp_path) if callable(content) else manifest(content, tmp_path)
    assert run(UNET, "-m", path, "-o", tmp_path / "out.mlmodel").code == code
    assert os.path.exists(str(tmp_path / "out.mlmodel")) == (code == 0)


def test_an_intent_without_a_layer_is_1_although_every_layer_matches(tmp_path):
    intents = manifest({"8": {"align_corners": True}, "gone": {}}, tmp_path)
    ran = run(model(RIGHT, tmp_path), "-m", intents)
    assert ran.code == 1
    assert "intent without a layer: `gone`" in ran.out


def test_an_intent_without_a_layer_is_1_although_there_is_no_layer(tmp_path):
    assert run(model(EMPTY, tmp_path), "-m", truth(EMPTY, tmp_path)).code == 1


def test_merged_calls_are_1(tmp_path):
    ran = run(model(MERGED, tmp_path), "-m", truth(MERGED, tmp_path), "--partial")
    assert ran.code == 1
    assert "RSZ203" in ran.out


@pytest.mark.parametrize("partial", [False, True])
def test_one_of_two_layers_is_fixable(tmp_path, partial):
    arguments = ["--partial"] if partial else []
    source = model(HALF, tmp_path)
    ran = run(source, "-m", truth(HALF, tmp_path), *arguments)
    assert ran.code == 1
    written = os.path.exists(source.replace(".mlmodel", "-fixed.mlmodel"))
    assert written == partial


def test_a_fix_that_waits_for_an_option_is_1(tmp_path):
    source = model("unet", tmp_path)
    ran = run(source, "-m", INTENT, "--deployment-target", "11.2")
    assert ran.code == 1
    assert "help for RSZ309: pass `--decompose`" in ran.out
    assert os.listdir(str(tmp_path)) == ["unet.mlmodel"]


def test_a_fix_that_would_break_another_layer_is_1(tmp_path):
    """29 is concatenated with a map of 10×12."""
    true = {"29": {"align_corners": True, "size": [11, 12]}, "34": {"align_corners": True}}
    rest = {"39": {"align_corners": True, "size": [50, 62]}, "46": {"mode": "nearest"}}
    intents = manifest(dict(true, **rest), tmp_path)
    ran = run(UNET, "-m", intents, "-o", tmp_path / "out.mlmodel")
    assert ran.code == 1
    assert not os.path.exists(str(tmp_path / "out.mlmodel"))


# models of a batch and the codes of their own → the code of all
BATCHES = [
    ([RIGHT, RIGHT], 0),
    ([RIGHT, FIXABLE], 1),
    ([FIXABLE, RIGHT], 1),
    ([RIGHT, EMPTY], 3),
    ([EMPTY, FIXABLE], 1),
    ([RIGHT, None], 2),
    ([None, FIXABLE], 2),
    ([None, EMPTY, RIGHT], 2),
]


@pytest.mark.parametrize(("names", "code"), BATCHES)
def test_batches_in_a_dry_run(names, code, tmp_path):
    """The worst one counts: 2, then 1, then 3, then 0; None is a file that does not exist."""
    paths = [
        str(tmp_path / "missing.mlmodel") if name is None else model(name, tmp_path, str(n))
        for n, name in enumerate(names)
    ]
    ran = run("-n", "--assume", CORNERS, *paths)
    assert ran.code == code
    for path, name in zip(paths, names):
        if name is None:
            assert path in ran.err
        else:  # the table says the end of the folder that all are in once
            row = f"^{os.path.basename(path)} "
            assert f"{tmp_path.name}/)" in ran.out
            assert re.search(row, ran.out, re.MULTILINE)


def test_a_batch_of_fixes(tmp_path):
    paths = [model(name, tmp_path) for name in (RIGHT, FIXABLE)]
    assert run("--assume", CORNERS, *paths).code == 0
    assert os.path.exists(str(tmp_path / (FIXABLE + "-fixed.mlmodel")))


def test_a_second_run_on_the_result_is_0_and_changes_nothing(tmp_path):
    result = tmp_path / "out.mlmodel"
    assert run(UNET, "-m", INTENT, "-o", result).code == 0
    before = result.read_bytes()
    again = run(result, "-m", INTENT)
    assert again.code == 0
    assert "nothing to change" in again.out
    assert os.listdir(str(tmp_path)) == ["out.mlmodel"]
    assert result.read_bytes() == before
