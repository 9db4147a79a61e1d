"""Networks of TensorFlow and Keras from a file of their own to a right Core ML model.

No manifest is typed: intents come from the TFLite file, the frozen graph, or what Keras saved.
What the framework recorded decides.
"""

import json
import os

import numpy as np
import pytest

from tests.cli.commands import run
from tests.support.tensorflow_cases import ALL, FOLDER

CASES = {case.name: case for case in ALL}
# Core ML model, what was recorded, the file → how many resizes a fix changes
NETWORKS = {
    ("ct90_unet_nn", "unet_keras2", "model.h5"): 0,
    ("ct90_unet_nn", "unet_keras2", "model.tflite"): 0,
    ("ct90_unet_ml", "unet_keras2", "model.tflite"): 0,
    ("ct90_unet_ml", "unet_keras2", "model.h5"): 0,
    ("ct90_unet_picture", "unet_keras2", "model.tflite"): 0,
    ("ct90_keras3_nn", "unet_keras3", "model.keras"): 0,
    ("ct90_keras3_ml", "unet_keras3", "model.keras"): 0,
    ("tfcoreml_unet", "unet_tf1", "graph.pb"): 2,
    ("ct90_deeplab_nn", "deeplab", "graph.pb"): 0,
    ("ct90_deeplab_ml", "deeplab", "graph.pb"): 0,
    ("tfcoreml_deeplab", "deeplab", "graph.pb"): 0,
    ("tfcoreml13_deeplab", "deeplab", "graph.pb"): 0,
    ("ct90_segmentation_nn", "segmentation", "model.tflite"): 0,
    ("ct90_segmentation_ml", "segmentation", "model.tflite"): 0,
    ("ct90_segmentation_ml", "segmentation", "model.h5"): 0,
}


@pytest.fixture(params=sorted(NETWORKS), ids=":".join)
def network(request):
    name, recorded, file = request.param
    case = CASES[name]
    if not case.is_readable:
        pytest.skip("the schema is older than the model: pip install 'coremltools>=5'")
    source = os.path.join(FOLDER, "recorded", recorded, file)
    if file.endswith(".h5"):
        pytest.importorskip("h5py", reason="needs h5py: pip install h5py")
    return (
        case,
        source,
        os.path.join(os.path.dirname(source), "intent.npz"),
        NETWORKS[request.param],
    )


@pytest.mark.mostly_slow(quick=6)
def test_a_file_a_model_and_what_the_framework_computed(network, tmp_path):
    case, source, npz, changed = network
    output = tmp_path / os.path.basename(case.path)
    ran = run(
        case.path, "-m", source, "-o", output, "--reference", npz, "--format", "json", "--decompose"
    )
    assert ran.code == 0, ran.out + ran.err
    (model,) = ran.json["models"]
    for one in model["network"]["outputs"]:
        assert one["max_abs_error_after"] <= 1e-4 * one["magnitude"]
        assert (one["max_abs_error_before"] > 0.02 * one["magnitude"]) == bool(changed)
    verdicts = [one["verdict"] for one in model["layers"]]
    assert verdicts == ["fixed" if changed else "match"] * len(case.meta["layers"])
    assert not model["intents_without_layer"]


@pytest.mark.mostly_slow(quick=3)
def test_a_wrong_model_is_mended_back(network, tmp_path):
    """Every bilinear layer is first rewritten to another grid, as an old converter would have."""
    case, source, npz, _ = network
    document = {"resizes": case.recorded}
    for one in document["resizes"]:
        if one["mode"] == "bilinear":
            one.update(framework="torch", align_corners=not one["align_corners"])
    wrong, result = (tmp_path / f"{name}{os.path.splitext(case.path)[1]}" for name in ("w", "r"))
    other = tmp_path / "other.json"
    other.write_text(json.dumps(document))
    assert run(case.path, "-m", other, "-o", wrong, "--decompose").code == 0
    checked = run(wrong, "-n", "-m", source, "--reference", npz, "--format", "json", "--decompose")
    assert checked.code == 1
    (model,) = checked.json["models"]
    assert not any(one["within_tolerance"] for one in model["network"]["outputs"])
    ran = run(
        wrong, "-m", source, "-o", result, "--reference", npz, "--format", "json", "--decompose"
    )
    assert ran.code == 0, ran.out + ran.err
    (model,) = ran.json["models"]
    for one in model["network"]["outputs"]:
        assert one["max_abs_error_after"] <= 1e-4 * one["magnitude"]


def test_a_network_of_which_a_channel_first_model_was_made(tmp_path):
    """The reference is (1, 17, 21, 3), what tfcoreml wrote takes and gives [C, H, W]."""
    tensors = dict(np.load(os.path.join(FOLDER, "recorded", "deeplab", "intent.npz")))
    assert tensors["input_image"].shape == (1, 17, 21, 3)
    tensors["input_image"] = tensors["input_image"][:, ::-1]
    npz = tmp_path / "flipped.npz"
    np.savez(str(npz), **tensors)
    ran = run(CASES["tfcoreml_deeplab"].path, "--reference", npz, "--format", "json")
    assert ran.code == 1  # it is the numbers that are compared
