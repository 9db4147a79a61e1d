"""Report every resize that a backend of Keras executes.

TensorFlow reports each operator that runs, and each that a trace makes, to callbacks; compiled
functions run as the Python that they were made from meanwhile. What Keras computes by PyTorch ends
in `interpolate`, and by JAX in `jax.image.resize`.
"""

import importlib
import sys
import warnings
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, Callable, ContextManager, Dict, Iterator, NamedTuple, Optional, Union

from coreml_resize_fix.intents.keras.interpolation import jax_call
from coreml_resize_fix.intents.keras.network import FIRST, LAST
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.tensorflow import ops

GRAPH = "a graph of TensorFlow"


class ExecutedResize(NamedTuple):
    """A resize that a backend executed, of the tensor `source` to the tensor `result`.

    `found` is its intent without names and sizes, or a text on why there is none. `is_symbolic`:
    the tensors have no values, since a model is built or an exporter traces it.
    """

    found: Union[Intent, str]
    source: Any
    result: Any
    data_format: str = LAST
    is_symbolic: bool = False


OnResize = Callable[[ExecutedResize], None]


def name(package: str) -> str:
    """The backend of a Keras package: `tensorflow`, `torch`, `jax` or another, or `GRAPH`."""
    found = "tensorflow"
    if package == "keras":
        found = str(sys.modules[package].backend.backend())
    if found == "tensorflow" and not _tensorflow().executing_eagerly():
        return GRAPH
    return found


def version(framework: str) -> Optional[str]:
    """The version of the library that executes a backend's resizes; None if none is loaded."""
    module = sys.modules.get("torch" if framework == "torch" else "tensorflow")
    module = module or sys.modules.get("jax")
    return None if module is None else str(module.__version__)


def without_gradients(backend: str) -> ContextManager[Any]:
    """A context in which the backend keeps nothing for training."""
    context: ContextManager[Any] = (
        sys.modules["torch"].no_grad() if backend == "torch" else nullcontext()
    )
    return context


def is_symbolic(backend: str, tensor: Any) -> bool:
    """Whether a tensor in a layer of Keras 3 stands for a shape alone."""
    if backend == "tensorflow":
        return not hasattr(tensor, "numpy")
    return tensor.device.type == "meta" if backend == "torch" else _is_building()


def _tensorflow() -> Any:
    return sys.modules["tensorflow"]


@contextmanager
def _on_tensorflow(on_resize: OnResize) -> Iterator[None]:
    callbacks: Any = importlib.import_module("tensorflow.python.framework.op_callbacks")

    def executed(
        kind: Any, inputs: Any, flags: Any, outputs: Any, op_name: Any = None, graph: Any = None
    ) -> None:
        operator = kind.decode() if isinstance(kind, bytes) else kind
        if ops.is_resize(operator):
            values = {key: _plain(value) for key, value in zip(flags[::2], flags[1::2])}
            found = ops.intent_of(operator, values)
            if operator == ops.WITH_KERNEL and graph is None:
                sizes = (tensor.shape[1:3] for tensor in (inputs[0], outputs[0]))
                found = ops.checked(found, *sizes, *(t.numpy() for t in inputs[2:4]))
            on_resize(ExecutedResize(found, inputs[0], outputs[0], LAST, graph is not None))
        elif graph is None and operator.startswith("__"):
            text = _not_seen(operator)
            if text is not None:
                on_resize(ExecutedResize(text, None, None))

    with ExitStack() as block:
        if hasattr(callbacks, "op_callback"):  # TensorFlow 1.15
            block.enter_context(callbacks.op_callback(executed))
        else:
            callbacks.add_op_callback(executed)
            block.callback(callbacks.remove_op_callback, executed)
        block.enter_context(_functions_as_python())
        yield


@contextmanager
def _functions_as_python() -> Iterator[None]:
    """Run functions that TensorFlow compiled as the Python that they were made from."""
    options = _tensorflow().config
    prefix = "" if hasattr(options, "run_functions_eagerly") else "experimental_"
    run = getattr(options, prefix + "run_functions_eagerly")
    before = getattr(options, prefix + "functions_run_eagerly", bool)()
    with warnings.catch_warnings():
        # It says that this is not so for the functions of a data set, which resize nothing here.
        warnings.filterwarnings("ignore", "Even though the .tf.", UserWarning)
        run(True)
        try:
            yield
        finally:
            run(before)


def _plain(value: Any) -> Any:
    """The value of a flag; a trace has messages of protobuf."""
    kind = value.WhichOneof("value") if hasattr(value, "WhichOneof") else None
    return value if kind is None else getattr(value, kind)


def _not_seen(function: str) -> Optional[str]:
    """The reason why resizes in a compiled function are not recorded; None if it has none."""
    context: Any = importlib.import_module("tensorflow.python.eager.context").context()
    definition = getattr(context, "get_function_def", None)
    if definition is None:  # TensorFlow 1.15
        return "a compiled function may hold it, whose operators this TensorFlow does not show"

    def nodes(name: str) -> Any:
        try:
            return definition(name).node_def
        except Exception:  # none of this name; which error that is depends on the version
            return ()

    found = ops.inside(function, nodes, set())
    return ops.not_seen(found) if found else None


@contextmanager
def _on_torch(on_resize: OnResize) -> Iterator[None]:
    from coreml_resize_fix.intents.torch import calls, compiled, meaning

    def report(found: Union[Intent, str], source: Any, result: Any) -> None:
        shape_only = not calls.has_values(source) or is_symbolic("torch", source)
        on_resize(ExecutedResize(found, source, result, FIRST, shape_only))

    def called(arguments: Dict[str, Any]) -> Any:
        result = calls.interpolate(arguments)
        report(meaning.from_interpolate(arguments, result), arguments["input"], result)
        return result

    def seen(operator: str, values: Dict[str, Any], result: Any) -> None:
        source = meaning.operand(values)
        report(meaning.from_operator(operator, values, result), source, result)

    with ExitStack() as block:
        block.enter_context(calls.listening(called, nullcontext))
        if compiled.can_watch():
            block.enter_context(compiled.watching(seen, lambda *_: None))
        yield


@contextmanager
def _on_jax(on_resize: OnResize) -> Iterator[None]:
    jax: Any = importlib.import_module("jax")
    original = jax.image.resize

    def resize(image: Any, shape: Any, method: Any, antialias: bool = True, **more: Any) -> Any:
        result = original(image, shape, method, antialias=antialias, **more)
        known = str(getattr(method, "name", method)).lower()
        data_format = _changed(image.shape, result.shape)
        call = jax_call(known, antialias)
        found = call or f"`jax.image.resize` with the method `{known}`"
        if data_format is None:
            found = f"`jax.image.resize` of {tuple(image.shape)} to {tuple(result.shape)}"
        on_resize(ExecutedResize(found, image, result, data_format or LAST, _is_building()))
        return result

    jax.image.resize = resize
    try:
        yield
    finally:
        jax.image.resize = original


def _is_building() -> bool:
    """Whether Keras 3 only asks for shapes; JAX traces what it compiles, too."""
    common: Any = importlib.import_module("keras.src.backend.common.symbolic_scope")
    return bool(common.in_symbolic_scope())


def _changed(before: Any, after: Any) -> Optional[str]:
    """The data format in which only height and width differ between two shapes; None for none."""
    if len(before) not in (3, 4):
        return None
    found = {axis - len(before) for axis, size in enumerate(before) if size != after[axis]}
    default = str(sys.modules["keras"].backend.image_data_format())
    formats = {LAST: {-3, -2}, FIRST: {-2, -1}}
    for known in (default, LAST, FIRST):
        if found <= formats[known]:
            return known
    return None


# backend -> a context manager that calls its argument for each resize executed inside its block
LISTENERS: Dict[str, Callable[[OnResize], ContextManager[None]]] = {
    "tensorflow": _on_tensorflow,
    "torch": _on_torch,
    "jax": _on_jax,
}
