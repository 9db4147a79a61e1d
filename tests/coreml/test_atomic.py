"""A result is written whole or not at all, whatever fails on the way."""

import errno
import os
import tempfile

import pytest

from coreml_resize_fix.coreml import splice
from coreml_resize_fix.errors import OutputError, ProofError
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


@pytest.mark.parametrize("name", ["disk full", "interrupted"])
def test_a_write_that_fails_midway_leaves_everything_as_it_was(name, place, tmp_path, monkeypatch):
    before = contents(tmp_path)
    proofs = []

    def half(source, size, target, changes):
        target.write(source.read(size // 2))
        target.flush()
        raise FAILURES[name]

    monkeypatch.setattr(splice, "write", half)
    with pytest.raises(told(FAILURES[name])) as caught:
        place.save(proofs.append)
    if name == "disk full":
        assert str(caught.value).endswith("no space left on device")
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
    really_rename = os.rename

    def rename(one, other):
        # The step that puts the result in its place fails; giving back what was there does not.
        if other == place.target and one.endswith("new"):
            raise OSError(error, os.strerror(error))
        really_rename(one, other)

    monkeypatch.setattr(os, "rename", rename)
    if not os.path.isdir(place.path) or place.target is None:
        for call in ("link", "replace"):
            monkeypatch.setattr(os, call, failing(OSError(error, os.strerror(error))))
    with pytest.raises(OutputError, match=os.strerror(error).lower()):
        place.save()
    assert contents(tmp_path) == before


def test_a_folder_that_may_not_be_written(place, tmp_path, monkeypatch):
    # Permissions do not bind root, so the refusal of the system is played.
    before = contents(tmp_path)
    for call in ("mkstemp", "mkdtemp"):
        monkeypatch.setattr(tempfile, call, failing(FAILURES["read-only"]))
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
    print(json.dumps(str(error)))
"""
KILLED = """
import json, os, signal, sys
from tests.support.saving import Place
Place(*json.loads(sys.argv[1])).save(lambda path: os.kill(os.getpid(), signal.SIGKILL))
"""


def test_a_real_limit_on_the_size_of_files(place, tmp_path):
    pytest.importorskip("resource", reason="Windows has no limit on the size of files to set")
    before = contents(tmp_path)
    assert answer(LIMITED, saving.as_json(place)).endswith("file too large")
    assert contents(tmp_path) == before


def test_a_killed_process_leaves_the_input_and_the_target_as_they_were(place, tmp_path):
    before = contents(tmp_path)
    assert start(KILLED, saving.as_json(place)).returncode == -9
    after = contents(tmp_path)
    assert {name: after.get(name) for name in before} == before
    left = sorted(set(after) - set(before))
    assert all(".crf-" in name for name in left)


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
@pytest.mark.parametrize("name", ["new file", "new package"])
def test_a_target_that_appears_meanwhile_is_left_alone(name, links, tmp_path, monkeypatch):
    place = PLACES[name](str(tmp_path))
    if not links:
        monkeypatch.setattr(os, "link", failing(OSError(errno.EPERM, "Operation not permitted")))

    def appear(path):
        os.makedirs(os.path.dirname(place.result), exist_ok=True)
        with open(place.result, "wb") as file:
            file.write(b"of another")

    before = contents(tmp_path)
    with pytest.raises(OutputError, match="exists"):
        place.save(appear)
    after = contents(tmp_path)
    assert after[os.path.relpath(place.result, str(tmp_path))][0] == b"of another"
    assert {key: value for key, value in after.items() if not key.startswith("new")} == before


def test_without_hard_links_a_new_file_is_written_all_the_same(tmp_path, monkeypatch):
    place = PLACES["new file"](str(tmp_path))
    monkeypatch.setattr(os, "link", failing(OSError(errno.EPERM, "Operation not permitted")))
    place.save()
    assert {name: value[0] for name, value in contents(tmp_path).items()} == {
        "model.mlmodel": OLD,
        "new.mlmodel": NEW,
    }


@pytest.mark.parametrize("bits", [0o600, 0o640, 0o755, 0o444])
@pytest.mark.parametrize("name", ["file in place", "file by force", "package in place"])
def test_what_is_replaced_keeps_its_permission_bits(name, bits, tmp_path):
    place = PLACES[name](str(tmp_path))
    os.chmod(place.result, bits)
    place.save()
    assert saving.mode(place.result) == bits


@pytest.mark.parametrize(("mask", "bits"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_usual_permission_bits(mask, bits, tmp_path):
    place = PLACES["new file"](str(tmp_path))
    before = os.umask(mask)
    try:
        place.save()
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert saving.mode(place.result) == bits


def test_in_place_through_a_link_replaces_the_file_that_it_leads_to(tmp_path):
    real, links = tmp_path / "real", tmp_path / "links"
    real.mkdir()
    links.mkdir()
    place = PLACES["file in place"](str(real))
    os.symlink(os.path.join("..", "real", "model.mlmodel"), str(links / "link.mlmodel"))
    link = str(links / "link.mlmodel")
    folders = []
    through = place._replace(path=link, model_file=link)
    through.save(lambda path: folders.append(os.path.dirname(path)))
    # A rename does not cross file systems, so the new file must begin where it is to stay.
    assert folders == [str(real)]
    assert os.readlink(link) == os.path.join("..", "real", "model.mlmodel")
    assert sorted(os.listdir(str(links))) == ["link.mlmodel"]
    assert {name: value[0] for name, value in contents(real).items()} == {"model.mlmodel": NEW}
