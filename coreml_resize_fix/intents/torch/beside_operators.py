"""Report to the flow of a run what no operator shows: reads of numbers, and replaced results."""

import threading
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional

from coreml_resize_fix.intents.torch import calls
from coreml_resize_fix.intents.torch.flow import Flow

# Ways to read the numbers of a tensor without an operator.
_READERS = ("numpy", "tolist", "data_ptr", "__dlpack__")
# Returns the flow of the run that a recorder tracks at the moment.
Current = Callable[[], Optional[Flow]]


class _Thread(threading.local):
    def __init__(self) -> None:
        self.current: List[Current] = []


_thread = _Thread()
_lock = threading.Lock()
_methods: Dict[str, Any] = {}  # original methods of the Tensor class, or None
_listeners = 0


def replaced(result: Any, other: Any) -> None:
    """Note in every flow of this thread that a model continues with `other`, not `result`."""
    for flow in _flows():
        flow.replaced(result, other)


def _flows() -> List[Flow]:
    found = [current() for current in _thread.current]
    return [flow for flow in found if flow is not None]


@contextmanager
def observe(current: Current) -> Iterator[None]:
    """Report reads without an operator and replacements in this thread to a flow."""
    global _listeners
    kind = calls.import_torch().Tensor
    with _lock:
        if not _listeners:
            for name in _READERS:
                _methods[name] = vars(kind).get(name)
                setattr(kind, name, _reporting_reads(getattr(kind, name)))
        _listeners += 1
    _thread.current.append(current)
    try:
        yield
    finally:
        _thread.current[:] = [other for other in _thread.current if other is not current]
        with _lock:
            _listeners -= 1
            if not _listeners:
                for name, before in _methods.items():
                    if before is None:
                        delattr(kind, name)
                    else:
                        setattr(kind, name, before)


def _reporting_reads(method: Any) -> Any:
    def reading(tensor: Any, *args: Any, **keywords: Any) -> Any:
        for flow in _flows():
            flow.read(tensor)
        return method(tensor, *args, **keywords)

    return reading
