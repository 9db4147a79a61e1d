"""Implement `formats.model.Model` for files of neural networks."""

import copy
from typing import (
    TYPE_CHECKING,
    Collection,
    Dict,
    List,
    Mapping,
    Optional,
    Sequence,
    Set,
    Tuple,
    cast,
)

from coreml_resize_fix.errors import SchemaError, UsageError
from coreml_resize_fix.formats import model as protocol
from coreml_resize_fix.formats import spec_versions
from coreml_resize_fix.formats.descriptions import converted_from
from coreml_resize_fix.formats.inference.assumed import assumed_shapes
from coreml_resize_fix.formats.model import Averaged, Change, Plan, ResizeOp
from coreml_resize_fix.formats.neuralnetwork import (
    area_windows,
    declared_sizes,
    edits,
    layer_chains,
    pipelines,
    required_version,
    resizes,
    sizes,
    unreached,
    weight_precision,
)
from coreml_resize_fix.formats.neuralnetwork.layers import LayerRef, ModelRef
from coreml_resize_fix.formats.neuralnetwork.parameters import LayerChain
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import (
    Conflict,
    ModelShapes,
    Overrides,
    SizePairs,
    UsableSizes,
)

if TYPE_CHECKING:
    import numpy as np

    from coreml_resize_fix.formats.execution import Execution


class NeuralNetworks(protocol.Model):
    """The networks of a file, read once for all rounds of an audit.

    Raises:
        ModelError: a layer holds parameters that no reader of Core ML accepts.
        SchemaError: the installed coremltools is too old to describe the file.
    """

    kind = protocol.NEURAL_NETWORK

    def __init__(self, label: str, source: Source, models: Sequence[ModelRef]) -> None:
        self.label, self.source, self.models = label, source, models
        outermost = models[0].message
        self.spec_version = int(outermost.specificationVersion)
        self._highest = required_version.current_version(models)
        if self._highest >= spec_versions.UPSAMPLE_MODES and not schema.knows_ios14():
            raise SchemaError(
                f"`{label}` has specification version {self._highest}, and the installed "
                "coremltools is too old to describe it",
                "install coremltools 4 or newer, in another virtual environment if this one must "
                "keep its version",
            )
        self.outputs = [feature.name for feature in outermost.description.output]
        self.inputs = {feature.name for feature in outermost.description.input}
        self._own = [model for model in models if model.is_network]
        self._shapes = {
            model.prefix: sizes.ShapeInference(model.message, model.prefix) for model in self._own
        }
        self._as_it_is = {prefix: one.infer() for prefix, one in self._shapes.items()}
        self._resizes = {
            model.prefix: resizes.find(model, self._in_half_precision) for model in self._own
        }
        self._poolings = {model.prefix: resizes.find_poolings(model) for model in self._own}
        self.networks = [_network(model) for model in self._own]
        self.declared_sizes = declared_sizes.find(models)
        self.remarks = _remarks(models)
        self.converted_from = converted_from(outermost.description)

    def shapes(self, assumed: Overrides) -> Dict[str, ModelShapes]:
        return assumed_shapes(
            self._as_it_is, assumed, lambda prefix: self._shapes[prefix].infer(assumed)
        )

    def reaching(self, wanted: Mapping[str, SizePairs]) -> "NeuralNetworks":
        found = copy.copy(self)
        found._shapes = {prefix: one.reaching(wanted) for prefix, one in self._shapes.items()}
        found._as_it_is = {prefix: one.infer() for prefix, one in found._shapes.items()}
        return found

    def resizes(self, shapes: Mapping[str, ModelShapes]) -> List[ResizeLayer]:
        return [
            resizes.resize_layer(resize, shapes[prefix], self._content)
            for prefix, found in self._resizes.items()
            for resize in found
        ]

    def poolings(self, shapes: Mapping[str, ModelShapes]) -> List[ResizeLayer]:
        return [
            resizes.pooling_layer(ref, params, shapes[prefix])
            for prefix, found in self._poolings.items()
            for ref, params in found
        ]

    def averaged(self) -> List[Averaged]:
        layers = [[ref.message for ref in model.layers] for model in self._own]
        return [found for messages in layers for found in area_windows.find(messages)]

    def conflicts(self, shapes: Mapping[str, ModelShapes]) -> Tuple[Conflict, ...]:
        # Conflicts that only other sizes than the default show do not stand against a fix.
        inside = [
            conflict
            for model in self._own
            for conflict in shapes[model.prefix].conflicts
            if conflict.at_default
        ]
        return tuple(inside + pipelines.conflicts(self.models, shapes))

    def usable(self, assumed: Overrides) -> Optional[UsableSizes]:
        """The usable sizes of the first network in a pipeline that cannot run at all of them."""
        first: Optional[UsableSizes] = None
        for network in self._shapes.values():
            found = network.usable(assumed)
            if found is None or found.name not in self.inputs:
                continue
            if not found.everywhere:
                return found
            first = first or found
        return first

    def with_free_names(self, added: Mapping[str, ResizeOp]) -> Dict[str, ResizeOp]:
        chains = cast(Mapping[str, LayerChain], added)
        return dict(layer_chains.with_free_names(self.models, chains))

    def parts(self, addresses: Collection[str]) -> Set[str]:
        return layer_chains.members(self.models, addresses)

    def allowed_version(self, target: Optional[int]) -> int:
        return required_version.allowed_version(self.label, self.models, target)

    def plan(
        self,
        changes: Sequence[Change],
        before: Mapping[str, ModelShapes],
        after: Mapping[str, ModelShapes],
        allowed: int,
        inside: Optional[Mapping[str, int]] = None,
    ) -> Plan:
        """See `formats.model`; `inside` are versions that other models need, by their prefix."""
        lower = allowed < self._highest
        return edits.plan(self.source, self.models, changes, before, after, lower, inside or {})

    def execution(self, dtype: "np.dtype", function: Optional[str] = None) -> "Execution":
        from coreml_resize_fix.formats.neuralnetwork.execute import run

        if function is not None:
            raise UsageError(
                f"`{self.label}` is a neural network, which has no function `{function}`",
                "leave the name of the function out",
            )
        return run.execution(self.models, self.source, self._in_half_precision(), dtype)

    def execution_with(self, others: "Mapping[str, Execution]", dtype: "np.dtype") -> "Execution":
        """The whole of a pipeline, of which some models are of another kind, by prefix."""
        from coreml_resize_fix.formats.neuralnetwork.execute import run

        in_half = any(one.in_half for one in others.values()) or self._in_half_precision()
        return run.execution(self.models, self.source, in_half, dtype, others)

    def _content(self, layer: LayerRef) -> bytes:
        return self.source.read(layer.node.start, layer.node.end)

    def _in_half_precision(self) -> bool:
        layers = [layer for model in self.models for layer in model.layers]
        return weight_precision.in_half_precision(self.source, layers)


def _network(model: ModelRef) -> protocol.Network:
    description = model.message.description
    return protocol.Network(
        model.prefix,
        [
            protocol.Node(one.address, one.message.input, one.message.output, one.kind or "")
            for one in model.layers
        ],
        [feature.name for feature in description.input],
        [feature.name for feature in description.output],
        unreached.find(model),
    )


def _remarks(models: Sequence[ModelRef]) -> List[str]:
    found = [
        f"`{address}` (`{name}`) is a custom layer `{class_name}`: what it samples is up to its "
        "own code"
        for address, name, class_name in resizes.custom_resizes(models)
    ]
    for model in models:
        if not (model.is_network or model.is_program or "pipeline" in model.kind.lower()):
            where = model.prefix.rstrip("/") or "the model"
            found.append(f"`{where}` is a `{model.kind}`, which has no layers")
    return found
