"""Run the shape inference of the onnx package in a separate process.

With all versions from 1.6 to 1.19, damaged files can crash the process in this inference, by a
division by zero or a stack overflow. With PyTorch 1.4 imported first, every file does, since its
ONNX library is used instead. In a separate process such a crash does no harm.
"""

import struct
import subprocess
from contextlib import contextmanager
from typing import Callable, Iterator, Optional

from coreml_resize_fix.intents import child_process
from coreml_resize_fix.intents.onnx.file import Proto

Infer = Callable[[Proto], Proto]

_LENGTH = struct.Struct("<Q")
# Without data_prop: it folds sizes as we do, but without a limit on their number, so that a small
# file could take all memory. If inference fails, the model comes back unchanged.
_CHILD = """
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
    """A function that adds to a model the shapes that can be inferred; it works inside the block.

    If inference fails, the function returns the model unchanged.
    """
    child = _start_child()
    try:
        yield lambda model: model if child is None else _ask_child(child, model)
    finally:
        if child is not None:
            child.kill()
            child.communicate()


def _start_child() -> "Optional[subprocess.Popen[bytes]]":
    command, pipe = child_process.command(_CHILD), subprocess.PIPE
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
    except (
        OSError,
        ValueError,
        struct.error,
        Error,
    ):  # the child has ended, or the model is too large
        return model
