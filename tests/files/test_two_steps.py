"""Over a package where two paths cannot be exchanged: the old one is never lost."""

import errno
import os

import pytest

from coreml_resize_fix.errors import OutputError
from coreml_resize_fix.files import packages
from tests.support import saving
from tests.support.folders import contents

BROKEN = OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "exchange", lambda one, other: False)
    return saving.package_by_force(str(tmp_path))


@pytest.fixture
def replaced(tmp_path):
    """The folder as it is when the package was replaced."""
    folder = tmp_path.parent / (tmp_path.name + "-replaced")
    folder.mkdir()
    saving.package_by_force(str(folder)).save()
    return contents(folder)


def after_call(number, error, last=None):
    """os.rename, but an error comes after this call, or instead of it and those up to `last`."""
    calls, really = [], os.rename

    def rename(one, other):
        calls.append((one, other))
        struck = number <= len(calls) <= (last or number)
        if not (struck and last):
            really(one, other)
        if struck:
            raise error

    return rename


@pytest.mark.parametrize("number", [1, 2])
def test_an_interrupt_between_the_steps_leaves_the_old_one_or_the_new_one(
    number, place, replaced, tmp_path, monkeypatch
):
    before = contents(tmp_path)
    monkeypatch.setattr(os, "rename", after_call(number, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        place.save()
    assert contents(tmp_path) == (before if number == 1 else replaced)


def test_a_failure_of_the_second_step_puts_the_old_one_back(place, tmp_path, monkeypatch):
    before = contents(tmp_path)
    monkeypatch.setattr(os, "rename", after_call(2, BROKEN, last=2))
    with pytest.raises(OutputError, match=r"cannot write `new.mlpackage`: input/output error"):
        place.save()
    assert contents(tmp_path) == before


def test_it_is_put_back_at_the_second_attempt(place, tmp_path, monkeypatch):
    before = contents(tmp_path)
    monkeypatch.setattr(os, "rename", after_call(2, BROKEN, last=3))
    with pytest.raises(OutputError, match=r"cannot write `new.mlpackage`: input/output error"):
        place.save()
    assert contents(tmp_path) == before


def test_one_that_cannot_be_put_back_is_kept_and_said(place, tmp_path, monkeypatch):
    old = contents(place.target)
    monkeypatch.setattr(os, "rename", after_call(2, BROKEN, last=9))
    with pytest.raises(OutputError, match=r"new.mlpackage` could not be put back") as caught:
        place.save()
    kept = caught.value.hint.split("`")[1]
    assert caught.value.hint == "it is at `{}`: rename it yourself".format(kept)
    assert contents(kept) == old
    assert os.path.dirname(kept) == str(tmp_path)
    assert sorted(os.listdir(str(tmp_path))) == sorted([os.path.basename(kept), "model.mlpackage"])


def test_a_target_that_vanishes_meanwhile_is_no_failure_to_put_back(place, monkeypatch):
    def rename(one, other):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    really = os.path.lexists
    seen = []

    def lexists(path):
        seen.append(path)
        return really(path) if len(seen) == 1 else False

    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr(os.path, "lexists", lexists)
    with pytest.raises(OutputError, match=r"cannot write `new.mlpackage`: no such file"):
        place.save()


def test_a_system_that_does_not_say_what_is_there_loses_nothing(
    place, replaced, tmp_path, monkeypatch
):
    """The old one is at its second place, the new one there, and asking for it fails once."""
    really, asked = os.path.lexists, []

    def lexists(path):
        asked.append(path)
        return really(path) if len(asked) != 2 else False

    monkeypatch.setattr(os.path, "lexists", lexists)
    place.save()
    assert len(asked) == 3
    assert contents(tmp_path) == replaced
