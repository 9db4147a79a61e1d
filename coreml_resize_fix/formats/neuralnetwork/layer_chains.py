"""Layers that together replace one resize: name them, and find them again in a file."""

import re
from dataclasses import replace
from typing import (
    AbstractSet,
    Any,
    Container,
    Dict,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from coreml_resize_fix.formats.neuralnetwork.layers import LayerRef, ModelRef
from coreml_resize_fix.formats.neuralnetwork.parameters import LayerChain, Upsample
from coreml_resize_fix.formats.part_names import INFIX

_NUMBER = re.compile(r"_\d+$")
# A layer that changes nothing marks the first of the layers, if nothing else does.
MARK = "activation"
# Kinds of layers before the last one of a replacement.
PART_KINDS = frozenset(
    (
        MARK,
        "batchedMatmul",
        "convolution",
        "crop",
        "cropResize",
        "expandDims",
        "gather",
        "loadConstant",
        "loadConstantND",
        "padding",
        "permute",
        "squeeze",
        "transpose",
        "upsample",
    )
)
# Kinds of the last layer of a replacement.
LAST_KINDS = frozenset(
    (
        "batchedMatmul",
        "convolution",
        "crop",
        "cropResize",
        "gather",
        "permute",
        "squeeze",
        "transpose",
    )
)

# Kinds that work at every size: they hold no index, matrix or box.
_FOLLOWING_KINDS = frozenset(
    ("activation", "convolution", "crop", "expandDims", "padding", "squeeze", "upsample")
)


def free_name(name: str, kind: str, taken: AbstractSet[str]) -> str:
    """An unused name for a part of that kind before the layer `name`, and for its blob.

    A later audit recognizes by such names which layers belong together.
    """
    wanted, number = f"{name}{INFIX}{kind}", 1
    while wanted in taken:
        number += 1
        wanted = f"{name}{INFIX}{kind}_{number}"
    return wanted


def is_part_name(part: str, name: str) -> bool:
    """Whether the name `part` is that of a part of the layer `name`."""
    name_before, infix, _ = part.rpartition(INFIX)
    return bool(infix) and name_before == name


def with_free_names(
    models: Sequence[ModelRef], planned: Mapping[str, LayerChain]
) -> Dict[str, LayerChain]:
    """The planned layers under unused names, by the address of the layer that they replace.

    A name is unused if no layer or blob of the network or of other planned layers has it.
    """
    found: Dict[str, LayerChain] = {}
    for model in models:
        if not any(layer.address in planned for layer in model.layers):
            continue
        taken = _names(model, gone=members([model], planned))
        for layer in model.layers:
            if layer.address in planned:
                found[layer.address] = _renamed(planned[layer.address], taken)
    return found


def _names(model: ModelRef, gone: Container[str]) -> Set[str]:
    """All names of layers and blobs of a network, nested ones included.

    Layers at the addresses in `gone` do not count.
    """
    description = model.message.description
    taken = {feature.name for feature in [*description.input, *description.output]}
    for layer in model.layers:
        if layer.address not in gone:
            taken |= {layer.message.name, *layer.message.input, *layer.message.output}
    return taken


def _renamed(params: LayerChain, taken: Set[str]) -> LayerChain:
    """The same layers with unused names for their parts, which are added to `taken`."""
    messages = params.messages()
    taken |= {messages[-1].name, *messages[-1].output}
    if not rename_parts(messages, taken):
        return params
    return replace(params, layers=tuple(m.SerializeToString(deterministic=True) for m in messages))


def rename_parts(messages: Sequence[Any], taken: Set[str]) -> bool:
    """Give the parts among NeuralNetworkLayer messages, all but the last, unused names.

    Adds the names to `taken`. Returns whether anything was changed.
    """
    *parts, last = messages
    names: Dict[str, str] = {}  # old → new name of the blob of a part
    for part in parts:
        _reconnect(part, names)
        name = free_name(last.name, str(part.WhichOneof("layer")), taken)
        taken.add(name)
        names[part.output[0]] = name
        part.name, part.output[0] = name, name
    _reconnect(last, names)
    return any(before != now for before, now in names.items())


def _reconnect(layer: Any, names: Mapping[str, str]) -> None:
    layer.input[:] = [names.get(blob, blob) for blob in layer.input]


class Group(NamedTuple):
    """Layers in order of execution; `blob` is their input, which `reader` reads."""

    layers: List[LayerRef]
    blob: str
    reader: LayerRef

    @property
    def last(self) -> LayerRef:
        """The layer with the name and the output of the layer that was replaced."""
        return self.layers[-1]


def groups(layers: Sequence[LayerRef]) -> List[Group]:
    """The groups among the layers of one model: parts, followed by their last layer."""
    found = []
    for index in range(len(layers)):
        start = _start(layers, index)
        group = _group(list(layers[start : index + 1])) if start < index else None
        if group is not None:
            found.append(group)
    return found


def members(models: Sequence[ModelRef], last: Container[str]) -> Set[str]:
    """Addresses of all layers of the groups whose last layer is at one of these."""
    return {
        layer.address
        for model in models
        for group in groups(model.layers)
        if group.last.address in last
        for layer in group.layers
    }


def is_after_part(layers: Sequence[LayerRef], index: int, group: Optional[Group]) -> bool:
    """Whether the layer before a layer or its group has the name of a part."""
    first = index if group is None else index + 1 - len(group.layers)
    return first > 0 and is_part_name(layers[first - 1].message.name, layers[index].message.name)


def _start(layers: Sequence[LayerRef], index: int) -> int:
    """Index of the first part of the layer at `index`; that index if there are no parts."""
    start, kind = index, layers[index].kind
    # A crop alone is not a resize.
    if kind in LAST_KINDS and (kind != "crop" or layers[index - 1].kind == Upsample.kind):
        while start and _is_part(layers, start - 1, layers[index]):
            start -= 1
            if layers[start].kind == MARK:
                break
    return start


def _is_part(layers: Sequence[LayerRef], index: int, layer: LayerRef) -> bool:
    """Whether the layer at `index` is a part of `layer`, and has no parts itself."""
    part = layers[index]
    if not _is_named_as_part(part, layer) or (index and _is_named_as_part(layers[index - 1], part)):
        return False
    # An Upsample is a resize of its own, except between a padding and a crop.
    is_inside = index and _is_named_as_part(layers[index - 1], layer)
    around = [layers[index - 1].kind, layers[index + 1].kind] if is_inside else []
    return part.kind != Upsample.kind or around == ["padding", "crop"]


def _is_named_as_part(part: LayerRef, layer: LayerRef) -> bool:
    """Whether a layer has the name, kind and blob of a part of another layer."""
    name = part.message.name
    if not is_part_name(name, layer.message.name) or part.path[-1] != layer.path[-1]:
        return False
    if part.kind != _NUMBER.sub("", name.rpartition(INFIX)[2]) or part.kind not in PART_KINDS:
        return False
    if part.kind == MARK and not _changes_nothing(part.message.activation):
        return False
    return list(part.message.output) == [name]


def _changes_nothing(activation: Any) -> bool:
    is_linear = activation.WhichOneof("NonlinearityType") == "linear"
    return is_linear and (activation.linear.alpha, activation.linear.beta) == (1.0, 0.0)


def _group(layers: List[LayerRef]) -> Optional[Group]:
    # Earlier layers only: the last one may write the blob that the first one reads.
    made: Set[str] = set()
    outside: List[Tuple[str, LayerRef]] = []
    for layer in layers:
        outside += [(name, layer) for name in layer.message.input if name not in made]
        made.update(layer.message.output)
    return Group(layers, *outside[0]) if len(outside) == 1 else None


def scale(messages: Sequence[Any]) -> Optional[Tuple[float, float]]:
    """The factors along height and width of layers that work at any size; None for others.

    They are read from the layers, so that they are known where sizes are not: in loops, and where
    the rest of the network fits at one size only.
    """
    if not all(message.WhichOneof("layer") in _FOLLOWING_KINDS for message in messages):
        return None
    up, down = [1, 1], [1, 1]
    for message in messages:
        if message.WhichOneof("layer") == "upsample":
            steps, towards = message.upsample.scalingFactor, up
        else:
            steps = message.convolution.stride
            towards = up if message.convolution.isDeconvolution else down
        for axis, step in enumerate(steps[:2]):
            towards[axis] *= step or 1
    return up[0] / down[0], up[1] / down[1]


def original_addresses(layers: Sequence[LayerRef], found: Sequence[Group]) -> Dict[str, str]:
    """Address → address before groups replaced single layers, which a manifest may name."""
    helpers = [layer.address for group in found for layer in group.layers[:-1]]
    before: Dict[str, str] = {}
    for layer in layers:
        body, index = _split(layer.address)
        fewer = sum(_split(helper)[0] == body and _split(helper)[1] < index for helper in helpers)
        around, _, inside = body.rpartition("]/")
        parent = before.get(around + "]", around + "]") if around else ""
        start = f"{parent}/{inside}" if around else body
        before[layer.address] = f"{start}layers[{index - fewer}]"
    return before


def _split(address: str) -> Tuple[str, int]:
    """Body and index: `layers[3]/ifBranch/layers[0]` → (`layers[3]/ifBranch/`, 0)."""
    body, _, index = address.rpartition("layers[")
    return body, int(index.rstrip("]"))
