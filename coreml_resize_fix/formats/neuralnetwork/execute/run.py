"""Networks of a file as steps, and pipelines of networks.

Blobs have the rank that the network's mapping gives them. Weights are read from the file when the
layer that has them is computed, and kept by nobody.
"""

from functools import partial
from typing import Any, Collection, Dict, List, Mapping, Optional, Sequence, Union

import numpy as np

from coreml_resize_fix.formats import features
from coreml_resize_fix.formats.execution import Blobs, Execution, Made, NotRunError, Step, Walk
from coreml_resize_fix.formats.features import CLASSES, IMAGE, TEXT, Feature
from coreml_resize_fix.formats.neuralnetwork.execute import stored, table
from coreml_resize_fix.formats.neuralnetwork.execute.stored import Parts
from coreml_resize_fix.formats.neuralnetwork.layers import BODIES, NETWORK_KINDS, ModelRef
from coreml_resize_fix.formats.protobuf import schema, wire
from coreml_resize_fix.formats.protobuf.skeleton import Node
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.verify.kernels.checks import KernelError

__all__ = ["NetworkExecution", "PipelineExecution", "execution"]

_MOST_ROUNDS = 100_000  # of one loop
_TRUE = 1e-6  # what is larger is true
_LABELS = {100: "stringClassLabels", 101: "int64ClassLabels"}  # of NeuralNetworkClassifier

Label = Union[str, int]


class LayerEnd(Exception):
    """A loop's body ends here: `again` says whether the loop goes on."""

    def __init__(self, again: bool) -> None:
        super().__init__()
        self.again = again


def execution(
    models: Sequence[ModelRef], source: Source, in_half: bool, dtype: np.dtype
) -> Execution:
    """All models of a file, the outermost first, as what runs."""
    outermost = models[0]
    if outermost.is_network:
        return NetworkExecution(outermost, source, in_half, dtype)
    return PipelineExecution(models, source, in_half, dtype)


class PipelineExecution(Execution):
    """A pipeline: each model reads features that were given, or that one before it gave."""

    def __init__(
        self, models: Sequence[ModelRef], source: Source, in_half: bool, dtype: np.dtype
    ) -> None:
        description = models[0].message.description
        self.inputs = [features.read(one) for one in description.input]
        self.outputs = [features.read(one) for one in description.output]
        self.in_half = in_half
        self._stages = [
            (model, NetworkExecution(model, source, in_half, dtype) if model.is_network else None)
            for model in models
            if model.is_network or "pipeline" not in model.kind.lower()
        ]
        labels = [one.classes for _, one in self._stages if one is not None and one.classes]
        self.classes = labels[-1] if labels else None

    def run(
        self, inputs: Mapping[str, np.ndarray], prepared: Collection[str], walk: Walk
    ) -> Dict[str, np.ndarray]:
        known = dict(inputs)
        for model, network in self._stages:
            if network is None:
                where = model.prefix.rstrip("/")
                reason = f"is a `{model.kind}` in a pipeline, which is not known here"
                raise NotRunError(where, where, reason)
            names = [feature.name for feature in network.inputs]
            behind = [name for name in prepared if name in inputs]
            known.update(network.run({n: known[n] for n in names if n in known}, behind, walk))
        return {one.name: known[one.name] for one in self.outputs if one.name in known}


class NetworkExecution(Execution):
    """One network with its description."""

    def __init__(self, model: ModelRef, source: Source, in_half: bool, dtype: np.dtype) -> None:
        self._model, self._source, self.in_half = model, source, in_half
        self._dtype = dtype
        description = model.message.description
        self.inputs = [features.read(one) for one in description.input]
        self.outputs = [features.read(one) for one in description.output]
        body = model.node.only(NETWORK_KINDS[model.kind])
        self._body = body
        self._is_classifier = model.kind == "neuralNetworkClassifier"
        self.classes = _labels(source, body) if self._is_classifier else None
        self._walk = Walk()

    def run(
        self, inputs: Mapping[str, np.ndarray], prepared: Collection[str], walk: Walk
    ) -> Dict[str, np.ndarray]:
        self._walk = walk
        blobs: Dict[str, np.ndarray] = {}
        for feature in self.inputs:
            if feature.name in inputs:
                array = np.asarray(inputs[feature.name])
                if feature.kind == IMAGE:
                    array = self._image(feature, array, feature.name in prepared)
                blobs[feature.name] = self._ranked(feature, array.astype(self._dtype))
        steps = self._steps(self._model.network, self._body, self._model.prefix)
        sources = self._blob_names(steps)
        walk.follow(steps, blobs, set(sources.values()))
        missing = [name for name in sources.values() if name not in blobs]
        if missing:
            raise NotRunError(
                self._model.prefix.rstrip("/"), missing[0], "is an output that no layer makes"
            )
        return {
            name: blobs[blob].reshape(-1) if self._is_classes(name) else blobs[blob]
            for name, blob in sources.items()
        }

    def _is_classes(self, name: str) -> bool:
        return self._is_classifier and name == self._probabilities

    @property
    def _probabilities(self) -> str:
        return str(self._model.message.description.predictedProbabilitiesName)

    def _blob_names(self, steps: Sequence[Step]) -> Dict[str, str]:
        """The blob of each output; that of a classifier has a name of its own, or is the last."""
        made = [name for step in steps for name in step.makes]
        found: Dict[str, str] = {}
        for feature in self.outputs:
            if self._is_classifier and feature.kind in (CLASSES, TEXT, features.NUMBER):
                if feature.kind == CLASSES:
                    named = str(self._model.network.labelProbabilityLayerName)
                    found[feature.name] = named or made[-1]
                continue
            regressed = self._model.kind == "neuralNetworkRegressor" and feature.name not in made
            found[feature.name] = made[-1] if regressed and made else feature.name
        return found

    def _image(self, feature: Feature, image: np.ndarray, is_prepared: bool) -> np.ndarray:
        """A picture [1, C, H, W] in the order of RGB, behind the network's preprocessing."""
        if is_prepared:
            return image
        made = image.astype(self._dtype)
        bgr = feature.colours == "BGR"
        if bgr:
            made = made[:, ::-1]
        for one in self._model.network.preprocessing:
            if one.featureName not in ("", feature.name):
                continue
            if one.WhichOneof("preprocessor") != "scaler":
                raise NotRunError(
                    self._model.prefix.rstrip("/"), feature.name, "has a mean image, not known here"
                )
            scaler = one.scaler
            colours = [scaler.redBias, scaler.greenBias, scaler.blueBias]
            bias = [scaler.grayBias] if feature.channels == 1 else colours[:: -1 if bgr else 1]
            made = made * self._dtype.type(scaler.channelScale)
            made = made + np.array(bias, self._dtype).reshape(-1, 1, 1)
        return made

    def _ranked(self, feature: Feature, array: np.ndarray) -> np.ndarray:
        """The blob of an input, in the rank that the network's mapping gives it."""
        network = self._model.network
        if feature.kind == IMAGE:
            return array if network.imageInputShapeMapping == 1 else array[np.newaxis]
        if network.arrayInputShapeMapping == 1:
            return array
        if array.ndim == 1:
            return array.reshape(1, 1, -1, 1, 1)
        if not 3 <= array.ndim <= 5:
            raise NotRunError("", feature.name, f"is an input of rank {array.ndim}")
        return array.reshape((1,) * (5 - array.ndim) + array.shape)

    def _steps(self, network: Any, node: Node, prefix: str) -> List[Step]:
        pairs = zip(network.layers, node.children.get(1, []))
        return [
            self._step(f"{prefix}layers[{index}]", layer, below)
            for index, (layer, below) in enumerate(pairs)
        ]

    def _step(self, address: str, layer: Any, node: Node) -> Step:
        kind = layer.WhichOneof("layer")
        name, reads, makes = layer.name, tuple(layer.input), tuple(layer.output)
        if kind in ("loopBreak", "loopContinue"):
            # Nothing reads what it "makes": that it runs at all is what is wanted of it.
            return Step(address, name, reads, (address,), partial(_end, kind == "loopContinue"))
        if kind not in BODIES:
            return Step(address, name, reads, makes, partial(self._layer, layer, node))
        bodies = self._bodies(address, layer, node)
        inner = [step for steps in bodies.values() for step in steps]
        made = dict.fromkeys(one for step in inner for one in step.makes)
        read = dict.fromkeys([*reads, *(one for step in inner for one in step.reads)])
        run = self._branch if kind == "branch" else self._loop
        compute = partial(run, getattr(layer, kind), reads, bodies, tuple(made))
        return Step(address, name, tuple(read), tuple(made), compute, partial=True)

    def _bodies(self, address: str, layer: Any, node: Node) -> Dict[str, List[Step]]:
        kind = layer.WhichOneof("layer")
        number, fields = BODIES[kind]
        holder = node.only(number)
        return {
            name: self._steps(
                getattr(getattr(layer, kind), name), holder.only(field), f"{address}/{name}/"
            )
            for name, field in fields
            if field in holder.children
        }

    def _layer(self, layer: Any, node: Node, blobs: Blobs) -> Made:
        inputs = [blobs[name] for name in layer.input]
        return table.compute(layer, inputs, self._dtype, partial(self._parts, layer, node))

    def _parts(self, layer: Any, node: Node, names: Sequence[str]) -> Parts:
        """Weights where they lie in the file: the structure was read without them."""
        message = schema.layer_class().DESCRIPTOR
        path = []
        for name in (layer.WhichOneof("layer"), *names):
            field = message.fields_by_name[name]
            path.append(int(field.number))
            message = field.message_type
        return stored.of_file(self._source, node.start, node.end, path)

    def _run_body(self, steps: Sequence[Step], blobs: Blobs) -> None:
        wanted = {name for step in steps for name in step.makes}
        self._walk.follow(steps, blobs, wanted, nested=True)

    def _branch(
        self,
        params: Any,
        reads: Sequence[str],
        bodies: Mapping[str, List[Step]],
        made: Sequence[str],
        blobs: Blobs,
    ) -> Made:
        name = "ifBranch" if abs(_scalar(blobs[reads[0]])) > _TRUE else "elseBranch"
        self._run_body(bodies.get(name, []), blobs)
        return [blobs.get(one) for one in made]

    def _loop(
        self,
        params: Any,
        reads: Sequence[str],
        bodies: Mapping[str, List[Step]],
        made: Sequence[str],
        blobs: Blobs,
    ) -> Made:
        limit = int(_scalar(blobs[reads[0]])) if reads else int(params.maxLoopIterations)
        condition = bodies.get("conditionNetwork")
        bounded = bool(reads or limit or condition is None)
        for round_ in range(_MOST_ROUNDS):
            if bounded and round_ >= limit:
                break
            if condition is not None:
                self._run_body(condition, blobs)
                if abs(_scalar(blobs[params.conditionVar])) <= _TRUE:
                    break
            try:
                self._run_body(bodies["bodyNetwork"], blobs)
            except LayerEnd as end:
                if not end.again:
                    break
        else:
            raise KernelError(f"runs more than {_MOST_ROUNDS} times")
        return [blobs.get(one) for one in made]


def _end(again: bool, blobs: Blobs) -> Made:
    raise LayerEnd(again)


def _scalar(blob: np.ndarray) -> float:
    if blob.size != 1:
        raise KernelError(f"takes one number, and gets {blob.shape}")
    return float(blob.reshape(-1)[0])


def _labels(source: Source, body: Node) -> Optional[List[Label]]:
    """The class labels of a classifier, which the structure leaves out where they are many."""
    types = schema.model_class().DESCRIPTOR.fields_by_name["neuralNetworkClassifier"].message_type
    for field in wire.fields(source, body.start, body.end):
        if field.number in _LABELS:
            name = _LABELS[field.number]
            vector = getattr(schema.model_class()().neuralNetworkClassifier, name)
            assert types.fields_by_name[name].number == field.number
            read = type(vector).FromString(source.read(field.start, field.end))
            return list(read.vector)
    return None
