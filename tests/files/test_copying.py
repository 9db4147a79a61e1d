"""The copy of a package: read-only folders, what cannot be copied, and when it is on the disk."""

import json
import os
import stat
from functools import partial

import pytest

from coreml_resize_fix.files import packages
from tests.cli.commands import CORNERS, bound, bound_python, package
from tests.support import build, saving
from tests.support.folders import contents
from tests.support.process import answer

FIX = ["--assume", CORNERS]
INSIDE = os.path.join("Data", "com.apple.CoreML")
LIMITED = """
import json, resource, sys
from coreml_resize_fix.errors import OutputError
from tests.support.saving import Place
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
try:
    Place(*json.loads(sys.argv[1])).save()
except OutputError as error:
    print(json.dumps([error.message, error.hint]))
"""


def locked(folder, rename="model.mlpackage"):
    """A package in whose folders nobody may write."""
    path = package(folder, rename=rename)
    for place in (INSIDE, "Data", "."):
        os.chmod(os.path.join(path, place), 0o555)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("over", ["nothing", "a package", "a read-only package"])
def test_a_package_of_read_only_folders(over, tmp_path):
    before = contents(locked(tmp_path))
    if over != "nothing":
        (package if over == "a package" else locked)(tmp_path, rename="out.mlpackage")
    ran = bound("model.mlpackage", "-o", "out.mlpackage", "--force", *FIX, folder=tmp_path)
    assert (ran.code, ran.err) == (0, ""), ran
    after = contents(tmp_path / "out.mlpackage")
    assert {name: mode for name, (_, mode) in after.items()} == {
        name: mode for name, (_, mode) in before.items()
    }
    assert saving.mode(tmp_path / "out.mlpackage") == 0o555
    assert sorted(os.listdir(str(tmp_path))) == ["model.mlpackage", "out.mlpackage"]


@pytest.mark.slow
def test_a_package_of_read_only_folders_that_cannot_be_written_leaves_nothing(tmp_path):
    locked(tmp_path)
    script = (
        "import os, runpy\n"
        "def fail(*arguments):\n"
        "    raise OSError(5, 'Input/output error')\n"
        "os.rename = fail\n"  # the folders are read-only again by then
        "runpy.run_module('coreml_resize_fix', run_name='__main__')\n"
    )
    ran = bound_python("-c", script, "model.mlpackage", *FIX, folder=tmp_path)
    assert ran.code == 2, ran
    assert ran.err.startswith("error: cannot write `model-fixed.mlpackage`: input/output error")
    assert "could not be removed" not in ran.err
    assert os.listdir(str(tmp_path)) == ["model.mlpackage"]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes that have a name, as POSIX has them")
def test_a_pipe_in_a_package(tmp_path):
    path = os.path.join(package(tmp_path), "Data", "pipe")
    os.mkfifo(path)
    names = sorted(os.listdir(str(tmp_path)))
    ran = bound("model.mlpackage", *FIX, folder=tmp_path)
    assert (ran.code, ran.err) == (
        2,
        "error: `model.mlpackage/Data/pipe` is a pipe or a device, which no package has\n"
        "help: nothing was written; remove it from the package\n",
    )
    assert sorted(os.listdir(str(tmp_path))) == names
    assert stat.S_ISFIFO(os.stat(path).st_mode)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_file_or_folder_of_a_package_that_may_not_be_read(kind, tmp_path):
    path = os.path.join(package(tmp_path), "Data", "secret")
    os.mkdir(path) if kind == "folder" else build.write(os.path.dirname(path), b"x", "secret")
    os.chmod(path, 0)
    ran = bound("model.mlpackage", *FIX, folder=tmp_path)
    assert (ran.code, ran.err) == (
        2,
        "error: cannot read `model.mlpackage/Data/secret`: permission denied\n"
        "help: nothing was written; check the file, its permissions and the disk\n",
    )
    assert os.listdir(str(tmp_path)) == ["model.mlpackage"]


def test_a_disk_without_room_for_the_other_files_of_a_package(tmp_path):
    pytest.importorskip("resource", reason="Windows has no limit on the size of files to set")
    place = saving.new_package(str(tmp_path))
    build.write(os.path.join(place.path, "Data"), bytes(30000), "large.bin")
    before = contents(tmp_path)
    told, hint = answer(LIMITED, saving.as_json(place))
    assert told == "cannot write `new.mlpackage`: file too large"
    assert hint.startswith("nothing was written; free the space")
    assert contents(tmp_path) == before


@pytest.mark.slow
def test_a_name_that_is_too_long_for_the_system(tmp_path):
    package(tmp_path)
    name = "x" * 300 + ".mlpackage"
    ran = bound("model.mlpackage", "-o", name, *FIX, folder=tmp_path)
    assert (ran.code, ran.err) == (
        2,
        "error: cannot write `{}`: file name too long\n"
        "help: nothing was written; choose a shorter name with `--output`\n".format(name),
    )
    assert os.listdir(str(tmp_path)) == ["model.mlpackage"]


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no folder to the disk")
@pytest.mark.parametrize("name", ["new package", "package by force"])
def test_everything_is_on_the_disk_before_it_takes_its_place(name, tmp_path, monkeypatch):
    place = saving.PLACES[name](str(tmp_path))
    sent, taken = set(), []
    really_sync = os.fsync

    def sync(handle):
        really_sync(handle)
        status = os.fstat(handle)
        sent.add((status.st_ino, status.st_mtime_ns))

    def take(really, new, target):
        if not taken:  # what follows an exchange that this system does not have
            taken.append(new)
            paths = [new] + [os.path.join(new, path) for path in contents(new)]
            assert len(paths) == 7
            for path in paths:
                status = os.lstat(path)
                assert (status.st_ino, status.st_mtime_ns) in sent, path
        return really(new, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "rename", partial(take, os.rename))
    monkeypatch.setattr(packages, "exchange", partial(take, packages.exchange))
    place.save()
    assert len(taken) == 1
    assert os.stat(str(tmp_path)).st_ino in {number for number, _ in sent}


def test_a_copy_keeps_times_and_permission_bits(tmp_path):
    place = saving.new_package(str(tmp_path))
    weights = os.path.join(INSIDE, "weights")
    for path, bits in ((os.path.join(weights, "weight.bin"), 0o440), (weights, 0o750)):
        os.chmod(os.path.join(place.path, path), bits)
        os.utime(os.path.join(place.path, path), (1, 2))
    os.symlink("com.apple.CoreML", os.path.join(place.path, "Data", "link"))
    place.save()
    for path, bits in ((os.path.join(weights, "weight.bin"), 0o440), (weights, 0o750)):
        status = os.stat(os.path.join(place.target, path))
        assert (stat.S_IMODE(status.st_mode), status.st_mtime) == (bits, 2)
    assert os.readlink(os.path.join(place.target, "Data", "link")) == "com.apple.CoreML"
    assert json.loads(saving.as_json(place))[2] == place.target
