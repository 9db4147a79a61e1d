"""Whose file a result is, and that nobody's program becomes another's."""

import os
import stat

import pytest

from coreml_resize_fix.files import attributes
from tests.cli.commands import CORNERS, FIXABLE, bound, model, package, run

BOB, STAFF = 12345, 23456  # numbers that no user of the system has
INSIDE = os.path.join("Data", "com.apple.CoreML", "model.mlmodel")

only_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files to others"
)


def of_bob(path, mode):
    os.chown(path, BOB, STAFF)
    os.chmod(path, mode)  # after it: a change of the owner clears some bits
    return path


def seen(path):
    status = os.stat(str(path))
    return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)


@only_root
@pytest.mark.parametrize("mode", [0o640, 0o444, 0o4755, 0o2775])
def test_what_is_replaced_keeps_owner_group_and_bits(mode, tmp_path):
    path = of_bob(model(FIXABLE, tmp_path), mode)
    assert run(path, "--assume", CORNERS, "--in-place").code == 0
    assert seen(path) == (BOB, STAFF, mode)
    other = of_bob(model(FIXABLE, tmp_path, "other.mlmodel"), mode)
    run(path, "--assume", CORNERS, "-o", other, "--force")
    assert seen(other) == (BOB, STAFF, mode)


@only_root
def test_the_model_of_a_package_in_place_keeps_them_too(tmp_path):
    path = package(tmp_path)
    of_bob(os.path.join(path, INSIDE), 0o640)
    assert run(path, "--assume", CORNERS, "--in-place").code == 0
    assert seen(os.path.join(path, INSIDE)) == (BOB, STAFF, 0o640)


@pytest.mark.slow
@only_root
@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o6755])
def test_a_program_of_another_does_not_become_one_of_whoever_replaced_it(mode, tmp_path):
    """Who may not give files away owns the result, which must not run with those rights."""
    of_bob(model(FIXABLE, tmp_path, "net.mlmodel"), mode)
    ran = bound("net.mlmodel", "--assume", CORNERS, "--in-place", folder=tmp_path)
    assert ran.code == 0, ran
    uid, _, bits = seen(tmp_path / "net.mlmodel")
    assert (uid, bits) == (os.geteuid(), 0o755)


@only_root
def test_a_copy_of_a_package_is_nobody_elses_program(tmp_path):
    path = package(tmp_path)
    with open(os.path.join(path, "Data", "tool"), "w") as file:
        file.write("#!/bin/sh\n")
    for name in (INSIDE, os.path.join("Data", "tool")):
        of_bob(os.path.join(path, name), 0o6755)
    assert run(path, "--assume", CORNERS, "-o", tmp_path / "out.mlpackage").code == 0
    for name in (INSIDE, os.path.join("Data", "tool")):
        uid, gid, bits = seen(tmp_path / "out.mlpackage" / name)
        assert (uid, gid, bits) == (os.geteuid(), os.getegid(), 0o755)
        assert seen(os.path.join(path, name)) == (BOB, STAFF, 0o6755)


@pytest.mark.skipif(not hasattr(os, "fchown"), reason="needs owners and groups as POSIX has them")
@pytest.mark.parametrize("group_too", [True, False])
def test_the_group_is_kept_where_only_that_is_allowed(group_too, tmp_path, monkeypatch):
    target = str(tmp_path / "target")
    there = os.stat(model(FIXABLE, tmp_path, "target"))
    os.chmod(target, 0o6750)
    asked = []

    def fchown(handle, uid, gid):
        asked.append((uid, gid))
        if uid != -1 or not group_too:
            raise PermissionError(1, "Operation not permitted")

    # The file that replaces it seems to be another's, since this user may have no second group.
    another = os.stat_result([*there[:4], there.st_uid + 1, there.st_gid + 1, *there[6:]])
    monkeypatch.setattr(os, "fstat", lambda handle: another)
    monkeypatch.setattr(os, "fchown", fchown)
    with open(str(tmp_path / "new"), "wb") as out:
        attributes.take_over(target, out)
    assert asked == [(there.st_uid, there.st_gid), (-1, there.st_gid)]
    assert seen(tmp_path / "new")[2] == 0o750
