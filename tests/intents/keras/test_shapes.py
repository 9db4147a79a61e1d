"""Sizes behind the layers of a saved model of Keras 2, whose file has those of inputs alone.

Keras itself says which ones they are.
"""

import json
import random

import pytest

from coreml_resize_fix.intents.keras.config import read_config
from tests.intents.keras import support

pytest.importorskip("keras", reason=support.REASON)
MADE_BY = {name: keras for name, keras in support.KERAS.items() if keras.__version__ < "3"}
needs_keras_2 = pytest.mark.skipif(not MADE_BY, reason="needs Keras 2: pip install tf_keras")


def convolved(rng, layers, x):
    stride = rng.choice([1, 1, 2, 3])
    dilation = rng.choice([1, 2]) if stride == 1 else 1
    kernel, padding = (rng.randint(1, 3), rng.randint(1, 2)), rng.choice(["same", "valid"])
    options = {"strides": stride, "padding": padding, "dilation_rate": dilation}
    if rng.random() < 0.5:
        return layers.Conv2D(rng.randint(1, 4), kernel, **options)(x)
    if rng.random() < 0.5:
        return layers.SeparableConv2D(3, kernel, depth_multiplier=2, **options)(x)
    return layers.DepthwiseConv2D(kernel, depth_multiplier=rng.randint(1, 2), **options)(x)


def deconvolved(rng, layers, x):
    padding, strides = rng.choice(["same", "valid"]), rng.choice([1, 2, (2, 1)])
    return layers.Conv2DTranspose(2, rng.randint(1, 4), strides=strides, padding=padding)(x)


def pooled(rng, layers, x):
    kind = rng.choice([layers.MaxPooling2D, layers.AveragePooling2D])
    return kind(rng.choice([2, (1, 3)]), rng.choice([None, 1]), rng.choice(["same", "valid"]))(x)


def averaged(rng, layers, x):
    return layers.GlobalAveragePooling2D(keepdims=True)(x)


def padded(rng, layers, x):
    around = rng.choice([1, (0, 2), ((1, 0), (2, 1))])
    kind = rng.choice([layers.ZeroPadding2D, layers.Cropping2D])
    return kind(around if kind is layers.ZeroPadding2D else ((1, 0), (0, 2)))(x)


def moved(rng, layers, x):
    if rng.random() < 0.6:
        return layers.Permute(rng.sample([1, 2, 3], 3))(x)
    height, width, channels = x.shape[1:]
    return layers.Reshape((width, channels, height))(x)


def joined(rng, layers, x):
    other = layers.Activation("relu")(layers.BatchNormalization()(x))
    if rng.random() < 0.4:
        return layers.Concatenate(axis=rng.choice([1, 2, 3, -1]))([x, other, x])
    if rng.random() < 0.5:
        return layers.Add()([x, other])
    return layers.Multiply()([layers.GlobalMaxPooling2D(keepdims=True)(x), other])


def resized(rng, layers, x):
    if rng.random() < 0.5:
        return layers.UpSampling2D((2, 1))(x)
    return layers.Resizing(5, 6)(x)


STEPS = [convolved, deconvolved, pooled, averaged, padded, moved, joined, resized]


def nested(rng, keras, x):
    """The same in a model that is a layer: of one kind or the other."""
    layers, step = keras.layers, rng.choice(STEPS)
    if rng.random() < 0.5:
        given = layers.Input(x.shape[1:])
        return keras.models.Model(given, step(rng, layers, given))(x)
    return keras.models.Sequential([layers.Conv2D(2, 3, padding="same"), layers.UpSampling2D()])(x)


@needs_keras_2
@pytest.mark.slow
@pytest.mark.parametrize(
    "step", [*STEPS, nested, None], ids=lambda s: getattr(s, "__name__", "mix")
)
@pytest.mark.parametrize("made_by", sorted(MADE_BY))
def test_sizes_behind_drawn_layers(made_by, step):
    keras = MADE_BY[made_by]
    for seed in range(8):
        rng = random.Random(seed)
        image = keras.layers.Input([rng.randint(6, 9) for _ in range(3)], batch_size=1)
        x = image
        for _ in range(3 if step is None else 1):
            one = step or rng.choice([*STEPS, nested])
            x = one(rng, keras if one is nested else keras.layers, x)
            if min(x.shape[1:3]) < 6:
                x = keras.layers.UpSampling2D(6)(x)
        size, channels = tuple(x.shape[1:3]), x.shape[3]
        model = keras.models.Model(image, keras.layers.UpSampling2D(3, name="last")(x))
        found = read_config(json.loads(model.to_json()), "2.12.0", None)
        last = found.intents[-1]
        assert (last.name, last.input_size, last.channels) == ("last", size, channels), seed
        assert not found.notices


@needs_keras_2
def test_sizes_of_an_input_of_any_size():
    keras = MADE_BY[sorted(MADE_BY)[0]]
    image = keras.layers.Input((None, 8, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(image)
    model = keras.models.Model(image, keras.layers.UpSampling2D(2)(x))
    (found,) = read_config(json.loads(model.to_json()), "2.12.0", None).intents
    assert (found.input_size, found.channels) == (None, 4)


@needs_keras_2
def test_a_sequential_model_that_runs_at_two_sizes():
    keras = MADE_BY[sorted(MADE_BY)[0]]
    layers = keras.layers
    up = keras.models.Sequential([layers.UpSampling2D(2, name="up")], name="decoder")
    image = layers.Input((5, 6, 3))
    model = keras.models.Model(image, up(layers.Conv2D(3, 1)(up(image))))
    found = read_config(json.loads(model.to_json()), "2.12.0", None)
    assert [one.input_size for one in found.intents] == [(5, 6), (10, 12)]
