"""Outputs around or inside of an input, and folders that only look like a package."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.cli.commands import CORNERS, FIXABLE, manifest, model, package, run
from tests.support import build
from tests.support.folders import contents
from tests.support.process import REPOSITORY

FIX = ["--assume", CORNERS]
MODEL = os.path.join("Data", "com.apple.CoreML", "model.mlmodel")


def refused(ran, *says):
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert "\nhelp: " in ran.err
    for text in says:
        assert text in ran.err


@pytest.mark.parametrize("spelling", ["plain", "through a link"])
def test_a_package_that_would_be_replaced_with_the_input_in_it(spelling, tmp_path):
    outer = package(tmp_path, rename="o.mlpackage")
    source = package(outer, rename="in.mlpackage")
    if spelling != "plain":
        os.symlink(outer, str(tmp_path / "link"))
        source = str(tmp_path / "link" / "in.mlpackage")
    before = contents(tmp_path)
    ran = run(source, *FIX, "-o", outer, "--force")
    refused(ran, "the input `{}` is inside of the output `{}`".format(source, outer))
    assert contents(tmp_path) == before


def web_site(folder):
    manifest({"name": "shop", "start_url": "/"}, folder, "Manifest.json")


def package_without_its_model(folder):
    build.write_manifest(folder, "com.apple.CoreML/model.mlmodel")
    os.makedirs(os.path.join(folder, "Data"))


def package_that_names_another_file(folder):
    build.write_manifest(folder, "../notes.txt")
    os.makedirs(os.path.join(folder, "Data"))


LOOKALIKES = [web_site, package_without_its_model, package_that_names_another_file]


@pytest.mark.parametrize("make", LOOKALIKES, ids=lambda make: make.__name__)
def test_a_folder_with_a_manifest_is_no_package_to_replace(make, tmp_path):
    folder = str(tmp_path / "site")
    os.mkdir(folder)
    make(folder)
    (tmp_path / "site" / "notes.txt").write_text("mine")
    source = package(tmp_path)
    before = contents(tmp_path)
    ran = run(source, *FIX, "-o", folder, "--force")
    refused(ran, "`{}` is a folder, and not a package that can be replaced".format(folder))
    refused(run(model(FIXABLE, tmp_path), *FIX, "-o", folder, "--force"), "is a folder")
    os.unlink(str(tmp_path / (FIXABLE + ".mlmodel")))
    assert contents(tmp_path) == before


def test_a_package_is_replaced_whatever_kind_of_model_it_has(tmp_path):
    """Whatever cannot be read here, its package is a package all the same."""
    target = build.write_package(tmp_path, b"not to be read", "old.mlpackage")
    source = package(tmp_path)
    assert run(source, *FIX, "-o", target, "--force").code == 0
    assert not os.path.exists(os.path.join(target, "Data", "com.apple.CoreML", "weights"))


def test_an_output_inside_of_the_input_behind_a_link(tmp_path):
    source = package(tmp_path)
    os.symlink(os.path.join(source, "Data"), str(tmp_path / "link"))
    before = contents(tmp_path)
    ran = run(source, *FIX, "-o", tmp_path / "link" / "out.mlpackage")
    refused(ran, "is inside of the input")
    assert contents(tmp_path) == before


MOUNTED = """
mount --bind '{0}/model.mlpackage' '{0}/mounted' || exit 77
cd '{0}' && '{1}' -m coreml_resize_fix {2}; echo "code $?"
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    ["model.mlpackage -o mounted/out.mlpackage", "mounted -o model.mlpackage/out.mlpackage"],
)
def test_an_output_inside_of_the_input_behind_a_mount(arguments, tmp_path):
    package(tmp_path)
    (tmp_path / "mounted").mkdir()
    before = contents(tmp_path)
    script = MOUNTED.format(tmp_path, sys.executable, arguments + " --assume " + CORNERS)
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare, of util-linux, to mount a folder")
    ran = subprocess.run(
        ["unshare", "-m", "sh", "-c", script],
        env=dict(os.environ, PYTHONPATH=REPOSITORY),
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode in (1, 77):
        pytest.skip("needs the right to mount a folder: run as root on Linux")
    assert ran.stdout == "code 2\n", ran
    assert "is inside of the input" in ran.stderr
    assert contents(tmp_path) == before
