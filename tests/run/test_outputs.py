"""Where results go, what is refused, and that nothing else is touched."""

import os
import shutil

import pytest

from tests.cli.commands import CORNERS, FIXABLE, HALF, RIGHT, model, package, run, truth
from tests.support.folders import contents

FIX = ["--assume", CORNERS]


@pytest.fixture
def source(tmp_path):
    return model(FIXABLE, tmp_path, "net.mlmodel")


@pytest.fixture
def fixed(tmp_path, source):
    """The bytes that a fix makes of `source`."""
    place = str(tmp_path / "reference")
    assert run(source, *FIX, "-o", place).code == 0
    with open(place, "rb") as file:
        data = file.read()
    os.unlink(place)
    return data


def read(path):
    with open(str(path), "rb") as file:
        return file.read()


def test_default_is_beside_the_input(tmp_path, source, fixed):
    before = read(source)
    ran = run(source, *FIX)
    assert ran.code == 0
    assert sorted(os.listdir(str(tmp_path))) == ["net-fixed.mlmodel", "net.mlmodel"]
    assert read(tmp_path / "net-fixed.mlmodel") == fixed != before
    assert read(source) == before
    assert ran.out.endswith("wrote {}.\n".format(tmp_path / "net-fixed.mlmodel"))


def test_a_file(tmp_path, source, fixed):
    assert run(source, *FIX, "--output", tmp_path / "other.mlmodel").code == 0
    assert read(tmp_path / "other.mlmodel") == fixed
    assert not os.path.exists(str(tmp_path / "net-fixed.mlmodel"))


def test_a_folder_that_exists(tmp_path, source, fixed):
    (tmp_path / "out").mkdir()
    assert run(source, *FIX, "-o", tmp_path / "out").code == 0
    assert read(tmp_path / "out" / "net.mlmodel") == fixed


def test_a_name_that_ends_in_a_separator_is_a_folder(tmp_path, source, fixed):
    """One for several models is made, and so is one for a single model that is named as such."""
    new = str(tmp_path / "new" / "deep") + os.sep
    assert run(source, *FIX, "-n", "-o", new).code == 1
    assert not os.path.exists(str(tmp_path / "new"))
    ran = run(source, *FIX, "-o", new)
    assert (ran.code, ran.err) == (0, "")
    assert read(tmp_path / "new" / "deep" / "net.mlmodel") == fixed
    assert "wrote {}net.mlmodel.".format(new) in ran.out


@pytest.mark.parametrize("there", [False, True])
def test_a_package_that_ends_in_a_separator_is_itself(there, tmp_path, fixed):
    """A shell completes the name of a package so, for it is a folder."""
    source, target = package(tmp_path), str(tmp_path / "out.mlpackage")
    if there:
        package(tmp_path, RIGHT, "out.mlpackage")
    assert run(source, *FIX, "-o", target + os.sep, "--force").code == 0
    assert read(os.path.join(target, "Data", "com.apple.CoreML", "model.mlmodel")) == fixed
    assert sorted(os.listdir(target)) == ["Data", "Manifest.json"]
    assert run(source, *FIX, "-o", str(tmp_path / "new") + os.sep).code == 0
    assert sorted(os.listdir(str(tmp_path / "new"))) == ["model.mlpackage"]


def test_in_place(tmp_path, source, fixed):
    assert run(source, *FIX, "--in-place").code == 0
    assert sorted(os.listdir(str(tmp_path))) == ["net.mlmodel"]
    assert read(source) == fixed


def test_in_place_through_a_link_replaces_what_it_points_to(tmp_path, source, fixed):
    link = tmp_path / "link.mlmodel"
    link.symlink_to(source)
    assert run(link, *FIX, "--in-place").code == 0
    assert link.is_symlink()
    assert read(source) == fixed


def test_force_overwrites(tmp_path, source, fixed):
    (tmp_path / "net-fixed.mlmodel").write_text("something else")
    assert run(source, *FIX, "--force").code == 0
    assert read(tmp_path / "net-fixed.mlmodel") == fixed


def test_a_file_asked_for_is_written_though_nothing_changes(tmp_path):
    source = model(RIGHT, tmp_path)
    assert run(source, *FIX, "-o", tmp_path / "same.mlmodel").code == 0
    assert read(tmp_path / "same.mlmodel") == read(source)


@pytest.mark.parametrize("arguments", [[], ["--in-place"], ["--force"], ["--partial"]])
def test_without_a_change_nothing_is_written(tmp_path, arguments):
    source = model(RIGHT, tmp_path)
    before, stamp = contents(tmp_path), os.stat(source).st_mtime_ns
    assert run(source, *FIX, *arguments).code == 0
    assert contents(tmp_path) == before
    assert os.stat(source).st_mtime_ns == stamp


@pytest.mark.parametrize(
    "arguments",
    [
        ["-n"],
        ["-n", "--in-place"],
        ["-n", "--force", "--partial"],
        ["-n", "-o", "new/deep"],
        ["--dry-run", "-o", "x"],
        ["--dry-run", "--format", "json"],
    ],
)
def test_a_dry_run_writes_nothing(tmp_path, source, arguments, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other = model(HALF, tmp_path)
    before = contents(tmp_path)
    assert run(source, other, *FIX, *arguments).code == 1
    assert contents(tmp_path) == before
    assert not os.path.exists("new")


def test_an_inventory_writes_nothing(tmp_path, source, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    assert run(source, "-o", "new.mlmodel").code == 3
    assert contents(tmp_path) == before


def test_all_or_nothing(tmp_path):
    source = model(HALF, tmp_path)
    intents = truth(HALF, tmp_path)
    before = contents(tmp_path)
    ran = run(source, "-m", intents)
    assert "pass `--partial` to write the fixable ones" in ran.out
    assert contents(tmp_path) == before
    assert run(source, "-m", intents, "--partial").code == 1
    assert set(contents(tmp_path)) - set(before) == {HALF + "-fixed.mlmodel"}


def test_a_batch_into_a_new_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sources = [model(FIXABLE, tmp_path, "a.mlmodel"), model(RIGHT, tmp_path, "b.mlmodel")]
    assert run(*sources, *FIX, "-o", "out/deep").code == 0
    assert sorted(os.listdir("out/deep")) == ["a.mlmodel", "b.mlmodel"]
    assert read("out/deep/b.mlmodel") == read("b.mlmodel")


def test_a_batch_in_place_and_by_default(tmp_path):
    sources = [model(FIXABLE, tmp_path, "a.mlmodel"), model(FIXABLE, tmp_path, "b.mlmodel")]
    assert run(*sources, *FIX).code == 0
    assert run(*sources, *FIX, "--in-place").code == 0
    found = contents(tmp_path)
    assert len(found) == 4
    assert len({data for data, _ in found.values()}) == 1


def test_an_error_of_one_model_does_not_stop_the_others(tmp_path, source, fixed):
    ran = run(tmp_path / "missing.mlmodel", source, *FIX)
    assert ran.code == 2
    assert read(tmp_path / "net-fixed.mlmodel") == fixed


def test_packages(tmp_path, fixed):
    inside = os.path.join("Data", "com.apple.CoreML", "model.mlmodel")
    source = package(tmp_path)
    assert run(source, *FIX).code == 0
    assert read(tmp_path / "model-fixed.mlpackage" / inside) == fixed
    assert run(source, *FIX).code == 2
    assert run(source, *FIX, "--force").code == 0
    assert run(source, *FIX, "-o", source).code == 2
    assert run(source, *FIX, "--in-place").code == 0
    assert read(os.path.join(source, inside)) == fixed
    shutil.rmtree(str(tmp_path / "model-fixed.mlpackage"))
    assert sorted(os.listdir(str(tmp_path))) == ["model.mlpackage", "net.mlmodel"]
