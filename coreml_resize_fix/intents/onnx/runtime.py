"""What ONNX Runtime makes of a model, in a process of its own (see `child_process`).

Both sides exchange arrays as NumPy writes them, never pickled ones; the first of a message holds
its names as JSON.
"""

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
from importlib import import_module
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from coreml_resize_fix.errors import begun_small, reason, told
from coreml_resize_fix.intents import child_process
from coreml_resize_fix.intents.tensors import LARGEST

# Of the process, where the system can bound it: a hostile model may ask for any of both.
MOST_MEMORY = 1 << 33  # bytes
MOST_SECONDS = 3600  # of all its threads together
_ERRORS_ONLY = 3
_CODES = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", re.IGNORECASE)
_CHILD = "from coreml_resize_fix.intents.onnx import runtime; runtime.serve()"

Arrays = Mapping[str, np.ndarray]


class FailedError(Exception):
    """There is no result, and why, as the end of a sentence."""


def compute(model: bytes, inputs: Arrays, names: Sequence[str]) -> Dict[str, np.ndarray]:
    """Values of a model by name, those that hold numbers.

    Raises:
        FailedError: ONNX Runtime does not compute them, or its process has ended.
    """
    request = _message({"wanted": list(names)}, {**inputs, "": np.frombuffer(model, np.uint8)})
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    try:
        # Whatever ends the wait ends the process, too.
        ran = subprocess.run(
            child_process.command(_CHILD), input=request, stdout=pipe, stderr=nothing
        )
    except OSError as error:
        raise FailedError(f"its process does not start: {reason(error)}") from error
    try:
        head, made = _parsed(ran.stdout)
        refused = head.get("refused")
    except (ValueError, LookupError, TypeError, AttributeError, EOFError) as error:
        raise FailedError(f"its process {_end(ran.returncode)}") from error
    if refused is not None:
        raise FailedError(str(refused))
    return made


def _end(code: int) -> str:
    """How a process ended that did not answer."""
    if code >= 0:
        return f"ended with exit code {code}"
    if code == -getattr(signal, "SIGXCPU", 0):
        return f"took more than {MOST_SECONDS} seconds of processor time"
    with contextlib.suppress(ValueError):
        name = signal.Signals(-code).name
        more = ", as the system does where memory ends" if name == "SIGKILL" else ""
        return f"was ended by {name}{more}"
    return f"was ended by signal {-code}"


def _message(head: Dict[str, Any], arrays: Arrays) -> memoryview:
    stream = io.BytesIO()
    text = json.dumps({**head, "names": list(arrays)}).encode("ascii")
    for array in (np.frombuffer(text, np.uint8), *arrays.values()):
        np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)
    return stream.getbuffer()


def _parsed(message: bytes) -> Tuple[Dict[str, Any], Dict[str, np.ndarray]]:
    stream = io.BytesIO(message)

    def array() -> np.ndarray:
        return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))

    head = json.loads(array().tobytes().decode("ascii"))
    return head, {str(name): array() for name in head["names"]}


def serve() -> None:
    """Answer one request: from standard input to standard output."""
    child_process.bound(MOST_SECONDS, MOST_MEMORY)
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    head, inputs = _parsed(sys.stdin.buffer.read())
    model = inputs.pop("").tobytes()
    refused = None
    try:
        found = _run(model, inputs, head["wanted"])
    except Exception as error:  # the classes of ONNX Runtime's errors are not public
        found = {}
        refused = begun_small(_CODES.sub("", told(error)))
    answer.write(_message({"refused": refused}, found))
    answer.flush()


def _run(model: bytes, inputs: Arrays, names: List[str]) -> Dict[str, np.ndarray]:
    onnxruntime: Any = import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    made = zip(names, map(np.asarray, session.run(names, dict(inputs))))
    found = {name: value for name, value in made if value.dtype.kind in "fiub"}
    size = sum(value.nbytes for value in found.values())
    if size > LARGEST:
        raise ValueError(f"its values are {size} bytes, and at most {LARGEST} are read")
    return found
