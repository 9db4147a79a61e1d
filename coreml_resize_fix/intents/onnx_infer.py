"""Shape inference by the onnx package, in a process of its own.

Files that are changed by a few bytes end a process in this inference, by a division by zero or
without a stack, with every version from 1.6 to 1.19 at least; so does any file where PyTorch 1.4
was imported first, whose ONNX library others see. In a process of its own it takes nobody along.
"""

import struct
import subprocess
import sys
from contextlib import contextmanager
from typing import Callable, Iterator, Optional

from coreml_resize_fix.intents.onnx_file import Proto

Infer = Callable[[Proto], Proto]

_LENGTH = struct.Struct("<Q")
# Without data_prop: it would fold sizes as we do, but without a limit on their number, so that a
# file of a few kilobytes could ask for all memory. What cannot be inferred comes back as it is.
_CHILD = """
import sys
sys.path[:] = sys.argv[1:]
import struct
from onnx import load_from_string, shape_inference
length = struct.Struct("<Q")
while True:
    head = sys.stdin.buffer.read(length.size)
    if len(head) < length.size:
        break
    data = sys.stdin.buffer.read(*length.unpack(head))
    try:
        answer = shape_inference.infer_shapes(load_from_string(data)).SerializeToString()
    except Exception:
        answer = data
    sys.stdout.buffer.write(length.pack(len(answer)) + answer)
    sys.stdout.buffer.flush()
"""


@contextmanager
def inference() -> Iterator[Infer]:
    """A function from a model to one with the shapes that can be inferred, while the context lasts.

    Shapes are a help: where there are none to be had, the function gives back its argument.
    """
    child = _start_child()
    try:
        yield lambda model: model if child is None else _ask_child(child, model)
    finally:
        if child is not None:
            child.kill()
            child.communicate()


def _start_child() -> "Optional[subprocess.Popen[bytes]]":
    # `-I`: nothing is imported from the folder in which the command happens to run.
    command = [sys.executable, "-I", "-c", _CHILD, *map(str, sys.path)]
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
    except OSError:
        return None


def _ask_child(child: "subprocess.Popen[bytes]", model: Proto) -> Proto:
    from google.protobuf.message import Error

    assert child.stdin is not None
    assert child.stdout is not None
    try:
        data = model.SerializeToString()
        child.stdin.write(_LENGTH.pack(len(data)) + data)
        child.stdin.flush()
        (size,) = _LENGTH.unpack(child.stdout.read(_LENGTH.size))
        answer = child.stdout.read(size)
        return type(model).FromString(answer) if len(answer) == size else model
    except (OSError, ValueError, struct.error, Error):  # it has ended, or the model is too large
        return model
