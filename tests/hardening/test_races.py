"""Others at work on the same files, and runs that are ended from outside."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from coreml_resize_fix.errors import OutputError
from coreml_resize_fix.formats.protobuf import splice
from coreml_resize_fix.intents import assume
from coreml_resize_fix.run import pipeline, proof
from tests.cli.commands import CORNERS, FIXABLE, model, run
from tests.support.cases import named, read_bytes
from tests.support.folders import contents
from tests.support.process import REPOSITORY

posix = pytest.mark.skipif(os.name != "posix", reason="signals and links of POSIX")
COMMAND = [sys.executable, "-m", "coreml_resize_fix"]
FIX = pipeline.Request(assume=assume.parse(CORNERS), in_place=True)
OLD = read_bytes(named(FIXABLE).path)


def start(*arguments):
    return subprocess.Popen(
        COMMAND + [str(argument) for argument in arguments],
        env=dict(os.environ, PYTHONPATH=REPOSITORY),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.fixture
def fixed(tmp_path):
    """The bytes that a fix makes."""
    folder = tmp_path / "fixed"
    folder.mkdir()
    path = model(FIXABLE, folder)
    assert run(path, "--assume", CORNERS, "--in-place").code == 0
    return read_bytes(path)


def replaced(path):
    other = path + ".other"
    shutil.copy2(path, other)  # of the same size and time: another file all the same
    os.replace(other, path)


def appended(path):
    with open(path, "ab") as file:
        file.write(b"more")


def rewritten(path):
    with open(path, "r+b") as file:
        file.write(OLD[:1])
    os.utime(path, (1, 1))


def shortened(path):
    with open(path, "r+b") as file:
        file.truncate(len(OLD) // 2)


@pytest.mark.parametrize("change", [replaced, appended, rewritten, shortened])
@pytest.mark.parametrize("when", ["before the copy", "after the copy"])
def test_an_input_that_changes_while_it_is_read(change, when, tmp_path, monkeypatch):
    path = model(FIXABLE, tmp_path)
    really = splice.write
    left = []

    def write(source, *arguments):
        if when == "after the copy":
            really(source, *arguments)
        change(path)
        left.append(contents(tmp_path))
        if when == "before the copy":
            really(source, *arguments)

    monkeypatch.setattr(splice, "write", write)
    with pytest.raises(OutputError, match=r"changed while it was read|became shorter") as caught:
        pipeline.process(path, FIX)
    assert "run again" in caught.value.hint
    (kept,) = left
    kept = {name: value for name, value in kept.items() if not name.startswith(".crf-")}
    assert contents(tmp_path) == kept


def test_an_input_that_changes_while_the_result_is_proved(tmp_path, monkeypatch):
    path = model(FIXABLE, tmp_path)
    really = proof.verify_written

    def prove(*arguments):
        really(*arguments)
        replaced(path)

    monkeypatch.setattr(proof, "verify_written", prove)
    with pytest.raises(OutputError, match="changed while it was read"):
        pipeline.process(path, FIX)
    assert read_bytes(path) == OLD


def test_an_input_that_is_put_there_between_the_audit_and_the_copy(tmp_path, monkeypatch):
    from coreml_resize_fix.run import outputs

    path = model(FIXABLE, tmp_path)
    really = outputs.save

    def save(*arguments, **options):
        replaced(path)
        return really(*arguments, **options)

    monkeypatch.setattr(outputs, "save", save)
    with pytest.raises(OutputError, match="changed while it was read"):
        pipeline.process(path, FIX)
    assert read_bytes(path) == OLD


@pytest.mark.slow
def test_two_runs_on_one_file_at_once(tmp_path, fixed):
    path = model(FIXABLE, tmp_path)
    for _ in range(3):
        with open(path, "wb") as file:
            file.write(OLD)
        running = [start(path, "--assume", CORNERS, "--in-place") for _ in range(3)]
        ended = [(process.communicate()[1].decode(), process.returncode) for process in running]
        assert 0 in [code for _, code in ended]
        for told, code in ended:
            assert code == 0 or (code == 2 and told.startswith("error: "))
        assert read_bytes(path) == fixed
        assert [name for name in os.listdir(str(tmp_path)) if name.startswith(".")] == []


@pytest.mark.slow
def test_two_runs_to_one_output_at_once(tmp_path, fixed):
    path = model(FIXABLE, tmp_path)
    target = tmp_path / "out.mlmodel"
    running = [start(path, "--assume", CORNERS, "-o", target) for _ in range(3)]
    codes = sorted(process.wait() for process in running)
    for process in running:
        process.communicate()
    assert codes[0] == 0
    assert set(codes) <= {0, 2}
    assert target.read_bytes() == fixed


@pytest.mark.slow
@posix
def test_kills_at_random_times(tmp_path, fixed):
    path = model(FIXABLE, tmp_path)
    begin = time.time()
    whole = start(path, "--assume", CORNERS, "-o", tmp_path / "first.mlmodel")
    whole.communicate()
    assert whole.returncode == 0
    usual, rng = time.time() - begin, random.Random(8)
    for _ in range(12):
        with open(path, "wb") as file:
            file.write(OLD)
        running = start(path, "--assume", CORNERS, "--in-place")
        time.sleep(rng.uniform(0.3, 1.1) * usual)
        running.kill()
        running.communicate()
        assert read_bytes(path) in (OLD, fixed)


@pytest.mark.mostly_slow(quick=1)
@posix
@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupted_batch_leaves_each_file_old_or_new(jobs, tmp_path, fixed):
    names = ["model{}.mlmodel".format(index) for index in range(40)]
    folder = tmp_path / "models"
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(OLD)
    running = start(folder, "--assume", CORNERS, "--in-place", "--jobs", jobs)
    while (folder / names[0]).read_bytes() == OLD and running.poll() is None:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate()
    found = [(folder / name).read_bytes() for name in names]
    assert set(found) <= {OLD, fixed}
    assert fixed in found
    assert sorted(os.listdir(str(folder))) == sorted(names)
    assert b"Traceback" not in told
    assert running.returncode in (0, 130)  # 0: it was done before the signal came


def test_a_target_on_another_file_system(tmp_path, fixed):
    for place in ("/dev/shm", "/run", os.path.expanduser("~")):
        if os.access(place, os.W_OK) and os.stat(place).st_dev != os.stat(str(tmp_path)).st_dev:
            break
    else:
        pytest.skip("no other file system to write to: mount one at /dev/shm")
    with tempfile.TemporaryDirectory(dir=place) as other:
        target = os.path.join(other, "out.mlmodel")
        assert run(model(FIXABLE, tmp_path), "--assume", CORNERS, "-o", target).code == 0
        assert read_bytes(target) == fixed
        assert os.listdir(other) == ["out.mlmodel"]


@posix
def test_in_place_one_of_two_names_of_a_file_is_fixed(tmp_path, fixed):
    """The other name keeps the model as it was: nobody asked for that one."""
    path, other = model(FIXABLE, tmp_path), str(tmp_path / "other.mlmodel")
    os.link(path, other)
    assert run(path, "--assume", CORNERS, "--in-place").code == 0
    assert (read_bytes(path), read_bytes(other)) == (fixed, OLD)


@pytest.mark.slow
@posix
def test_a_report_cut_off_by_its_reader(tmp_path, fixed):
    path = model(FIXABLE, tmp_path)
    command = "'{}' -m coreml_resize_fix '{}' --assume {} --in-place | head -c 1"
    ran = subprocess.run(
        ["bash", "-c", command.format(sys.executable, path, CORNERS)],
        env=dict(os.environ, PYTHONPATH=REPOSITORY),
        capture_output=True,
        check=False,
    )
    assert (len(ran.stdout), ran.stderr) == (1, b"")
    assert read_bytes(path) == fixed


# What is done to a small file system that holds the model, and what the fix says then.
DISKS = {
    "full": ("(dd if=/dev/zero of={0}/rest bs=1k status=none || true)", "no space left on device"),
    "read-only": ("mount -o remount,ro {0}", "read-only file system"),
}
MOUNT = "mount -t tmpfs -o size=200k tmpfs {0} && cp {1} {0}/model.mlmodel && touch {0}/rest && "


@pytest.mark.mostly_slow(quick=1)
@posix
@pytest.mark.parametrize("what", sorted(DISKS))
def test_a_disk_that_takes_nothing(what, tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    source, (change, says) = named("blog_q4lut").path, DISKS[what]
    prepare = (MOUNT + change).format(place, source)
    command = ["unshare", "-m", "sh", "-c"]
    can = shutil.which("unshare") is not None
    if not can or subprocess.run([*command, prepare], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small file system: run as root on Linux")
    script = prepare + (
        " && cd {}; before=$(sha256sum model.mlmodel); "
        "'{}' -m coreml_resize_fix model.mlmodel --assume {} --partial --in-place; "
        'echo "code $?"; ls -A; test "$before" = "$(sha256sum model.mlmodel)" && echo intact'
    ).format(place, sys.executable, CORNERS)
    ran = subprocess.run(
        [*command, script],
        env=dict(os.environ, PYTHONPATH=REPOSITORY),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.split()[-5:] == ["code", "2", "model.mlmodel", "rest", "intact"], ran
    assert says in ran.stderr
