"""Workflow commands: one line for each problem, which nothing that a model holds can end.

The rules are those of GitHub's own toolkit: `%`, CR and LF are escaped in the message, `:` and `,`
in properties, too.
"""

import re
from dataclasses import replace

import pytest

from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.report import github
from coreml_resize_fix.run.results import Failure
from tests.cli.commands import CORNERS, EMPTY, FIXABLE, INTENT, RIGHT, UNET, manifest, model, run
from tests.report import reports
from tests.report.hostile import NAMES, full_of
from tests.report.reports import report, unet

COMMAND = re.compile(r"::(error|warning) ((?:file=[^,:\r\n]*,)?title=[^,:\r\n]*)::([^\r\n]*)")


def unescaped(text):
    """As the runner reads it: `%25` last, so that no escape is made of two."""
    for escape, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n")):
        text = text.replace(escape, character)
    return text.replace("%25", "%")


def commands(text):
    """Level, properties and message of each line; nothing else may be there."""
    found = []
    for line in text.split("\n") if text else []:
        match = COMMAND.fullmatch(line)
        assert match, line[:200]
        pairs = dict(pair.split("=", 1) for pair in match.group(2).split(","))
        properties = {key: unescaped(value) for key, value in pairs.items()}
        found.append((match.group(1), properties, unescaped(match.group(3))))
    return found


def shown(name):
    """What has no escape of GitHub's, and is not seen, is shown as everywhere else."""
    for character, escape in (("\u2028", "\\u2028"), ("\x1b", "\\x1b"), ("\x00", "\\x00")):
        name = name.replace(character, escape)
    return name.replace("\ud800", "\\ud800")


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:20])
def test_no_name_ends_a_line_or_adds_a_property(name):
    text = github.render(full_of(name))
    found = commands(text)
    # The failure; layer, intent, conflict and two of the network; the model that was listed only.
    assert [level for level, _, _ in found] == ["error"] * 6 + ["warning"]
    for _, properties, _ in found:
        assert set(properties) == {"file", "title"}
        assert properties["file"] == shown(name)
    assert shown(name) in found[0][2]
    # Lines of other alphabets end lines for some readers.
    assert len(text.splitlines()) == 7
    assert "\x1b" not in text
    assert text.encode("utf-8")


def test_a_layer_by_hand():
    finding = unet().findings[0]
    bad = replace(
        finding,
        message="`50%`, off: by 1 px",
        layer=replace(finding.layer, name="a,b:c%"),
        codes=("RSZ101",),
        needs=(),
    )
    assert github.render(reports.run(replace(report(path="m/n,1.mlmodel"), findings=(bad,)))) == (
        "::error file=m/n%2C1.mlmodel,"
        "title=RSZ101 shifted-grid%3A a%2Cb%3Ac%25 (" + finding.layer.address + ")::"
        "`50%25`, off: by 1 px%0Ahelp: run without `--dry-run` to rewrite the layer"
    )


def test_a_failure_has_its_details_and_its_help():
    wrong = Failure("a.mlmodel", "it has 2 defects", "correct it", details=("$.a: x", "$.b: y"))
    (found,) = commands(github.render(reports.run(wrong)))
    message = "it has 2 defects\n$.a: x\n$.b: y\nhelp: correct it"
    assert found == ("error", {"file": "a.mlmodel", "title": "coreml-resize-fix"}, message)
    of_all = github.render(reports.run(replace(wrong, path=None)))
    assert of_all.startswith("::error title=coreml-resize-fix::it has 2 defects%0A")


@pytest.mark.parametrize("dry", [["-n"], []])
def test_what_is_right_says_nothing(dry, tmp_path):
    ran = run(model(RIGHT, tmp_path), "--assume", CORNERS, "--format", "github", *dry)
    assert ran == (0, "", "")


def test_each_wrong_resize_of_a_run(tmp_path):
    intents = manifest({"8": {"align_corners": True}, "gone": {}}, tmp_path)
    ran = run(model(FIXABLE, tmp_path), "-n", "-m", intents, "--format", "github")
    assert (ran.code, ran.err) == (1, "")
    wrong, missing = commands(ran.out.rstrip("\n"))
    assert wrong[1]["title"].startswith("RSZ101 shifted-grid: 8 (layers[")
    assert missing[1]["title"] == "RSZ205 call-without-layer: gone"
    assert wrong[1]["file"] == missing[1]["file"] == str(tmp_path / (FIXABLE + ".mlmodel"))
    titles = [
        found[1]["title"]
        for found in commands(run(UNET, "-n", "-m", INTENT, "--format", "github").out.rstrip("\n"))
    ]
    assert len(titles) == 3


@pytest.mark.parametrize("code", ["RSZ103", "RSZ104", "RSZ105"])
def test_a_layer_that_can_be_fixed_says_how_whatever_is_wrong_with_it(code):
    found = replace(unet().findings[0], codes=(Code(code),))
    ((_, _, message),) = commands(github.render(reports.run(replace(unet(), findings=(found,)))))
    assert "help: run without `--dry-run`" in message


@pytest.mark.parametrize("case", [FIXABLE, EMPTY])
def test_nothing_compared_is_a_warning(case, tmp_path):
    ran = run(model(case, tmp_path), "--format", "github")
    assert (ran.code, ran.err) == (3, "")
    ((level, properties, _),) = commands(ran.out.rstrip("\n"))
    assert (level, properties["title"]) == ("warning", "nothing was compared")


def test_what_cannot_be_read_is_an_annotation_and_stderr_has_no_commands(tmp_path):
    """GitHub looks for commands in stderr, too."""
    path = tmp_path / "##[error]x.mlmodel"
    path.write_bytes(b"")
    ran = run(path, "-n", "-m", tmp_path / "none.json", "--format", "github")
    assert (ran.code, ran.err) == (2, "")
    ((level, _, message),) = commands(ran.out.rstrip("\n"))
    assert level == "error"
    assert "cannot read the manifest" in message
