"""Find out from the stack which exporter, which module and which code is running."""

import sys
import types
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

from coreml_resize_fix.intents import sites
from coreml_resize_fix.intents.torch.calls import import_torch

# Modules of PyTorch whose functions run a model without values, in order to export it.
_WITHOUT_VALUES = (
    "torch.export",
    "torch._export",
    "torch.fx.experimental",
    "torch.fx._symbolic_trace",
)
_EXPORTERS = (*_WITHOUT_VALUES, "torch.jit", "torch.onnx")


def compiling_test() -> Callable[[], bool]:
    """A function that returns whether `torch.export(..., strict=True)` compiles its caller.

    It must be looked up outside: that compiler understands little of Python.
    """
    compiler = getattr(import_torch(), "compiler", None)
    test: Callable[[], bool] = getattr(compiler, "is_dynamo_compiling", bool)
    return test


def runs_with_values() -> bool:
    """Whether the running model computes values; some exporters run it with shapes only."""
    return not is_exporting(_WITHOUT_VALUES)


def is_exporting(exporters: Tuple[str, ...] = _EXPORTERS) -> bool:
    """Whether one of PyTorch's exporters is on the stack."""
    frame: Optional[types.FrameType] = sys._getframe(1)
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(exporters):
            return True
        frame = frame.f_back
    return False


def running_module(paths: Dict[int, str]) -> Optional[str]:
    """The path of the innermost module that is running; None if it is not in `paths`.

    The stack is right even after exceptions; hooks would have to keep count. `paths` has the paths
    of modules by `place`.
    """
    running = (paths.get(place(module)) for module, _ in calls_of_modules())
    return next((path for path in running if path is not None), None)


def calls_of_modules() -> Iterator[Tuple[Any, Dict[str, Any]]]:
    """The modules whose calls are running, the innermost first, with the variables of each call."""
    kind = import_torch().nn.Module
    # `torch.export` replaces the first function.
    calling = {kind.__call__.__code__, getattr(kind, "_call_impl", kind.__call__).__code__}
    frame: Optional[types.FrameType] = sys._getframe(1)
    while frame is not None:
        variables = frame.f_locals if frame.f_code in calling else {}
        if variables.get("self") is not None:
            yield variables["self"], variables
        frame = frame.f_back


def place(module: Any) -> int:
    """An identity that a module shares with the proxies of `torch.export` for it."""
    return id(vars(module))


def calling_site() -> Optional[str]:
    """File and line (`net.py:14`) of the calling code outside of PyTorch and of this package.

    None for calls by a module of PyTorch, such as `nn.Upsample`, whose path in the model says more,
    and for code that is not in a file.
    """
    return sites.site_outside_torch(sites.lines(sys._getframe(1)))
