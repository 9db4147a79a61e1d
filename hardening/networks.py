"""Random valid models with everything in them that must survive an edit, and their true calls."""

import random
from typing import Any, Dict, List, NamedTuple, Tuple

from coreml_resize_fix.formats.protobuf import schema
from tests.support.wirediff import encoded, field

Size = Tuple[int, int]
CHANNELS = 2


class Call(NamedTuple):
    """A resize layer: the name that no other has, what it was asked for, and its two sizes."""

    layer: str
    mode: str
    before: Size
    after: Size


class Made(NamedTuple):
    """A model and the calls of its resize layers."""

    model: Any
    calls: List[Call]


class _Maker:
    """Draws models; names are numbered through, so that a name stands for one layer."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.calls: List[Call] = []
        self._count = 0

    def name(self, stem: str) -> str:
        self._count += 1
        return stem + self.rng.choice(("", "/", " é", "x" * 150)) + str(self._count)

    def model(self, size: Size, depth: int, blobs: Tuple[str, str]) -> Tuple[Any, Size]:
        """A network or a pipeline, with the size of its output."""
        made = schema.model_class()()
        made.specificationVersion = self.rng.choice((1, 2, 3, 4))
        self._describe(made, size, blobs)
        if depth and self.rng.random() < 0.4:
            kind = self.rng.choice(("pipeline", "pipelineClassifier", "pipelineRegressor"))
            owner = getattr(made, kind)
            inner = owner if kind == "pipeline" else owner.pipeline
            between = ["between{}".format(index) for index in range(self.rng.randint(0, 2))]
            names = [blobs[0], *between, blobs[1]]
            for pair in zip(names, names[1:]):
                child, size = self.model(size, depth - 1, pair)
                inner.models.append(child)
        else:
            kinds = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")
            network = getattr(made, self.rng.choice(kinds))
            network.SetInParent()
            if hasattr(network, "stringClassLabels"):
                words = ("cat", "dög", "x" * 300)
                network.stringClassLabels.vector.extend(words[: self.rng.randint(0, 3)])
            size = self.layers(network, size, blobs, made.specificationVersion)
        self._finish(made, size)
        return made, size

    def layers(self, network: Any, size: Size, blobs: Tuple[str, str], version: int) -> Size:
        """A chain of layers from one blob to the other."""
        count, blob = self.rng.randint(1, 6), blobs[0]
        for index in range(count):
            layer = network.layers.add(name=self.name("layer"), input=[blob])
            blob = blobs[1] if index == count - 1 else self.name("blob")
            layer.output.append(blob)
            size = self.rng.choice(_LAYERS)(self, layer, size)
            if self.rng.random() < 0.1:
                layer.MergeFromString(field(9001 + self.rng.randint(0, 2), b"future"))
        return size

    def _describe(self, made: Any, size: Size, blobs: Tuple[str, str]) -> None:
        description = made.description
        taken = description.input.add(name=blobs[0]).type.multiArrayType
        taken.shape.extend((CHANNELS, *size))
        taken.dataType = 65568  # FLOAT32
        description.output.add(name=blobs[1]).type.multiArrayType.dataType = 65568
        description.metadata.author = self.rng.choice(("", "somebody", "\N{SNOWMAN}"))
        for index in range(self.rng.choice((0, 0, 1, 5))):
            description.metadata.userDefined["key{}".format(index)] = "v" * (index * 90)

    def _finish(self, made: Any, size: Size) -> None:
        """Declare the size that the calls make, and add what a later version of the format may."""
        if self.rng.random() < 0.5:
            made.description.output[0].type.multiArrayType.shape.extend((CHANNELS, *size))
        if self.rng.random() < 0.2:
            made.MergeFromString(field(150, encoded(7), wire_type=0) + field(151, b"future" * 9))

    def plain(self, layer: Any, size: Size) -> Size:
        layer.activation.ReLU.SetInParent()
        return size

    def weighted(self, layer: Any, size: Size) -> Size:
        """A convolution whose weights are floats, half precision or quantized, small or not."""
        params = layer.convolution
        params.outputChannels = params.kernelChannels = CHANNELS
        params.kernelSize.extend((1, 1))
        params.valid.SetInParent()
        count = self.rng.choice((4, 60, 300, 5000))
        kind = self.rng.randrange(3)
        if kind == 0:
            params.weights.floatValue.extend(self.rng.uniform(-1, 1) for _ in range(count))
        elif kind == 1:
            params.weights.float16Value = self.rng.randbytes(2 * count)
        else:
            params.weights.rawValue = self.rng.randbytes(count)
            params.weights.quantization.numberOfBits = 8
            params.weights.quantization.linearQuantization.scale.append(0.5)
        return size

    def custom(self, layer: Any, size: Size) -> Size:
        layer.custom.className = "Swish"
        layer.custom.parameters["beta"].doubleValue = 1.5
        layer.custom.weights.add().float16Value = b"\0\1" * self.rng.choice((1, 800))
        return size

    def resize(self, layer: Any, size: Size) -> Size:
        """What a converter made of a call: the factor truncated, the mode lost."""
        mode = self.rng.choice(("bilinear", "bilinear", "bilinear", "half", "nearest"))
        wanted = tuple(max(1, min(60, n * 2 + self.rng.randint(-n, n))) for n in size)
        if mode != "bilinear":
            wanted = tuple(n * self.rng.choice((1, 2, 3)) for n in size)
        if self.rng.random() < 0.2 and mode == "bilinear":
            layer.resizeBilinear.targetSize.extend(wanted)
            layer.resizeBilinear.mode.samplingMethod = self.rng.choice((0, 1, 2, 3))
        else:
            layer.upsample.scalingFactor.extend(max(1, n // x) for x, n in zip(size, wanted))
            layer.upsample.mode = 0 if mode == "nearest" else 1
        after = (wanted[0], wanted[1])
        self.calls.append(Call(layer.name, mode, size, after))
        return after

    def branched(self, layer: Any, size: Size) -> Size:
        """Two bodies that run on the same blobs; only one of them resizes nothing else."""
        body = layer.branch.ifBranch
        inner = body.layers.add(name=self.name("inner"), input=list(layer.input))
        inner.output.extend(layer.output)
        self.plain(inner, size)
        other = layer.branch.elseBranch.layers.add(name=self.name("inner"), input=["condition"])
        other.output.extend(layer.output)
        self.weighted(other, size)
        return size


_LAYERS = (
    _Maker.resize,
    _Maker.resize,
    _Maker.resize,
    _Maker.plain,
    _Maker.weighted,
    _Maker.custom,
    _Maker.branched,
)


def made(seed: int) -> Made:
    """A model with one resize layer at least."""
    maker = _Maker(seed)
    while not maker.calls:
        size = (maker.rng.randint(1, 12), maker.rng.randint(1, 12))
        model, _ = maker.model(size, 2, ("image", "scores"))
    return Made(model, maker.calls)


def manifest(calls: List[Call]) -> Dict[str, Any]:
    """The calls as a manifest, by layer."""
    return {
        call.layer: {
            "mode": "nearest" if call.mode == "nearest" else "bilinear",
            "align_corners": call.mode == "bilinear",
            "size": list(call.after),
            "input_size": list(call.before),
        }
        for call in calls
    }
