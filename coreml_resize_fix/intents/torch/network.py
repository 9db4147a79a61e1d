"""Copy what a resize and a whole network get and give: its arguments, the tensors in its result.

An argument has the name that `forward` gives it; a result, the keys of its dictionaries, else its
place. What holds several tensors is taken apart in order.
"""

import inspect
from dataclasses import fields, is_dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.intents.tensors import NetworkTensors, Recorded
from coreml_resize_fix.intents.torch import calls, stack

Named = List[Tuple[str, Any]]


class Run:
    """One run of a network: its inputs are copied at once, since a network may change them."""

    def __init__(self, model: Any, inputs: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        self.has_values = True
        self._inputs = self._copy(_arguments(model, inputs, keywords))

    def end(self, outputs: Any) -> Optional[NetworkTensors]:
        """The inputs and outputs of the run; None if an exporter ran the network without values."""
        found = self._copy(_leaves(outputs, "", counted=True))
        return NetworkTensors(self._inputs, found) if self.has_values else None

    def _copy(self, named: Named) -> Dict[str, np.ndarray]:
        found: Dict[str, np.ndarray] = {}
        with calls.untraced():
            for name, tensor in named:
                if not calls.has_values(tensor):
                    self.has_values = False
                    continue
                array = _array(tensor)
                if array is not None:
                    found[_free(name, found)] = array
        return found


def recorded(source: Any, result: Any) -> Recorded:
    """Copies of the input and output of one resize: later operations may work in place."""
    return Recorded(_map(source), _map(result))


def _map(tensor: Any) -> np.ndarray:
    values = np.array(tensor.detach().cpu().float().numpy())
    # Core ML takes a sequence for a map of width 1.
    return values if values.ndim > 3 else values[..., np.newaxis]


def keywords_of_run(model: Any) -> Dict[str, Any]:
    """The keyword arguments of the running call of a model, which hooks do not get.

    Empty if the call is not on the stack.
    """
    for module, variables in stack.calls_of_modules():
        if stack.place(module) == stack.place(model):
            found = variables.get("kwargs")
            return dict(found) if isinstance(found, dict) else {}
    return {}


def _arguments(model: Any, inputs: Sequence[Any], keywords: Mapping[str, Any]) -> Named:
    """The tensors in the arguments of a call, in the order in which `forward` has them."""
    names, rest = _parameters(model)
    given: List[Tuple[str, Any]] = list(zip(names, inputs))
    given += [(f"{rest}_{index}", value) for index, value in enumerate(inputs[len(names) :])]
    order = {name: place for place, name in enumerate(names)}
    given += sorted(keywords.items(), key=lambda item: order.get(item[0], len(order)))
    return [leaf for name, value in given for leaf in _leaves(value, name)]


def _parameters(model: Any) -> Tuple[List[str], str]:
    """The names of the arguments of `forward`, and that of all further ones."""
    schema = getattr(model.forward, "schema", None)
    if schema is not None:  # a scripted or traced module
        return [argument.name for argument in schema.arguments][1:], "input"
    try:
        found = list(inspect.signature(model.forward).parameters.values())
    except (TypeError, ValueError):
        return [], "input"
    rest = [one.name for one in found if one.kind is one.VAR_POSITIONAL]
    named = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [one.name for one in found if one.kind in named], (rest or ["input"])[0]


def _leaves(value: Any, name: str, counted: bool = False) -> Named:
    """The tensors in a value; `counted` ones have their place as a name, if they have no key."""
    found = list(_walk(value, name))
    if counted:
        return [(key or str(place), tensor) for place, (key, tensor) in enumerate(found)]
    return found


def _walk(value: Any, name: str) -> Iterator[Tuple[str, Any]]:
    if calls.is_tensor(value):
        yield name, value
        return
    if is_dataclass(value) and not isinstance(value, (dict, type)):
        value = {field.name: getattr(value, field.name, None) for field in fields(value)}
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, f"{name}_{key}" if name else str(key))
    elif isinstance(value, (list, tuple)):
        inside = [leaf for item in value for leaf in _walk(item, "")]
        for place, (key, tensor) in enumerate(inside):
            # Without a name around them, they are counted with all others.
            yield (f"{name}_{key or place}" if name else key), tensor


def _free(name: str, taken: Mapping[str, Any]) -> str:
    while name in taken:
        name += "_"
    return name


def _array(tensor: Any) -> Optional[np.ndarray]:
    """A copy as NumPy has it, of float32 for whatever is a fraction; None if it has no such."""
    plain = tensor.detach()
    try:
        if getattr(plain, "is_quantized", False):
            plain = plain.dequantize()
        plain = plain.cpu()
        values = np.array((plain.float() if plain.is_floating_point() else plain).numpy())
    except (RuntimeError, TypeError, NotImplementedError):  # a sparse one, or of another device
        return None
    return values if values.dtype.kind in "fiub" else None
