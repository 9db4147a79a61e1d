"""Infer the shapes of all blobs of a network, over all sizes that its inputs allow."""

import copy
from typing import Any, Dict, Mapping, Optional, Tuple

from coreml_resize_fix.formats.inference import reach
from coreml_resize_fix.formats.inference.call import Blob
from coreml_resize_fix.formats.inference.inputs import samples
from coreml_resize_fix.formats.inference.merge import first_conflicts, merge
from coreml_resize_fix.formats.shapes import (
    Dims,
    LayerShapes,
    ModelShapes,
    Overrides,
    Shape,
    SizePairs,
    UsableSizes,
)

from .evaluate import Answers, Evaluation
from .structure import read_layers
from .usable import usable

_EXACT_ARRAY_MAPPING, _RANK4_IMAGE_MAPPING = 1, 1
NETWORK_KINDS = frozenset(("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor"))


class ShapeInference:
    """A network, read once, whose shapes are inferred under different assumptions on resizes.

    Args:
        model: a `Model` message of a NeuralNetwork kind; weights may be missing. Of any other
            kind there are no layers to report. The children of a pipeline take one each.
        prefix: put before every address, such as "pipeline[1]/".
    """

    def __init__(self, model: Any, prefix: str = "") -> None:
        kind = model.WhichOneof("Type")
        self._is_network = kind in NETWORK_KINDS
        self._answers: Answers = {}
        if self._is_network:
            network = getattr(model, kind)
            self._layers = read_layers(network, prefix)
            self._samples = samples(
                model.description.input,
                exact=network.arrayInputShapeMapping == _EXACT_ARRAY_MAPPING,
                rank4=network.imageInputShapeMapping == _RANK4_IMAGE_MAPPING,
            )
            self._varies = bool(self._samples.flexible) or any(
                layer.bodies or layer.too_deep for layer in self._layers
            )
            self._outputs = [feature.name for feature in model.description.output]

    def infer(self, overrides: Optional[Overrides] = None) -> ModelShapes:
        """Shapes of every blob; never raises, not even for damaged messages.

        `overrides` are layer address → (height, width) to assume for its output; None makes that
        dimension unknown. Everything downstream follows.
        """
        if not self._is_network:
            return ModelShapes({}, {}, (), ())
        doubled, listed = self._samples.doubled, self._samples.listed
        runs = [
            Evaluation(self._layers, inputs, overrides or {}, self._answers)
            for inputs in self._samples.shapes
        ]
        seen: Dict[Tuple[Blob, ...], Shape] = {}

        def merged(blobs: Tuple[Blob, ...]) -> Shape:
            # Most blobs share a few shapes.
            shape = seen.get(blobs)
            if shape is None:
                shape = seen[blobs] = merge(blobs, doubled, listed)
            return shape

        outputs = {name: merged(tuple(run.output(name) for run in runs)) for name in self._outputs}
        shapes: Dict[str, LayerShapes] = {}
        for address in runs[0].traces:
            traces = [run.traces[address] for run in runs]
            shapes[address] = LayerShapes(
                tuple([merged(blobs) for blobs in zip(*[t[0] for t in traces])]),
                tuple([merged(blobs) for blobs in zip(*[t[1] for t in traces])]),
            )
        flexible, samples = self._samples.flexible, self._samples.shapes
        return ModelShapes(
            shapes,
            outputs,
            first_conflicts([run.conflicts for run in runs]),
            flexible,
            self._varies,
            {name: merged(tuple(one[name] for one in samples)) for name in samples[0]},
            tuple(not run.conflicts for run in runs),
        )

    def reaching(self, wanted: Mapping[str, SizePairs]) -> "ShapeInference":
        """The same network, also looked at where layers get these input sizes, by address."""
        if not self._is_network:
            return self
        answers: Answers = {}

        def reads(address: str, inputs: reach.Inputs) -> Optional[Dims]:
            traces = Evaluation(self._layers, inputs, {}, answers).traces
            read = traces[address][0] if address in traces else ()
            return read[0].dims if read else None

        first = Evaluation(self._layers, self._samples.shapes[0], {}, answers).traces
        own = {address: sizes for address, sizes in wanted.items() if address in first}
        found = copy.copy(self)
        found._samples = reach.extended(self._samples, len(self._layers), reads, own)
        return found

    def usable(self, overrides: Optional[Overrides] = None) -> Optional[UsableSizes]:
        """At which allowed sizes of its inputs the network runs; None if no size varies."""
        if not self._is_network or not self._samples.varied:
            return None
        return usable(self._layers, self._samples, self._outputs, overrides or {})


def infer(model: Any, overrides: Optional[Overrides] = None, prefix: str = "") -> ModelShapes:
    """The shapes of a model; a shortcut for a single `ShapeInference.infer`."""
    return ShapeInference(model, prefix).infer(overrides)
