"""Drawn networks of Keras: all sources of intents say the same, and models are judged by it.

What Keras computes decides: a model whose outputs are as Keras has them needs no fix, another one
has to be found, and its fix computes what Keras does.
"""

import random

import numpy as np
import pytest

from coreml_resize_fix import Manifest, audit, fix, predict, record_intents
from tests.intents.keras import support

tensorflow = pytest.importorskip("tensorflow", reason=support.REASON)
coremltools = pytest.importorskip(
    "coremltools", minversion="7.0", reason="needs coremltools 7: pip install coremltools"
)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]
if support.IS_GRAPH or support.BACKEND != "tensorflow":
    pytest.skip("needs TensorFlow 2: pip install tensorflow", allow_module_level=True)

KERAS = support.KERAS["keras"]
IS_THIRD = KERAS.__version__ >= "3"
CLOSE = 1e-4  # of the largest magnitude


class Drawn:
    """A network of up to five resizes; `model` and an `example` for it."""

    def __init__(self, seed):
        self._rng, self._layers = random.Random(seed), KERAS.layers
        self._named = seed % 2
        layers, rng = self._layers, self._rng
        image = layers.Input((rng.randint(4, 9), rng.randint(4, 9), 3), batch_size=1, name="image")
        maps = [self._convolved(image)]
        for _ in range(rng.randint(2, 5)):
            y = self._resized(maps[-1])
            y = self._convolved(y) if rng.random() < 0.6 else y
            if rng.random() < 0.4:
                y = self._joined(y, rng.choice(maps))
            if min(y.shape[1:3]) > 8 and rng.random() < 0.4:
                y = layers.MaxPooling2D()(y)
            maps.append(y)
        ends = [maps[-1], *rng.sample(maps[1:-1], rng.randint(0, 1) if len(maps) > 2 else 0)]
        self.model = KERAS.models.Model(image, [layers.Conv2D(2, 1)(end) for end in ends])
        draw = np.random.RandomState(seed)
        shapes = [weight.shape for weight in self.model.get_weights()]
        self.model.set_weights([0.5 * draw.randn(*shape).astype("float32") for shape in shapes])
        self.example = draw.rand(*image.shape).astype("float32")

    def _name(self, kind):
        if not self._named or self._rng.random() < 0.3:
            return None
        return f"{self._rng.choice(['up', 'dec', kind])}_{self._rng.randint(1, 10**6)}"

    def _convolved(self, maps):
        chosen = self._rng.choice(["relu", "tanh"])
        channels = self._rng.randint(2, 4)
        return self._layers.Conv2D(channels, 3, padding="same", activation=chosen)(maps)

    def _upsampling(self, maps, **more):
        factors = [(2, 2), (1, 2), (3, 1), (2, 3), (1, 1)] if max(maps.shape[1:3]) < 20 else [1]
        mode = self._rng.choice(["nearest", "bilinear"])
        name = self._name("up_sampling2d")
        return self._layers.UpSampling2D(
            self._rng.choice(factors), interpolation=mode, name=name, **more
        )

    def _resized(self, maps):
        kinds = (self._once, self._once, self._twice, self._inside, self._turned, self._first)
        return self._rng.choice([*kinds, self._resizing, self._resizing])(maps)

    def _once(self, maps):
        return self._upsampling(maps)(maps)

    def _twice(self, maps):
        """One layer that runs on its own result."""
        layer = self._upsampling(maps)
        return layer(layer(maps)) if max(maps.shape[1:3]) < 10 else layer(maps)

    def _inside(self, maps):
        """A model that is a layer, and may run twice."""
        given = self._layers.Input(maps.shape[1:])
        made = self._convolved(self._once(self._convolved(given)))
        inner = KERAS.models.Model(given, made, name=self._name("decoder"))
        if self._rng.random() < 0.5:
            return inner(maps)
        other = inner(self._layers.Activation("tanh")(maps))
        return self._layers.Concatenate()([inner(maps), other])

    def _turned(self, maps):
        return self._once(self._layers.Permute((2, 1, 3))(maps))

    def _first(self, maps):
        """Height and width behind the channels."""
        up = self._upsampling(maps, data_format="channels_first")
        return self._layers.Permute((2, 3, 1))(up(self._layers.Permute((3, 1, 2))(maps)))

    def _resizing(self, maps, size=None):
        mode = self._rng.choice(["nearest", "bilinear", "bilinear"])
        sizes = [
            self._rng.choice([2 * n, 2 * n - 1, n + 1, n, max(1, n // 2), max(1, n - 1)])
            for n in maps.shape[1:3]
        ]
        height, width = size or [min(n, 24) for n in sizes]
        if IS_THIRD and self._rng.random() < 0.3:
            return KERAS.ops.image.resize(maps, (height, width), interpolation=mode)
        name = self._name("resizing")
        return self._layers.Resizing(height, width, interpolation=mode, name=name)(maps)

    def _joined(self, maps, other):
        if maps.shape[1:3] != other.shape[1:3]:
            maps = self._resizing(maps, other.shape[1:3])
        return self._layers.Concatenate()([maps, other])

    def function(self):
        model, spec = self.model, tensorflow.TensorSpec(self.example.shape, name="image")
        return tensorflow.function(lambda image: model(image), [spec]).get_concrete_function()


def asked(intent):
    """What a source may say of a call in its own words."""
    framework = "tensorflow2" if intent.framework == "keras" else intent.framework
    return framework, intent.mode, intent.align_corners, intent.antialias


def is_same(one, other):
    sizes = ("input_size", "output_size", "channels")
    known = [(getattr(one, size), getattr(other, size)) for size in sizes]
    return asked(one) == asked(other) and all(None in pair or len({*pair}) == 1 for pair in known)


def in_nodes(intents):
    """Those of which a graph has a node: Keras 3 repeats pixels by tiles, TFLite drops copies."""
    by_tile = [
        one for one in intents if not (IS_THIRD and one.framework == "keras")
        or one.mode != "nearest" or one.scale_factor is None
    ]  # fmt: skip
    return [one for one in by_tile if one.input_size != one.output_size]


def agree(expected, found):
    """Whether these are the same calls; graphs have them in another order."""
    left = list(found)
    for one in expected:
        same = next((other for other in left if is_same(one, other)), None)
        if same is None:
            return False
        left.remove(same)
    return not left


def written(drawn, folder):
    """The files that say what the network resizes."""
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2_as_graph as frozen,
    )

    function = drawn.function()
    files = {name: str(folder / name) for name in ("graph.pb", "model.tflite", "model.h5")}
    (folder / "graph.pb").write_bytes(frozen(function)[1].SerializeToString())
    converter = tensorflow.lite.TFLiteConverter.from_concrete_functions([function], drawn.model)
    (folder / "model.tflite").write_bytes(converter.convert())
    drawn.model.save(files["model.h5"])
    if IS_THIRD:
        files["model.keras"] = str(folder / "model.keras")
        drawn.model.save(files["model.keras"])
    return files


def error(outputs, wanted):
    """The largest one, as a share of the magnitude; outputs have one order, names differ."""
    made = list(outputs.values())
    assert len(made) == len(wanted)
    worst = 0.0
    for array in wanted:
        same = [one for one in made if one.shape == array.shape]
        worst = max(worst, min(np.abs(one - array).max() for one in same) / np.abs(array).max())
    return worst


@pytest.mark.parametrize("seed", [*range(6), 8])
def test_a_drawn_network(seed, tmp_path):
    drawn = Drawn(seed)
    recorded = record_intents(drawn.model, drawn.example)
    assert not recorded.notices
    files = written(drawn, tmp_path)
    for name, path in files.items():
        found = Manifest.load(path)
        if name.startswith("model.") and name != "model.tflite":
            assert len(found) == len(recorded)
            assert all(map(is_same, recorded, found)), name
        else:
            assert agree(in_nodes(recorded), in_nodes(found)), name
    wanted = drawn.model.predict(drawn.example, verbose=0)
    wanted = wanted if isinstance(wanted, list) else [wanted]
    converted = coremltools.convert(
        [drawn.function()],
        source="tensorflow",
        convert_to="neuralnetwork" if seed % 2 else "mlprogram",
        **({} if seed % 2 else {"compute_precision": coremltools.precision.FLOAT32}),
    )
    path = str(tmp_path / ("net.mlmodel" if seed % 2 else "net.mlpackage"))
    converted.save(path)
    image = {"image": drawn.example}
    is_right = error(predict(path, image), wanted) <= CLOSE
    for name, source in [("recorder", recorded), *files.items()]:
        report = audit(path, source, decompose=True, verify=False)
        assert report.exit_code == (0 if is_right else 1), (name, str(report))
        if is_right or name not in ("recorder", "model.h5"):  # each fix measures the network
            continue
        result = fix(path, source, decompose=True, output=str(tmp_path / (name + path[-10:])))
        assert error(predict(result, image), wanted) <= CLOSE, name
