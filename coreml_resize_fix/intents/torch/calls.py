"""Intercept every call of PyTorch's `interpolate` in this thread.

All Python ways to resize (`nn.Upsample`, `F.upsample`, names that were imported before) end in one
function object. Its code is replaced, not its name, so that every reference to it is intercepted.
"""

import importlib
import inspect
import threading
import types
from contextlib import ExitStack, contextmanager
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Optional, Tuple

from coreml_resize_fix.errors import UsageError, told

# Takes the arguments of a call by name, and returns the result for the caller.
Handler = Callable[[Dict[str, Any]], Any]
# Returns a context manager that undoes a listener's changes of a model inside its block.
Hiding = Callable[[], ContextManager[None]]


class _Thread(threading.local):
    def __init__(self) -> None:
        self.handlers: List[Handler] = []
        self.hidden: List[Hiding] = []
        self.is_calling = False


class _Intercepted:
    """A function and its original code; `signature` has its arguments in this version."""

    def __init__(self, function: Any, trampoline: Any) -> None:
        self.function = function
        self.code = function.__code__
        self.signature = inspect.signature(function)
        self.call = types.FunctionType(
            self.code, function.__globals__, function.__name__, function.__defaults__
        )
        self.trampoline = trampoline.__code__
        self.listeners = 0
        self.readers = 0
        self.intercept()

    def intercept(self) -> None:
        self.function.__code__ = self.trampoline

    def release(self) -> None:
        self.function.__code__ = self.code


_thread = _Thread()
_lock = threading.Lock()
_intercepted: Optional[_Intercepted] = None
_scripting: Optional[_Intercepted] = None


def import_torch() -> Any:
    """Import PyTorch, which nothing else here does.

    Raises:
        UsageError: it is not installed here.
    """
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise UsageError(
            f"PyTorch cannot be imported here: {told(error)}",
            "record in the environment that runs the model, with PyTorch 1.4 or newer",
        ) from error


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor, and not a proxy of `torch.fx`."""
    return isinstance(value, import_torch().Tensor)


def has_values(tensor: Any) -> bool:
    """Whether a tensor holds numbers; tensors of some exporters have only a shape."""
    return not type(tensor).__module__.startswith("torch._subclasses")


def interpolate(arguments: Dict[str, Any]) -> Any:
    """Call `interpolate` without the handler that is running."""
    return import_torch().nn.functional.interpolate(**arguments)


def interpolate_unrecorded(arguments: Dict[str, Any]) -> Any:
    """Call `interpolate` without any handler of this thread."""
    handlers, _thread.handlers = _thread.handlers, []
    try:
        return interpolate(arguments)
    finally:
        _thread.handlers = handlers


def is_calling() -> bool:
    """Whether this thread is inside a call of `interpolate`."""
    return _thread.is_calling


@contextmanager
def listening(handler: Handler, hidden: Hiding) -> Iterator[None]:
    """Pass each call in this thread through `handler`; the latest handler goes first.

    `hidden` is used whenever `torch.jit.script` reads the code of a model.
    """
    global _intercepted, _scripting
    torch = import_torch()
    with _lock:
        if _intercepted is None:
            _intercepted = _Intercepted(torch.nn.functional.interpolate, _trampoline)
            _scripting = _Intercepted(torch.jit.script, _script_trampoline)
        _intercepted.listeners += 1
    _thread.handlers.append(handler)
    _thread.hidden.append(hidden)
    try:
        yield
    finally:
        _thread.handlers[:] = [other for other in _thread.handlers if other is not handler]
        _thread.hidden[:] = [other for other in _thread.hidden if other is not hidden]
        with _lock:
            _intercepted.listeners -= 1
            if not _intercepted.listeners:
                for intercepted in (_intercepted, _scripting):
                    if intercepted is not None:
                        intercepted.release()
                _intercepted = _scripting = None


def _trampoline(*arguments: Any, **keywords: Any) -> Any:
    # Its globals are those of torch.nn.functional, so it must import what it needs.
    from coreml_resize_fix.intents.torch import calls

    return calls.pass_on(arguments, keywords)


def _script_trampoline(*arguments: Any, **keywords: Any) -> Any:
    from coreml_resize_fix.intents.torch import calls

    return calls.script(arguments, keywords)


def script(arguments: Tuple[Any, ...], keywords: Dict[str, Any]) -> Any:
    """Call `torch.jit.script` with all interception undone: it reads functions and hooks."""
    resizing, scripting = _intercepted, _scripting
    if resizing is None or scripting is None:  # another thread has just stopped to listen
        return import_torch().jit.script(*arguments, **keywords)
    bound = scripting.signature.bind(*arguments, **keywords)
    # It looks up names in the frame of its caller, which is two frames further away now.
    bound.arguments["_frames_up"] = bound.arguments.get("_frames_up", 0) + 2
    with _without_listeners(resizing):
        return scripting.call(*bound.args, **bound.kwargs)


@contextmanager
def _without_listeners(resizing: _Intercepted) -> Iterator[None]:
    """Undo all interception until the outermost block of this kind ends."""
    hidden, _thread.hidden = _thread.hidden, []
    with ExitStack() as block:
        for hiding in hidden:
            block.enter_context(hiding())
        with _lock:
            resizing.release()
            resizing.readers += 1
        try:
            yield
        finally:
            _thread.hidden = hidden
            with _lock:
                resizing.readers -= 1
                if not resizing.readers and _intercepted is resizing:
                    resizing.intercept()


def pass_on(arguments: Tuple[Any, ...], keywords: Dict[str, Any]) -> Any:
    """What the replaced code does: call the next handler, or the function itself."""
    function = _intercepted
    if function is None:  # another thread has just stopped to listen
        return import_torch().nn.functional.interpolate(*arguments, **keywords)
    try:
        bound = function.signature.bind(*arguments, **keywords)
    except TypeError:
        return function.call(*arguments, **keywords)  # it raises its own error
    if not _thread.handlers:
        return function.call(*arguments, **keywords)
    bound.apply_defaults()
    # Calls from inside the handler, and from PyTorch for subclasses of Tensor, do not reach the
    # same handler again.
    handler, was_calling = _thread.handlers.pop(), _thread.is_calling
    _thread.is_calling = True
    try:
        return handler(dict(bound.arguments))
    finally:
        _thread.is_calling = was_calling
        _thread.handlers.append(handler)


@contextmanager
def untraced() -> Iterator[None]:
    """Hide the operations in the block from an exporter that traces the model.

    Sizes are plain numbers inside; a tracer makes tensors of them.
    """
    functions = import_torch()._C
    state = functions._get_tracing_state()
    functions._set_tracing_state(None)
    try:
        yield
    finally:
        functions._set_tracing_state(state)
