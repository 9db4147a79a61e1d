"""A result is written whole or not at all, whatever fails on the way."""

import errno
import os

import pytest

from coreml_resize_fix.errors import OutputError, ProofError
from coreml_resize_fix.files import packages
from coreml_resize_fix.formats.protobuf import splice
from tests.support import saving
from tests.support.cases import read_bytes
from tests.support.folders import contents
from tests.support.process import answer, start
from tests.support.saving import NEW, OLD, PLACES

FAILURES = {
    "disk full": OSError(errno.ENOSPC, "No space left on device"),
    "read-only": PermissionError(errno.EACCES, "Permission denied"),
    "interrupted": KeyboardInterrupt(),
    "proof": ProofError("it is wrong"),
}


@pytest.fixture(params=sorted(PLACES))
def place(request, tmp_path):
    return PLACES[request.param](str(tmp_path))


def failing(error):
    def fail(*args, **options):
        raise error

    return fail


def told(error):
    """What a user is told of a failure: errors of the system become errors of the tool."""
    return OutputError if isinstance(error, OSError) else type(error)


def test_the_result_is_whole_and_nothing_else_is_left(place, tmp_path):
    before = contents(tmp_path)
    seen = []
    place.save(lambda path: seen.append(read_bytes(path)))
    assert seen == [NEW]
    after = contents(tmp_path)
    result = os.path.relpath(place.result, str(tmp_path))
    assert after[result][0] == NEW
    if place.target is None:
        del before[result], after[result]
        assert after == before
        return
    folder, target = (os.path.relpath(p, str(tmp_path)) for p in (place.path, place.target))
    kept = {name: value for name, value in after.items() if not name.startswith(target)}
    assert kept == {name: value for name, value in before.items() if not name.startswith(target)}
    if os.path.isdir(place.path):
        # Every file but the model is there as it was, and none of a package that was replaced.
        copied = {name.replace(target, folder): value for name, value in after.items()}
        del copied[result.replace(target, folder)]
        expected = {name: value for name, value in kept.items() if value[0] != OLD}
        assert copied == expected


@pytest.mark.parametrize("name", sorted(FAILURES))
def test_a_failed_proof_leaves_everything_as_it_was(name, place, tmp_path):
    before = contents(tmp_path)
    with pytest.raises(told(FAILURES[name])):
        place.save(failing(FAILURES[name]))
    assert contents(tmp_path) == before


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="only POSIX takes room at once")
def test_a_disk_without_room_is_seen_before_anything_is_copied(place, tmp_path, monkeypatch):
    before = contents(tmp_path)
    asked = []

    def full(handle, start, size):
        asked.append((start, size))
        raise FAILURES["disk full"]

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.setattr(splice, "write", failing(AssertionError("copied")))
    with pytest.raises(OutputError, match="no space left"):
        place.save()
    assert asked == [(0, len(NEW))]
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["disk full", "interrupted"])
def test_a_write_that_fails_midway_leaves_everything_as_it_was(name, place, tmp_path, monkeypatch):
    before = contents(tmp_path)
    proofs = []

    def half(source, size, target, changes, seen):
        target.write(source.read(size // 2))
        target.flush()
        raise FAILURES[name]

    monkeypatch.setattr(splice, "write", half)
    with pytest.raises(told(FAILURES[name])) as caught:
        place.save(proofs.append)
    if name == "disk full":
        assert caught.value.message.endswith("no space left on device")
        assert caught.value.hint
    assert proofs == []
    assert contents(tmp_path) == before


@pytest.mark.parametrize("call", ["fsync", "chmod"])
def test_a_disk_that_fails_at_the_end_leaves_everything_as_it_was(
    call, place, tmp_path, monkeypatch
):
    before = contents(tmp_path)
    monkeypatch.setattr(os, call, failing(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(OutputError, match="input/output error"):
        place.save()
    monkeypatch.undo()
    assert contents(tmp_path) == before


@pytest.mark.parametrize("error", [errno.EXDEV, errno.EPERM])
def test_a_failing_rename_leaves_everything_as_it_was(error, place, tmp_path, monkeypatch):
    before = contents(tmp_path)
    really_rename, failed = os.rename, []

    def rename(one, other):
        # The step that puts the result in its place fails; giving back what was there does not.
        if other == place.target and not failed:
            failed.append(one)
            raise OSError(error, os.strerror(error))
        really_rename(one, other)

    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr(packages, "exchange", lambda one, other: False)
    if not os.path.isdir(place.path) or place.target is None:
        for call in ("link", "replace"):
            monkeypatch.setattr(os, call, failing(OSError(error, os.strerror(error))))
    with pytest.raises(OutputError, match=os.strerror(error).lower()):
        place.save()
    assert contents(tmp_path) == before


def test_a_folder_that_may_not_be_written(place, tmp_path, monkeypatch):
    # Permissions do not bind root, so the refusal of the system is played.
    before = contents(tmp_path)
    saving.making_fails(monkeypatch, FAILURES["read-only"])
    with pytest.raises(OutputError, match=r"cannot write in `.*`: permission denied") as caught:
        place.save()
    assert "-o" in caught.value.hint
    assert contents(tmp_path) == before


LIMITED = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
from coreml_resize_fix.errors import OutputError
from tests.support.saving import Place
try:
    Place(*json.loads(sys.argv[1])).save()
except OutputError as error:
    print(json.dumps(error.message))
"""
KILLED = """
import json, os, signal, sys
from tests.support.saving import Place
Place(*json.loads(sys.argv[1])).save(lambda path: os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.mark.mostly_slow(quick=1)
def test_a_real_limit_on_the_size_of_files(place, tmp_path):
    pytest.importorskip("resource", reason="Windows has no limit on the size of files to set")
    before = contents(tmp_path)
    assert answer(LIMITED, saving.as_json(place)).endswith("file too large")
    assert contents(tmp_path) == before


@pytest.mark.mostly_slow(quick=1)
def test_a_killed_process_leaves_the_input_and_the_target_as_they_were(place, tmp_path):
    before = contents(tmp_path)
    assert start(KILLED, saving.as_json(place)).returncode == -9
    after = contents(tmp_path)
    assert {name: after.get(name) for name in before} == before
    left = sorted(set(after) - set(before))
    assert all(".crf-" in name for name in left)
