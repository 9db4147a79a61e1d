"""Every Keras that is installed here, and small networks made with it."""

import importlib
import os
import warnings

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
REASON = "needs Keras: pip install tensorflow, or keras with jax or torch"


def _imported(name):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except (ImportError, ValueError):  # Keras 3 without its backend
        return None


tensorflow = _imported("tensorflow")
_FOUND = {name: _imported(name) for name in ("keras", "tf_keras")}
KERAS = {name: module for name, module in _FOUND.items() if module is not None}
if tensorflow is not None and tensorflow.__version__.startswith("1."):
    KERAS["tf.keras"] = tensorflow.keras

BACKEND = KERAS["keras"].backend.backend() if "keras" in KERAS else "tensorflow"
IS_GRAPH = tensorflow is not None and not tensorflow.executing_eagerly()
needs_tensorflow = pytest.mark.skipif(
    tensorflow is None or IS_GRAPH, reason="needs TensorFlow 2: pip install tensorflow"
)


def own(name):
    """The framework of a layer of Keras that mixes pixels."""
    if name == "keras":
        if BACKEND == "torch":
            return "torch"
        if KERAS[name].__version__.startswith("2.2"):
            return "tensorflow1"
    return "keras"


def repeated(name):
    """The framework of UpSampling2D that repeats pixels."""
    return "tensorflow1" if own(name) == "tensorflow1" else "keras"


def unet(keras, size=(6, 8)):
    """A model with another one inside, and a layer that runs twice."""
    layers = keras.layers
    image = layers.Input((*size, 3), name="image")
    down = layers.Conv2D(4, 3, strides=2, padding="same", name="down")(image)
    decoder = keras.models.Sequential(
        [
            layers.Conv2D(2, 1, input_shape=(*(n and (n + 1) // 2 for n in size), 4), name="inner"),
            layers.UpSampling2D(2, interpolation="bilinear", name="up"),
        ],
        name="decoder",
    )
    wide = layers.UpSampling2D((1, 3), name="wide")
    y = decoder(down)
    return keras.models.Model(image, [wide(wide(y)), layers.Activation("relu", name="best")(y)])


def images(*shape):
    """A batch of one image, always the same."""
    return np.random.RandomState(0).rand(1, *shape).astype("float32")
