"""Record the resizes of a Keras model while it runs, on any of its backends."""

import functools
import inspect
import sys
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple, TypeVar

from coreml_resize_fix.intents import recorder
from coreml_resize_fix.intents.keras import backends, layers, network
from coreml_resize_fix.intents.keras.backends import ExecutedResize
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.tensors import NetworkTensors

_Self = TypeVar("_Self", bound="Recorder")

UPSAMPLING = "UpSampling2D"
RESIZING = (UPSAMPLING, "Resizing", "Resize")  # `keras.ops.image.resize` is the last


class Recorder(recorder.Recorder):
    """The intents of what a Keras model resizes while a block runs.

    `backends` reports the resizes that the backend executes. `__call__` of the model is wrapped,
    to know where a run begins and ends, and `UpSampling2D.call`, which may only repeat pixels.
    """

    def __init__(self, model: Any, tensors: bool = False) -> None:
        super().__init__(model, tensors)
        self._package = layers.package(model)
        self._backend = backends.name(self._package)
        self.framework_version = layers.version(model)
        self._tree = layers.tree(model)
        self._thread = threading.get_ident()
        self._executed_count = 0  # resizes, with those that are not recorded
        self._run: Optional[_Run] = None
        # How many intents, and which notices, there were before an exporter traced the model.
        self._before_trace: Optional[Tuple[int, List[str]]] = None

    def run(self: _Self, arguments: Tuple[Any, ...]) -> _Self:
        """Record one run of the model, without gradients."""
        inputs = len(network.input_names(self._model))
        if len(arguments) == inputs > 1:
            arguments = (list(arguments),)  # the first argument of a model with a graph has all
        with backends.without_gradients(self._backend), self:
            self._model(*arguments)
        return self

    def _listen(self, block: ExitStack) -> None:
        self._thread, self._executed_count = threading.get_ident(), 0
        self._run = self._before_trace = None
        block.enter_context(backends.LISTENERS[self._backend](self._on_resize))
        block.enter_context(wrapped(type(self._model), "__call__", self._around_call))
        upsampling = getattr(sys.modules[self._package].layers, UPSAMPLING, None)
        if upsampling is not None:
            block.enter_context(wrapped(upsampling, "call", self._around_upsampling))

    def _around_call(
        self, original: Callable[..., Any], layer: Any, *given: Any, **more: Any
    ) -> Any:
        """Call a layer; of the model itself, keep what its run takes and returns."""
        is_inside = layer is not self._model or self._run is not None
        if is_inside or threading.get_ident() != self._thread:
            return original(layer, *given, **more)
        self._run = self._begin_run(given, more)
        try:
            outputs = original(layer, *given, **more)
            self._end_run(self._run, outputs)
        finally:
            self._run = None
        return outputs

    def _begin_run(self, given: Tuple[Any, ...], more: Dict[str, Any]) -> "_Run":
        inputs = given[0] if given else more.get("inputs")
        found = network.leaves(inputs)
        arrays = [(key, network.array(tensor)) for key, tensor in found]
        if any(values is None for _, values in arrays):  # an exporter traces the model
            is_known = bool(self._runs) or self._before_trace is not None
            self._before_trace = self._before_trace or (len(self), list(self.notices))
            return _Run(is_known=is_known)
        if self._before_trace is not None and not self._runs:
            first, self.notices = self._before_trace
            self._forget(first)  # what was traced is what runs now
        self._runs += 1
        names = network.input_names(self._model)
        return _Run(inputs=network.named(arrays, names, "input_{}"))

    def _end_run(self, run: "_Run", outputs: Any) -> None:
        if not self._keeps_tensors or run.inputs is None or self.network is not None:
            return
        found = network.leaves(outputs)
        arrays = [(key, network.array(tensor)) for key, tensor in found]
        names = network.output_names(self._model)
        values = network.named(arrays, names, "{}")
        kept = {name: array for name, array in values.items() if array is not None}
        self.network = NetworkTensors(run.inputs, kept)

    def _around_upsampling(
        self, original: Callable[..., Any], layer: Any, *given: Any, **more: Any
    ) -> Any:
        """Call UpSampling2D; if it executed no resize, it repeated pixels, and that is recorded."""
        before = self._executed_count
        outputs = original(layer, *given, **more)
        repeats = layer.interpolation == "nearest" and self._executed_count == before
        if repeats and threading.get_ident() == self._thread:
            found = Intent(framework="tensorflow2", mode="nearest")
            source = given[0] if given else more["inputs"]
            is_symbolic = backends.is_symbolic(self._backend, source)
            self._on_resize(ExecutedResize(found, source, outputs, layer.data_format, is_symbolic))
        return outputs

    def _on_resize(self, resize: ExecutedResize) -> None:
        frame = sys._getframe(1)
        self._tree = layers.tree(self._model)  # layers may be made as the model runs
        layer = self._tree.running(frame)
        is_running = self._run is not None and self._run.inputs is not None
        if resize.is_symbolic and (layer is None or is_running):
            return  # something else is traced, or the model is built as it runs first
        self._executed_count += 1
        if self._run is not None and self._run.is_known:
            return
        site = None if layers.kind(layer) in RESIZING else layers.site(frame)
        self._record(resize, layer, site)

    def _record(self, resize: ExecutedResize, layer: Any, site: Optional[str]) -> None:
        """Keep an intent, or note why there is none."""
        path = None if layer is None else self._tree.path(layer)
        found, index = resize.found, len(self)
        if isinstance(found, str):
            where = "" if path is None else f" in {named(path)}"
            self._note(f"a resize{where} is not recorded: {found}")
            return
        found = by_layer(found, layer)
        before, after = (
            network.maps(maps, resize.data_format) for maps in (resize.source, resize.result)
        )
        intent = replace(
            found,
            name=path or None,
            framework_version=self._version(found.framework),
            size=after.size if (found.size, found.scale_factor) == (None, None) else found.size,
            input_size=before.size,
            output_size=after.size,
            channels=before.channels,
            site=site,
            index=index,
        )
        self._add(intent, is_inside=path is not None)
        if self._keeps_tensors:
            self._keep(index, resize)

    def _version(self, framework: str) -> Optional[str]:
        if framework == "keras":
            return self.framework_version
        return backends.version(framework)

    def _keep(self, index: int, resize: ExecutedResize) -> None:
        found = network.recorded(resize.source, resize.result, resize.data_format)
        if found is None:
            self._note("the model was traced, not run: no tensors are kept")
        else:
            self.tensors[index] = found

    def _conclude(self) -> None:
        if self._runs or not self:  # what was only traced has no values
            super()._conclude()


class _Run(NamedTuple):
    """A running call of the model: its inputs by name, None if an exporter traces it.

    `is_known`: its resizes were recorded before, and are not recorded again.
    """

    inputs: Any = None
    is_known: bool = False


def by_layer(found: Intent, layer: Any) -> Intent:
    """The intent of a layer of Keras: its framework is `keras`, its factors are the layer's.

    Any other intent comes back as it is.
    """
    known = layers.kind(layer)
    if known not in RESIZING:
        return found
    framework = "keras" if found.framework == "tensorflow2" else found.framework
    if known != UPSAMPLING:
        return replace(found, framework=framework)
    height, width = layer.size
    factors = float(height), float(width)
    return replace(found, framework=framework, size=None, scale_factor=factors)


def named(path: str) -> str:
    """A layer in a message."""
    return f"layer `{path}`" if path else "the model"


@contextmanager
def wrapped(kind: type, name: str, around: Callable[..., Any]) -> Iterator[None]:
    """Replace a method by `around` inside the block; `around` gets the original method first."""
    owner: Any = next(base for base in kind.__mro__ if name in vars(base))
    original = vars(owner)[name]

    @functools.wraps(original)
    def call(*given: Any, **more: Any) -> Any:
        return around(original, *given, **more)

    # Keras asks for the arguments of what it calls, and does not look behind a decorator.
    call.__signature__ = inspect.signature(original)  # type: ignore[attr-defined]
    setattr(owner, name, call)
    try:
        yield
    finally:
        setattr(owner, name, original)
