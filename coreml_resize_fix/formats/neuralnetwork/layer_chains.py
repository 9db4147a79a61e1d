"""Several layers that stand in for one resize: how they are named, and how they are found again."""

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
from coreml_resize_fix.formats.neuralnetwork.parameters import Composite, Upsample

_INFIX = "__resize_"
_NUMBER = re.compile(r"_\d+$")
# A layer that changes nothing marks where the layers begin, if that could not be told otherwise.
MARK = "activation"
# What replacements are made of beside their last layer.
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
# What the last layer of a replacement may be.
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

# Those of them that make the same of every size: no index, matrix or box says for which one.
_FOLLOWING_KINDS = frozenset(
    ("activation", "convolution", "crop", "expandDims", "padding", "squeeze", "upsample")
)


def free_name(name: str, kind: str, taken: AbstractSet[str]) -> str:
    """A name that nothing has, for a layer of that kind which helps the layer called `name`.

    It is also the name of its blob. By such names the layers are known to belong together when the
    result is audited again.
    """
    wanted, number = f"{name}{_INFIX}{kind}", 1
    while wanted in taken:
        number += 1
        wanted = f"{name}{_INFIX}{kind}_{number}"
    return wanted


def is_part_name(part: str, name: str) -> bool:
    """Whether a layer called `part` would be taken for one that helps the layer `name`."""
    name_before, infix, _ = part.rpartition(_INFIX)
    return bool(infix) and name_before == name


def with_free_names(
    models: Sequence[ModelRef], planned: Mapping[str, Composite]
) -> Dict[str, Composite]:
    """The planned layers, by the address of the one that they replace, under names that are free.

    Names of layers and of blobs are free if neither the network has them nor other planned layers.
    """
    found: Dict[str, Composite] = {}
    for model in models:
        if not any(layer.address in planned for layer in model.layers):
            continue
        taken = _names(model, gone=members([model], planned))
        for layer in model.layers:
            if layer.address in planned:
                found[layer.address] = _renamed(planned[layer.address], taken)
    return found


def _names(model: ModelRef, gone: Container[str]) -> Set[str]:
    """All names that layers and blobs of a network have, those of nested ones included.

    Layers at the addresses that are `gone` do not count.
    """
    description = model.message.description
    taken = {feature.name for feature in [*description.input, *description.output]}
    for layer in model.layers:
        if layer.address not in gone:
            taken |= {layer.message.name, *layer.message.input, *layer.message.output}
    return taken


def _renamed(params: Composite, taken: Set[str]) -> Composite:
    """The same layers; their parts get names that are not taken, and take them."""
    messages = params.messages()
    taken |= {messages[-1].name, *messages[-1].output}
    if not rename_parts(messages, taken):
        return params
    return replace(params, layers=tuple(m.SerializeToString(deterministic=True) for m in messages))


def rename_parts(messages: Sequence[Any], taken: Set[str]) -> bool:
    """Give the parts among NeuralNetworkLayer messages, all but the last, names that are free.

    The names go into `taken`. Returns whether anything was changed.
    """
    *parts, last = messages
    names: Dict[str, str] = {}  # of the blobs of parts, before and now
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


def replaced_name(name: str) -> str:
    """The name of the layer that a part of this name helps, or the name itself."""
    return name.rpartition(_INFIX)[0] or name


class Group(NamedTuple):
    """The layers in order of execution; `blob` is the one that they read, given to `reader`."""

    layers: List[LayerRef]
    blob: str
    reader: LayerRef

    @property
    def last(self) -> LayerRef:
        """The layer that has the name and the output of the one that was replaced."""
        return self.layers[-1]


def groups(layers: Sequence[LayerRef]) -> List[Group]:
    """The groups among the layers of one model, each a run of parts before the layer they help."""
    found = []
    for index in range(len(layers)):
        start = _start(layers, index)
        group = _group(list(layers[start : index + 1])) if start < index else None
        if group is not None:
            found.append(group)
    return found


def members(models: Sequence[ModelRef], last: Container[str]) -> Set[str]:
    """Addresses of all layers of the groups whose last layers have these."""
    return {
        layer.address
        for model in models
        for group in groups(model.layers)
        if group.last.address in last
        for layer in group.layers
    }


def is_after_part(layers: Sequence[LayerRef], index: int, group: Optional[Group]) -> bool:
    """Whether what stands before a layer, or its group, would be taken for one more part."""
    first = index if group is None else index + 1 - len(group.layers)
    return first > 0 and is_part_name(layers[first - 1].message.name, layers[index].message.name)


def _start(layers: Sequence[LayerRef], index: int) -> int:
    """Where the parts begin that help the layer at `index`; that index if there are none."""
    start, kind = index, layers[index].kind
    # A crop alone is no resize.
    if kind in LAST_KINDS and (kind != "crop" or layers[index - 1].kind == Upsample.kind):
        while start and _is_part(layers, start - 1, layers[index]):
            start -= 1
            if layers[start].kind == MARK:
                break
    return start


def _is_part(layers: Sequence[LayerRef], index: int, layer: LayerRef) -> bool:
    """Whether the layer at `index` helps `layer`, and has none that help itself."""
    part = layers[index]
    if not _is_named_as_part(part, layer) or (index and _is_named_as_part(layers[index - 1], part)):
        return False
    # An Upsample is a resize of its own, but between the padding and the crop that mend its grid.
    is_inside = index and _is_named_as_part(layers[index - 1], layer)
    around = [layers[index - 1].kind, layers[index + 1].kind] if is_inside else []
    return part.kind != Upsample.kind or around == ["padding", "crop"]


def _is_named_as_part(part: LayerRef, layer: LayerRef) -> bool:
    """Whether a part is named after the layer and its own kind, and its blob after itself."""
    name = part.message.name
    if not is_part_name(name, layer.message.name) or part.path[-1] != layer.path[-1]:
        return False
    if part.kind != _NUMBER.sub("", name.rpartition(_INFIX)[2]) or part.kind not in PART_KINDS:
        return False
    if part.kind == MARK and not _changes_nothing(part.message.activation):
        return False
    return list(part.message.output) == [name]


def _changes_nothing(activation: Any) -> bool:
    is_linear = activation.WhichOneof("NonlinearityType") == "linear"
    return is_linear and (activation.linear.alpha, activation.linear.beta) == (1.0, 0.0)


def _group(layers: List[LayerRef]) -> Optional[Group]:
    # Of earlier layers only: the last one may write the blob that the first one reads.
    made: Set[str] = set()
    outside: List[Tuple[str, LayerRef]] = []
    for layer in layers:
        outside += [(name, layer) for name in layer.message.input if name not in made]
        made.update(layer.message.output)
    return Group(layers, *outside[0]) if len(outside) == 1 else None


def scale(messages: Sequence[Any]) -> Optional[Tuple[float, float]]:
    """(height, width) by which layers scale whatever they read: a whole number, or one over one.

    None for layers that are made for one size. The layers say it themselves, so it is known where
    the sizes are not: in loops, and where the rest of the network fits at one size alone.
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
    """Address → what it was before groups stood in for single layers; a manifest may pin those."""
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
