"""The attributes of an HDF5 file that say what a Keras model is made of (package h5py).

HDF5's own library reads it, in a process of its own: damaged files may crash it.
"""

import json
import os
import subprocess
import sys
from typing import Any, Dict, Optional

from coreml_resize_fix.intents import child_process

NAMES = ("model_config", "keras_version", "backend")
MOST_SECONDS = 60  # of its processor time
MOST_MEMORY = 1 << 30  # bytes

_CHILD = "from coreml_resize_fix.intents.keras import hdf5\nhdf5.serve()\n"


class NoH5pyError(Exception):
    """The package that reads HDF5 is not installed."""


class DamagedError(Exception):
    """HDF5's library does not read the file, or ended."""


def attributes(path: str, longest: int) -> Dict[str, Optional[bytes]]:
    """The texts of a file by name; None for one that is not there, is no text, or is too long.

    Raises:
        NoH5pyError: h5py is not installed here.
        DamagedError: the file is not read.
    """
    asked = json.dumps({"path": os.path.abspath(path), "longest": longest}).encode("ascii")
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    ran = subprocess.run(child_process.command(_CHILD), input=asked, stdout=pipe, stderr=nothing)
    try:
        answer = json.loads(ran.stdout.decode("ascii"))
        found: Dict[str, Any] = answer["found"]
    except (ValueError, LookupError, TypeError) as error:
        raise DamagedError from error
    if not answer["has_h5py"]:
        raise NoH5pyError
    return {
        name: None if text is None else text.encode("utf-8", "surrogateescape")
        for name, text in found.items()
    }


def serve() -> None:
    """Answer one request: from standard input to standard output."""
    child_process.bound(MOST_SECONDS, MOST_MEMORY)
    asked = json.loads(sys.stdin.buffer.read().decode("ascii"))
    try:
        import h5py
    except ImportError:
        answer: Dict[str, Any] = {"has_h5py": False, "found": {}}
    else:
        with h5py.File(asked["path"], "r") as file:
            found = {name: _text(file.attrs, name, asked["longest"]) for name in NAMES}
        answer = {"has_h5py": True, "found": found}
    sys.stdout.buffer.write(json.dumps(answer).encode("ascii"))


def _text(attributes: Any, name: str, longest: int) -> Optional[str]:
    value = attributes.get(name)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    return value if isinstance(value, str) and len(value) <= longest else None
