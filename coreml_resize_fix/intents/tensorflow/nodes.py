"""The intents of the resize nodes of a TensorFlow network, whichever kind of file it is from.

A reader of a kind of file implements `Network`. All images are NHWC: TensorFlow's resize operators
know no other layout.
"""

import math
from dataclasses import replace
from typing import (
    Any,
    Dict,
    Hashable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from coreml_resize_fix.intents.fields import LARGEST_SIDE
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.node_notices import (
    NO_SIZE,
    LeftOut,
    NodeIntents,
    Remarks,
    consistent,
    left_out,
)
from coreml_resize_fix.intents.tensorflow import sizes
from coreml_resize_fix.intents.tensorflow.ops import (
    WITH_KERNEL,
    intent_of,
    is_resize,
    may_resize,
)
from coreml_resize_fix.intents.tensorflow.sizes import Side, Value, quotient

_RANK = 4
_SIDES = (1, 2)  # axes of height and width; channels are the last

_SCALING = ("size", "scale", "translation")  # inputs of ScaleAndTranslate behind the image
_CLOSE = 1e-6  # of two numbers of single precision

_QUANTIZED = (
    "{nodes} of quantized numbers, read as the calls that they stand for: how the quantized model "
    "rounds is not compared"
)


class Tensor(NamedTuple):
    """What is known of a tensor without running the network.

    `value` has the numbers of a scalar or a list, `table` those of a matrix, row by row.
    """

    shape: Optional[Tuple[Optional[int], ...]] = None
    value: Optional[Value] = None
    is_quantized: bool = False
    table: Optional[Tuple[Any, ...]] = None


class Node(NamedTuple):
    """One node: `kind` is its operator as TensorFlow names it, `flags` are its attributes.

    Inputs and outputs are keys of tensors. `used` is False if no output of the network depends on
    the node, and None if one does or that is not known.
    """

    kind: str
    name: str
    inputs: Sequence[Hashable] = ()
    outputs: Sequence[Hashable] = ()
    flags: Mapping[str, Any] = {}
    used: Optional[bool] = None


class Network:
    """The nodes of a file, and what is known of its tensors.

    Readers implement `nodes`. `read_network` adds the sizes that it computes to `tensors` while
    it goes through them.
    """

    def __init__(self) -> None:
        self.tensors: Dict[Hashable, Tensor] = {}

    def nodes(self) -> Iterator[Node]:
        """All nodes in order of execution, those of functions where they are called."""
        raise NotImplementedError

    def tensor(self, key: Hashable) -> Tensor:
        """What is known of a tensor."""
        return self.tensors.get(key, Tensor())

    def add(self, key: Hashable, **known: Any) -> None:
        """Add to what is known of a tensor: fields of `Tensor` by name."""
        self.tensors[key] = self.tensor(key)._replace(**known)


def read_network(network: Network, remarks: Remarks) -> NodeIntents:
    """The intents of the resize nodes of a network, and notices on the nodes left out.

    `remarks` collects the notices; the reader may have added its own.
    """
    intents: List[Intent] = []
    for node in network.nodes():
        if is_resize(node.kind):
            found = _intent(node, network)
            if isinstance(found, LeftOut):
                remarks.add(left_out(found), node.name)
                continue
            if found.input_size is None:
                remarks.add(NO_SIZE, node.name)
            if network.tensor(node.inputs[0]).is_quantized or node.kind.startswith("Quantized"):
                remarks.add(_QUANTIZED, node.name)
            intents.append(replace(found, index=len(intents)))
        elif may_resize(node.kind):
            remarks.add(left_out(f"the operator `{node.kind}` is not read"), node.name)
        elif node.outputs:
            made = _value(node, network)
            if made is not None:
                network.add(node.outputs[0], value=made)
    return NodeIntents(intents, remarks.notices())


def _value(node: Node, network: Network) -> Optional[Value]:
    """The numbers that a node computes, if it is one of those between a shape and a size."""
    if node.kind == "Shape":
        known = [network.tensor(key).shape or (None,) * _RANK for key in node.inputs[:1]]
        return sizes.of_shape(node.inputs[0], known[0]) if known else None
    inputs = [network.tensor(key).value for key in node.inputs]
    return sizes.fold(node.kind, inputs, node.flags)


def _intent(node: Node, network: Network) -> Union[Intent, LeftOut]:
    """The intent of a resize node, or why it has none; adds its output's shape to `network`."""
    if len(node.inputs) < 2 or not node.outputs:
        return LeftOut("it has no size or no output")
    image, made = node.inputs[0], node.outputs[0]
    before = network.tensor(image).shape or (None,) * _RANK
    if len(before) != _RANK:
        return LeftOut(f"it resizes a tensor of rank {len(before)}, not an image")
    size, factor = _size(network.tensor(node.inputs[1]).value, image)
    if any(n is not None and not 0 < n <= LARGEST_SIDE for n in (*size, *factor)):
        return LeftOut(f"its size or factor is beyond 1 to {LARGEST_SIDE}")
    after = network.tensor(made).shape or ()
    declared = after[1:3] if len(after) == _RANK else (None, None)
    sides = [one if one is not None else other for one, other in zip(size, declared)]
    network.add(made, shape=(before[0], *sides, before[-1]))
    call = _call(node, network, before)
    if isinstance(call, LeftOut):
        return call
    intent = replace(
        call,
        name=node.name or None,
        size=_known(size),
        scale_factor=_known(factor),
        input_size=_known([before[axis] for axis in _SIDES]),
        output_size=_known(sides) if None in factor else None,
        channels=before[-1],
        used=node.used,
    )
    return consistent(intent)


def _known(pair: Sequence[Any]) -> Any:
    """Both values as a pair; None unless both are known and those of an image."""
    known = all(n is not None and 0 < n <= LARGEST_SIDE for n in pair)
    return tuple(pair) if known and len(pair) == len(_SIDES) else None


def _size(value: Optional[Value], image: Hashable) -> Tuple[Sequence[Any], Sequence[Any]]:
    """(height, width) as numbers, and as factors of the image's own sides; None where not known.

    `value` is the input of the node that says the size.
    """
    elements = value.elements if value is not None else ()
    if len(elements) != len(_SIDES):
        return (None, None), (None, None)
    own = [
        float(n.factor) if isinstance(n, Side) and n[:2] == (image, axis) and n.power == 1 else None
        for n, axis in zip(elements, _SIDES)
    ]
    return [n if isinstance(n, int) else None for n in elements], own


def _call(node: Node, network: Network, before: Sequence[Any]) -> Union[Intent, LeftOut]:
    """The intent of a node without name and sizes, or why it has none."""
    found = intent_of(node.kind, node.flags)
    is_scaled = node.kind == WITH_KERNEL and isinstance(found, Intent)
    if is_scaled and not _is_whole_image(node, network, before):
        return LeftOut("its scale or translation is not seen to be that of a whole image")
    return found


def _is_whole_image(node: Node, network: Network, before: Sequence[Any]) -> bool:
    """Whether ScaleAndTranslate maps the whole image: no translation, and scale = size / side."""
    image, *rest = node.inputs
    given = [network.tensor(key).value for key in rest[: len(_SCALING)]]
    size, scale, translation = (
        [] if one is None else list(one.elements) for one in (*given, None, None)[:3]
    )
    sides = [Side(image, axis) if before[axis] is None else before[axis] for axis in _SIDES]
    wanted = [quotient(made, side) for made, side in zip(size, sides)]
    return (
        translation == [0, 0]
        and len(scale) == len(wanted) == len(_SIDES)
        and all(_is_close(*pair) for pair in zip(scale, wanted))
    )


def _is_close(one: Any, other: Any) -> bool:
    if isinstance(one, Side) or isinstance(other, Side) or one is None or other is None:
        return one is not None and one == other
    return math.isclose(one, other, rel_tol=_CLOSE)
