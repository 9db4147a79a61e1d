"""ONNX Runtime as the reference: it says what recorded tensors say."""

import os
import shutil

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from tests.cli.commands import run  # noqa: E402
from tests.report.json_v1 import check  # noqa: E402
from tests.run.reference_cases import Files  # noqa: E402

JSON = ("--format", "json")


@pytest.fixture
def files(tmp_path):
    pytest.importorskip("onnxruntime", reason="needs ONNX Runtime: pip install onnxruntime")
    return Files("image", tmp_path)


def checked(files, *options, path=None):
    given = files.path("net.onnx") if path is None else path
    ran = run(files.model, "--reference", given, *options, *JSON)
    check(ran.json)
    (model,) = ran.json["models"]
    return ran.code, model


def tensor_of(files):
    """What the preprocessing makes of the recorded picture."""
    bias = np.float32([-1.9, -2.1, -1.7]).reshape(1, 3, 1, 1)
    return np.float32(files.arrays["input_image"]) / 64 + bias


def test_on_recorded_inputs_it_says_what_the_recording_says(files):
    files.change_arrays(input_image=tensor_of(files))
    code, model = checked(files, "-m", files.manifest, "-n")
    scores, means = model["network"]["outputs"]
    assert code == 1
    wrong = files.wrong["both"]["max_abs_error"]
    assert scores["max_abs_error_before"] == pytest.approx(wrong, rel=1e-4)
    assert means["within_tolerance"]
    assert not any("seeded" in notice for notice in model["notices"])
    code, model = checked(files, "-m", files.manifest)
    assert code == 0
    assert all(one["max_abs_error_after"] < 1e-5 for one in model["network"]["outputs"])


def test_without_recorded_inputs_it_runs_on_a_seeded_image(files):
    os.remove(files.tensors)
    code, model = checked(files, "-m", files.manifest, "-n")
    assert code == 1
    assert any("run on a seeded test image" in notice for notice in model["notices"])
    assert checked(files, "-m", files.manifest)[0] == 0
    again = checked(files, "-m", files.manifest, "-n")[1]
    assert again["network"] == model["network"]


def test_a_recorded_picture_is_not_what_a_graph_of_floats_takes(files):
    code, model = checked(files, "-m", files.manifest)
    assert code == 0
    assert any("a picture was recorded" in notice for notice in model["notices"])


def test_without_a_manifest_it_is_a_check(files):
    assert checked(files)[0] == 1
    onnx_model = onnx.load(files.path("net.onnx"))
    (resize,) = [node for node in onnx_model.graph.node if node.op_type == "Resize"]
    for attribute in resize.attribute:
        if attribute.name == "coordinate_transformation_mode":
            attribute.s = b"half_pixel"  # what the converted model computes
    onnx.save(onnx_model, files.path("net.onnx"))
    assert checked(files)[0] == 0


def test_the_first_blob_of_a_shared_name_that_drifts_is_named(files):
    def rename(model):
        function = model.mlProgram.functions["main"]
        block = function.block_specializations[function.opset]
        (resize,) = [one for one in block.operations if one.type == "upsample_bilinear"]
        old, new = resize.outputs[0].name, "/Resize_output_0"
        resize.outputs[0].name = new
        for one in block.operations:
            for argument in one.inputs.values():
                for binding in argument.arguments:
                    if binding.name == old:
                        binding.name = new

    graph = onnx.load(files.path("net.onnx")).graph
    (made,) = [node.output[0] for node in graph.node if node.op_type == "Resize"]
    assert made == "/Resize_output_0"
    files.change_model(rename)
    _, model = checked(files, "-m", files.manifest, "-n")
    assert model["network"]["first_drift"]["name"] == made
    assert model["network"]["first_drift"]["address"] == model["layers"][0]["address"]


def external(files, location):
    """Move the weights of the ONNX file to a file beside it, under a name that it gives."""
    model = onnx.load(files.path("net.onnx"))
    blob = b""
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        content = onnx.numpy_helper.to_array(tensor).tobytes()
        tensor.ClearField("raw_data")
        tensor.ClearField("float_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", len(blob)), ("length", len(content))):
            tensor.external_data.add(key=key, value=str(value))
        blob += content
    assert blob
    with open(files.path("net.onnx"), "wb") as file:
        file.write(model.SerializeToString())
    return blob


def test_weights_beside_the_file_are_read(files):
    blob = external(files, "weights.bin")
    with open(files.path("weights.bin"), "wb") as file:
        file.write(blob)
    assert checked(files, "-m", files.manifest)[0] == 0


@pytest.mark.parametrize("location", ["../weights.bin", "{}/weights.bin", "link.bin", "", "gone"])
def test_weights_elsewhere_are_not(location, files, tmp_path):
    outside = str(tmp_path / "weights.bin")
    blob = external(files, location.format(tmp_path))
    with open(outside, "wb") as file:
        file.write(blob)
    os.symlink(outside, files.path("link.bin"))
    ran = run(files.model, "--reference", files.path("net.onnx"))
    assert ran.code == 2
    assert "reads weights from" in ran.err


def test_an_older_opset_and_damaged_files_are_refused(files):
    path = files.path("net.onnx")
    model = onnx.load(path)
    model.opset_import[0].version = 10
    onnx.save(model, path)
    ran = run(files.model, "--reference", path)
    assert (ran.code, "is of opset 10" in ran.err) == (2, True)
    with open(path, "wb") as file:
        file.write(b"\x08\x07garbage")
    assert run(files.model, "--reference", path).code == 2
    model.opset_import[0].version = 17
    model.graph.node[0].op_type = "Mystery"
    with open(path, "wb") as file:
        file.write(model.SerializeToString())
    ran = run(files.model, "--reference", path)
    assert (ran.code, "ONNX Runtime does not run" in ran.err) == (2, True)


def test_the_extra_is_named_where_it_is_missing(tmp_path, monkeypatch):
    from coreml_resize_fix.intents.onnx import network

    monkeypatch.setattr(network, "find_spec", lambda name: None)
    files = Files("unet", tmp_path)
    shutil.copy(
        os.path.join(os.path.dirname(files.folder), "unet", "intent.npz"), files.path("x.onnx")
    )
    ran = run(files.model, "--reference", files.path("x.onnx"))
    assert ran.code == 2
    assert "coreml-resize-fix[reference]" in ran.err
