"""A manifest and its tensors are written whole or not at all, whatever was there before."""

import errno
import os

import numpy as np
import pytest

from coreml_resize_fix.errors import OutputError
from coreml_resize_fix.intents import tensors
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.source import Manifest
from coreml_resize_fix.intents.tensors import Recorded
from tests.support.folders import contents


def recorded(name):
    made = Manifest([Intent(name=name, size=(8, 8), input_size=(4, 4))])
    made.tensors = {0: Recorded(np.zeros((1, 4, 4), np.float32), np.ones((1, 8, 8), np.float32))}
    return made


def test_a_full_disk_leaves_the_manifest_and_the_tensors_of_before(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = str(tmp_path / "intent.json")
    recorded("first").save(path)
    before = contents(tmp_path)
    assert sorted(before) == ["intent.json", "intent.npz"]
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"cannot write `intent\.json`: no space left on device"):
        recorded("second").save(path)
    with pytest.raises(OutputError, match=r"cannot write `intent\.npz`: no space left on device"):
        tensors.save(path, recorded("second").tensors)
    assert contents(tmp_path) == before


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match="no such file or directory") as caught:
        recorded("first").save(str(tmp_path / "missing" / "intent.json"))
    assert "choose a folder" in caught.value.hint


@pytest.mark.parametrize("name", ["\ud800", "up\udcff", "a\nb", "é \N{PILE OF POO}"])
def test_any_name_comes_back(name, tmp_path):
    path = str(tmp_path / "intent.json")
    recorded(name).save(path)
    loaded = Manifest.load(path)
    assert [intent.name for intent in loaded] == [name]
    assert (loaded.tensors[0].output == 1).all()
