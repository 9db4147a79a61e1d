"""The progress bar: on a terminal, for what takes longer than a second, and nowhere else."""

import io
import os
import time
from types import SimpleNamespace

import pytest

from coreml_resize_fix.cli import terminal
from tests.cli.commands import CORNERS, FIXABLE, RIGHT, model, run
from tests.cli.test_errors import write
from tests.cli.test_process import on_terminal, posix

FIX = ["--assume", CORNERS]


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def screen(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    streams = SimpleNamespace(stderr=Screen())
    monkeypatch.setattr(terminal, "sys", streams)
    return streams


def work(bar, seconds):
    bar(1, 3, "models", "model")
    time.sleep(seconds)
    bar(2, 3, "models", "model")
    shown = terminal.sys.stderr.getvalue()
    bar.close()
    return shown


def seen(screen):
    """What is left on the last line, and all that was written."""
    written = screen.stderr.getvalue()
    return written.split("\r")[-1].strip(), written


def test_what_takes_longer_than_a_second_is_shown_and_removed(screen):
    shown = work(terminal.Progress(), 1.2)
    assert "models" in shown
    assert "2/3" in shown
    assert seen(screen)[0] == ""


def test_what_is_done_in_time_is_not(screen):
    work(terminal.Progress(delay=600), 0)  # however slow the machine
    assert seen(screen)[1] == ""


def test_quiet_and_ci_and_files_see_none(screen, monkeypatch):
    assert work(terminal.Progress(delay=0), 0) != ""
    screen.stderr = Screen()
    assert work(terminal.Progress(quiet=True, delay=0), 0) == ""
    screen.stderr = io.StringIO()
    assert work(terminal.Progress(delay=0), 0) == ""
    screen.stderr = Screen()
    monkeypatch.setenv("CI", "true")
    assert work(terminal.Progress(delay=0), 0) == ""


@pytest.fixture
def steps(monkeypatch):
    """Everything that a run tells of how far it is."""
    told = []

    class Recorder(terminal.Progress):
        def __call__(self, *step):
            told.append(step)

    monkeypatch.setattr(terminal, "Progress", Recorder)
    return told


def test_one_model_tells_of_layers_and_bytes(steps, tmp_path):
    source = model(FIXABLE, tmp_path)
    size = os.path.getsize(source)
    assert run(source, *FIX).code == 0
    assert steps[0] == (1, 1, "comparing", "layer")
    assert steps[-1] == (size, size, "writing", "B")
    assert [done for done, *_ in steps[1:]] == sorted(done for done, *_ in steps[1:])


@pytest.mark.parametrize("jobs", [1, 2])
def test_several_models_tell_of_models(jobs, steps, tmp_path):
    paths = [model(name, tmp_path) for name in (FIXABLE, RIGHT)] + [str(tmp_path / "bad")]
    write(b"x" * 100)(paths[-1])
    assert run(*paths, *FIX, "-j", jobs).code == 2
    assert steps == [(n, 3, "models", "model") for n in (1, 2, 3)]


@pytest.mark.slow
@posix
def test_a_short_run_leaves_no_trace_on_the_terminal(tmp_path):
    printed = on_terminal(model(FIXABLE, tmp_path), *FIX, TERM="xterm", CI="")
    assert b"\r\n" in printed
    left = [line.split(b"\r")[-1] for line in printed.split(b"\r\n")]
    assert not [line for line in left if b"it/s" in line or b"layer/s" in line]
