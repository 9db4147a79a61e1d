"""Every call of PyTorch's `interpolate` in this thread passes here while someone listens.

All Python ways to resize (`nn.Upsample`, `F.upsample`, names imported long ago) end in one function
object. Its code is exchanged, not its name, so that no reference to it is missed.
"""

import importlib
import inspect
import sys
import threading
import types
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from coreml_resize_fix.errors import UsageError

# Takes the arguments of a call by name, and returns what the caller gets.
Handler = Callable[[Dict[str, Any]], Any]


class _Thread(threading.local):
    def __init__(self) -> None:
        self.handlers: List[Handler] = []
        self.is_calling = False


class _Intercepted:
    """The function as it was. `signature` tells the names of its arguments in this version."""

    def __init__(self, function: Any) -> None:
        self.code = function.__code__
        self.signature = inspect.signature(function)
        self.call = types.FunctionType(
            self.code, function.__globals__, function.__name__, function.__defaults__
        )
        self.listeners = 0


_thread = _Thread()
_lock = threading.Lock()
_intercepted: Optional[_Intercepted] = None


def import_torch() -> Any:
    """PyTorch, which is imported only by those who ask for it.

    Raises:
        UsageError: it is not installed here.
    """
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise UsageError(
            "PyTorch cannot be imported here: {}".format(str(error).lower()),
            "record in the environment that runs the model, with PyTorch 1.4 or newer",
        ) from error


def interpolate(arguments: Dict[str, Any]) -> Any:
    """Call `interpolate` as if the handler that is running did not listen."""
    return import_torch().nn.functional.interpolate(**arguments)


def is_calling() -> bool:
    """Whether a call of `interpolate` is under way in this thread."""
    return _thread.is_calling


@contextmanager
def listening(handler: Handler) -> Iterator[None]:
    """Let each call in this thread pass through `handler`; the last one to listen goes first."""
    global _intercepted
    function = import_torch().nn.functional.interpolate
    with _lock:
        if _intercepted is None:
            _intercepted = _Intercepted(function)
            function.__code__ = _trampoline.__code__
        _intercepted.listeners += 1
    _thread.handlers.append(handler)
    try:
        yield
    finally:
        _thread.handlers[:] = [other for other in _thread.handlers if other is not handler]
        with _lock:
            _intercepted.listeners -= 1
            if not _intercepted.listeners:
                function.__code__ = _intercepted.code
                _intercepted = None


def _trampoline(*arguments: Any, **keywords: Any) -> Any:
    # It runs among the names of torch.nn.functional, so it must fetch what it needs.
    from coreml_resize_fix.intents import torch_calls

    return torch_calls.pass_on(arguments, keywords)


def pass_on(arguments: Tuple[Any, ...], keywords: Dict[str, Any]) -> Any:
    """What the exchanged code does: the next handler, or at last the function itself."""
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
    # A handler that calls on, and PyTorch that calls itself for a subclass of Tensor, are not
    # heard by the same handler again.
    handler, was_calling = _thread.handlers.pop(), _thread.is_calling
    _thread.is_calling = True
    try:
        return handler(dict(bound.arguments))
    finally:
        _thread.is_calling = was_calling
        _thread.handlers.append(handler)


@contextmanager
def untraced() -> Iterator[None]:
    """Let an exporter that traces the model not see what is done meanwhile.

    Sizes are plain numbers then; a tracer makes tensors of them.
    """
    functions = import_torch()._C
    state = functions._get_tracing_state()
    functions._set_tracing_state(None)
    try:
        yield
    finally:
        functions._set_tracing_state(state)


def running_module(paths: Dict[Any, str]) -> Optional[str]:
    """The path of the innermost module that is being called; None if it is none of these.

    The stack says so, whatever was raised and caught before; hooks would have to keep count.
    """
    calling = import_torch().nn.Module.__call__.__code__
    frame: Optional[types.FrameType] = sys._getframe(1)
    while frame is not None:
        if frame.f_code is calling:
            path = paths.get(frame.f_locals.get("self"))
            if path is not None:
                return path
        frame = frame.f_back
    return None
