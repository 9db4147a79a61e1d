"""Outputs that are refused: exit code 2, and the folder stays as it was."""

import os
import stat

import pytest

from coreml_resize_fix import fix
from coreml_resize_fix.errors import OutputError, UsageError
from tests.cli.commands import CORNERS, FIXABLE, RIGHT, model, package, run
from tests.support import saving
from tests.support.folders import contents

FIX = ["--assume", CORNERS]


@pytest.fixture
def source(tmp_path):
    return model(FIXABLE, tmp_path, "net.mlmodel")


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


def test_a_package_is_not_called_a_file_nor_a_file_a_package(tmp_path, source):
    """Neither coremltools nor Xcode opens it."""
    before = contents(tmp_path)
    for name in ("new.mlpackage", "new.MLPackage"):
        says = "`{}` is named as a package, and `{}` is a model file".format(
            tmp_path / name, source
        )
        ran = run(source, *FIX, "-o", tmp_path / name)
        refused(ran, before, tmp_path, says, "in `.mlmodel`")
    whole = package(tmp_path)
    before = contents(tmp_path)
    says = "`{}` is named as a model file, and `{}` is a package".format(
        tmp_path / "n.mlmodel", whole
    )
    ran = run(whole, *FIX, "-o", tmp_path / "n.mlmodel")
    refused(ran, before, tmp_path, says, "in `.mlpackage`")


def test_what_is_called_otherwise_than_usual_may_stay_so(tmp_path, source):
    odd = model(FIXABLE, tmp_path, "odd.mlpackage")
    assert run(odd, *FIX).code == 0
    assert run(odd, *FIX, "-o", tmp_path / "new.mlpackage").code == 0
    assert run(source, *FIX, "-o", tmp_path / "new.bin").code == 0
    assert (tmp_path / "new.bin").read_bytes() == (tmp_path / "new.mlpackage").read_bytes()


@pytest.mark.parametrize("name", ["new.mlmodel", "new.mlpackage", "new.mlpackage/"])
def test_a_folder_of_models_is_not_called_a_model(tmp_path, source, name):
    """It would be passed over where models are looked for."""
    other = model(RIGHT, tmp_path)
    before = contents(tmp_path)
    target = os.path.join(str(tmp_path), name)
    refused(run(source, other, *FIX, "-o", target), before, tmp_path, "is named as a model")
    if name.endswith("/"):
        refused(run(source, *FIX, "-o", target), before, tmp_path, "is named as a model")


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
    with pytest.raises(UsageError, match="`output` and `in_place` exclude each other"):
        fix(source, assume=CORNERS, output=str(tmp_path / "x"), in_place=True)
    assert contents(tmp_path) == before


MODEL = os.path.join("Data", "com.apple.CoreML", "model.mlmodel")


@pytest.mark.parametrize("options", [[], ["-o", "new.mlmodel"]])
def test_a_result_is_not_taken_out_of_a_package_nor_hidden_in_it(tmp_path, options, monkeypatch):
    """The package would be as wrong as before, and alone the model file is none."""
    whole = package(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    inside = os.path.join(os.path.basename(whole), MODEL)
    says = "`{}` is the model file of the package `{}`".format(inside, os.path.basename(whole))
    refused(run(inside, *FIX, *options), before, tmp_path, says, "help: pass the package")
    assert run(inside, *FIX, "--dry-run").code == 1
    assert contents(tmp_path) == before
    monkeypatch.chdir(os.path.dirname(os.path.join(whole, MODEL)))
    says = "`model.mlmodel` is the model file of the package `{}`".format(whole)
    refused(run("model.mlmodel", *FIX, *options), before, tmp_path, says)
    assert run("model.mlmodel", *FIX, "--in-place").code == 0
    assert run(whole, *FIX, "--dry-run").code == 0


def test_a_package_that_is_not_called_one_is_found_in_a_folder(tmp_path):
    os.rename(package(tmp_path), str(tmp_path / "net"))
    assert run(tmp_path, *FIX).code == 0
    assert run(tmp_path / "net-fixed", *FIX, "--dry-run").code == 0


def test_a_folder_is_not_said_to_be_overwritten_by_force(tmp_path, source):
    """Neither of a manifest nor of a package: `--force` replaces none."""
    folder = tmp_path / "mine.json"
    folder.mkdir()
    before = contents(tmp_path)
    ran = run(source, *FIX, "--write-manifest", folder)
    refused(ran, before, tmp_path, "`{}` is a folder".format(folder))
    assert "--force" not in ran.err
    whole = package(tmp_path)
    with pytest.raises(OutputError, match="is a folder, and not a package") as caught:
        fix(whole, assume=CORNERS, output=str(folder))
    assert "--force" not in str(caught.value)


def test_a_folder_that_cannot_be_written(tmp_path, source, monkeypatch):
    before = contents(tmp_path)
    saving.making_fails(monkeypatch, PermissionError(13, "Permission denied"))
    refused(run(source, *FIX), before, tmp_path, str(tmp_path), "permission denied")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes that have a name, as POSIX has them")
@pytest.mark.parametrize("option", ["-o", "--write-manifest", "--report"])
def test_a_pipe_or_a_device_is_not_replaced(option, tmp_path, source):
    """Who may write in /dev would be without /dev/null."""
    target = str(tmp_path / "pipe.json")
    os.mkfifo(target)
    for place in (target, link(target, tmp_path)):
        ran = run(source, *FIX, option, place, "--force")
        assert (ran.code, ran.out) == (2, "" if option != "--write-manifest" else ran.out)
        assert "pipe or a device" in ran.err or option == "--report"
        assert stat.S_ISFIFO(os.lstat(target).st_mode)


def link(target, folder):
    os.symlink(target, str(folder / "link.json"))
    return folder / "link.json"
