"""`--report PATH`: which forms there are, what it may replace, and that models come first."""

import json
import os

import pytest

from coreml_resize_fix.errors import OutputError
from coreml_resize_fix.files import atomic
from tests.cli.commands import CORNERS, FIXABLE, INTENT, RIGHT, UNET, model, run
from tests.report.json_v1 import check
from tests.support.cases import read_bytes

AUDIT = [UNET, "-n", "-m", INTENT]
STARTS = {
    "html": b"<!DOCTYPE html>",
    "md": b"<!-- coreml-resize-fix -->",
    "json": b'{\n  "format": "coreml-resize-fix/report"',
}


@pytest.mark.parametrize("suffix", sorted(STARTS))
def test_the_suffix_names_the_form(suffix, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1600000000")  # a page has the minute
    path = str(tmp_path / ("report." + suffix))
    plain = run(*AUDIT, "--verify")
    ran = run(*AUDIT, "--report", path)
    assert ran == plain
    written = read_bytes(path)
    assert written.startswith(STARTS[suffix])
    assert b"0.77" in written
    if suffix == "json":
        check(json.loads(written.decode()))
        assert json.loads(written.decode()) == run(*AUDIT, "--format", "json").json
    # A report is made anew by every run, and replaced without being asked.
    assert run(*AUDIT, "--report", path).code == 1
    assert read_bytes(path) == written
    assert os.listdir(str(tmp_path)) == ["report." + suffix]


def test_upper_case_and_quiet(tmp_path):
    path = str(tmp_path / "R.HTML")
    ran = run(*AUDIT, "-q", "--report", path)
    assert (ran.code, ran.err) == (1, "")
    assert len(ran.out.splitlines()) == 3  # what is not right is said, a line each
    assert read_bytes(path).startswith(STARTS["html"])


@pytest.mark.parametrize("name", ["report.pdf", "report", "html"])
def test_another_suffix_is_refused_before_any_work(name, tmp_path):
    source = model(FIXABLE, tmp_path)
    ran = run(source, "--assume", CORNERS, "--report", tmp_path / name)
    assert (ran.code, ran.out) == (2, "")
    assert "does not name a report\nhelp: end it in .html, .md, .json, .sarif\n" in ran.err
    assert os.listdir(str(tmp_path)) == [FIXABLE + ".mlmodel"]


@pytest.mark.parametrize("content", [b"notes", b"", read_bytes(INTENT), read_bytes(UNET)])
def test_what_is_no_report_is_not_replaced(content, tmp_path):
    path = tmp_path / "report.json"
    path.write_bytes(content)
    source = model(FIXABLE, tmp_path)
    ran = run(source, "--assume", CORNERS, "--report", path)
    assert (ran.code, ran.out) == (2, "")
    assert "`{}` exists and is not a report of this tool".format(path) in ran.err
    assert path.read_bytes() == content
    assert sorted(os.listdir(str(tmp_path))) == sorted([FIXABLE + ".mlmodel", "report.json"])


def test_a_folder_that_is_missing_costs_no_result(tmp_path):
    source = model(FIXABLE, tmp_path)
    ran = run(source, "--assume", CORNERS, "--report", tmp_path / "no" / "r.html")
    assert ran.code == 2
    assert "error: cannot write in `{}`".format(tmp_path / "no") in ran.err
    assert "1 layer fixed" in ran.out
    assert (tmp_path / (FIXABLE + "-fixed.mlmodel")).exists()


def test_a_full_disk_leaves_the_report_of_before(tmp_path, monkeypatch):
    path = str(tmp_path / "r.md")
    run(*AUDIT, "--report", path)
    before = read_bytes(path)

    def full(*args, **options):
        raise OutputError("cannot write `r.md`: no space left on device", "free some")

    monkeypatch.setattr(atomic, "file", full)
    ran = run(*AUDIT, "--report", path)
    assert (ran.code, ran.err) == (
        2,
        "error: cannot write `r.md`: no space left on device\nhelp: free some\n",
    )
    assert read_bytes(path) == before


def test_a_batch_goes_into_one_report(tmp_path):
    paths = [model(name, tmp_path) for name in (FIXABLE, RIGHT)] + [str(tmp_path / "missing")]
    for name in STARTS:
        report = str(tmp_path / ("all." + name))
        ran = run(*paths, "-n", "--assume", CORNERS, "--report", report, "-j", 2)
        assert ran.code == 2
        text = read_bytes(report).decode("utf-8")
        assert all(os.path.basename(path) in text for path in paths)
        assert "does not exist" in text
