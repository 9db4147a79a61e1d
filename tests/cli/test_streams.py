"""Standard streams that are closed or take nothing, text that is ASCII, memory that is missing."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from tests.cli.commands import CORNERS, FIXABLE, INTENT, RIGHT, UNET, model, run
from tests.cli.test_process import COMMAND, environment, process
from tests.support.folders import contents

posix = pytest.mark.skipif(os.name != "posix", reason="streams are closed as a shell of POSIX does")


def buffered(**more):
    """What is left in a buffer fails once more when Python ends."""
    env = environment(**more)
    env.pop("PYTHONUNBUFFERED", None)
    return env


PRINTED = {
    "help": ["--help"],
    "version": ["--version"],
    "explanation": ["--explain", "RSZ101"],
    "text": [UNET, "-n", "-m", INTENT],
    "json": [UNET, "-n", "-m", INTENT, "--format", "json"],
    "markdown": [UNET, "-n", "-m", INTENT, "--format", "markdown"],
}


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full (Linux)")
@pytest.mark.parametrize("name", sorted(PRINTED))
def test_an_output_that_takes_nothing_is_told(name):
    with open("/dev/full", "wb") as full:
        ran = process(*PRINTED[name], stdout=full, env=buffered())
    assert ran.returncode == 2
    first, last = ran.stderr.decode().splitlines()
    assert first == "error: the output cannot be written: no space left on device"
    assert last.startswith("help: ")


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full (Linux)")
def test_errors_that_cannot_be_told_either():
    with open("/dev/full", "wb") as full:
        both = process(*PRINTED["text"], stdout=full, stderr=full, env=buffered())
        alone = process("missing.mlmodel", stderr=full, env=buffered())
    assert (both.returncode, alone.returncode) == (2, 2)


def in_shell(redirect, *arguments):
    words = " ".join("'{}'".format(argument) for argument in [*COMMAND, *arguments])
    return subprocess.run(
        ["sh", "-c", words + " " + redirect],
        env=environment(),
        capture_output=True,
        timeout=600,
        check=False,
    )


@pytest.mark.slow
@posix
@pytest.mark.parametrize("redirect", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_changes_nothing_else(redirect, tmp_path):
    path = model(FIXABLE, tmp_path)
    expected = run(path, "-n", "--assume", CORNERS).out
    ran = in_shell(redirect, path, "-n", "--assume", CORNERS)
    assert ran.returncode == 1
    assert ran.stderr == b""
    assert ran.stdout.decode("utf-8") == ("" if " >" in " " + redirect else expected)
    assert in_shell(redirect, path, "--assume", CORNERS).returncode == 0
    assert FIXABLE + "-fixed.mlmodel" in contents(tmp_path)
    assert in_shell(redirect, "--help").returncode == 0


# What is opened after that must not get the number of a stream, which libraries print to.
NUMBERS = """
from coreml_resize_fix.cli import streams
streams.complete()
import os, sys
with open(sys.argv[1], "wb") as file:
    file.write(b"%d" % file.fileno())
"""


@pytest.mark.mostly_slow(quick=1)
@posix
@pytest.mark.parametrize("redirect", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_no_file_takes_the_place_of_a_stream(redirect, tmp_path):
    command = '\'{}\' -c "$0" "$1" {}'.format(sys.executable, redirect)
    place = tmp_path / "number"
    subprocess.run(["sh", "-c", command, NUMBERS, str(place)], env=environment(), check=True)
    assert int(place.read_bytes()) > 2


@pytest.mark.slow
@posix
@pytest.mark.parametrize("jobs", [1, 2])
def test_errors_that_nobody_reads_do_not_end_a_batch(jobs, tmp_path):
    paths = [str(tmp_path / "missing.mlmodel")]
    paths += [model(RIGHT, tmp_path, name) for name in ("a.mlmodel", "b.mlmodel")]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        options = ("-n", "--assume", CORNERS, "--format", "json", "--jobs", jobs)
        ran = process(*paths, *options, stderr=writing, env=buffered())
    finally:
        os.close(writing)
    assert ran.returncode == 2
    found = json.loads(ran.stdout.decode())
    assert [entry["path"] for entry in found["models"]] == paths[1:]
    assert [entry["path"] for entry in found["errors"]] == paths[:1]


@pytest.mark.slow
def test_text_that_is_ascii():
    old = importlib.util.find_spec("click.shell_completion") is None
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ran = process(*PRINTED["text"], env=environment(**locale))
    said = ran.stderr.decode().splitlines()
    assert ran.returncode == (2 if old else 1)
    assert [line.split(":")[0] for line in said] == (["error", "help"] if old else [])


# What stands in click's place, and what is said of it.
IMPORTS = {
    "no memory": ("raise MemoryError", "there is not enough memory"),
    "no memory for a library": (
        "raise ImportError('x.so: failed to map segment from shared object')",
        "there is not enough memory",
    ),
    "no file": (
        "import os; os.open('/no/such\\x1bplace', os.O_RDONLY)",
        "the system failed at `/no/such\\x1bplace`: no such file or directory",
    ),
    "a defect": ("1 // 0", "a defect of this tool stopped it: ZeroDivisionError: "),
}


@pytest.mark.mostly_slow(quick=1)
@posix
@pytest.mark.parametrize("name", sorted(IMPORTS))
def test_what_goes_wrong_at_imports_is_told(name, tmp_path):
    code, says = IMPORTS[name]
    (tmp_path / "click.py").write_text(code, encoding="utf-8")
    env = environment()
    env["PYTHONPATH"] = os.pathsep.join([str(tmp_path), env["PYTHONPATH"]])
    ran = process(*PRINTED["text"], env=env)
    first, last = ran.stderr.decode().splitlines()
    assert ran.returncode == 2
    assert ran.stdout == b""
    assert first.startswith("error: " + says)
    assert last.startswith("help: ")
    assert b"Traceback" in process(*PRINTED["text"], "-v", env=env).stderr


@pytest.mark.parametrize(
    "error", [ImportError("x.so: failed to map segment from shared object"), MemoryError()]
)
def test_a_lack_of_memory_at_one_model_is_no_defect(error, monkeypatch):
    def fail(*arguments):
        raise error

    monkeypatch.setattr("coreml_resize_fix.run.pipeline.process_job", fail)
    ran = run(*PRINTED["text"])
    assert ran.code == 2
    assert ran.err.startswith("error: there is not enough memory for `{}`".format(UNET))
