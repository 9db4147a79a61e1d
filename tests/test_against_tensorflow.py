"""What a fix makes of TensorFlow's resizes, executed, against TensorFlow's own numbers.

A wrong resize is replaced in a neural network and in an ML Program, by one layer or by several.
What the result computes of a random image is compared with TensorFlow.
"""

import os
import warnings

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    tf = pytest.importorskip("tensorflow", reason="needs TensorFlow: pip install tensorflow-cpu")
pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

from coreml_resize_fix import fix, predict
from coreml_resize_fix.conventions.tensorflow import CONVENTIONS
from coreml_resize_fix.intents.model import Intent
from tests.formats.mlprogram import build
from tests.formats.mlprogram.build import mb
from tests.support import build as messages
from tests.test_every_intent import SIZES

ROWS = sorted(key for key in CONVENTIONS if key[0] in ("tensorflow1", "tensorflow2"))
WRONG = "upsample { scalingFactor: 4 scalingFactor: 4 mode: BILINEAR }"
LEGACY = {
    "bilinear": tf.compat.v1.image.resize_bilinear,
    "nearest": tf.compat.v1.image.resize_nearest_neighbor,
    "bicubic": tf.compat.v1.image.resize_bicubic,
    "area": tf.compat.v1.image.resize_area,
}


def wanted(row, image, size):
    """What TensorFlow makes of an image, shape (C, H, W)."""
    framework, mode, align_corners, antialias = row
    batch = np.moveaxis(image, 0, -1)[np.newaxis]
    if framework == "tensorflow1":
        made = LEGACY[mode](batch, size, align_corners=align_corners)
    else:
        made = tf.image.resize(batch, size, mode, antialias=antialias)
    return np.moveaxis(np.asarray(made)[0], -1, 0)


def layers(path, before):
    model = messages.network((1, 3, *before), [WRONG, messages.RELU], 4, mapping=messages.EXACT)
    model.neuralNetwork.layers[0].name = "up"
    return "image", messages.write(path.parent, model, f"{path.name}.mlmodel")


def program(path, before):
    """x → up (which doubles pixels) → relu → result."""

    def make(x):
        y = mb.upsample_nearest_neighbor(
            x=x, scale_factor_height=2, scale_factor_width=2, name="up"
        )
        return mb.relu(x=y, name="result")

    return "x", str(build.save(build.program(make, (1, 3, *before)), f"{path}.mlpackage"))


MAKERS = {"neural network": layers, "ML Program": program}


@pytest.mark.mostly_slow(quick=4)
@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_is_fixed_computes_what_tensorflow_does(tmp_path, row, kind):
    framework, mode, align_corners, antialias = row
    for number, (before, after) in enumerate(SIZES):
        intent = Intent(
            layer="up",
            framework=framework,
            mode=mode,
            align_corners=align_corners,
            antialias=antialias,
            size=after,
        )
        name, model = MAKERS[kind](tmp_path / str(number), before)
        result = fix(model, [intent], decompose=True)
        image = np.random.RandomState(number).rand(3, *before).astype(np.float32)
        (made,) = predict(result, {name: image[np.newaxis]}).values()
        expected = wanted(row, image, after)
        assert np.abs(made.reshape(expected.shape) - np.maximum(expected, 0)).max() < 5e-6
