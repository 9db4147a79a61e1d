"""The place in the user's code that made a call (`net.py:14`)."""

import os
import types
from importlib import import_module
from typing import Iterable, Iterator, Optional, Tuple

_PACKAGE = os.path.dirname(os.path.dirname(__file__))


def lines(frame: Optional[types.FrameType]) -> Iterator[Tuple[str, int]]:
    """File and line of each frame of a stack, the innermost first."""
    while frame is not None:
        yield frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back


def site(
    stack: Iterable[Tuple[str, int]], libraries: Iterable[str], layers: Iterable[str]
) -> Optional[str]:
    """File and line of the innermost code that is neither a library's nor this package's.

    None where one of the library's own `layers` made the call: its path in the model says more; and
    for code that is not in a file.
    """
    own = (*(folder + os.sep for folder in libraries), _PACKAGE + os.sep)
    silent = (*(folder + os.sep for folder in layers), "<")
    for path, line in stack:
        if path.startswith(silent):
            return None
        if not path.startswith(own):
            return f"{os.path.basename(path)}:{line}"
    return None


def site_outside_torch(stack: Iterable[Tuple[str, int]]) -> Optional[str]:
    """File and line of the innermost code that is not PyTorch's; None if an `nn.Module` of its own
    made the call."""
    library = os.path.dirname(str(import_module("torch").__file__))
    return site(stack, [library], [os.path.join(library, "nn", "modules")])
