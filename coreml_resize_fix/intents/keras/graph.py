"""Record the resizes of a Keras model that is a graph of TensorFlow: TensorFlow 1, `tf.compat.v1`.

What such a model computes stands in the graph of its session: the resize operators on which its
outputs depend, in the order in which Keras made them. A run gives their sizes and values.
"""

import re
import sys
from contextlib import ExitStack
from typing import Any, Callable, Dict, List, Set, Tuple, TypeVar

from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.intents.keras import layers, network, recorder
from coreml_resize_fix.intents.keras.backends import ExecutedResize
from coreml_resize_fix.intents.tensorflow import ops
from coreml_resize_fix.intents.tensors import NetworkTensors

_Self = TypeVar("_Self", bound="Recorder")

_RUNNING = ("predict", "predict_on_batch")


class Recorder(recorder.Recorder):
    """The intents of the resize operators in a model's graph.

    Their sizes and tensors are those of the example, or of the first `predict` in a block.
    """

    def __init__(self, model: Any, tensors: bool = False) -> None:
        super().__init__(model, tensors)
        if not _symbols(model, "outputs"):
            raise UsageError(
                f"this {type(model).__name__} has no inputs and outputs in a graph of TensorFlow",
                "pass a model that was made from its inputs, or run it on TensorFlow 2",
            )

    def run(self: _Self, arguments: Tuple[Any, ...]) -> _Self:
        """Record one run of the model."""
        with self:
            self._read(arguments)
        return self

    def _listen(self, block: ExitStack) -> None:
        self._tree = layers.tree(self._model)
        for name in _RUNNING:
            block.enter_context(recorder.wrapped(type(self._model), name, self._around_predict))

    def _around_predict(
        self, original: Callable[..., Any], model: Any, *given: Any, **more: Any
    ) -> Any:
        outputs = original(model, *given, **more)
        if model is self._model:
            if self._runs:
                self._runs += 1
            else:
                self._read((given or (more.get("x"),))[:1])
        return outputs

    def _read(self, arguments: Tuple[Any, ...]) -> None:
        inputs, outputs = _symbols(self._model, "inputs"), _symbols(self._model, "outputs")
        given = list(network.leaves(list(arguments)))
        if len(given) != len(inputs):
            raise UsageError(
                f"the model has {len(inputs)} inputs in its graph, and {len(given)} are given",
                "pass one array for each input, several in a tuple",
            )
        arrays = network.named(
            [(key, network.array(value)) for key, value in given],
            network.input_names(self._model),
            "input_{}",
        )
        needed = _needed(outputs)
        resizes = [op for op in needed if ops.is_resize(op.type)]
        wanted = [[*op.inputs, *op.outputs] for op in resizes]
        values = self._session().run([outputs, wanted], self._fed(inputs, list(arrays.values())))
        self._runs += 1
        for op, (source, *more, result) in zip(resizes, values[1]):
            flags = {name: op.get_attr(name) for name in op.node_def.attr}
            found = ops.intent_of(op.type, flags)
            if op.type == ops.WITH_KERNEL:
                sizes = source.shape[1:3], result.shape[1:3]
                found = ops.checked(found, *sizes, *more[1:])
            layer = self._layer(op.name)
            silent = layers.kind(layer) in recorder.RESIZING
            self._record(
                ExecutedResize(found, source, result), layer, None if silent else _site(op)
            )
        self._note_functions(needed)
        if self._keeps_tensors:
            names = network.output_names(self._model)
            made = network.named([("", value) for value in values[0]], names, "{}")
            self.network = NetworkTensors(arrays, made)

    def _note_functions(self, needed: List[Any]) -> None:
        """Note what is resized inside of functions, whose values the graph does not show."""
        calling = [op for op in needed if ops.functions(op.node_def)]
        if not calling:
            return
        library = calling[0].graph.as_graph_def().library.function
        nodes = {one.signature.name: one.node_def for one in library}
        for op in calling:
            found: Set[str] = set()
            for name in ops.functions(op.node_def):
                found |= ops.inside(name, nodes.__getitem__, set())
            if found:
                self._note(f"`{op.name}` is not recorded: {ops.not_seen(found)}")

    def _session(self) -> Any:
        return _backend(self._package).get_session()

    def _fed(self, inputs: List[Any], arrays: List[Any]) -> Dict[Any, Any]:
        phase = _backend(self._package).learning_phase()
        fed = dict(zip(inputs, arrays))
        if hasattr(phase, "op") and phase.op.type.startswith("Placeholder"):
            fed[phase] = 0
        return fed

    def _layer(self, name: str) -> Any:
        """The innermost layer of which an operator's scopes have the name, one inside another."""
        found = self._model
        for scope in name.split("/")[:-1]:
            inside = {part.name: part for part in layers.parts(found)}
            found = inside.get(scope, inside.get(re.sub(r"_\d+$", "", scope), found))
        while layers.is_keras(getattr(found, "layer", None)):  # a wrapper adds no scope
            found = found.layer
        return found


def _symbols(model: Any, name: str) -> List[Any]:
    return [tensor for _, tensor in network.leaves(getattr(model, name, None))]


def _backend(package: str) -> Any:
    """The module of a Keras that knows its session."""
    names = (f"{package}.backend", f"{package}.src.backend")
    found = [sys.modules[name] for name in names if name in sys.modules]
    return next(module for module in found if hasattr(module, "get_session"))


def _needed(outputs: List[Any]) -> List[Any]:
    """The operators on which `outputs` depend, in the order in which the graph got them."""
    found: Set[Any] = set()
    waiting = [tensor.op for tensor in outputs]
    while waiting:
        op = waiting.pop()
        if op not in found:
            found.add(op)
            waiting += [tensor.op for tensor in op.inputs]
    return sorted(found, key=lambda op: int(op._id))


def _site(op: Any) -> Any:
    """The place in the user's code that made an operator."""
    stack = [(str(frame[0]), int(frame[1])) for frame in op.traceback]
    return layers.site_of(reversed(stack))
