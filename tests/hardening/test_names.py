"""File names that are unusual and allowed, in every report; the name is told, never obeyed."""

import json
import os
import subprocess
import sys

import pytest

from tests.cli.commands import CORNERS, FIXABLE
from tests.support.cases import named, read_bytes
from tests.support.process import REPOSITORY

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux takes every byte but two in a name of a file"
)
MODEL = read_bytes(named(FIXABLE).path)
LONGEST = 255  # bytes of a name, on every usual file system

# name -> what a text for people shows of it: nothing that moves a cursor, ends a line or is no text
NAMES = {
    "spaces": ("a b  c.mlmodel", "a b  c"),
    "newline": ("new\nline.mlmodel", "new\\nline"),
    "emoji": ("\N{GRINNING FACE}é.mlmodel", "\N{GRINNING FACE}é"),
    "no UTF-8": (os.fsdecode(b"\xff\xfe.mlmodel"), "\\udcff\\udcfe"),
    "as long as can be": ("x" * (LONGEST - 8) + ".mlmodel", "x" * (LONGEST - 8)),
    "like an option": ("-n.mlmodel", "./-n"),
    "like a page": ("<b>&amp;`|.mlmodel", "<b>&amp;`|"),
    "colors": ("\x1b[31mred.mlmodel", "\\x1b[31mred"),
    "backwards": ("\N{RIGHT-TO-LEFT OVERRIDE}x.mlmodel", "\\u202ex"),
    "a format": ("{0}%s{nodes}.mlmodel", "{0}%s{nodes}"),
}


def run(folder, name, *options):
    # A C locale would read names as ASCII on Python 3.6; UTF-8 is what terminals have.
    environment = dict(os.environ, PYTHONPATH=REPOSITORY, PYTHONUTF8="1")
    command = [sys.executable, "-m", "coreml_resize_fix", "./" + name, "--assume", CORNERS]
    ran = subprocess.run(
        command + list(options), cwd=str(folder), env=environment, capture_output=True, check=False
    )
    assert ran.returncode in (0, 1), ran.stderr
    assert ran.stderr == b""
    return ran.stdout


@pytest.fixture(params=sorted(NAMES))
def name(request, tmp_path):
    path = os.path.join(str(tmp_path), NAMES[request.param][0])
    with open(path, "wb") as file:
        file.write(MODEL)
    return request.param


def without_breaks(text):
    """Reports break long lines; a name that is broken is still the name."""
    return "".join(text.split())


@pytest.mark.slow
def test_in_the_text(name, tmp_path):
    file, shown = NAMES[name]
    text = run(tmp_path, file, "-n").decode("utf-8")
    assert without_breaks(shown) in without_breaks(text)
    assert not any(sign in text for sign in ("\x1b", "\N{RIGHT-TO-LEFT OVERRIDE}"))


@pytest.mark.slow
def test_in_json_it_is_the_name_itself(name, tmp_path):
    file, _ = NAMES[name]
    run(tmp_path, file, "-n", "--report", "out.json", "-q")
    texts = [run(tmp_path, file, "-n", "--format", "json"), read_bytes(str(tmp_path / "out.json"))]
    for text in texts:
        (entry,) = json.loads(text.decode("utf-8"))["models"]
        assert entry["path"] == "./" + file


@pytest.mark.slow
@pytest.mark.parametrize("form", ["html", "md"])
def test_in_reports(name, form, tmp_path):
    file, _ = NAMES[name]
    run(tmp_path, file, "-n", "--report", "out." + form, "-q")
    text = (tmp_path / ("out." + form)).read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in text
    assert "<b>&amp;`" not in text or form == "md"
    word = {"spaces": "a b", "like a page": "amp;", "no UTF-8": "udcff"}.get(name, file[-12:-8])
    assert word.strip("\x1b\N{RIGHT-TO-LEFT OVERRIDE}\n") in text


@pytest.mark.mostly_slow(quick=1)
def test_a_fix_in_place(name, tmp_path):
    file, _ = NAMES[name]
    run(tmp_path, file, "--in-place", "-q")
    assert os.listdir(os.fsencode(str(tmp_path))) == [os.fsencode(file)]
    assert read_bytes(os.path.join(str(tmp_path), file)) != MODEL
    assert run(tmp_path, file, "-n", "-q") == b""


@pytest.mark.slow
def test_a_result_whose_name_would_be_too_long_is_told(tmp_path):
    path = str(tmp_path / NAMES["as long as can be"][0])
    with open(path, "wb") as file:
        file.write(MODEL)
    ran = subprocess.run(
        [sys.executable, "-m", "coreml_resize_fix", path, "--assume", CORNERS],
        env=dict(os.environ, PYTHONPATH=REPOSITORY),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "file name too long" in ran.stderr
    assert "choose a shorter name with `--output`" in ran.stderr
    assert os.listdir(str(tmp_path)) == [os.path.basename(path)]
