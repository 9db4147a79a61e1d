"""The order of calls in a saved model, against the order in which Keras ran them."""

import json
import random

import pytest

from coreml_resize_fix import record_intents
from coreml_resize_fix.intents.keras import layers as keras_layers
from coreml_resize_fix.intents.keras.config import read_config
from tests.intents.keras import support
from tests.intents.keras.support import KERAS, images

pytest.importorskip("keras", reason=support.REASON)
pytestmark = pytest.mark.filterwarnings("default")
MODELS = 200


def random_model(keras, seed):
    """Branches, layers and models that run again, several outputs, and ends that nothing needs."""
    layers, choose = keras.layers, random.Random(seed)
    small = layers.Input((2, 2, 1), name="small")
    y = layers.UpSampling2D(2, name="inside")(small)
    inner = keras.models.Model(small, layers.AveragePooling2D(2, name="back")(y), name="inner")
    tensors = [
        layers.Input((2, 2, 1), name=f"image{number}") for number in range(choose.randint(1, 3))
    ]
    inputs = list(tensors)
    shared = [
        keras.models.Sequential(
            [
                layers.UpSampling2D(2, name=f"s{number}", input_shape=(2, 2, 1)),
                layers.AveragePooling2D(2),
            ],
            name=f"shared{number}",
        )
        for number in range(2)
    ]
    for number in range(choose.randint(3, 12)):
        kind = choose.random()
        if kind < 0.4:
            y = layers.UpSampling2D(2, name=f"up{number}")(choose.choice(tensors))
            y = layers.AveragePooling2D(2, name=f"down{number}")(y)
        elif kind < 0.55:
            y = choose.choice([inner, *shared])(choose.choice(tensors))
        else:
            y = layers.Add(name=f"add{number}")([choose.choice(tensors) for _ in range(3)])
        tensors.append(y)
    outputs = choose.sample(tensors[len(inputs) :], choose.randint(1, 2))
    return keras.models.Model(inputs, outputs)


def written(model):
    """The configuration as a file has it, and the version."""
    if version(model).startswith("3."):
        from keras.saving import serialize_keras_object

        return json.loads(json.dumps(serialize_keras_object(model)))
    return json.loads(model.to_json())


def version(model):
    return str(keras_layers.version(model))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(KERAS))
def test_order(name):
    seen, keras = 0, KERAS[name]
    for seed in range(MODELS):
        keras.backend.clear_session()
        model = random_model(keras, seed)
        example = tuple(images(2, 2, 1) for _ in model.inputs)
        ran = [intent.name for intent in record_intents(model, example)]
        found = read_config(written(model), version(model), None)
        read = [intent.name for intent in found.intents]
        if support.IS_GRAPH:  # in the order in which layers were called, each once for one input
            read, ran = sorted(set(read)), sorted(set(ran))
        assert read == ran, seed
        seen += len(ran)
    assert seen > MODELS
