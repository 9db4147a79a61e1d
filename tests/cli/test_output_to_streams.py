"""A result goes to a file: not to a stream, a device, or the file that a stream leads to."""

import os
import subprocess
import sys

import pytest

from tests.cli.commands import CORNERS, FIXABLE, RIGHT, model, run
from tests.support.folders import contents
from tests.support.process import REPOSITORY

STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/fd/1")


def command(*arguments, **streams):
    return subprocess.run(
        [sys.executable, "-m", "coreml_resize_fix", *map(str, arguments)],
        env=dict(os.environ, PYTHONPATH=REPOSITORY),
        **streams,
    )


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.skipif(not os.path.exists("/dev/fd/1"), reason="the system has no /dev/fd")
@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("output", STREAMS)
def test_a_pipe_is_refused_and_force_is_not_advised(output, force, tmp_path):
    source = model(FIXABLE, tmp_path)
    before = contents(tmp_path)
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    ran = command(source, "--assume", CORNERS, "-o", output, *force, **piped)
    said = ran.stderr.decode()
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert said.startswith(f"error: `{output}` is a pipe or a device, which is not replaced\n")
    assert "--force" not in said
    assert contents(tmp_path) == before


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.skipif(not os.path.exists("/dev/fd/1"), reason="the system has no /dev/fd")
@pytest.mark.parametrize("output", ["/dev/stdout", "out.txt"])
def test_a_file_that_is_printed_to_is_refused(output, tmp_path):
    source = model(FIXABLE, tmp_path)
    with open(tmp_path / "out.txt", "wb") as out:
        ran = command(
            source,
            "--assume",
            CORNERS,
            "-o",
            output,
            "--force",
            cwd=str(tmp_path),
            stdout=out,
            stderr=subprocess.PIPE,
        )
    assert ran.returncode == 2
    assert f"`{output}` is where this run prints, which is not replaced" in ran.stderr.decode()
    assert (tmp_path / "out.txt").read_bytes() == b""


@pytest.mark.parametrize("output", ["/dev/null", "-"])
@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_device_and_a_dash_are_refused(output, force, tmp_path, monkeypatch):
    source = model(FIXABLE, tmp_path)
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    ran = run(source, "--assume", CORNERS, "-o", output, *force)
    assert ran.code == 2
    assert "--force" not in ran.err
    assert contents(tmp_path) == before


def test_a_model_that_is_right_is_copied_to_where_output_says(tmp_path):
    """A build step finds its output; without `-o` nothing is written."""
    source = model(RIGHT, tmp_path)
    ran = run(source, "--assume", CORNERS, "-o", tmp_path / "out.mlmodel")
    assert ran.code == 0
    assert ran.out.endswith(f"wrote {tmp_path / 'out.mlmodel'}, an unchanged copy.\n")
    with open(source, "rb") as file:
        assert (tmp_path / "out.mlmodel").read_bytes() == file.read()
    before = contents(tmp_path)
    assert run(source, "--assume", CORNERS).out.endswith("nothing to change.\n")
    assert contents(tmp_path) == before
