"""Networks of a file as steps, and pipelines of networks.

Blobs have the rank that the network's mapping gives them. Weights are read from the file when the
layer that has them is computed, and kept by nobody.
"""

from typing import Collection, Dict, List, Mapping, Optional, Sequence, Union

import numpy as np

from coreml_resize_fix.errors import ModelError
from coreml_resize_fix.formats import features
from coreml_resize_fix.formats.execution import Execution, NotRunError, Step, Walk
from coreml_resize_fix.formats.features import CLASSES, IMAGE, NUMBER, TEXT, Feature
from coreml_resize_fix.formats.neuralnetwork.execute.steps import Steps
from coreml_resize_fix.formats.neuralnetwork.layers import NETWORK_KINDS, ModelRef
from coreml_resize_fix.formats.protobuf import schema, wire
from coreml_resize_fix.formats.protobuf.skeleton import Node
from coreml_resize_fix.formats.protobuf.wire import Source

_LABELS = {100: "stringClassLabels", 101: "int64ClassLabels"}  # of NeuralNetworkClassifier

Label = Union[str, int]


def execution(
    models: Sequence[ModelRef],
    source: Source,
    in_half: bool,
    dtype: np.dtype,
    others: Optional[Mapping[str, Execution]] = None,
) -> Execution:
    """All models of a file, the outermost first, as what runs.

    `others` are those of a pipeline that are of another kind, by prefix.
    """
    outermost = models[0]
    if outermost.is_network:
        return NetworkExecution(outermost, source, in_half, dtype)
    return PipelineExecution(models, source, in_half, dtype, others or {})


class PipelineExecution(Execution):
    """A pipeline: each model reads features that were given, or that one before it gave."""

    def __init__(
        self,
        models: Sequence[ModelRef],
        source: Source,
        in_half: bool,
        dtype: np.dtype,
        others: Mapping[str, Execution],
    ) -> None:
        description = models[0].message.description
        self.inputs = [features.read(one) for one in description.input]
        self.outputs = [features.read(one) for one in description.output]
        self.in_half = in_half
        self._stages = [
            (
                model,
                NetworkExecution(model, source, in_half, dtype)
                if model.is_network
                else others.get(model.prefix),
            )
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
            given = {name: known[name] for name in names if name in known}
            for feature in network.inputs:
                if feature.name in given and feature.name not in inputs:
                    given[feature.name] = _passed(feature, given[feature.name])
            known.update(network.run(given, behind, walk))
        return {one.name: known[one.name] for one in self.outputs if one.name in known}


class NetworkExecution(Execution):
    """One network with its description."""

    def __init__(self, model: ModelRef, source: Source, in_half: bool, dtype: np.dtype) -> None:
        self._model, self._source, self.in_half = model, source, in_half
        self._dtype = dtype
        description = model.message.description
        ranked = model.network.arrayInputShapeMapping == 0  # [C] and [C, H, W] are [S, B, C, H, W]
        self.inputs = [features.read(one)._replace(batched=ranked) for one in description.input]
        self.outputs = [features.read(one) for one in description.output]
        body = model.node.only(NETWORK_KINDS[model.kind])
        self._body = body
        self._is_classifier = model.kind == "neuralNetworkClassifier"
        self.classes = _labels(source, body) if self._is_classifier else None

    def run(
        self, inputs: Mapping[str, np.ndarray], prepared: Collection[str], walk: Walk
    ) -> Dict[str, np.ndarray]:
        blobs: Dict[str, np.ndarray] = {}
        for feature in self.inputs:
            if feature.name in inputs:
                array = np.asarray(inputs[feature.name])
                if feature.kind == IMAGE:
                    array = self._image(feature, array, feature.name in prepared)
                blobs[feature.name] = self._ranked(feature, array.astype(self._dtype))
        steps = Steps(self._source, self._dtype, walk).of(
            self._model.network, self._body, self._model.prefix
        )
        sources = self._blob_names(steps)
        walk.follow(steps, blobs, set(sources.values()))
        missing = [name for name in sources.values() if name not in blobs]
        if missing:
            raise NotRunError(
                self._model.prefix.rstrip("/"), missing[0], "is an output that no layer makes"
            )
        kinds = {feature.name: feature.kind for feature in self.outputs}
        return {
            name: blobs[blob].reshape(-1) if kinds[name] in (CLASSES, TEXT, NUMBER) else blobs[blob]
            for name, blob in sources.items()
        }

    @property
    def _probabilities(self) -> str:
        return str(self._model.message.description.predictedProbabilitiesName)

    def _blob_names(self, steps: Sequence[Step]) -> Dict[str, str]:
        """The blob of each output; that of a classifier has a name of its own, or is the last."""
        made = [name for step in steps for name in step.makes]
        found: Dict[str, str] = {}
        for feature in self.outputs:
            if self._is_classifier and feature.kind in (CLASSES, TEXT, NUMBER):
                if feature.kind == CLASSES or not self._probabilities:
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


def _passed(feature: Feature, array: np.ndarray) -> np.ndarray:
    """What one network of a pipeline gave, as the next takes it: of an image whole values."""
    if feature.kind == IMAGE:
        shape = (1, feature.channels) + array.shape[-2:]
        picture = np.rint(np.clip(array.reshape(shape), 0, 255))
        return np.asarray(picture[:, ::-1] if feature.colours == "BGR" else picture)
    rank = len(feature.shape)
    return array.reshape(feature.shape) if rank and array.size == _product(feature.shape) else array


def _product(shape: Sequence[int]) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _labels(source: Source, body: Node) -> Optional[List[Label]]:
    """The class labels of a classifier, which the structure leaves out where they are many."""
    types = schema.model_class().DESCRIPTOR.fields_by_name["neuralNetworkClassifier"].message_type
    for field in wire.fields(source, body.start, body.end):
        if field.number in _LABELS:
            name = _LABELS[field.number]
            vector = getattr(schema.model_class()().neuralNetworkClassifier, name)
            assert types.fields_by_name[name].number == field.number
            try:
                read = type(vector).FromString(source.read(field.start, field.end))
            except Exception as error:  # protobuf's DecodeError; its module differs
                raise ModelError("the class labels do not parse", "save the model again") from error
            return list(read.vector)
    return None
