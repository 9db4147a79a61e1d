"""The resizes in the configuration of a Keras model, in the order in which Keras runs them."""

from dataclasses import replace
from typing import Any, Dict, List, NamedTuple, Optional

from coreml_resize_fix.intents.keras import order, shapes
from coreml_resize_fix.intents.keras.calls import Called, intent_of
from coreml_resize_fix.intents.keras.interpolation import Era, era
from coreml_resize_fix.intents.keras.json_values import Shape, as_dict, as_list, as_shape
from coreml_resize_fix.intents.keras.order import Call, Graph, GraphError
from coreml_resize_fix.intents.keras.own_layers import is_own
from coreml_resize_fix.intents.keras.references import (
    arguments_by_name,
    first_calls,
    references,
    renumbered,
)
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


class NoModelError(Exception):
    """A configuration without layers that can be read; the text says why."""


def read_config(config: Any, version: Optional[str], backend: Optional[str]) -> NodeIntents:
    """The intents of parsed JSON; `version` and `backend` are those that the file names.

    Raises:
        NoModelError: the JSON does not describe a Keras model.
    """
    reader = _Reader(era(version, backend))
    try:
        found = reader.of_model(as_dict(config), "", None, 0)
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


class _Inside(NamedTuple):
    """The intents of a model in order of execution, and its output's shape if it is known."""

    intents: List[Intent]
    makes: Optional[Shape]


class _Reader:
    def __init__(self, era: Era) -> None:
        self._era = era
        self._remarks = Remarks()
        self._unseen: Dict[str, None] = {}
        self._models: Dict[Any, Optional[_Inside]] = {}

    def notices(self) -> List[str]:
        """Notices on layers that were left out or are in doubt, and on code that is not seen."""
        found = self._remarks.notices()
        if self._unseen:
            found.append(_NOT_SEEN.format(layers=counted("layer", list(self._unseen))))
        return found

    def of_model(
        self, entry: Dict[str, Any], path: str, shape: Optional[Shape], depth: int
    ) -> Optional[_Inside]:
        """The resizes of a model for an input of this shape; None if `entry` lists no layers.

        The result is kept for further calls of the same model.
        """
        config = entry.get("config")
        is_graph = isinstance(config, dict) and "output_layers" in config  # it has its own inputs
        key = id(entry), () if is_graph else tuple(shape or ())
        if key not in self._models:
            if depth > _DEEPEST:
                raise NoModelError(f"it has models inside of models, {depth} deep")
            if is_graph:
                found: Optional[_Inside] = self._functional(as_dict(config), path, depth)
            elif entry.get("class_name") in ("Sequential", "Pipeline"):
                found = self._sequential(entry, path, shape, depth)
            else:
                found = None
            self._models[key] = found
        return self._models[key]

    def _functional(self, config: Dict[str, Any], path: str, depth: int) -> _Inside:
        layers: Dict[str, Dict[str, Any]] = {}
        for entry in map(as_dict, as_list(config.get("layers"))):
            name = _name(entry)
            if name in layers:
                raise NoModelError(f"two layers of it are named `{name}`")
            layers[name] = entry
        nodes = {
            name: as_list(entry.get("inbound_nodes")) or [[]] for name, entry in layers.items()
        }
        reads = {
            name: [list(references(node, layers)) for node in calls]
            for name, calls in nodes.items()
        }
        outputs = [one.made_by for one in references(config.get("output_layers"), layers)]
        if not outputs:
            raise NoModelError("its configuration names no outputs")
        inside = {name for name, entry in layers.items() if "output_layers" in _config(entry)}
        if self._era.is_keras3:
            first, first_output = {}, dict.fromkeys(inside, 1)
        else:
            first = first_output = first_calls(reads, outputs)
        parents = {
            name: [[renumbered(one.made_by, first) for one in read] for read in calls]
            for name, calls in reads.items()
        }
        ends = [renumbered(output, first_output) for output in outputs]
        made: Dict[Call, Optional[Shape]] = {}
        found: List[Intent] = []
        for call in order.execution_order(Graph(parents, ends)):
            name, index = call
            read = reads[name][index]
            sources = [one.shape or made.get(of) for one, of in zip(read, parents[name][index])]
            if sources[:1] in ([], [None]) and len(nodes[name]) == 1:
                sources[:1] = [_built(layers[name])]
            arguments = arguments_by_name(nodes[name][index], layers)
            made[call] = self._run(layers[name], arguments, path, sources, depth, found)
        return _Inside(found, made.get(ends[0]) if len(ends) == 1 else None)

    def _sequential(
        self, entry: Dict[str, Any], path: str, shape: Optional[Shape], depth: int
    ) -> _Inside:
        config = entry.get("config")
        layers = as_list(config if isinstance(config, list) else as_dict(config).get("layers"))
        shape = shape or as_shape(as_dict(config).get("build_input_shape")) or _built(entry)
        found: List[Intent] = []
        for layer in map(as_dict, layers):
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
        """Add the intents of a layer's call to `found`; returns its output's shape, if known."""
        name = _name(entry)
        here = f"{path}/{name}" if path else name
        config = _config(entry)
        given = as_shape(config.get("batch_shape", config.get("batch_input_shape")))
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


def _built(entry: Dict[str, Any]) -> Optional[Shape]:
    return as_shape(as_dict(entry.get("build_config")).get("input_shape"))


def _name(entry: Dict[str, Any]) -> str:
    found = entry.get("name", _config(entry).get("name"))
    return found if isinstance(found, str) else ""


def _config(entry: Dict[str, Any]) -> Dict[str, Any]:
    return as_dict(entry.get("config"))
