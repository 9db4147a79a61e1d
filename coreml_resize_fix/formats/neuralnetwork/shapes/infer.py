"""Infer the shapes of all blobs of a network, over all sizes that its inputs allow."""

from typing import Any, Dict, Iterable, List, Optional, Sequence, Set, Tuple

from coreml_resize_fix.formats.shapes import (
    Conflict,
    Dims,
    Flexible,
    Known,
    LayerShapes,
    ModelShapes,
    Overrides,
    Shape,
    Unknown,
    UsableSizes,
)

from .call import Blob
from .evaluate import Answers, Evaluation
from .inputs import samples
from .structure import read_layers
from .usable import usable

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
            self._samples = samples(model, network)
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

    def usable(self, overrides: Optional[Overrides] = None) -> Optional[UsableSizes]:
        """At which allowed sizes of its inputs the network runs; None if no size varies."""
        if not self._is_network or not self._samples.varied:
            return None
        return usable(self._layers, self._samples, self._outputs, overrides or {})


def infer(model: Any, overrides: Optional[Overrides] = None, prefix: str = "") -> ModelShapes:
    """The shapes of a model; a shortcut for a single `ShapeInference.infer`."""
    return ShapeInference(model, prefix).infer(overrides)


def merge(blobs: Sequence[Blob], doubled: bool, listed: bool = False) -> Shape:
    """One shape from those at each evaluation, the first of which is the declared default.

    A dimension that is known at the default and unknown at another size has a conflict there, which
    is reported; the other sizes describe the dimension. `listed`: there are no other evaluations.
    """
    first = blobs[0]
    if first.dims is None:
        return Unknown(first.reason)
    if len(blobs) == 1:
        return _known(first.dims, first.reason)
    known = [blob.dims for blob in blobs if blob.dims is not None]
    if any(len(dims) != len(first.dims) for dims in known):
        return Unknown("the rank depends on the size of the input")
    if None in first.dims:
        agreed = tuple(
            sizes[0] if all(size == sizes[0] for size in sizes) else None for sizes in zip(*known)
        )
        return Unknown(first.reason, agreed)
    whole = [dims for dims in known if None not in dims]
    if len(whole) == 1:
        return Unknown("no other size of the input than the default fits", first.dims)
    ranges: List[Tuple[int, Optional[int]]] = []
    for axis in range(len(first.dims)):
        sizes = [size for size in (dims[axis] for dims in known) if size is not None]
        low, high = min(sizes), max(sizes)
        grows = doubled and _differ(blobs[-2].dims, blobs[-1].dims, axis)
        ranges.append((low, None if grows else high))
    if all(low == high for low, high in ranges):
        return Known(tuple(low for low, _ in ranges))
    samples = tuple(_whole(blob.dims) for blob in blobs)
    return Flexible(tuple(ranges), samples, listed and None not in samples)


def _whole(dims: Optional[Dims]) -> Optional[Tuple[int, ...]]:
    sizes = tuple(size for size in dims or () if size is not None)
    return sizes if dims is not None and len(sizes) == len(dims) else None


def _differ(one: Optional[Dims], other: Optional[Dims], axis: int) -> bool:
    return one is not None and other is not None and one[axis] != other[axis]


def _known(dims: Dims, reason: str) -> Shape:
    sizes = tuple(size for size in dims if size is not None)
    return Known(sizes) if len(sizes) == len(dims) else Unknown(reason, dims)


def first_conflicts(runs: Sequence[Iterable[Conflict]]) -> Tuple[Conflict, ...]:
    """The conflicts of each address at the first evaluation that has any; the default is first."""
    found: List[Conflict] = []
    seen: Set[str] = set()
    for index, run in enumerate(runs):
        new = [conflict for conflict in run if conflict.address not in seen]
        seen.update(conflict.address for conflict in new)
        found.extend(
            Conflict(item.address, item.layer, item.kind, item.message, index == 0) for item in new
        )
    return tuple(found)
