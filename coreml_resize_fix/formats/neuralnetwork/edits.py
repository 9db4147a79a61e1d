"""Turn changes into edits of the file.

Besides the changed layers, edits correct the sizes that layers and outputs declare, and the
specificationVersion of every enclosing model.
"""

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from coreml_resize_fix.formats.descriptions import with_ranges, with_size
from coreml_resize_fix.formats.model import Change, Plan, ResizeOp
from coreml_resize_fix.formats.neuralnetwork import (
    layer_chains,
    read_parameters,
    required_version,
    write_parameters,
)
from coreml_resize_fix.formats.neuralnetwork.layer_chains import Group
from coreml_resize_fix.formats.neuralnetwork.layers import LayerRef, ModelRef
from coreml_resize_fix.formats.neuralnetwork.parameters import LayerChain, ResizeBilinear, Upsample
from coreml_resize_fix.formats.protobuf import schema, wire
from coreml_resize_fix.formats.protobuf.skeleton import VERSION_FIELD, Node
from coreml_resize_fix.formats.protobuf.splice import Edit
from coreml_resize_fix.formats.protobuf.wire import Field, Source
from coreml_resize_fix.formats.shapes import Flexible, LayerShapes, ModelShapes, Shape

_INPUT_TENSOR, _OUTPUT_TENSOR = 4, 5

ShapesByPrefix = Mapping[str, ModelShapes]


def plan(
    source: Source,
    models: Sequence[ModelRef],
    changes: Sequence[Change],
    before: ShapesByPrefix,
    after: ShapesByPrefix,
    lower: bool = False,
    inside: Optional[Mapping[str, int]] = None,
) -> Plan:
    """Edits that carry out the changes, and all corrections that follow.

    `before` and `after` are the shapes of each network, by its prefix, without and with them.
    `lower` lowers the specification version as far as the result allows. `inside` are the versions
    of ML Programs by their prefix, which are edited elsewhere, and raise those around them.
    """
    changed = {change.address: change for change in changes}
    own = [model for model in models if not model.is_program]
    edits: List[Edit] = []
    for model in own:
        old, new = before.get(model.prefix), after.get(model.prefix)
        edits += _edits_of_layers(source, model, changed, old, new)
        edits += _output_edits(model, _changed_outputs(model, models, before, after))
    needed = _needed_versions(models, changed, inside or {})
    version = int(models[0].message.specificationVersion)
    for model in own:
        current = int(model.message.specificationVersion)
        least = needed.get(model.node.start, 0)
        wanted = _lowest(model, models, changed, least) if lower else max(current, least)
        if wanted != current:
            edits.append(_version_edit(model, wanted))
            version = wanted if model is models[0] else version
    return Plan(tuple(edits), version)


def _edits_of_layers(
    source: Source,
    model: ModelRef,
    changed: Mapping[str, Change],
    old: Optional[ModelShapes],
    new: Optional[ModelShapes],
) -> List[Edit]:
    """The edits of changed layers, and of the sizes that the others declare."""
    found = layer_chains.groups(model.layers) if changed else []
    groups = {group.last.address: group for group in found}
    edits: List[Edit] = []
    for layer in model.layers:
        change, group = changed.get(layer.address), groups.get(layer.address)
        if change is not None:
            edits += _layer_edits(source, layer, group, change.op)
        replaced = change is not None and (group is not None or change.op.is_chain)
        if old is not None and new is not None and not replaced:
            edits += _tensor_edits(source, layer, old, new)
    return edits


def _needed_versions(
    models: Sequence[ModelRef], changed: Mapping[str, Change], inside: Mapping[str, int]
) -> Dict[int, int]:
    """The version that what is in a Model message needs, by the place where the message begins.

    What is asked for are the versions of changed layers, and those `inside` of ML Programs.
    """
    found: Dict[int, int] = {}
    for model in models:
        asked = [(model.path, inside.get(model.prefix, 0))]
        asked += [
            ((*model.path, model.node), changed[layer.address].spec_version)
            for layer in model.layers
            if layer.address in changed
        ]
        for path, version in asked:
            for node in path:
                if node.message == "Model":
                    found[node.start] = max(found.get(node.start, 0), version)
    return found


def _lowest(
    model: ModelRef, models: Sequence[ModelRef], changed: Mapping[str, Change], least: int
) -> int:
    """The lowest version that a model and those inside it allow after the changes."""
    versions = [required_version.LOWEST, least]
    for inner in models:
        if inner.prefix.startswith(model.prefix):
            versions += [need.spec_version for need in required_version.needs(inner)]
            for layer in inner.layers:
                params = read_parameters.read(layer.message)
                if params is not None and layer.address not in changed:
                    versions.append(params.min_spec_version)
    return max(versions)


def _layer_edits(
    source: Source, layer: LayerRef, group: Optional[Group], params: ResizeOp
) -> List[Edit]:
    """Replace a layer, or all layers of a group, by one layer or by several."""
    if isinstance(params, LayerChain):
        layers: Sequence[bytes] = params.layers
    else:
        assert isinstance(params, (Upsample, ResizeBilinear))  # a pooling is never written
        if group is None:
            return _type_edits(source, layer, write_parameters.field_bytes(params))
        message = schema.layer_class()(
            name=layer.message.name, input=[group.blob], output=layer.message.output
        )
        layers = [message.SerializeToString() + write_parameters.field_bytes(params)]
    parts = group.layers[:-1] if group is not None else []
    field = layer.node.field
    assert field is not None
    content = b"".join(wire.encode_field(field.number, data) for data in layers)
    return [_removal(part) for part in parts] + [
        Edit(field.tag_at, layer.node.end, content, layer.path)
    ]


def _removal(layer: LayerRef) -> Edit:
    assert layer.node.field is not None
    return Edit(layer.node.field.tag_at, layer.node.end, b"", layer.path)


def _type_edits(source: Source, layer: LayerRef, content: bytes) -> List[Edit]:
    """Replace the type of a layer, and remove a second one if it was written twice."""
    types = schema.layer_type_numbers()
    found = [f for f in wire.fields(source, layer.node.start, layer.node.end) if f.number in types]
    inside = layer.path + (layer.node,)
    return [
        Edit(field.tag_at, field.end, content if index == 0 else b"", inside)
        for index, field in enumerate(found)
    ]


def _tensor_edits(
    source: Source, layer: LayerRef, old: ModelShapes, new: ModelShapes
) -> List[Edit]:
    """Correct the sizes that a layer declares for its blobs, where a change affects them."""
    message = layer.message
    if not (message.inputTensor or message.outputTensor):
        return []
    old_shapes, new_shapes = old.layers.get(layer.address), new.layers.get(layer.address)
    if old_shapes is None or new_shapes is None or old_shapes == new_shapes:
        return []
    edits: List[Edit] = []
    parts: Tuple[Tuple[int, Any, Callable[[LayerShapes], Tuple[Shape, ...]]], ...] = (
        (_INPUT_TENSOR, message.inputTensor, lambda shapes: shapes.inputs),
        (_OUTPUT_TENSOR, message.outputTensor, lambda shapes: shapes.outputs),
    )
    for number, tensors, side in parts:
        fields = [
            field
            for field in wire.fields(source, layer.node.start, layer.node.end)
            if field.number == number
        ]
        for field, tensor, one, other in zip(fields, tensors, side(old_shapes), side(new_shapes)):
            dims = _fitting(other, len(tensor.dimValue)) if one != other else None
            if dims and list(tensor.dimValue) != list(dims):
                edited = type(tensor)()
                edited.CopyFrom(tensor)
                del edited.dimValue[:]
                edited.dimValue.extend(dims)
                content = wire.encode_field(number, edited.SerializeToString())
                edits.append(Edit(field.tag_at, field.end, content, layer.path + (layer.node,)))
    return edits


def _fitting(shape: Shape, rank: int) -> Optional[Tuple[int, ...]]:
    """The last `rank` dimensions at the default size, if all others are 1."""
    dims = _default(shape)
    if rank == 0 or len(dims) < rank:
        return None
    return dims[-rank:] if all(n == 1 for n in dims[: len(dims) - rank]) else None


def _default(shape: Shape) -> Tuple[int, ...]:
    """The shape at the declared default size of the input; () if it is not known."""
    if isinstance(shape, Flexible):
        return shape.default
    sizes = tuple(size for size in shape.dims or () if size is not None)
    return sizes if len(sizes) == len(shape.dims or ()) else ()


def _changed_outputs(
    model: ModelRef,
    models: Sequence[ModelRef],
    before: ShapesByPrefix,
    after: ShapesByPrefix,
) -> Dict[str, Shape]:
    """Outputs of a model whose shape changes; a pipeline's come from the networks inside it."""
    changed: Dict[str, Shape] = {}
    for inner in models:
        if not inner.prefix.startswith(model.prefix) or inner.maker not in after:
            continue
        old, new = before[inner.maker].outputs, after[inner.maker].outputs
        for name, shape in new.items():
            changed.pop(name, None)  # a later model of a pipeline writes the same feature again
            if old.get(name) != shape:
                changed[name] = shape
    return changed


def _output_edits(model: ModelRef, changed: Mapping[str, Shape]) -> List[Edit]:
    edits = []
    for feature, node in zip(model.message.description.output, model.output_nodes):
        shape = changed.get(feature.name)
        edited = _with_shape(feature, shape) if shape is not None else None
        if edited is not None:
            assert node.field is not None
            description = model.node.only(2)
            path = model.path + (model.node, description, node)
            edits.append(Edit(node.start, node.end, edited.SerializeToString(), path))
    return edits


def _with_shape(feature: Any, shape: Shape) -> Optional[Any]:
    """The description with this shape, or None if it is right or declares no shape."""
    dims: Optional[Tuple[int, ...]] = _default(shape)
    if feature.type.WhichOneof("Type") == "multiArrayType":
        dims = _fitting(shape, len(feature.type.multiArrayType.shape))
    edited = with_size(feature, dims or ())
    return with_ranges(edited, shape) if edited != feature else None


def _version_edit(model: ModelRef, version: int) -> Edit:
    node: Node = model.node
    field: Optional[Field] = node.version
    path = model.path + (node,)
    if field is None:
        data = wire.encode_varint(VERSION_FIELD << 3) + wire.encode_varint(version)
        return Edit(node.start, node.start, data, path)
    return Edit(field.value_at, field.end, wire.encode_varint(version), path)
