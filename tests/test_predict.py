"""`predict` gives what coremltools' MLModel.predict gives on a Mac, from the same arguments."""

import sys

import numpy as np
import pytest
from google.protobuf import text_format

from coreml_resize_fix import predict
from coreml_resize_fix.errors import ResizeFixError, UsageError
from tests.support import build, cases

RANDOM = np.random.RandomState(0)
PIXELS = RANDOM.randint(0, 256, (4, 6, 3)).astype(np.uint8)
LINEAR = "activation { linear { alpha: %s beta: %s } }"

pillow = pytest.mark.skipif(
    not __import__("importlib.util").util.find_spec("PIL"),
    reason="needs Pillow: pip install pillow",
)


def picture(pixels=PIXELS):
    from PIL import Image

    return Image.fromarray(pixels)


def image_network(layers, colours="RGB", scaler="", output="multiArrayType { dataType: FLOAT32 }"):
    """A network of an image of 6×4 pixels (width × height)."""
    channels = 3 if colours in ("RGB", "BGR") else 1
    model = build.network((channels, 4, 6), layers, output=output)
    taken = model.description.input[0].type
    taken.Clear()
    text_format.Merge(f"imageType {{ width: 6 height: 4 colorSpace: {colours} }}", taken)
    if scaler:
        text = f'featureName: "image" scaler {{ {scaler} }}'
        text_format.Merge(text, model.neuralNetwork.preprocessing.add())
    return model


SCALER = "channelScale: 0.5 redBias: 1 greenBias: 2 blueBias: 3"


@pillow
@pytest.mark.parametrize("colours", ["RGB", "BGR"])
def test_a_picture_goes_through_the_preprocessing(colours):
    model = image_network([LINEAR % (1, 0)], colours, SCALER)
    found = predict(model, {"image": picture()})["scores"]
    planes = np.moveaxis(PIXELS, -1, 0) * 0.5 + np.array([1, 2, 3]).reshape(3, 1, 1)
    expected = planes if colours == "RGB" else planes[::-1]
    np.testing.assert_allclose(found.reshape(3, 4, 6), expected)
    assert found.dtype == np.float32
    again = predict(model, {"image": PIXELS})["scores"]
    np.testing.assert_array_equal(again, found)


@pillow
def test_a_grey_picture():
    model = image_network([LINEAR % (1, 0)], "GRAYSCALE", "channelScale: 2 grayBias: -1")
    found = predict(model, {"image": picture(PIXELS[..., 0])})["scores"]
    np.testing.assert_allclose(found.reshape(4, 6), 2.0 * PIXELS[..., 0] - 1)


@pillow
@pytest.mark.parametrize("colours", ["RGB", "BGR", "GRAYSCALE"])
def test_an_image_comes_out_clipped_and_rounded(colours):
    output = f"imageType {{ width: 6 height: 4 colorSpace: {colours} }}"
    model = image_network([LINEAR % (2, -50.5)], colours, output=output)
    pixels = PIXELS if colours != "GRAYSCALE" else PIXELS[..., 1]
    found = predict(model, {"image": picture(pixels)})["scores"]
    assert found.mode == ("L" if colours == "GRAYSCALE" else "RGB")
    assert found.size == (6, 4)
    expected = np.clip(2.0 * pixels - 50.5, 0, 255)
    assert np.abs(np.asarray(found).astype(float) - expected).max() <= 0.5


@pillow
@pytest.mark.parametrize(
    ("value", "says", "hint"),
    [
        (lambda: picture().convert("RGBA"), "takes an image of mode RGB, and gets one of RGBA",
         'convert("RGB")'),
        (lambda: picture().convert("L"), "mode RGB, and gets one of L", "convert"),
        (lambda: picture().resize((4, 6)), "does not take an image of 6×4 pixels", "4×6"),
        (lambda: PIXELS.astype(np.float32), "and gets an array of float32", "PIL image"),
        (lambda: PIXELS[..., :2], "is an image of 3×4×6", "one image"),
        (lambda: "cat.png", "gets a `str`", "PIL image"),
    ],
)  # fmt: skip
def test_pictures_that_do_not_fit(value, says, hint):
    with pytest.raises(UsageError, match=says.replace("(", r"\(")) as raised:
        predict(image_network([LINEAR % (1, 0)]), {"image": value()})
    assert hint in raised.value.hint


def test_without_pillow_arrays_still_run(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    output = "imageType { width: 6 height: 4 colorSpace: RGB }"
    assert predict(image_network([LINEAR % (1, 0)]), {"image": PIXELS})
    with pytest.raises(ResizeFixError, match="Pillow is not installed") as raised:
        predict(image_network([LINEAR % (1, 0)], output=output), {"image": PIXELS})
    assert "pip install pillow" in raised.value.hint


def fixture(name):
    return next(case for case in cases.ALL if case.name == name)


@pytest.mark.parametrize("name", ["legacy_classifier", "legacy_pipeline_classifier"])
def test_a_classifier_gives_a_label_and_probabilities(name):
    case = fixture(name)
    tensors = np.load(case.folder + "/io.npz")
    found = predict(case.path, {"image": tensors["input"]})
    assert sorted(found) == ["classLabel", "scores"]
    labels = list(found["scores"])
    assert labels[:3] == ["road", "sky", "tree"]
    assert found["classLabel"] == labels[int(np.argmax(list(found["scores"].values())))]
    assert all(isinstance(value, float) for value in found["scores"].values())
    # Its bilinear resize is another than PyTorch's, so the scores are near, no more.
    np.testing.assert_allclose(list(found["scores"].values()), tensors["output0"].ravel(), atol=1)


def test_many_labels_are_read_although_the_structure_is_read_without_them():
    model = build.network((400,), [LINEAR % (1, 0)], kind="neuralNetworkClassifier")
    model.neuralNetworkClassifier.stringClassLabels.vector.extend(f"label {k}" for k in range(400))
    model.neuralNetworkClassifier.labelProbabilityLayerName = "scores"
    del model.description.output[:]
    text_format.Merge(
        'output { name: "best" type { stringType { } } } output { name: "chances" type { '
        'dictionaryType { stringKeyType { } } } } predictedFeatureName: "best" '
        'predictedProbabilitiesName: "chances"',
        model.description,
    )
    scores = RANDOM.uniform(0, 1, 400)
    found = predict(model, {"image": scores})
    assert found["best"] == f"label {scores.argmax()}"
    assert len(found["chances"]) == 400
    assert found["chances"]["label 7"] == pytest.approx(scores[7])


def test_labels_that_are_numbers():
    model = build.network((3,), [LINEAR % (1, 0)], kind="neuralNetworkClassifier")
    model.neuralNetworkClassifier.int64ClassLabels.vector.extend([10, 20, 30])
    model.neuralNetworkClassifier.labelProbabilityLayerName = "scores"
    del model.description.output[:]
    text_format.Merge(
        'output { name: "best" type { int64Type { } } } predictedFeatureName: "best"',
        model.description,
    )
    assert predict(model, {"image": [0.1, 0.2, 0.7]}) == {"best": 30}


@pytest.mark.parametrize("name", ["legacy_pipeline", "legacy_pipeline_nested", "legacy_regressor",
                                  "legacy_pipeline_regressor"])  # fmt: skip
def test_pipelines_and_regressors(name):
    case = fixture(name)
    tensors = np.load(case.folder + "/io.npz")
    found = predict(case.path, {"image": tensors["input"]})["scores"]
    assert np.isfinite(found).all()
    if name != "legacy_pipeline_nested":  # factors are cut there
        assert np.size(found) == tensors["output0"].size


def test_an_image_between_two_networks_is_one_of_whole_values():
    first = build.network(
        (1, 4, 6), [LINEAR % (1, 0.3)],
        output="imageType { width: 6 height: 4 colorSpace: GRAYSCALE }",
        names=("image", "between"),
    )  # fmt: skip
    second = image_network([LINEAR % (1, 0)], "GRAYSCALE")
    second.description.input[0].name = "between"
    second.neuralNetwork.layers[0].input[0] = "between"
    model = build.pipeline([first, second])
    given = np.float32([[[-5.0, 0.4, 1.4, 254, 300, 7]] * 4])
    found = predict(model, {"image": given})["scores"].reshape(4, 6)
    np.testing.assert_array_equal(found, [[0, 1, 2, 254, 255, 7]] * 4)


def test_other_models_in_a_pipeline_are_named():
    network = build.network((3,), [LINEAR % (1, 0)], names=("image", "between"))
    other = build.network((3,), [LINEAR % (1, 0)], names=("between", "scores"))
    other.ClearField("neuralNetwork")
    other.identity.SetInParent()
    with pytest.raises(ResizeFixError, match="`identity` in a pipeline") as raised:
        predict(build.pipeline([network, other]), {"image": np.zeros(3)})
    assert "docs/executor.md" in raised.value.hint


def test_what_is_no_model_and_has_no_function(tmp_path):
    with pytest.raises(ResizeFixError, match="is not a model"):
        predict({}, {})
    with pytest.raises(ResizeFixError, match="does not exist"):
        predict(str(tmp_path / "none.mlmodel"), {})
    with pytest.raises(UsageError, match="no function `other`"):
        predict(build.network((3,), [LINEAR % (1, 0)]), {"image": np.zeros(3)}, function="other")


def test_a_path_an_mlmodel_and_a_spec_say_the_same():
    coremltools = pytest.importorskip("coremltools", minversion="5.0")
    case = fixture("legacy_image")
    tensors = np.load(case.folder + "/io.npz")
    pixels = RANDOM.randint(0, 256, (*tensors["input"].shape[-2:], 3)).astype(np.uint8)
    from_path = predict(case.path, {"image": pixels})
    spec = coremltools.utils.load_spec(case.path)
    from_spec = predict(spec, {"image": pixels})
    mlmodel = coremltools.models.MLModel(spec, skip_model_load=True)
    for found in (from_spec, predict(mlmodel, {"image": pixels})):
        np.testing.assert_array_equal(found["scores"], from_path["scores"])
