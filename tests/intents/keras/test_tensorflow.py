"""What is recorded of TensorFlow's own functions in the layers of a model, as it runs."""

import warnings

import numpy as np
import pytest

from coreml_resize_fix import record_intents
from tests.intents.keras import support
from tests.intents.keras.support import IS_GRAPH, KERAS, images, tensorflow
from tests.intents.keras.test_recorder import assert_right

pytest.importorskip("tensorflow", reason="needs TensorFlow: pip install tensorflow")
pytestmark = pytest.mark.filterwarnings("default")
NAME = next(name for name in ("tf_keras", "tf.keras", "keras") if name in KERAS)
keras = KERAS[NAME]
eager = pytest.mark.skipif(IS_GRAPH, reason="needs TensorFlow 2: pip install tensorflow")
old = tensorflow.compat.v1.image

# name of the layer: function, what is recorded of it
CALLS = {
    "v1_bilinear": (
        lambda x: old.resize_bilinear(x, (5, 9)),
        ("tensorflow1", "bilinear", False, False),
    ),
    "v1_corners": (
        lambda x: old.resize_bilinear(x, (9, 12), align_corners=True),
        ("tensorflow1", "bilinear", True, False),
    ),
    "v1_nearest": (
        lambda x: old.resize_nearest_neighbor(x, (4, 13)),
        ("tensorflow1", "nearest", False, False),
    ),
    "v1_cubic": (
        lambda x: old.resize_bicubic(x, (11, 8), align_corners=True),
        ("tensorflow1", "bicubic", True, False),
    ),
    "v1_area": (lambda x: old.resize_area(x, (5, 5)), ("tensorflow1", "area", False, False)),
    "v2_bilinear": (
        lambda x: tensorflow.raw_ops.ResizeBilinear(
            images=x, size=(13, 4), half_pixel_centers=True
        ),
        ("tensorflow2", "bilinear", False, False),
    ),
    "v2_nearest": (
        lambda x: tensorflow.raw_ops.ResizeNearestNeighbor(
            images=x, size=(4, 5), half_pixel_centers=True
        ),
        ("tensorflow2", "nearest", False, False),
    ),
    "v2_antialias": (
        lambda x: tensorflow.compat.v2.image.resize(x, (3, 4), antialias=True),
        ("tensorflow2", "bilinear", False, True),
    ),
    "v2_cubic": (
        lambda x: tensorflow.compat.v2.image.resize(x, (9, 12), "bicubic"),
        ("tensorflow2", "bicubic", False, False),
    ),
}


def lambdas(calls, size=(7, 8)):
    layers = keras.layers
    image = layers.Input((*size, 2), name="image")
    outputs = [layers.Lambda(function, name=name)(image) for name, function in calls.items()]
    return keras.models.Model(image, outputs)


def test_functions():
    model = lambdas({name: function for name, (function, _) in CALLS.items()})
    intents = record_intents(model, images(7, 8, 2), tensors=True)
    found = {i.name: (i.framework, i.mode, i.align_corners, i.antialias) for i in intents}
    assert found == {name: expected for name, (_, expected) in CALLS.items()}
    assert not IS_GRAPH or list(found) == list(CALLS)  # the order in which they were made
    assert all(intent.size == intent.output_size for intent in intents)
    assert all(intent.site.startswith("test_tensorflow.py:") for intent in intents)
    assert len({intent.site for intent in intents}) > 1
    assert {intent.framework_version for intent in intents} == {tensorflow.__version__}
    assert intents.notices == []
    assert_right(intents)


def test_functions_without_an_intent_are_named():
    scaled = tensorflow.raw_ops.ScaleAndTranslate
    model = lambdas(
        {
            "lanczos": lambda x: tensorflow.compat.v2.image.resize(x, (5, 5), "lanczos3"),
            "moved": lambda x: scaled(
                images=x,
                size=(7, 8),
                scale=(1.0, 1.0),
                translation=(0.0, 0.5),
                kernel_type="triangle",
            ),
            "scaled": lambda x: scaled(
                images=x,
                size=(7, 8),
                scale=(2.0, 1.0),
                translation=(0.0, 0.0),
                kernel_type="triangle",
            ),
            "plain": lambda x: scaled(
                images=x,
                size=(14, 8),
                scale=(2.0, 1.0),
                translation=(0.0, 0.0),
                kernel_type="triangle",
                antialias=False,
            ),
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        intents = record_intents(model, images(7, 8, 2))
    assert list(intents) == []
    for name, why in (
        ("lanczos", "`lanczos3`"),
        ("moved", "whole image"),
        ("scaled", "whole image"),
        ("plain", "no antialias"),
    ):
        assert any(f"`{name}`" in notice and why in notice for notice in intents.notices)


def test_what_no_output_needs_is_not_in_a_graph():
    layers = keras.layers
    image = layers.Input((4, 4, 3))
    layers.UpSampling2D(2, name="unused")(image)
    model = keras.models.Model(image, layers.UpSampling2D(3, name="used")(image))
    assert [intent.name for intent in record_intents(model, images(4, 4, 3))] == ["used"]


@pytest.mark.skipif(not IS_GRAPH, reason="needs TensorFlow 1: pip install tensorflow==1.15.5")
@pytest.mark.parametrize("name", sorted(KERAS))
def test_graphs_run_as_they_predict(name):
    layers = KERAS[name].layers
    image = layers.Input((4, 4, 3))
    y = layers.Dropout(0.9)(layers.BatchNormalization()(image))
    model = KERAS[name].models.Model(image, layers.UpSampling2D(2, name="up")(y))
    intents = record_intents(model, images(4, 4, 3), tensors=True)
    (made,) = intents.network.outputs.values()
    np.testing.assert_allclose(made, model.predict(images(4, 4, 3)), atol=1e-6)
    with pytest.raises(Exception, match="1 inputs in its graph, and 2 are given"):
        record_intents(model, (images(4, 4, 3), images(4, 4, 3)))


@pytest.mark.skipif(not IS_GRAPH, reason="needs TensorFlow 1: pip install tensorflow==1.15.5")
def test_functions_in_a_graph_are_named():
    @tensorflow.function
    def inner(maps):
        return old.resize_bilinear(maps, (5, 5))

    model = lambdas({"called": lambda x: inner(x)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        intents = record_intents(model, images(7, 8, 2))
    assert list(intents) == []
    assert "`ResizeBilinear` in a compiled function" in intents.notices[0]
    assert "`called/" in intents.notices[0]


@eager
def test_subclassed_models_and_compiled_functions():
    @tensorflow.function
    def compiled(maps):
        return tensorflow.image.resize(maps, (5, 5))

    closed = compiled.get_concrete_function(tensorflow.TensorSpec((1, 4, 4, 2)))

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.up = keras.layers.UpSampling2D(2, interpolation="bilinear", name="up")

        def call(self, maps):
            return {"b": self.up(compiled(maps)), "a": closed(maps)}

    model = Net()
    model(images(4, 4, 2))
    with pytest.warns(UserWarning, match="`ResizeBilinear` in a compiled function"):
        intents = record_intents(model, images(4, 4, 2), tensors=True)
    assert [(i.name, i.framework) for i in intents] == [(None, "tensorflow2"), ("up", "keras")]
    assert intents[0].site == f"test_tensorflow.py:{_line('tensorflow.image.resize(maps, (5, 5))')}"
    assert list(intents.network.outputs) == ["a", "b"]
    assert len(intents.notices) == 1
    assert_right(intents)


def _line(text):
    with open(__file__, encoding="utf-8") as file:
        return 1 + next(number for number, line in enumerate(file) if text in line)


@eager
def test_loops_run_as_often_as_they_run():
    def twice(maps):
        for _ in tensorflow.range(2):
            maps = tensorflow.image.resize(maps, tensorflow.shape(maps)[1:3] + 1)
        return maps

    class Net(keras.Model):
        @tensorflow.function
        def call(self, maps):
            return twice(maps)

    intents = record_intents(Net(), images(4, 4, 2))
    assert [intent.output_size for intent in intents] == [(5, 5), (6, 6)]


@eager
def test_a_trace_in_a_block_is_recorded_without_values_and_a_run_once():
    model, image = support.unet(keras), images(6, 8, 3)
    expected = list(record_intents(model, image))
    spec = tensorflow.TensorSpec((1, 6, 8, 3))
    with record_intents(model) as traced:
        tensorflow.function(lambda x: model(x)).get_concrete_function(spec)
    assert list(traced) == expected
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with record_intents(model, tensors=True) as both:
            tensorflow.function(lambda x: model(x)).get_concrete_function(spec)
            model(image)
            tensorflow.function(lambda x: model(x)).get_concrete_function(spec)
    assert list(both) == expected
    assert len(both.tensors) == 3
    assert both.notices == []


@eager
def test_what_runs_outside_of_the_model():
    model, image = support.unet(keras), images(6, 8, 3)
    with pytest.warns(UserWarning, match="outside a call"), record_intents(model) as intents:
        model(tensorflow.image.resize(images(3, 3, 3), (6, 8)))
    assert [intent.name for intent in intents] == [None, "decoder/up", "wide", "wide"]
    tensorflow.image.resize(image, (3, 3))
    assert len(intents) == 4
    assert not tensorflow.config.functions_run_eagerly()


@eager
def test_half_precision():
    layers = keras.layers
    image = layers.Input((4, 6, 3))
    y = layers.UpSampling2D(2, interpolation="bilinear", dtype="float16")(image)
    model = keras.models.Model(image, y)
    intents = record_intents(model, images(4, 6, 3), tensors=True)
    assert intents.tensors[0].output.dtype == np.float32
    assert intents[0].output_size == (8, 12)
