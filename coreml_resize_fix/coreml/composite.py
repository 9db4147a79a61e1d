"""Several layers that stand in for one resize: how they are named, and how they are found again."""

import re
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from coreml_resize_fix.coreml.walk import LayerRef

_INFIX = "__resize_"
_NUMBER = re.compile(r"_\d+$")
# What replacements are made of beside their last layer.
PART_KINDS = frozenset(
    (
        "activation",
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

# Those of them that make the same of every size: no index, matrix or box says for which one.
_FOLLOWING_KINDS = frozenset(
    ("activation", "convolution", "crop", "expandDims", "padding", "squeeze", "upsample")
)


def part_name(name: str, kind: str, number: int = 1) -> str:
    """Name of a layer that helps the last one, which is called `name`.

    The name is how the layers are known to belong together when the result is audited again.
    """
    return "{}{}{}{}".format(name, _INFIX, kind, "" if number == 1 else "_{}".format(number))


def helped(name: str) -> str:
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
    for index, layer in enumerate(layers):
        start = index
        while start and _helps(layers[start - 1], layer):
            start -= 1
        group = _group(list(layers[start : index + 1])) if start < index else None
        if group is not None:
            found.append(group)
    return found


def _helps(part: LayerRef, layer: LayerRef) -> bool:
    """Whether a part is named after the layer and its own kind, and its blob after itself."""
    helped, infix, kind = part.message.name.rpartition(_INFIX)
    if not infix or helped != layer.message.name or part.path[-1] != layer.path[-1]:
        return False
    if part.kind != _NUMBER.sub("", kind) or part.kind not in PART_KINDS:
        return False
    if part.kind == "activation" and not part.message.activation.HasField("linear"):
        return False
    return list(part.message.output) == [part.message.name]


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
        start = "{}/{}".format(parent, inside) if around else body
        before[layer.address] = "{}layers[{}]".format(start, index - fewer)
    return before


def _split(address: str) -> Tuple[str, int]:
    """Body and index: `layers[3]/ifBranch/layers[0]` → (`layers[3]/ifBranch/`, 0)."""
    body, _, index = address.rpartition("layers[")
    return body, int(index.rstrip("]"))
