"""`-q`: a line for each resize that is not right, and nothing else."""

import json
from dataclasses import replace

import pytest

from coreml_resize_fix.formats.shapes import Conflict, UsableSizes
from coreml_resize_fix.report import brief
from coreml_resize_fix.verify.agreement import NUMPY, Agreement, ComparedOutput, NotRun
from tests.cli.commands import (
    CORNERS,
    EMPTY,
    FIXABLE,
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
from tests.report import reports
from tests.report.hostile import NAMES, full_of
from tests.report.reports import report

# name → model, arguments, exit code, number of lines
RUNS = {
    "fixable": (FIXABLE, ["--assume", CORNERS, "-n"], 1, 1),
    "fixed": (FIXABLE, ["--assume", CORNERS], 0, 0),
    "right": (RIGHT, ["--assume", CORNERS, "-n"], 0, 0),
    "never": (NEVER, ["--assume", VARYING, "-n"], 1, 2),
    "option": (FIXABLE, ["--assume", "bilinear", "-n"], 1, 1),
    "inventory": (FIXABLE, [], 3, 0),
    "no resize": (EMPTY, ["--assume", CORNERS], 3, 0),
}


@pytest.mark.parametrize("name", sorted(RUNS))
def test_a_line_for_each(name, tmp_path):
    case, arguments, code, count = RUNS[name]
    ran = run(model(case, tmp_path), "-q", *arguments)
    assert (ran.code, ran.err) == (code, "")
    assert len(ran.out.splitlines()) == count


def test_the_line_by_hand():
    first = run(UNET, "-n", "-q", "-m", INTENT).out.splitlines()[0]
    start = "{}: layers[9]: fixable RSZ101: ".format(UNET)
    assert first.startswith(start + "`")


def test_ambiguous_and_missing(tmp_path):
    path = model(MERGED, tmp_path)
    ran = run(path, "-n", "-q", "-m", truth(MERGED, tmp_path))
    assert ran.code == 1
    assert ": ambiguous RSZ203: " in ran.out
    gone = manifest({"8": {"align_corners": True}, "gone": {}}, tmp_path)
    ran = run(model(RIGHT, tmp_path), "-n", "-q", "-m", gone)
    assert ran.code == 1
    assert ran.out.startswith("{}.mlmodel: gone: RSZ205: ".format(tmp_path / RIGHT))
    assert ran.out.count("\n") == 1


OUTPUT = ComparedOutput("scores", 0.5, 0.5, 1.0, False)
STUCK = UsableSizes("image", (8, 8), False, sizes=((8, 8),))
FAILING = {
    "output": {"network": Agreement(NUMPY, 0.1, (OUTPUT,))},
    "not run": {"network": Agreement(NUMPY, 0.1, (), None, NotRun("", "", "no memory"))},
    "not run, outputs": {
        "network": Agreement(
            NUMPY, 0.1, (OUTPUT._replace(before=None),), None, NotRun("layers[1]", "x", "custom")
        )
    },
    "cannot run": {"cannot_run": (Conflict("layers[3]", "add", "add", "does not fit"),)},
    "one size": {"usable": STUCK},
}


@pytest.mark.parametrize("name", sorted(FAILING))
def test_whatever_else_makes_it_1_has_a_line(name):
    found = report("match", **FAILING[name])
    assert found.exit_code == 1
    assert len(brief.render(reports.run(found)).splitlines()) == 1


def test_sizes_that_cannot_run_are_no_failure():
    some = replace(STUCK, sizes=((8, 8), (16, 16)))
    found = report("match", usable=some)
    assert found.exit_code == 0
    assert brief.render(reports.run(found)) == ""


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:20])
def test_no_name_makes_two_lines(name):
    text = brief.render(full_of(name))
    assert len(text.splitlines()) == 5
    assert "\x1b" not in text


@pytest.mark.parametrize("style", ["json", "markdown", "github", "sarif"])
def test_another_format_is_printed_as_ever_and_stderr_is_silent(style, tmp_path):
    broken = tmp_path / "broken.mlmodel"
    broken.write_bytes(b"")
    arguments = [UNET, broken, "-n", "-m", INTENT, "--format", style]
    loud, quiet = run(*arguments), run(*arguments, "-q")
    assert quiet == (2, loud.out, "")
    assert "broken.mlmodel" in quiet.out
    if style == "json":
        assert len(json.loads(quiet.out)["errors"]) == 1


def test_an_error_of_the_text_stays_on_stderr(tmp_path):
    ran = run(tmp_path / "none.mlmodel", "-q")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
