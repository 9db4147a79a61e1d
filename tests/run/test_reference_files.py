"""References that cannot be read or are none of the model, and options that mean nothing."""

import io
import os
import pickle
import sys
import types
import zipfile

import numpy as np
import pytest

from coreml_resize_fix.intents import tensors
from tests.cli.commands import run
from tests.run.reference_cases import Files
from tests.support.cases import read_bytes


@pytest.fixture
def unet(tmp_path):
    return Files("unet", tmp_path)


def refused(files, *options, reference=None):
    """What stderr says; nothing is written, and the exit code is 2."""
    before = sorted(os.listdir(files.folder))
    given = files.tensors if reference is None else reference
    ran = run(files.model, "-m", files.manifest, "--reference", given, *options)
    assert ran.code == 2, ran.out
    assert "Traceback" not in ran.err
    assert "help: " in ran.err
    assert sorted(os.listdir(files.folder)) == before
    return " ".join(ran.err.split())


@pytest.mark.parametrize("option", [("--tolerance", "0.1"), ("--runtime", "numpy")])
def test_they_mean_nothing_without_a_reference(option, unet):
    ran = run(unet.model, "-m", unet.manifest, *option)
    assert ran.code == 2
    assert "`{}`".format(option[0]) in ran.err
    assert "pass `--reference`" in ran.err


@pytest.mark.parametrize("value", ["nan", "inf", "-0.1"])
def test_a_tolerance_is_a_share(value, unet):
    assert "tolerance" in refused(unet, "--tolerance", value)


@pytest.mark.skipif(sys.platform == "darwin", reason="Core ML is there")
def test_core_ml_runs_on_macos_alone(unet):
    assert "Core ML runs on macOS alone" in refused(unet, "--runtime", "coreml")


def no_file(files):
    return files.path("gone.npz"), "cannot read the reference"


def a_folder_without_one(files):
    os.mkdir(files.path("empty"))
    return files.path("empty"), "has no reference for"


def text(files):
    return _written(files, b"not a zip archive"), "cannot be read: it is no .npz file, or cut off"


def pickled(files):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.array([print], dtype=object), allow_pickle=True)
    path = files.path("pickled.npz")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("input_image.npy", stream.getvalue())
    return path, "cannot be read: `input_image.npy` holds Python objects, no numbers"


def no_array(files):
    path = files.path("texts.npz")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("input_image.npy", "text")
    return path, "cannot be read: `input_image.npy` is no array of NumPy"


def damaged(files):
    with open(files.tensors, "rb") as file:
        data = bytearray(file.read())
    data[len(data) // 3] ^= 255
    return _written(files, bytes(data)), "cannot be read: "


def empty_file(files):
    return _written(files, b""), "cannot be read: it is empty"


def a_pickle(files):
    return _written(files, pickle.dumps([1, 2])), "cannot be read: it is no .npz file, or cut off"


def resizes_alone(files):
    files.change_arrays(input_image=None, output_0=None)
    return files.tensors, "no input of a whole network"


def no_outputs(files):
    files.change_arrays(output_0=None)
    return files.tensors, "no output of a whole network"


def a_nan(files):
    output = files.arrays["output_0"].copy()
    output[0, 0, 0, 0] = np.nan
    files.change_arrays(output_0=output)
    return files.tensors, "holds a NaN or an infinity"


def an_infinite_input(files):
    image = files.arrays["input_image"].copy()
    image[0, 0, 0, 0] = np.inf
    files.change_arrays(input_image=image)
    return files.tensors, "holds a NaN or an infinity"


def texts(files):
    files.change_arrays(output_0=np.array(["a", "b"]))
    return files.tensors, "which is not numeric"


def nothing(files):
    files.change_arrays(output_0=np.zeros((0, 3), np.float32))
    return files.tensors, "is empty"


def two_inputs(files):
    files.rename_arrays({"input_image": "input_x"})
    files.change_arrays(input_y=np.zeros(3, np.float32))
    return files.tensors, "has 2 inputs"


def two_outputs(files):
    files.change_arrays(output_1=np.zeros(3, np.float32))
    return files.tensors, "has 2 outputs"


def another_input_shape(files):
    files.change_arrays(input_image=np.zeros((1, 3, 16, 12), np.float32))
    return files.tensors, "is of another shape"


def _written(files, content):
    path = files.path("other.npz")
    with open(path, "wb") as file:
        file.write(content)
    return path


BAD = [
    no_file, a_folder_without_one, text, pickled, a_pickle, no_array, damaged, empty_file,
    resizes_alone, no_outputs, a_nan, an_infinite_input, texts, nothing, two_inputs, two_outputs,
    another_input_shape,
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.__name__)
def test_it_is_refused_in_one_sentence(bad, unet):
    path, message = bad(unet)
    assert message in refused(unet, reference=path)


def test_what_unpacks_to_too_much_is_not_read(unet, monkeypatch):
    monkeypatch.setattr(tensors, "LARGEST", 1 << 20)
    with zipfile.ZipFile(unet.tensors, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("input_image.npy", b"\0" * (1 << 21))
    assert os.path.getsize(unet.tensors) < 1 << 12
    assert "at most 1048576 are read" in refused(unet)


def test_a_recorded_output_of_another_shape_is_a_difference(unet):
    unet.change_arrays(output_0=np.zeros((1, 4, 12, 15), np.float32))
    ran = run(unet.model, "-m", unet.manifest, "--reference", unet.tensors, "--format", "json")
    (model,) = ran.json["models"]
    (output,) = model["network"]["outputs"]
    assert ran.code == 1
    shapes = "`18` has the shape [4, 12, 16], and not [4, 12, 15]: look at "
    assert shapes in model["network_details"]["message"]
    assert output["max_abs_error_after"] is None
    assert not output["within_tolerance"]


def test_other_arrays_and_names_do_not_matter(unet):
    unet.rename_arrays({"input_image": "input_x"})
    unet.change_arrays(extra=np.array(["a"]), interp7_in=np.zeros(0))
    assert run(unet.model, "-m", unet.manifest, "--reference", unet.tensors).code == 0


def test_a_folder_has_the_reference_of_each_model(unet, tmp_path):
    references = tmp_path / "references"
    references.mkdir()
    os.rename(unet.tensors, str(references / "model.npz"))
    given = ("--reference", references, "-n", "--format", "json")
    (model,) = run(unet.model, "-m", unet.manifest, *given).json["models"]
    assert model["network"]["outputs"][0]["max_abs_error_before"] > 0.1


def test_a_reference_is_not_written_over(unet):
    before = read_bytes(unet.tensors)
    options = ("--write-manifest", unet.path("other.json"), "--force")
    os.rename(unet.tensors, unet.path("other.npz"))
    os.rename(unet.manifest, unet.path("intent2.json"))
    with open(unet.path("intent2.npz"), "wb") as file:
        file.write(before)
    unet.manifest = unet.path("intent2.json")
    assert "the reference in use" in refused(unet, *options, reference=unet.path("other.npz"))
    assert read_bytes(unet.path("other.npz")) == before


def test_core_ml_is_asked_where_it_is(unet, monkeypatch):
    """A stand-in for coremltools on macOS that gives what PyTorch recorded, and half of it."""
    wanted = unet.arrays["output_0"]
    given = []

    class MLModel:
        def __init__(self, spec, **options):
            given.append(spec)
            strict = any(
                one.WhichOneof("layer") == "resizeBilinear" for one in spec.neuralNetwork.layers
            )
            self.share = 1.0 if strict else 0.5

        def predict(self, inputs):
            assert list(inputs) == ["image"]
            return {"18": wanted[0] * np.float32(self.share)}

    import coremltools

    stand_in = types.SimpleNamespace(
        proto=coremltools.proto, models=types.SimpleNamespace(MLModel=MLModel)
    )
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setitem(sys.modules, "coremltools", stand_in)
    ran = run(
        unet.model, "-m", unet.manifest, "--reference", unet.tensors, "--runtime", "coreml",
        "--format", "json",
    )  # fmt: skip
    network = ran.json["models"][0]["network"]
    (output,) = network["outputs"]
    assert (ran.code, network["runtime"]) == (0, "coreml")
    assert output["max_abs_error_before"] == pytest.approx(np.abs(wanted).max() / 2, rel=1e-6)
    assert output["max_abs_error_after"] == 0
    assert len(given) == 2
