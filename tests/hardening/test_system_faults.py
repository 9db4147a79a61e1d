"""Calls of the system that fail or never return, some of those that `hardening.faults` injects."""

import ctypes
import errno
import json
import os
import shutil
import subprocess
import sys

import pytest

from coreml_resize_fix.errors import OutputError, ResizeFixError
from coreml_resize_fix.files import packages
from coreml_resize_fix.files.exchange import exchange
from coreml_resize_fix.intents import assume
from coreml_resize_fix.run import model_paths, outputs, pipeline
from tests.cli.commands import CORNERS, FIXABLE, model, package, run
from tests.support import build, saving
from tests.support.folders import contents
from tests.support.process import REPOSITORY

FIX = pipeline.Request(assume=assume.parse(CORNERS))
BROKEN = OSError(errno.EIO, os.strerror(errno.EIO))


def failing(*arguments, **options):
    raise BROKEN


def once(function):
    """The function, but its first call fails."""
    calls = []

    def call(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 1:
            raise BROKEN
        return function(*arguments, **options)

    return call


def strace_may_attach():
    if shutil.which("strace") is None:
        return False
    tried = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False)
    return tried.returncode == 0


# Of each place the calls that move or remove something, and one of those that read.
STRUCK = """
import json
from hardening import faults
MOVES = ("rename", "link", "unlink", "rmdir", "fsync", "chmod", "fchmod", "fchown", "mkdir")
faults.warm_up()
found = {}
for name in faults.PLACES:
    for fault in ("kill -9", "EIO", "Ctrl-C"):
        for call in faults.calls(name, fault):
            reads = (call.name, call.number) in (("openat", 2), ("close", 1))
            if reads or call.name.startswith(MOVES):
                ended = faults.strike(name, fault, call)
                found[ended] = found.get(ended, 0) + 1
print(json.dumps(found))
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not strace_may_attach(),
    reason="faults are injected by strace: install it (Linux), and allow it to trace",
)
def test_faults_at_calls_that_move_files():
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", STRUCK],
        env=dict(os.environ, PYTHONPATH=REPOSITORY),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found["kept"] > 50
    assert found["done"] > 20


@pytest.mark.parametrize("error", [OSError(), BROKEN, PermissionError(errno.EACCES, "Denied")])
def test_a_call_that_nothing_expects_to_fail_is_told_in_a_sentence(error, tmp_path, monkeypatch):
    path = model(FIXABLE, tmp_path)
    before = contents(tmp_path)

    def fail(*arguments):
        raise error

    monkeypatch.setattr(outputs, "check_target", fail)
    with pytest.raises(ResizeFixError, match="the system failed at `") as caught:
        pipeline.process(path, FIX)
    assert path in str(caught.value)
    assert "check the disk" in caught.value.hint
    ran = run(path, "--assume", CORNERS)
    assert ran.code == 2
    assert ran.err.startswith("error: the system failed at `")
    assert "defect" not in ran.err
    assert contents(tmp_path) == before


def test_a_failure_before_any_model_is_told_too(tmp_path, monkeypatch):
    monkeypatch.setattr(model_paths, "find", failing)
    ran = run(model(FIXABLE, tmp_path), "--assume", CORNERS)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: the system failed at the files of this run: ")


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_machine_without_memory_is_no_defect(jobs, tmp_path, monkeypatch):
    def fail(*arguments):
        raise MemoryError

    monkeypatch.setattr(pipeline, "open_file", fail)
    path, other = model(FIXABLE, tmp_path), model(FIXABLE, tmp_path, "other.mlmodel")
    ran = run(path, other, "--assume", CORNERS, "--jobs", jobs)
    assert ran.code == 2
    assert ran.err.count("error: there is not enough memory for `") == 2
    assert "defect" not in ran.err


def test_what_an_unfinished_try_left_is_removed_at_the_second_attempt(tmp_path, monkeypatch):
    place = saving.file_in_place(str(tmp_path))
    before = contents(tmp_path)
    monkeypatch.setattr(os, "unlink", once(os.unlink))
    with pytest.raises(ZeroDivisionError):
        place.save(lambda path: 1 // 0)
    assert contents(tmp_path) == before


def test_a_package_that_cannot_be_removed_at_once(tmp_path, monkeypatch):
    place = saving.new_package(str(tmp_path))
    before = contents(tmp_path)
    monkeypatch.setattr(shutil, "rmtree", once(shutil.rmtree))
    with pytest.raises(ZeroDivisionError):
        place.save(lambda path: 1 // 0)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("once_only", [True, False])
def test_a_link_is_never_replaced_by_the_file(once_only, tmp_path, monkeypatch):
    """As happens where the system fails to say that it is a link, if only once."""
    place = saving.file_in_place(str(tmp_path))
    link = tmp_path / "link.mlmodel"
    link.symlink_to(place.path)
    before = contents(tmp_path)
    really, asked = os.path.realpath, []

    def realpath(path):
        asked.append(path)
        return (really if once_only and len(asked) > 1 else os.path.abspath)(path)

    monkeypatch.setattr(os.path, "realpath", realpath)
    with pytest.raises(OutputError, match="is a link that cannot be followed"):
        place._replace(path=str(link), model_file=str(link)).save()
    assert contents(tmp_path) == before
    assert link.is_symlink()


def test_a_package_is_one_even_if_the_system_forgets_it(tmp_path, monkeypatch):
    source = package(tmp_path)
    really = os.path.isdir
    monkeypatch.setattr(os.path, "isdir", lambda path: path != source and really(path))
    target = str(tmp_path / "new.mlpackage")
    inside = os.path.join(source, "Data", "com.apple.CoreML", "model.mlmodel")
    outputs.save(source, inside, target, (), False, lambda path: None)
    assert really(os.path.join(target, "Data"))


def system_can_exchange():
    if os.name != "posix":
        return False
    name = "renamex_np" if sys.platform == "darwin" else "renameat2"
    return hasattr(ctypes.CDLL(None), name)


@pytest.mark.skipif(
    not system_can_exchange(), reason="needs renameat2 (Linux, glibc 2.28) or renamex_np (macOS)"
)
def test_two_folders_change_places(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    one, other = str(tmp_path / "one"), str(tmp_path / "other")
    assert exchange(one, other)
    assert os.listdir(one) == ["other"]
    assert os.listdir(other) == ["one"]


def test_nothing_moves_where_there_is_nothing_to_exchange(tmp_path):
    assert not exchange(str(tmp_path / "missing"), str(tmp_path))
    assert os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize("can", [True, False])
def test_over_a_package_with_and_without_an_exchange(can, tmp_path, monkeypatch):
    if not can:
        monkeypatch.setattr(packages, "exchange", lambda one, other: False)
    place = saving.package_by_force(str(tmp_path))
    place.save()
    assert not os.path.exists(os.path.join(place.target, "old.txt"))
    assert [name for name in os.listdir(str(tmp_path)) if name.startswith(".")] == []


# `itself` is an absolute path into the package: in a copy it would lead to the original.
@pytest.mark.parametrize("link", ["/etc/passwd", "../../secret", "folder", "itself"])
def test_a_link_out_of_a_package_is_refused(link, tmp_path):
    path = build.write_package(tmp_path, build.network([2, 6, 8], [build.DOUBLE], version=3))
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "folder").mkdir()
    inside = os.path.join(path, "Data", "more")
    places = {"folder": str(tmp_path / "folder"), "itself": os.path.join(path, "Data")}
    os.symlink(places.get(link, link), inside)
    before = contents(tmp_path)
    ran = run(path, "--assume", CORNERS)
    assert ran.code == 2
    assert "has a link that leads out of it: `Data/more`" in ran.err
    assert contents(tmp_path) == before


def test_a_link_inside_a_package_stays_one(tmp_path):
    path = build.write_package(tmp_path, build.network([2, 6, 8], [build.DOUBLE], version=3))
    os.symlink("com.apple.CoreML/model.mlmodel", os.path.join(path, "Data", "same.mlmodel"))
    build.write_manifest(path, "same.mlmodel")
    assert run(path, "--assume", CORNERS).code == 0
    fixed = str(tmp_path / "model-fixed.mlpackage")
    link = os.path.join(fixed, "Data", "same.mlmodel")
    assert os.readlink(link) == "com.apple.CoreML/model.mlmodel"
    assert run(fixed, "-n", "--assume", CORNERS).code == 0
    assert run(path, "-n", "--assume", CORNERS).code == 1
