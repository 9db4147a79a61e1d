"""Whether paths lead to one place: links, other spellings, and what is not there yet."""

import errno
import os

import pytest

from coreml_resize_fix.files import places


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "file").write_text("x")
    (tmp_path / "soft").symlink_to("file")
    (tmp_path / "other").symlink_to("folder")
    (tmp_path / "nowhere").symlink_to("folder/new")
    (tmp_path / "loop").symlink_to("loop")
    os.link(str(tmp_path / "file"), str(tmp_path / "hard"))
    monkeypatch.chdir(tmp_path)


SAME = [
    ("file", "./file"),
    ("file", "folder/../file"),
    ("file", "soft"),
    ("file", "hard"),
    ("folder", "other/"),
    ("folder/new", "other/new"),
    ("folder/new", "nowhere"),
    ("folder/none/new", "other/none/./new"),
    ("loop", "loop"),
    ("/", "/.."),
]
NOT_SAME = [
    ("file", "folder"),
    ("file", "new"),
    ("new", "newer"),
    ("folder/new", "new"),
    ("folder/a/b", "folder/ab"),
    ("file/new", "new"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_place(one, other, here):
    assert places.same(one, other)
    assert places.same(other, one)
    assert not places.is_inside(one, other)


@pytest.mark.parametrize(("one", "other"), NOT_SAME)
def test_two_places(one, other, here):
    assert not places.same(one, other)
    assert not places.same(other, one)


@pytest.mark.parametrize(
    ("path", "folder", "inside"),
    [
        ("folder/deep", "folder", True),
        ("folder/deep/new/newer", "other", True),
        ("other/deep", "folder", True),
        ("other/../file", "folder", False),
        ("folder", "folder/deep", False),
        ("folders", "folder", False),
        ("new/newer", "new", True),
        ("file", ".", True),
        ("file", "/", True),
    ],
)
def test_inside(path, folder, inside, here):
    assert places.is_inside(path, folder) is inside


def test_names_that_no_system_takes(tmp_path):
    long, deep = str(tmp_path / ("x" * 5000)), str(tmp_path) + "/x" * 2000
    for path in (long, deep):
        assert places.same(path, path)
        assert places.is_inside(path, str(tmp_path))


def test_a_disk_that_fails_says_nothing_of_what_is_there(here, monkeypatch):
    """Taken for nothing, a file that is an input could be written over."""

    def fail(path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "stat", fail)
    with pytest.raises(OSError, match="Input/output error"):
        places.same("file", "new")
