"""Exit code 2: one sentence that names the file, what to do next, nothing written, no traceback."""

import os
import pickle
import subprocess
import sys
import zipfile

import pytest

from coreml_resize_fix.formats.protobuf import schema
from tests.cli.commands import CORNERS, FIXABLE, UNET, model, package, run
from tests.support import cases
from tests.support.folders import contents
from tests.support.process import REPOSITORY


def write(data):
    def make(path):
        with open(path, "wb") as file:
            file.write(data)

    return make


def truncated(path):
    data = cases.read_bytes(UNET)
    write(data[: len(data) // 2])(path)


def archive(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", b"")


def compiled(path):
    os.mkdir(path)
    write(b"")(os.path.join(path, "model.espresso.net"))


def damaged_package(path):
    os.mkdir(path)
    write(b"{}")(os.path.join(path, "Manifest.json"))


def ml_program(path):
    write(cases.read_bytes(cases.named("ct9_mlprogram").path))(path)


ONNX = cases.read_bytes(os.path.join(cases.named(FIXABLE).folder, "model.onnx"))

# what is given as the model → its name, how to make it, what the sentence says
MODELS = {
    "missing": ("x.mlmodel", lambda path: None, "does not exist"),
    "empty": ("x.mlmodel", write(b""), "is empty"),
    "text": ("x.mlmodel", write(b"Hello, this is no model at all.\n"), "is a text file, no model"),
    "zeros": ("x.mlmodel", write(bytes(1000)), "Core ML model"),
    "truncated": ("x.mlmodel", truncated, "cannot be read as a Core ML model"),
    "folder": ("x", os.mkdir, "is a folder without a model"),
    "folder of that name": ("x.mlmodel", os.mkdir, "is a folder without a model"),
    "compiled": ("x.mlmodelc", compiled, "is a compiled model"),
    "damaged package": ("x.mlpackage", damaged_package, "does not name a root model"),
    "PyTorch archive": ("x.pt", archive, "is a ZIP archive, as PyTorch saves"),
    "PyTorch pickle": ("x.pth", write(pickle.dumps([1, 2], 2)), "is a pickle, as PyTorch saves"),
    "Keras": ("x.h5", write(b"\x89HDF\r\n\x1a\n" + bytes(99)), "is an HDF5 file"),
    "ONNX": ("x.onnx", write(ONNX), "is an ONNX file"),
    "ONNX named as a model": ("x.mlmodel", write(ONNX), "is an ONNX file"),
    "manifest": ("x.json", write(b'{"up": {}}'), "is a JSON file"),
    "Git LFS": ("x.mlmodel", write(b"version https://git-lfs.github.com/spec/v1\n"), "Git LFS"),
    "ML Program without weights": ("x.mlmodel", ml_program, "an ML Program"),
}


def complained(ran, *says):
    lines = ran.err.splitlines()
    assert ran.code == 2
    assert ran.out == ""
    assert [line[:6] for line in lines].count("error:") == 1
    assert lines[0].startswith("error: ")
    assert lines[-1].startswith("help: ")
    assert len(lines[-1]) > 12
    assert "Traceback" not in ran.err
    for text in says:
        assert text in lines[0], ran.err


@pytest.mark.parametrize("name", sorted(MODELS))
def test_things_given_as_the_model(name, tmp_path):
    file_name, make, says = MODELS[name]
    path = str(tmp_path / file_name)
    make(path)
    before = contents(tmp_path)
    complained(run(path, "--assume", CORNERS, "--force"), "`{}`".format(path), says)
    assert contents(tmp_path) == before


@pytest.mark.skipif(schema.knows_ios14(), reason="only coremltools 3 is too old for any model")
def test_a_model_and_a_target_that_the_schema_is_too_old_for():
    path = cases.named("ct9_bilinear").path
    complained(run(path, "-n", "--assume", CORNERS), path, "specification version 5", "too old")
    complained(run(UNET, "-n", "--assume", CORNERS, "--deployment-target", "iOS14"), "too old")


def test_a_package_whose_model_is_gone(tmp_path):
    path = package(tmp_path)
    os.unlink(os.path.join(path, "Data", "com.apple.CoreML", "model.mlmodel"))
    complained(run(path, "--assume", CORNERS), path, "has no model file")


def test_a_model_that_may_not_be_read(tmp_path, monkeypatch):
    source = model(FIXABLE, tmp_path)
    own = open

    def refuse(path, *args, **options):
        if path == source:
            raise PermissionError(13, "Permission denied")
        return own(path, *args, **options)

    monkeypatch.setattr("builtins.open", refuse)
    complained(run(source, "--assume", CORNERS), source, "permission denied")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a folder in use can be removed on POSIX alone")
def test_a_folder_that_is_gone_is_told(tmp_path):
    """What is relative has no place any more; what is absolute has."""
    gone = tmp_path / "gone"
    gone.mkdir()
    command = "cd '{}' && rmdir ../gone; exec '{}' -m coreml_resize_fix {} -q -n {}"
    for report, code, says in (
        ("report.md", 2, "the system failed at `report.md`: no such file or directory"),
        (str(tmp_path / "report.md"), 1, ""),
    ):
        gone.mkdir(exist_ok=True)
        options = "--assume {} --report {}".format(CORNERS, report)
        path = model(FIXABLE, tmp_path)
        ran = subprocess.run(
            ["sh", "-c", command.format(gone, sys.executable, path, options)],
            env=dict(os.environ, PYTHONPATH=REPOSITORY),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, "Traceback" in ran.stderr) == (code, False), ran.stderr
        assert says in ran.stderr
