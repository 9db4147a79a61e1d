"""Shape inference for many inputs by one process, whose memory is watched."""

import atexit
import contextlib
import sys
from typing import List

from coreml_resize_fix.intents.onnx.file import Proto
from coreml_resize_fix.intents.onnx.infer import Infer, inference

MOST_MEMORY = 1 << 30  # bytes
_MANY = 2000  # inputs until the peak of the process is looked at

_open = contextlib.ExitStack()
_process: List[Infer] = []
_served: List[int] = [0]


def infer(model: Proto) -> Proto:
    """What `inference` gives; a process that a model ends is replaced by another.

    Raises:
        AssertionError: a process took too much memory; for this input, or for one not long before.
    """
    if not _process:
        _process.append(_open.enter_context(inference()))
    result = _process[0](model)
    _served[0] += 1
    if result is model or _served[0] % _MANY == 0:
        before = peak()
        close()
        assert peak() < max(MOST_MEMORY, before + 1), "it took {} bytes".format(peak())
    return result


def close() -> None:
    """End the process, if there is one."""
    _open.close()
    _process.clear()


def peak() -> int:
    """The most memory that any child took that has ended, in bytes; 0 if not known."""
    if not sys.platform.startswith("linux"):
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


atexit.register(close)
