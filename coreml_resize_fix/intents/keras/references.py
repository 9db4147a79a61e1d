"""The tensors that the calls in the configuration of a Keras model read.

Keras 2 writes `[layer, call, tensor]`, with arguments by name behind it in some versions; Keras 3
writes objects of the class `__keras_tensor__`.
"""

from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence

from coreml_resize_fix.intents.keras.json_values import Shape, as_dict, as_shape
from coreml_resize_fix.intents.keras.order import Call


class Reference(NamedTuple):
    """A tensor that a call reads: the call that made it, and its shape if the file says so."""

    made_by: Call
    shape: Optional[Shape]


def first_calls(reads: Dict[str, List[List[Reference]]], outputs: Sequence[Call]) -> Dict[str, int]:
    """The number of each layer's first call in a file of Keras 2, if it is not 0.

    A model that is a layer may count from 1: its call 0 is the one that made it. In a file of
    Keras 3 that is so where outputs are named, and nowhere else.
    """
    last: Dict[str, int] = {}
    read = (one.made_by for calls in reads.values() for call in calls for one in call)
    for name, index in (*read, *outputs):
        last[name] = max(last.get(name, 0), index)
    return {name: 1 for name, calls in reads.items() if last.get(name) == len(calls)}


def renumbered(call: Call, first: Dict[str, int]) -> Call:
    """The call with its number counted from 0, by what `first_calls` gives."""
    return call[0], call[1] - first.get(call[0], 0)


def references(value: Any, names: Dict[str, Any]) -> Iterator[Reference]:
    """The tensors in the arguments of a call, those by name last, as Keras orders them."""
    if isinstance(value, dict):
        config = as_dict(value.get("config"))
        if value.get("class_name") == "__keras_tensor__":
            shape = as_shape(config.get("shape"))
            for found in references(config.get("keras_history"), names):
                yield Reference(found.made_by, shape)
            return
        for key in sorted(value):  # `args` before `kwargs`
            yield from references(value[key], names)
    elif isinstance(value, list):
        if _is_reference(value, names):
            yield Reference((value[0], value[1]), None)
            value = value[3:]
        more = [item[3] for item in value if isinstance(item, list) and _is_long(item, names)]
        for item in value:
            yield from references(item[:3] if _is_long(item, names) else item, names)
        for named in more[:1]:  # every tensor of a call has the same
            yield from references(named, names)


def _is_reference(value: Any, names: Dict[str, Any]) -> bool:
    """Whether a value is `[layer, call, tensor]`, as Keras 2 names a tensor."""
    return (
        isinstance(value, list)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and value[0] in names
        and all(type(number) is int for number in value[1:3])
    )


def _is_long(value: Any, names: Dict[str, Any]) -> bool:
    return _is_reference(value, names) and len(value) == 4


def arguments_by_name(node: Any, names: Dict[str, Any]) -> Dict[str, Any]:
    """The arguments by name of one call: behind a tensor in Keras 2, `kwargs` in Keras 3."""
    if _is_long(node, names):
        return as_dict(node[3])
    if isinstance(node, list):
        return next((as_dict(item[3]) for item in node if _is_long(item, names)), {})
    return as_dict(as_dict(node).get("kwargs"))
