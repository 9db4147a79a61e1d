"""What was begun and not finished goes, whatever comes in between; what must stay is told."""

import errno
import os
import shutil

import pytest

from coreml_resize_fix.errors import OutputError, ProofError
from tests.support import saving
from tests.support.folders import contents
from tests.support.saving import PLACES

DENIED = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
# Calls that make or remove something unfinished; of some of them a place makes none.
CALLS = [(os, "open"), (os, "mkdir"), (os, "unlink"), (os, "rmdir"), (shutil, "rmtree")]


@pytest.fixture(params=sorted(PLACES))
def place(request, tmp_path):
    return PLACES[request.param](str(tmp_path))


def interrupted(monkeypatch, module, name, number):
    """An interrupt comes when that call has done its work; returns whether it came."""
    really, calls = getattr(module, name), []

    def call(*arguments, **options):
        calls.append(arguments)
        result = really(*arguments, **options)
        if len(calls) == number:
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(module, name, call)
    return lambda: len(calls) >= number


def wrong(path):
    raise ProofError("it is wrong", "nothing was written")


@pytest.mark.mostly_slow(quick=30)
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize(("module", "name"), CALLS, ids=[name for _, name in CALLS])
@pytest.mark.parametrize("proof", [wrong, lambda path: None], ids=["wrong", "right"])
def test_an_interrupt_leaves_nothing_behind(
    proof, module, name, number, place, tmp_path, monkeypatch
):
    before = contents(tmp_path)
    came = interrupted(monkeypatch, module, name, number)
    try:
        place.save(proof)
        ended = None
    except (KeyboardInterrupt, ProofError) as error:
        ended = type(error)
    monkeypatch.undo()
    found = contents(tmp_path)
    assert not [path for path in found if ".crf-" in path]
    assert (ended is KeyboardInterrupt) == came()
    if proof is wrong:
        assert found == before


def test_interrupts_are_met_at_all(tmp_path, monkeypatch):
    """The test above would pass if no call were made."""
    for index, name in enumerate(["new file", "package by force"]):
        for module, call in CALLS[: 1 if index == 0 else 5]:
            folder = tmp_path / "{}{}".format(index, call)
            folder.mkdir()
            place = PLACES[name](str(folder))
            came = interrupted(monkeypatch, module, call, 1)
            with pytest.raises(KeyboardInterrupt):
                place.save()
            assert came(), call
            monkeypatch.undo()


def test_what_cannot_be_removed_is_said_with_the_error(tmp_path, monkeypatch):
    place = saving.new_file(str(tmp_path))

    def fail(path, *arguments, **options):
        raise DENIED

    monkeypatch.setattr(os, "unlink", fail)
    with pytest.raises(ProofError, match="it is wrong") as caught:
        place.save(wrong)
    (left,) = [name for name in os.listdir(str(tmp_path)) if name.startswith(".crf-")]
    path = str(tmp_path / left)
    assert caught.value.hint == (
        "nothing was written; and `{}` could not be removed: permission denied: "
        "delete it yourself, nothing depends on it".format(path)
    )


def test_a_package_of_before_that_cannot_be_removed_is_said(tmp_path, monkeypatch):
    place = saving.package_by_force(str(tmp_path))
    old = contents(place.target)["old.txt"]

    def fail(path, *arguments, **options):
        raise DENIED

    monkeypatch.setattr(shutil, "rmtree", fail)
    with pytest.raises(OutputError, match="could not be removed: permission denied") as caught:
        place.save()
    left = str(caught.value).split("`")[1]
    assert [value for name, value in contents(left).items() if "old.txt" in name] == [old]
    assert "old.txt" not in contents(place.target)
