"""Recorded tensors come from strangers: what is no archive of plain arrays is refused."""

import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

from tests.cli.commands import run
from tests.run.reference_cases import Files
from tests.support.folders import contents


@pytest.fixture
def files(tmp_path):
    return Files("unet", tmp_path)


def refused(files, path):
    """What is said of a reference that cannot be read; nothing is written."""
    before = contents(files.folder)
    ran = run(files.model, "-m", files.manifest, "--reference", path)
    assert (ran.code, ran.out) == (2, "")
    assert "defect" not in ran.err
    assert "Traceback" not in ran.err
    assert contents(files.folder) == before
    return ran.err.splitlines()[0]


class Runs:
    """A pickled one leaves a file behind when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def member(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def archive(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members:
            made.writestr(name, content)
    return path


def test_no_pickled_object_is_loaded(files, tmp_path):
    held = np.empty(1, object)
    held[0] = Runs(str(tmp_path / "was-run"))
    plain = archive(files.path("a.npz"), ("input_x.npy", member(held)))
    bare = archive(files.path("b.npz"), ("input_x.npy", pickle.dumps(held[0])))
    for path in (plain, bare):
        assert "cannot be read" in refused(files, path)
    assert not os.path.exists(held[0].path)


def test_a_name_that_is_there_twice(files):
    one = member(np.ones((1, 3, 4, 4), np.float32))
    with pytest.warns(UserWarning, match="Duplicate"):
        path = archive(files.path("a.npz"), *[("input_x.npy", one)] * 3)
    assert "`input_x` is there more than once" in refused(files, path)
    path = archive(files.path("b.npz"), ("input_x.npy", one), ("input_x", one))
    assert "`input_x` is there more than once" in refused(files, path)


def test_a_header_without_an_end(files):
    text = b"(" * 200_000
    long = b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text)) + text
    path = archive(files.path("a.npz"), ("input_x.npy", long))
    assert "has a header of 200000 bytes" in refused(files, path)


@pytest.mark.parametrize("claimed", [8, 1 << 29, (1 << 32) - 2])
def test_a_size_that_lies(files, claimed):
    content = member(np.zeros((1, 3, 64, 64), np.float32))
    path = archive(files.path("a.npz"), ("input_x.npy", content))
    with open(path, "rb") as file:
        data = file.read()
    at = data.index(b"PK\1\2") + 24  # of the directory: the unpacked size
    with open(path, "wb") as file:
        file.write(data[:at] + struct.pack("<I", claimed) + data[at + 4 :])
    said = refused(files, path)
    assert ("at most" in said) == (claimed > 1 << 30)


def test_names_with_paths_are_only_names(files, tmp_path):
    names = ["input_../../outside.npy", "input_/etc/outside.npy", "output_..\\x.npy"]
    path = archive(files.path("a.npz"), *[(name, member(np.ones(3))) for name in names])
    refused(files, path)
    assert not [name for _, _, found in os.walk(tmp_path) for name in found if "outside" in name]


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"PK\5\6" + bytes(18), b"\x93NUMPY\1\0"])
def test_no_archive_or_an_empty_one(files, content):
    with open(files.path("a.npz"), "wb") as file:
        file.write(content)
    refused(files, files.path("a.npz"))
