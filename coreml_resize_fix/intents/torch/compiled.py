"""Watch the operators that PyTorch executes: scripted and traced modules resize without Python."""

import importlib
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

from coreml_resize_fix.intents.torch import calls
from coreml_resize_fix.intents.torch.meaning import is_resize

# The operator's name, its arguments by name, and its result.
Seen = Callable[[str, Dict[str, Any], Any], None]
# The operator, its arguments by place and by name, and its result.
Executed = Callable[[Any, Sequence[Any], Dict[str, Any], Any], None]

# The one operator here of which a tracer records the parts instead.
_TRACED_INSIDE = "aten::convolution"


def can_watch() -> bool:
    """Whether this PyTorch reports the operators that it executes: from 1.13 on."""
    major, minor = calls.import_torch().__version__.split(".")[:2]
    return (int(major), int(minor)) >= (1, 13)


@contextmanager
def watching(seen: Seen, executed: Executed) -> Iterator[None]:
    """Call `executed` after each operator, and `seen` after each resize outside `interpolate`."""

    def dispatch(mode: Any, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        keywords = kwargs or {}
        operator = function._schema.name
        with _traced(operator):
            result = _run(function, args, keywords)
        executed(function, args, keywords, result)
        if is_resize(operator) and not calls.is_calling():
            names = [argument.name for argument in function._schema.arguments]
            seen(operator, dict(zip(names, args), **keywords), result)
        return result

    modes: Any = importlib.import_module("torch.utils._python_dispatch")
    watcher = type("Watcher", (modes.TorchDispatchMode,), {"__torch_dispatch__": dispatch})
    with watcher():
        yield


@contextmanager
def _traced(operator: str) -> Iterator[None]:
    """Let a tracer record the parts of an operator, although a watcher runs it."""
    functions = calls.import_torch()._C
    if operator != _TRACED_INSIDE or functions._get_tracing_state() is None:
        yield
        return
    functions._dispatch_tls_set_dispatch_key_excluded("Tracer", False)
    try:
        yield
    finally:
        functions._dispatch_tls_set_dispatch_key_excluded("Tracer", True)


def _run(function: Any, args: Sequence[Any], keywords: Dict[str, Any]) -> Any:
    try:
        return function(*args, **keywords)
    except RuntimeError:
        # PyTorch passes constants of a traced graph as numbers, which some operators refuse. Only
        # those get tensors: elsewhere a tensor may change the type of the result.
        tensor = calls.import_torch().tensor
        tensors = [
            tensor(value)
            if isinstance(value, (bool, int, float)) and str(argument.type) == "Tensor"
            else value
            for argument, value in zip(function._schema.arguments, args)
        ]
        if all(new is old for new, old in zip(tensors, args)):
            raise
        return function(*tensors, **keywords)


def resizing_scripts(model: Any) -> List[str]:
    """Paths of the scripted and traced modules in a model whose code resizes something."""
    return [
        path
        for path, script in _scripts(model, "")
        if any(_resizes(module) for module in script.modules())
    ]


def _scripts(module: Any, path: str) -> Iterator[Tuple[str, Any]]:
    if isinstance(module, calls.import_torch().jit.ScriptModule):
        yield path, module
        return
    for name, child in module.named_children():
        yield from _scripts(child, path + "." + name if path else name)


def _resizes(script: Any) -> bool:
    try:
        code = str(script.graph)
    except (AttributeError, RuntimeError):  # a list of modules has no code
        return False
    return "upsample" in code or "interpolate" in code
