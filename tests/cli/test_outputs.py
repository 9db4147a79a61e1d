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
        ["--dry-run", "-o", "x.mlmodel"],
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


def refused(ran, before, folder, *says):
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert "\nhelp: " in ran.err
    for text in says:
        assert text in ran.err
    assert contents(folder) == before


def test_an_output_that_exists(tmp_path, source):
    (tmp_path / "net-fixed.mlmodel").write_text("mine")
    before = contents(tmp_path)
    target = tmp_path / "net-fixed.mlmodel"
    refused(run(source, *FIX), before, tmp_path, "`{}` exists".format(target), "--force")


def test_an_output_that_is_a_dangling_link(tmp_path, source):
    (tmp_path / "net-fixed.mlmodel").symlink_to(tmp_path / "nowhere")
    assert run(source, *FIX).code == 2
    assert not os.path.exists(str(tmp_path / "nowhere"))


SAME = {
    "same path": lambda folder: "net.mlmodel",
    "dot": lambda folder: "./net.mlmodel",
    "absolute": lambda folder: folder / "net.mlmodel",
    "its folder": lambda folder: ".",
    "symbolic link": lambda folder: (folder / "soft").symlink_to("net.mlmodel") or "soft",
    "hard link": lambda folder: os.link("net.mlmodel", "hard") or "hard",
}


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("name", sorted(SAME))
def test_an_output_that_is_the_input(tmp_path, source, name, force, monkeypatch):
    monkeypatch.chdir(tmp_path)
    target = SAME[name](tmp_path)
    before = contents(tmp_path)
    ran = run("net.mlmodel", *FIX, "-o", target, *(["--force"] if force else []))
    refused(ran, before, tmp_path, "is the input", "--in-place")


def test_an_output_in_a_folder_that_is_missing(tmp_path, source):
    target = tmp_path / "missing" / "net.mlmodel"
    before = contents(tmp_path)
    says = "the folder of `{}` does not exist".format(target)
    refused(run(source, *FIX, "-o", target), before, tmp_path, says)


def test_a_batch_into_a_file(tmp_path, source):
    other = model(RIGHT, tmp_path)
    (tmp_path / "file").write_text("")
    before = contents(tmp_path)
    target = tmp_path / "file"
    says = "cannot make the folder `{}`".format(target)
    refused(run(source, other, *FIX, "-o", target), before, tmp_path, says)


def test_a_batch_of_equal_names(tmp_path, source):
    (tmp_path / "more").mkdir()
    other = model(RIGHT, tmp_path / "more", "net.mlmodel")
    before = contents(tmp_path)
    ran = run(source, other, *FIX, "-o", tmp_path / "out")
    refused(ran, before, tmp_path, "two models are called `net.mlmodel`")
    assert not os.path.exists(str(tmp_path / "out"))


def test_output_and_in_place_exclude_each_other(tmp_path, source):
    before = contents(tmp_path)
    ran = run(source, *FIX, "-o", tmp_path / "x", "--in-place")
    refused(ran, before, tmp_path, "`--output` and `--in-place` exclude each other")


def test_a_folder_that_cannot_be_written(tmp_path, source, monkeypatch):
    def refuse(*args, **options):
        raise PermissionError(13, "Permission denied")

    before = contents(tmp_path)
    monkeypatch.setattr("tempfile.mkstemp", refuse)
    refused(run(source, *FIX), before, tmp_path, str(tmp_path), "permission denied")


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
