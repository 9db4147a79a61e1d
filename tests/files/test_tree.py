"""Folders that are read, or told: deep ones, and those that nobody may look into."""

import os
import re

import pytest

from coreml_resize_fix.files import tree
from tests.cli.commands import CORNERS, RIGHT, bound, model, package, run


def nested(folder, depth):
    """The path of a folder that lies that deep; it is made step by step, as names allow."""
    path = str(folder)
    for _ in range(depth):
        path = os.path.join(path, "d")
        os.mkdir(path)
    return path


def test_every_folder_and_file_comes_once(tmp_path):
    deep = nested(tmp_path, 3)
    open(os.path.join(deep, "file"), "w", encoding="utf-8").close()
    os.symlink(deep, str(tmp_path / "link"))
    root = str(tmp_path)
    found = [(place[len(root) :], folders, files) for place, folders, files in tree.walk(root)]
    assert sorted(found[0][1]) == ["d", "link"]
    assert found[1:] == [("/d", ["d"], []), ("/d/d", ["d"], []), ("/d/d/d", [], ["file"])]


@pytest.mark.parametrize(("depth", "fits"), [(tree.DEEPEST, True), (tree.DEEPEST + 1, False)])
def test_folders_that_are_nested_deep(depth, fits, tmp_path):
    inside = nested(tmp_path, depth)
    model(RIGHT, inside)
    ran = run(tmp_path, "-n", "--assume", CORNERS)
    assert ran.code == (0 if fits else 2)
    told = "cannot read `{}`: folders are nested more than 100 deep".format(inside)
    assert (told in ran.err) != fits


@pytest.mark.parametrize("depth", [tree.DEEPEST, tree.DEEPEST + 50])
def test_a_package_that_is_nested_deep(depth, tmp_path):
    path = package(tmp_path)
    nested(path, depth)
    ran = run(path, "--assume", CORNERS, "-o", tmp_path / "out.mlpackage")
    assert (ran.code, os.path.exists(str(tmp_path / "out.mlpackage"))) == (
        (0, True) if depth == tree.DEEPEST else (2, False)
    )
    assert ("more than 100 deep" in ran.err) == (depth > tree.DEEPEST)
    assert [name for name in os.listdir(str(tmp_path)) if name.startswith(".")] == []


def test_a_folder_that_nobody_may_read_is_not_passed_over(tmp_path):
    model(RIGHT, tmp_path)
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0)
    try:
        ran = bound(tmp_path, "-n", "--assume", CORNERS)
    finally:
        closed.chmod(0o700)
    said = "cannot read `{}`: permission denied".format(closed)
    assert (ran.code, said in ran.err) == (2, True)


def test_walking_names_what_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "none"))):
        list(tree.walk(str(tmp_path / "none")))
