"""Other files: each is named for what it is, with what to do instead."""

import io
import os
import pickle
import zipfile

import pytest

from coreml_resize_fix.errors import ModelError, NotAModelError
from coreml_resize_fix.formats import sniff
from coreml_resize_fix.run import pipeline
from tests.support import build, cases

# A ModelProto of ONNX: ir_version 4, producer_name "pytorch".
ONNX = b"\x08\x04\x12\x07pytorch\x1a\x03" + b"1.4"


def packed(name):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(name, b"x")
    return data.getvalue()


FILES = {
    "empty": ("model.mlmodel", b"", "is empty"),
    "zip": ("model.mlmodel", b"PK\x03\x04" + bytes(80), "ZIP archive, as PyTorch saves"),
    "pickle": ("model.pth", b"\x80\x02}q\0.", "a pickle, as PyTorch saves"),
    "hdf5": ("model.h5", b"\x89HDF\r\n\x1a\n" + bytes(80), "an HDF5 file, as Keras saves"),
    "gzip": ("model.mlmodel.gz", b"\x1f\x8b\x08" + bytes(80), "a gzip archive"),
    "manifest": ("intent.json", b'{"resizes": []}', "is a JSON file"),
    "lfs": (
        "model.mlmodel",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n",
        "a Git LFS pointer",
    ),
    "JSON with a mark": ("model.mlmodel", b'\xef\xbb\xbf\n {"a": 1}', "is a JSON file"),
    "a list": ("model.mlmodel", b"[1, 2]", "is a JSON file"),
    "page": (
        "model.mlmodel",
        b"\n<!DOCTYPE html>\n<title>Sign in</title>",
        "an HTML page, no model",
    ),
    "short page": ("model.mlmodel", b"<HTML lang=en>", "an HTML page, no model"),
    "text": ("model.mlmodel", b"just some text\n", "a text file, no model"),
    "text that is cut": ("model.mlmodel", ("é" * 2000).encode()[:1025], "a text file, no model"),
    "newer pickle": ("model.pt", pickle.dumps([1], 4), "a pickle, as PyTorch saves"),
    "array": ("x.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '<f8'", "a NumPy array"),
    "tensors": ("x.npz", packed("input_x.npy"), "a NumPy archive"),
    "packed package": ("x.zip", packed("m.mlpackage/Manifest.json"), "with a Core ML package"),
    "packed model": ("x.zip", packed("m.mlmodel"), "with a Core ML model"),
    "PyTorch": ("x.pt", packed("archive/data.pkl"), "ZIP archive, as PyTorch saves"),
    "onnx by name": ("model.onnx", b"\x08\x04", "an ONNX file"),
    "onnx by producer": ("model.mlmodel", ONNX, "an ONNX file"),
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_other_files_are_named(name, tmp_path):
    file_name, data, said = FILES[name]
    path = build.write(tmp_path, data, file_name)
    with pytest.raises(NotAModelError, match=said) as caught:
        pipeline.process(path, pipeline.Request())
    assert path in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "data", [b"\xff" * 100, b"\x0a\x05abc", b"\x08\x03 {PK\x03\x04", b"{\x00\x01", b"some \xff\n"]
)
def test_anything_else_is_called_damaged(data, tmp_path):
    path = build.write(tmp_path, data)
    with pytest.raises(ModelError, match="cannot be read as a Core ML model") as caught:
        pipeline.process(path, pipeline.Request())
    assert path in str(caught.value)
    assert "damaged" in caught.value.hint


def test_a_path_that_does_not_exist(tmp_path):
    with pytest.raises(NotAModelError, match=r"none.mlmodel` does not exist"):
        pipeline.process(str(tmp_path / "none.mlmodel"), pipeline.Request())


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(NotAModelError, match="is a folder without a model"):
        pipeline.process(str(tmp_path), pipeline.Request())


@pytest.mark.parametrize(
    ("holds", "said"),
    [
        ("a/b.mlpackage/Manifest.json", "is a folder, which holds `{0}b.mlpackage`"),
        ("a/b.mlmodel", "is a folder, which holds `{0}b.mlmodel`"),
        ("a/b.mlmodelc/model.mil", "holds only compiled models, such as `{0}b.mlmodelc`, "),
    ],
)
def test_a_folder_of_models_is_not_said_to_be_without_one(holds, said, tmp_path):
    (tmp_path / holds).parent.mkdir(parents=True)
    (tmp_path / holds).write_bytes(b"x")
    with pytest.raises(NotAModelError) as caught:
        sniff.model_file(str(tmp_path))
    inside = said.format(os.path.join(str(tmp_path), "a", ""))
    assert caught.value.message.startswith("`{}` {}".format(tmp_path, inside))


def test_a_package_inside_of_a_package_is_found(tmp_path):
    """As unpacking makes it. The model file of a package without its manifest is not enough."""
    outer = tmp_path / "net.mlpackage"
    (outer / "Data").mkdir(parents=True)
    (outer / "Data" / "model.mlmodel").write_bytes(b"x")
    with pytest.raises(NotAModelError, match=r"there is no Manifest\.json"):
        sniff.model_file(str(outer))
    (outer / "net.mlpackage").mkdir()
    with pytest.raises(NotAModelError, match=r"net\.mlpackage`\nhelp: pass the model itself"):
        sniff.model_file(str(outer))


@pytest.mark.parametrize("name", sorted(set(FILES) & {"empty", "lfs", "text", "page"}))
def test_a_package_is_not_called_what_its_model_file_is(name, tmp_path):
    path = build.write_package(tmp_path, build.network([2, 6, 8], [build.DOUBLE], version=3))
    build.write(os.path.join(path, "Data", "com.apple.CoreML"), FILES[name][1], "model.mlmodel")
    with pytest.raises(NotAModelError) as caught:
        pipeline.process(path, pipeline.Request())
    assert caught.value.message.startswith("`{}` has a model file that is ".format(path))
    assert caught.value.message.endswith(FILES[name][2])


def test_the_name_of_a_file_does_not_matter(tmp_path):
    data = cases.read_bytes(cases.named("blog_hint_acT").path)
    report = pipeline.process(build.write(tmp_path, data, "no suffix"), pipeline.Request())
    assert [finding.layer.address for finding in report.findings] == ["layers[2]"]


def test_a_pipe_is_no_model(tmp_path):
    os.mkfifo(str(tmp_path / "pipe"))
    with pytest.raises(NotAModelError, match="is a pipe or a device"):
        pipeline.process(str(tmp_path / "pipe"), pipeline.Request())


def test_a_link_to_nothing_does_not_exist(tmp_path):
    os.symlink("nothing", str(tmp_path / "model.mlmodel"))
    with pytest.raises(NotAModelError, match=r"model.mlmodel` does not exist"):
        pipeline.process(str(tmp_path / "model.mlmodel"), pipeline.Request())
