"""The command as a process of its own: streams, signals, terminals, and what it imports."""

import errno
import json
import os
import signal
import struct
import subprocess
import sys
import time

import pytest

import coreml_resize_fix
from tests.cli.commands import FIXABLE, HALF, INTENT, UNET, model, truth
from tests.support.folders import contents
from tests.support.process import REPOSITORY

COMMAND = [sys.executable, "-m", "coreml_resize_fix"]
posix = pytest.mark.skipif(os.name != "posix", reason="signals, pipes and terminals of POSIX")


def environment(**more):
    return dict(os.environ, PYTHONPATH=REPOSITORY, **more)


def process(*arguments, **options):
    options.setdefault("env", environment())
    return subprocess.run(
        COMMAND + [str(argument) for argument in arguments],
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=options.pop("stderr", subprocess.PIPE),
        timeout=600,
        **options,
    )


def test_report_on_stdout_and_errors_on_stderr(tmp_path):
    missing = str(tmp_path / "missing.mlmodel")
    ran = process(UNET, missing, "-n", "-m", INTENT, "--format", "json")
    assert ran.returncode == 2
    assert [entry["path"] for entry in json.loads(ran.stdout.decode())["models"]] == [UNET]
    lines = ran.stderr.decode().splitlines()
    assert lines == ["error: `{}` does not exist".format(missing), "help: check the path"]


def test_a_fix(tmp_path):
    result = tmp_path / "out.mlmodel"
    ran = process(UNET, "-m", INTENT, "-o", result)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert "wrote {}.".format(result) in ran.stdout.decode("utf-8")
    assert result.stat().st_size > 1000


@posix
def test_a_closed_pipe_is_quiet_and_the_result_is_whole(tmp_path):
    source, intents = model(HALF, tmp_path), truth(HALF, tmp_path)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ran = process(source, "-m", intents, "--partial", stdout=writing)
    finally:
        os.close(writing)
    assert ran.stderr == b""
    assert ran.returncode != 0
    assert {HALF + "-fixed.mlmodel"} <= set(contents(tmp_path))
    assert not [name for name in os.listdir(str(tmp_path)) if name.startswith(".crf")]


def opened_by_its_reader(pipe, running):
    """The writing end of a pipe, once a process reads the other."""
    while running.poll() is None:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        time.sleep(0.01)
    raise AssertionError(running.communicate())


@posix
def test_an_interrupt_is_quiet_and_writes_nothing(tmp_path):
    source, pipe = model(FIXABLE, tmp_path), str(tmp_path / "intent.json")
    os.mkfifo(pipe)  # reading it waits for a writer who never writes
    running = subprocess.Popen(
        COMMAND + [source, "-m", pipe],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    writer = opened_by_its_reader(pipe, running)
    # Again, until it is heard: one that comes just before a call blocks is seen at the next.
    while running.poll() is None:
        running.send_signal(signal.SIGINT)
        time.sleep(0.1)
    out, err = running.communicate()
    os.close(writer)
    assert (running.returncode, out, err) == (130, b"", b"")
    assert sorted(os.listdir(str(tmp_path))) == [FIXABLE + ".mlmodel", "intent.json"]


def on_terminal(*arguments, **variables):
    """What a process prints on a terminal of 80 columns (on none there is no progress bar)."""
    import fcntl
    import pty
    import termios

    inner, outer = pty.openpty()
    fcntl.ioctl(outer, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    env = environment(**variables)
    if "NO_COLOR" not in variables:
        env.pop("NO_COLOR", None)
    try:
        process(*arguments, stdout=outer, stderr=outer, env=env)
        os.close(outer)
        outer = None
        printed = b""
        while True:
            try:
                block = os.read(inner, 65536)
            except OSError:  # Linux: the other end is closed
                block = b""
            if not block:
                return printed
            printed += block
    finally:
        os.close(inner)
        if outer is not None:
            os.close(outer)


@pytest.mark.slow
@posix
@pytest.mark.parametrize("arguments", [["-n", UNET, "-m", INTENT], ["missing.mlmodel"]])
def test_colors_on_a_terminal_unless_no_color_is_set(arguments):
    assert b"\x1b[3" in on_terminal(*arguments, TERM="xterm")
    printed = on_terminal(*arguments, TERM="xterm", NO_COLOR="1")
    assert printed
    assert b"\x1b" not in printed


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_stream_that_lacks_characters_gets_escapes(encoding):
    ran = process("-n", UNET, "-m", INTENT, env=environment(PYTHONIOENCODING=encoding))
    assert ran.returncode == 1
    assert b"5\\xd76 \\u2192 10" in ran.stdout.replace("×".encode("cp1252"), b"\\xd7")


@pytest.mark.slow
def test_version_of_the_module():
    ran = process("--version")
    assert coreml_resize_fix.__version__ in ran.stdout.decode()


def test_an_audit_seldom_looks_for_garbage():
    """What it reads lives until its end; Python's own threshold means dozens of searches."""
    code = (
        "import gc, sys\n"
        "from coreml_resize_fix.__main__ import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit:\n"
        "    print(sum(one['collections'] for one in gc.get_stats()))\n"
    )
    command = [sys.executable, "-c", code, UNET, "-q", "-n", "-m", INTENT]
    ran = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, timeout=600)
    assert int(ran.stdout.split()[-1]) < 20
