"""From a Keras model to a Core ML model that computes the same, with no manifest typed."""

import json

import pytest

from coreml_resize_fix import Manifest, audit, fix, record_intents
from tests.intents.keras import support
from tests.intents.keras.support import images

tensorflow = pytest.importorskip("tensorflow", reason=support.REASON)
coremltools = pytest.importorskip(
    "coremltools", minversion="7.0", reason="needs coremltools 7: pip install coremltools"
)
if not tensorflow.__version__.startswith("2.12."):
    pytest.skip(
        "coremltools converts TensorFlow 2.12: pip install tensorflow==2.12",
        allow_module_level=True,
    )
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

KINDS = {
    "neuralnetwork": ("net.mlmodel", {}),
    "mlprogram": ("net.mlpackage", {"compute_precision": coremltools.precision.FLOAT32}),
}


def unet(smooth):
    """Two steps down and up with skips, another output that runs at other sizes.

    `smooth` makes a layer of that name which doubles height and width.
    """
    layers = tensorflow.keras.layers
    tensorflow.keras.utils.set_random_seed(1)

    def convolved(maps, channels, strides=1):
        return layers.Conv2D(channels, 3, strides=strides, padding="same", activation="relu")(maps)

    image = layers.Input((24, 32, 3), batch_size=1, name="image")
    first = convolved(image, 4)
    second = convolved(first, 6, 2)
    third = convolved(second, 8, 2)
    up = convolved(layers.Concatenate()([smooth("up1")(third), second]), 6)
    up = convolved(layers.Concatenate()([smooth("up2")(up), first]), 4)
    other = layers.UpSampling2D((2, 3), name="repeated")(layers.Conv2D(2, 1)(third))
    return tensorflow.keras.Model(image, [layers.Conv2D(2, 1, name="mask")(up), other])


def as_keras(name):
    return tensorflow.keras.layers.UpSampling2D(2, interpolation="bilinear", name=name)


def as_tensorflow_1(name):
    """What a converter makes that takes the layer for that of TensorFlow 1."""

    def doubled(maps):
        height, width = maps.shape[1:3]
        return tensorflow.compat.v1.image.resize_bilinear(
            maps, (2 * height, 2 * width), align_corners=True
        )

    return tensorflow.keras.layers.Lambda(doubled, name=name)


def agrees(report):
    """Whether both outputs of the network are as the reference has them."""
    outputs = json.loads(report.to_json())["models"][0]["network"]["outputs"]
    assert len(outputs) == 2
    return all(output["within_tolerance"] for output in outputs)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_unet(kind, tmp_path):
    name, options = KINDS[kind]
    model, twin = unet(as_keras), unet(as_tensorflow_1)
    twin.set_weights(model.get_weights())
    manifest, values = str(tmp_path / "intent.json"), str(tmp_path / "intent.npz")
    record_intents(model, images(24, 32, 3), tensors=True).save(manifest)
    with record_intents(model) as traced:
        converted = coremltools.convert(model, convert_to=kind, source="tensorflow", **options)
    assert list(traced) == list(Manifest.load(manifest))
    converted.save(str(tmp_path / name))
    report = audit(str(tmp_path / name), manifest, reference=values)
    assert report.exit_code == 0, report
    assert [finding.verdict for finding in report.findings] == ["match"] * 3
    assert agrees(report)

    wrong = coremltools.convert(twin, convert_to=kind, source="tensorflow", **options)
    wrong.save(str(tmp_path / ("wrong-" + name)))
    report = audit(str(tmp_path / ("wrong-" + name)), manifest, reference=values)
    assert not agrees(report)
    assert {finding.intent.name for finding in report.findings} == {"up1", "up2", "repeated"}
    fixed = fix(str(tmp_path / ("wrong-" + name)), manifest, reference=values, decompose=True)
    report = audit(fixed, manifest, reference=values)
    assert report.exit_code == 0, report
    assert agrees(report)
