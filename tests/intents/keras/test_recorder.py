"""Models of every Keras that is installed here, recorded while they run."""

import contextlib
import warnings

import numpy as np
import pytest

from coreml_resize_fix import Manifest, record_intents
from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.intents.keras.layers import is_keras
from coreml_resize_fix.sampling import reference
from tests.intents.keras import support
from tests.intents.keras.support import BACKEND, IS_GRAPH, KERAS, images, unet

pytest.importorskip("keras", reason=support.REASON)
pytestmark = pytest.mark.filterwarnings("default")  # of the frameworks
each_keras = pytest.mark.parametrize("name", sorted(KERAS))


def computed(intent, pair):
    """What an intent makes of its recorded input, by its sampling grid."""
    return reference.resize(pair.input, *intent.axes(pair.input.shape[2:], pair.output.shape[2:]))


def assert_right(intents):
    """Every intent says what its framework computed."""
    assert sorted(intents.tensors) == list(range(len(intents)))
    for index, pair in intents.tensors.items():
        intent = intents[index]
        assert (intent.input_size, intent.output_size) == (
            pair.input.shape[2:],
            pair.output.shape[2:],
        )
        assert intent.channels == pair.input.shape[1]
        assert intent.target_size(intent.input_size) == intent.output_size
        np.testing.assert_allclose(computed(intent, pair), pair.output, atol=2e-5)


@each_keras
def test_layers_of_keras(name):
    model, image = unet(KERAS[name]), images(6, 8, 3)
    intents = record_intents(model, image, tensors=True)
    smooth, repeated = support.own(name), support.repeated(name)
    assert [(i.name, i.framework, i.mode, i.scale_factor, i.channels) for i in intents] == [
        ("decoder/up", smooth, "bilinear", (2.0, 2.0), 2),
        ("wide", repeated, "nearest", (1.0, 3.0), 2),
        ("wide", repeated, "nearest", (1.0, 3.0), 2),
    ]
    sizes = [(i.input_size, i.output_size) for i in intents]
    assert sizes == [((3, 4), (6, 8)), ((6, 8), (6, 24)), ((6, 24), (6, 72))]
    assert [(i.size, i.align_corners, i.antialias, i.site, i.index) for i in intents] == [
        (None, False, False, None, index) for index in range(3)
    ]
    assert intents.notices == []
    assert_right(intents)


@each_keras
def test_tensors_of_the_whole_network(name, tmp_path):
    model, image = unet(KERAS[name]), images(6, 8, 3)
    intents = record_intents(model, image, tensors=True)
    assert list(intents.network.inputs) == ["image"]
    assert list(intents.network.outputs) == ["wide", "best"]
    np.testing.assert_array_equal(intents.network.inputs["image"], image)
    for recorded, predicted in zip(intents.network.outputs.values(), model.predict(image)):
        np.testing.assert_allclose(recorded, predicted, atol=1e-6)
    intents.save(str(tmp_path / "intent.json"))
    loaded = Manifest.load(str(tmp_path / "intent.json"))
    assert [str(intent) for intent in loaded] == [str(intent) for intent in intents]
    assert [intent.framework for intent in loaded] == [intent.framework for intent in intents]
    assert list(loaded.network_tensors().outputs) == ["wide", "best"]
    assert record_intents(model, image).network is None
    assert record_intents(model, image).tensors == {}


@each_keras
def test_a_block_records_what_an_example_does(name):
    model, image = unet(KERAS[name]), images(6, 8, 3)
    expected = list(record_intents(model, image))
    before = type(model).__call__, type(model).predict
    with record_intents(model, tensors=True) as intents:
        outputs = model.predict(image)
    assert list(intents) == expected
    if BACKEND == "jax":  # traces what it predicts; then there are no values
        assert intents.notices == ["the model was traced, not run: no tensors are kept"]
    else:
        assert intents.notices == []
        np.testing.assert_allclose(intents.network.outputs["wide"], outputs[0], atol=1e-6)
    assert (type(model).__call__, type(model).predict) == before
    model.predict(image)
    assert list(intents) == expected


@pytest.mark.skipif(BACKEND == "jax", reason="JAX compiles what it predicts, and shows that once")
@each_keras
def test_runs_in_a_block_are_counted(name):
    model, image = unet(KERAS[name]), images(6, 8, 3)
    model.predict(image)  # what Keras has compiled is recorded, too
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with record_intents(model) as twice:
            model.predict(image)
            model.predict(image)
        with record_intents(model) as never:
            pass
    assert (len(twice), len(never)) == (3 if IS_GRAPH else 6, 0)
    said = [str(one.message) for one in warned]
    for intents, text in ((twice, "ran 2 times"), (never, "was not called")):
        assert text in intents.notices[0]
        assert intents.notices[0] in said


@each_keras
def test_a_block_that_fails_keeps_what_ran(name):
    model, image = unet(KERAS[name]), images(6, 8, 3)
    with contextlib.suppress(ZeroDivisionError), record_intents(model) as intents:
        model.predict(image)
        image = 1 / 0
    assert len(intents) == 3
    with record_intents(model) as again:
        model.predict(images(6, 8, 3))
    assert BACKEND == "jax" or list(again) == list(intents)


@each_keras
def test_several_examples_show_what_a_size_follows(name):
    model = unet(KERAS[name], (None, None))
    intents = record_intents(model, [images(6, 8, 3), images(10, 12, 3)], tensors=True)
    assert intents[0].sizes == (((3, 4), (6, 8)), ((5, 6), (10, 12)))
    assert len(intents) == len(intents.tensors) == 3
    with pytest.raises(UsageError, match="list of examples is empty"):
        record_intents(model, [])


@each_keras
def test_several_inputs_and_outputs(name):
    layers = KERAS[name].layers
    first, second = layers.Input((4, 4, 1), name="first"), layers.Input((2, 2, 1), name="second")
    up = layers.UpSampling2D(2, name="up")(second)
    joined = layers.Add(name="joined")([first, up])
    model = KERAS[name].models.Model([first, second], [up, joined])
    given = images(4, 4, 1).astype("float64"), images(2, 2, 1)
    for example in (given, (list(given),)):
        intents = record_intents(model, example, tensors=True)
        assert [intent.name for intent in intents] == ["up"]
        assert {key: one.shape for key, one in intents.network.inputs.items()} == {
            "first": (1, 4, 4, 1),
            "second": (1, 2, 2, 1),
        }
        assert {one.dtype for one in intents.network.inputs.values()} == {np.dtype("float32")}
        assert list(intents.network.outputs) == ["up", "joined"]


@pytest.mark.skipif(IS_GRAPH, reason="TensorFlow 1 records models that are made from their inputs")
@each_keras
def test_layers_that_are_made_as_the_model_runs(name):
    layers = KERAS[name].layers

    class Lazy(layers.Layer):
        def build(self, shape):
            self.up = layers.UpSampling2D(2, interpolation="bilinear", name="up")
            super().build(shape)

        def call(self, maps):
            return self.up(maps)

    model = KERAS[name].models.Sequential([Lazy(name="lazy")])
    intents = record_intents(model, images(4, 4, 1), tensors=True)
    assert [intent.name for intent in intents] == ["lazy/up"]
    assert_right(intents)


@pytest.mark.skipif(not IS_GRAPH, reason="needs TensorFlow 1: pip install tensorflow==1.15.5")
def test_what_is_no_graph():
    for name in sorted(KERAS):
        with pytest.raises(UsageError, match="no inputs and outputs in a graph"):
            record_intents(KERAS[name].models.Sequential(), images(4, 4, 1))


@each_keras
def test_a_model_in_a_wrapper(name):
    layers = KERAS[name].layers
    frames = layers.Input((2, 4, 5, 3), name="frames")
    up = layers.UpSampling2D(2, interpolation="bilinear", name="up")
    model = KERAS[name].models.Model(frames, layers.TimeDistributed(up, name="each")(frames))
    intents = record_intents(model, images(2, 4, 5, 3))
    assert {intent.name for intent in intents} == {"each/up"}
    assert {intent.output_size for intent in intents} == {(8, 10)}


@each_keras
def test_other_layers_that_make_maps_larger_are_no_resizes(name):
    layers = KERAS[name].layers
    image = layers.Input((4, 6, 3))
    y = layers.Conv2DTranspose(2, 3, strides=2)(image)
    y = layers.AveragePooling2D(3)(y)
    y = layers.Reshape((-1, 2))(y)
    y = layers.UpSampling1D(2)(y)
    model = KERAS[name].models.Model(image, y)
    assert list(record_intents(model, images(4, 6, 3))) == []


@pytest.mark.skipif(IS_GRAPH, reason="such a layer came with TensorFlow 2.6")
@each_keras
def test_resizing(name):
    layers = KERAS[name].layers
    image = layers.Input((9, 11, 3), name="image")
    kinds = [("bilinear", (5, 20)), ("nearest", (7, 9)), ("bicubic", (20, 13))]
    outputs = [layers.Resizing(*size, interpolation=kind, name=kind)(image) for kind, size in kinds]
    model = KERAS[name].models.Model(image, outputs)
    intents = record_intents(model, images(9, 11, 3), tensors=True)
    found = {intent.name: (intent.framework, intent.mode, intent.size) for intent in intents}
    expected = {kind: (support.own(name), kind, size) for kind, size in kinds}
    if BACKEND == "torch":
        expected["nearest"] = ("torch", "nearest-exact", (7, 9))
    if BACKEND == "jax":
        expected["bicubic"] = ("onnx", "bicubic", (20, 13))
    assert found == expected
    assert all(intent.site is None for intent in intents)
    assert_right(intents)


@pytest.mark.skipif(
    "keras" not in KERAS or KERAS["keras"].__version__.startswith("2."),
    reason="needs Keras 3: pip install 'keras>=3'",
)
def test_functions_of_keras_3():
    keras = KERAS["keras"]

    class Mine(keras.layers.Layer):
        def call(self, maps):
            return keras.ops.image.resize(maps, (7, 5), data_format="channels_last")

    image = keras.layers.Input((9, 11, 3))
    y = keras.ops.image.resize(image, (4, 4), interpolation="nearest")
    model = keras.Model(image, Mine(name="mine")(y))
    intents = record_intents(model, images(9, 11, 3), tensors=True)
    assert [(i.name, i.mode, i.size) for i in intents] == [
        ("resize", "nearest-exact" if BACKEND == "torch" else "nearest", (4, 4)),
        ("mine", "bilinear", (7, 5)),
    ]
    assert intents[0].framework == support.own("keras")
    assert intents[1].framework == ("torch" if BACKEND == "torch" else "tensorflow2")
    assert intents[1].site in (None, intents[1].site and f"test_recorder.py:{_line('(7, 5)')}")
    assert_right(intents)


def _line(text):
    with open(__file__, encoding="utf-8") as file:
        return 1 + next(number for number, line in enumerate(file) if text in line)


@pytest.mark.skipif(BACKEND != "torch", reason="needs Keras 3 on PyTorch: KERAS_BACKEND=torch")
def test_functions_of_pytorch():
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

    class Mine(KERAS["keras"].layers.Layer):
        def call(self, maps):
            first = maps.permute(0, 3, 1, 2)
            first = torch.nn.functional.interpolate(
                first, scale_factor=1.7, mode="bicubic", align_corners=True
            )
            return torch.ops.aten.upsample_nearest2d(first, [9, 9])

    model = KERAS["keras"].Sequential([Mine(name="mine")])
    intents = record_intents(model, images(9, 11, 3), tensors=True)
    assert [(i.name, i.framework, i.mode, i.align_corners, i.size) for i in intents] == [
        ("mine", "torch", "bicubic", True, None),
        ("mine", "torch", "nearest", False, (9, 9)),
    ]
    assert intents[0].scale_factor == (1.7, 1.7)
    assert intents[0].framework_version == torch.__version__
    assert_right(intents)


@pytest.mark.skipif(BACKEND != "jax", reason="needs Keras 3 on JAX: KERAS_BACKEND=jax")
def test_functions_of_jax():
    jax = pytest.importorskip("jax", reason="needs JAX: pip install jax")

    class Mine(KERAS["keras"].layers.Layer):
        def call(self, maps):
            maps = jax.image.resize(maps, (1, 5, 4, 3), "cubic")
            maps = jax.image.resize(maps, (1, 8, 4, 3), "linear", antialias=False)
            maps = jax.image.resize(maps, (1, 8, 8, 3), "lanczos3")
            return jax.image.resize(maps, (2, 8, 8, 3), "nearest")

    model = KERAS["keras"].Sequential([Mine(name="mine")])
    before = jax.image.resize
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        intents = record_intents(model, images(9, 11, 3), tensors=True)
    assert jax.image.resize is before
    assert [(i.mode, i.antialias, i.framework, i.size) for i in intents] == [
        ("bicubic", True, "tensorflow2", (5, 4)),
        ("bilinear", False, "tensorflow2", (8, 4)),
    ]
    assert len(intents.notices) == 2
    assert "lanczos3" in intents.notices[0]
    assert_right(intents)


def test_what_is_a_keras_model():
    other = type("Layer", (), {"__module__": "keras_like.layers"})
    assert not is_keras(other())
    assert not is_keras(lambda image: image)
    assert all(is_keras(unet(keras)) for keras in KERAS.values())
