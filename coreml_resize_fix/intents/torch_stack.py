"""What is running, as the stack says: by which exporter, in which module, for whose code."""

import os
import sys
import types
from typing import Any, Callable, Dict, Optional, Tuple

from coreml_resize_fix.intents.torch_calls import import_torch

# Modules of PyTorch whose functions run a model without values, in order to export it.
_WITHOUT_VALUES = (
    "torch.export",
    "torch._export",
    "torch.fx.experimental",
    "torch.fx._symbolic_trace",
)
_EXPORTERS = (*_WITHOUT_VALUES, "torch.jit", "torch.onnx")


def compiling_test() -> Callable[[], bool]:
    """What says whether the caller is not run but compiled by `torch.export(..., strict=True)`.

    It must not be looked up in there, where little of Python is understood.
    """
    compiler = getattr(import_torch(), "compiler", None)
    test: Callable[[], bool] = getattr(compiler, "is_dynamo_compiling", bool)
    return test


def runs_with_values() -> bool:
    """Whether what is running computes; some exporters run a model with shapes alone."""
    return not is_exporting(_WITHOUT_VALUES)


def is_exporting(exporters: Tuple[str, ...] = _EXPORTERS) -> bool:
    """Whether one of PyTorch's exporters is running what is running."""
    frame: Optional[types.FrameType] = sys._getframe(1)
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(exporters):
            return True
        frame = frame.f_back
    return False


def running_module(paths: Dict[int, str]) -> Optional[str]:
    """The path of the innermost module that is being called; None if it is none of these.

    The stack says so, whatever was raised and caught before; hooks would have to keep count.
    `paths` has the modules by `place`.
    """
    kind = import_torch().nn.Module
    # `torch.export` puts a function of its own in the place of the first one.
    calling = {kind.__call__.__code__, getattr(kind, "_call_impl", kind.__call__).__code__}
    frame: Optional[types.FrameType] = sys._getframe(1)
    while frame is not None:
        if frame.f_code in calling:
            module = frame.f_locals.get("self")
            path = None if module is None else paths.get(place(module))
            if path is not None:
                return path
        frame = frame.f_back
    return None


def place(module: Any) -> int:
    """What a module and the proxies that `torch.export` calls in its place have in common."""
    return id(vars(module))


def calling_site() -> Optional[str]:
    """File and line (`net.py:14`) of the code that is calling, outside of PyTorch and of this.

    None where a module of PyTorch calls, such as `nn.Upsample`, whose path in the model says more,
    and where code that is in no file does.
    """
    here, torch = os.path.dirname(os.path.dirname(__file__)), import_torch()
    library = os.path.dirname(torch.__file__)
    modules = os.path.join(library, "nn", "modules") + os.sep
    frame: Optional[types.FrameType] = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith((modules, "<")):
            return None
        if not path.startswith((library + os.sep, here + os.sep)):
            return f"{os.path.basename(path)}:{frame.f_lineno}"
        frame = frame.f_back
    return None
