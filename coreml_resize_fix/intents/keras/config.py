"""The resizes in the configuration of a Keras model, in the order in which Keras runs them."""

from dataclasses import replace
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence

from coreml_resize_fix.intents.keras import order, shapes
from coreml_resize_fix.intents.keras.calls import Called, intent_of
from coreml_resize_fix.intents.keras.interpolation import Era, era
from coreml_resize_fix.intents.keras.order import Call, Graph, GraphError
from coreml_resize_fix.intents.keras.own_layers import is_own
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.node_notices import (
    NO_SIZE,
    LeftOut,
    NodeIntents,
    Remarks,
    counted,
    left_out,
)

MOST = 100_000  # intents: models that are called inside of models multiply
_DEEPEST = 50  # models inside of models
_NOT_SEEN = (
    "{layers} may resize by code that is not in the file, which is not seen; `record_intents` "
    "sees it"
)

Shape = Sequence[Any]


class NoModelError(Exception):
    """A configuration without layers that can be read; the text says why."""


def read_config(config: Any, version: Optional[str], backend: Optional[str]) -> NodeIntents:
    """The intents of parsed JSON; `version` and `backend` are those that the file names.

    Raises:
        NoModelError: it is no configuration of a Keras model.
    """
    reader = _Reader(era(version, backend))
    try:
        found = reader.of_model(_dict(config), "", None, 0)
    except (GraphError, RecursionError) as error:
        deep = "its configuration is nested too deep"
        raise NoModelError(str(error) if isinstance(error, GraphError) else deep) from None
    if found is None:
        raise NoModelError("its layers are made by code, which is not in the file")
    intents = [
        replace(intent, index=index, framework_version=version)
        for index, intent in enumerate(found.intents)
    ]
    return NodeIntents(intents, reader.notices())


class _Reference(NamedTuple):
    """A tensor that a call reads: the call that made it, and its shape if the file says so."""

    made_by: Call
    shape: Optional[Shape]


class _Inside(NamedTuple):
    """What a model resizes, in order, and the shape that it makes, if it is known."""

    intents: List[Intent]
    makes: Optional[Shape]


class _Reader:
    def __init__(self, era: Era) -> None:
        self._era = era
        self._remarks = Remarks()
        self._unseen: Dict[str, None] = {}
        self._models: Dict[Any, Optional[_Inside]] = {}

    def notices(self) -> List[str]:
        """What the file does not show, and why."""
        found = self._remarks.notices()
        if self._unseen:
            found.append(_NOT_SEEN.format(layers=counted("layer", list(self._unseen))))
        return found

    def of_model(
        self, entry: Dict[str, Any], path: str, shape: Optional[Shape], depth: int
    ) -> Optional[_Inside]:
        """What a model resizes; None if the entry is no model with layers in it.

        A model that is called again does the same again.
        """
        config = entry.get("config")
        is_graph = isinstance(config, dict) and "output_layers" in config  # it has its own inputs
        key = id(entry), () if is_graph else tuple(shape or ())
        if key not in self._models:
            if depth > _DEEPEST:
                raise NoModelError(f"it has models inside of models, {depth} deep")
            if is_graph:
                found: Optional[_Inside] = self._functional(_dict(config), path, depth)
            elif entry.get("class_name") in ("Sequential", "Pipeline"):
                found = self._sequential(entry, path, shape, depth)
            else:
                found = None
            self._models[key] = found
        return self._models[key]

    def _functional(self, config: Dict[str, Any], path: str, depth: int) -> _Inside:
        layers: Dict[str, Dict[str, Any]] = {}
        for entry in map(_dict, _list(config.get("layers"))):
            name = _name(entry)
            if name in layers:
                raise NoModelError(f"two layers of it are named `{name}`")
            layers[name] = entry
        nodes = {name: _list(entry.get("inbound_nodes")) or [[]] for name, entry in layers.items()}
        reads = {
            name: [list(_references(node, layers)) for node in calls]
            for name, calls in nodes.items()
        }
        outputs = [one.made_by for one in _references(config.get("output_layers"), layers)]
        if not outputs:
            raise NoModelError("its configuration names no outputs")
        inside = {name for name, entry in layers.items() if "output_layers" in _config(entry)}
        if self._era.is_keras3:
            first, first_output = {}, dict.fromkeys(inside, 1)
        else:
            first = first_output = _first_calls(reads, outputs)
        parents = {
            name: [[_moved(one.made_by, first) for one in read] for read in calls]
            for name, calls in reads.items()
        }
        ends = [_moved(output, first_output) for output in outputs]
        made: Dict[Call, Optional[Shape]] = {}
        found: List[Intent] = []
        for call in order.execution_order(Graph(parents, ends)):
            name, index = call
            read = reads[name][index]
            sources = [one.shape or made.get(of) for one, of in zip(read, parents[name][index])]
            if sources[:1] in ([], [None]) and len(nodes[name]) == 1:
                sources[:1] = [_built(layers[name])]
            arguments = _arguments(nodes[name][index], layers)
            made[call] = self._run(layers[name], arguments, path, sources, depth, found)
        return _Inside(found, made.get(ends[0]) if len(ends) == 1 else None)

    def _sequential(
        self, entry: Dict[str, Any], path: str, shape: Optional[Shape], depth: int
    ) -> _Inside:
        config = entry.get("config")
        layers = _list(config if isinstance(config, list) else _dict(config).get("layers"))
        shape = shape or _shape(_dict(config).get("build_input_shape")) or _built(entry)
        found: List[Intent] = []
        for layer in map(_dict, layers):
            shape = self._run(layer, {}, path, [_built(layer) or shape], depth, found)
        return _Inside(found, shape)

    def _run(
        self,
        entry: Dict[str, Any],
        arguments: Dict[str, Any],
        path: str,
        sources: List[Optional[Shape]],
        depth: int,
        found: List[Intent],
    ) -> Optional[Shape]:
        """Add what a layer resizes to `found`; returns the shape that it makes, if it is known."""
        name = _name(entry)
        here = f"{path}/{name}" if path else name
        config = _config(entry)
        given = _shape(config.get("batch_shape", config.get("batch_input_shape")))
        source = (sources[0] if sources else None) or given
        if entry.get("class_name") == "InputLayer":  # which leaves sides open that a caller knows
            return source
        sources = [source, *sources[1:]]
        inner = self.of_model(entry, here, source, depth + 1)
        if inner is None and isinstance(config.get("layer"), dict):  # TimeDistributed and the like
            inner = _Inside([], None)
            self._run(config["layer"], {}, here, [], depth + 1, inner.intents)
        if inner is not None:
            if len(found) + len(inner.intents) > MOST:
                raise NoModelError(f"it resizes more than {MOST} times")
            found += inner.intents
            return inner.makes
        called = Called(str(entry.get("class_name")), entry.get("module"), config, arguments)
        if not is_own(called.kind, called.module, entry.get("registered_name"), self._era):
            self._unseen[here] = None
            return None
        call = intent_of(called, self._era, source)
        if call is None:
            return shapes.made(called.kind, config, sources)
        if isinstance(call.found, LeftOut):
            self._remarks.add(left_out(call.found), here)
            return None
        if call.found.input_size is None:
            self._remarks.add(NO_SIZE, here)
        if call.doubt is not None:
            self._remarks.add(call.doubt, here)
        found.append(replace(call.found, name=here or None))
        return call.makes


def _first_calls(
    reads: Dict[str, List[List[_Reference]]], outputs: Sequence[Call]
) -> Dict[str, int]:
    """The number of each layer's first call in a file of Keras 2, if it is not 0.

    A model that is a layer may count from 1: its call 0 is the one that made it. In a file of
    Keras 3 that is so where outputs are named, and nowhere else.
    """
    last: Dict[str, int] = {}
    read = (one.made_by for calls in reads.values() for call in calls for one in call)
    for name, index in (*read, *outputs):
        last[name] = max(last.get(name, 0), index)
    return {name: 1 for name, calls in reads.items() if last.get(name) == len(calls)}


def _moved(call: Call, first: Dict[str, int]) -> Call:
    return call[0], call[1] - first.get(call[0], 0)


def _references(value: Any, names: Dict[str, Any]) -> Iterator[_Reference]:
    """The tensors in the arguments of a call, those by name last, as Keras orders them."""
    if isinstance(value, dict):
        config = _dict(value.get("config"))
        if value.get("class_name") == "__keras_tensor__":
            shape = _shape(config.get("shape"))
            for found in _references(config.get("keras_history"), names):
                yield _Reference(found.made_by, shape)
            return
        for key in sorted(value):  # `args` before `kwargs`
            yield from _references(value[key], names)
    elif isinstance(value, list):
        if _is_reference(value, names):
            yield _Reference((value[0], value[1]), None)
            value = value[3:]
        more = [item[3] for item in value if isinstance(item, list) and _is_long(item, names)]
        for item in value:
            yield from _references(item[:3] if _is_long(item, names) else item, names)
        for named in more[:1]:  # every tensor of a call has the same
            yield from _references(named, names)


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


def _arguments(node: Any, names: Dict[str, Any]) -> Dict[str, Any]:
    """The arguments by name of a call of Keras 2."""
    if _is_long(node, names):
        return _dict(node[3])
    if isinstance(node, list):
        return next((_dict(item[3]) for item in node if _is_long(item, names)), {})
    return _dict(_dict(node).get("kwargs"))


def _built(entry: Dict[str, Any]) -> Optional[Shape]:
    return _shape(_dict(entry.get("build_config")).get("input_shape"))


def _shape(value: Any) -> Optional[Shape]:
    """A batch of maps; None for anything else."""
    if not isinstance(value, list) or len(value) != 4:
        return None
    return value if all(n is None or (type(n) is int and n > 0) for n in value) else None


def _name(entry: Dict[str, Any]) -> str:
    found = entry.get("name", _config(entry).get("name"))
    return found if isinstance(found, str) else ""


def _config(entry: Dict[str, Any]) -> Dict[str, Any]:
    return _dict(entry.get("config"))


def _dict(value: Any) -> Dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> List[Any]:
    return value if isinstance(value, list) else []
