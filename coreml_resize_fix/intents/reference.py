"""What a whole network computes: recorded tensors (.npz), or what ONNX Runtime makes of a file.

No pickled object is ever loaded, and what is read is bounded (see `tensors`).
"""

import os
import stat
from importlib import import_module
from typing import (
    TYPE_CHECKING,
    Callable,
    Dict,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    cast,
)

from coreml_resize_fix.errors import BadReferenceError, reason, told
from coreml_resize_fix.intents import tensors
from coreml_resize_fix.intents.tensors import NetworkTensors, Recorded

if TYPE_CHECKING:
    import numpy as np

RECORD = "record it with `record_intents(model, example, tensors=True)`"


# suffix of a file that can be run -> the folder whose `network.py` runs it, imported when needed
RUNNERS = {".onnx": "onnx"}


class NetworkInput(NamedTuple):
    """An input of a network that can be run; `shape` has None where a size is free."""

    name: str
    shape: Tuple[Optional[int], ...]
    dtype: "np.dtype"


class Blobs(NamedTuple):
    """Values inside of a network: which there are, whether resizes make them, and how to get them.

    `compute` takes names, and may run the network again.
    """

    resized: Mapping[str, bool]
    compute: "Callable[[Sequence[str]], Dict[str, np.ndarray]]"


class Reference(NamedTuple):
    """Inputs and outputs of a network by name, in its order; `label` names it in messages.

    `resizes` are recorded ones by index in the manifest, `blobs` what else the network can tell.
    `channels_last`: its maps are (N, H, W, C), or (N, C, H, W); None if the intents do not tell.
    """

    label: str
    inputs: "Dict[str, np.ndarray]"
    outputs: "Dict[str, np.ndarray]"
    resizes: Mapping[int, Recorded]
    blobs: Optional[Blobs] = None
    notices: Sequence[str] = ()
    channels_last: Optional[bool] = None


class RunnableNetwork:
    """The file of a network that can be run here: its inputs, and the names of its outputs."""

    inputs: Sequence[NetworkInput]
    outputs: Sequence[str]

    def run(
        self, inputs: "Mapping[str, np.ndarray]", names: Sequence[str]
    ) -> "Dict[str, np.ndarray]":
        """Values by name, of outputs and of what is inside.

        Raises:
            BadReferenceError: the network does not compute them.
        """
        raise NotImplementedError

    def blobs(self, inputs: "Mapping[str, np.ndarray]") -> Blobs:
        """All values inside of the network, for these inputs."""
        raise NotImplementedError


def is_runnable(path: str) -> bool:
    """Whether a path names the file of a network that can be run, not recorded tensors."""
    return path.lower().endswith(tuple(RUNNERS))


def load_runnable(path: str) -> RunnableNetwork:
    """The network of a file whose path `is_runnable`.

    Raises:
        BadReferenceError: it cannot be read, or what runs it is not installed here.
    """
    folder = next(RUNNERS[suffix] for suffix in RUNNERS if path.lower().endswith(suffix))
    module = import_module(f"coreml_resize_fix.intents.{folder}.network")
    return cast(RunnableNetwork, module.load(path))


def read(path: str, count: int) -> Reference:
    """The recorded tensors of a network, with those of the first `count` resizes.

    Raises:
        BadReferenceError: the file cannot be read, has no such tensors, or some are not finite.
    """
    need_file(path)
    try:
        network = tensors.read_network(path)
        resizes = tensors.read_resizes(path, count)
    except MemoryError:
        raise
    except Exception as error:  # which ones zipfile and NumPy raise depends on their versions
        raise BadReferenceError(
            f"the reference `{path}` cannot be read: {told(error)}",
            "record it again, or pass another .npz or .onnx file with `--reference`",
        ) from error
    return recorded(path, network, resizes)


def recorded(label: str, network: NetworkTensors, resizes: Mapping[int, Recorded]) -> Reference:
    """A reference of tensors that were recorded, after a look at their numbers.

    Raises:
        BadReferenceError: there are none, or they are not finite numbers.
    """
    for kind, arrays, prefix in (
        ("input", network.inputs, tensors.NETWORK_INPUT),
        ("output", network.outputs, tensors.NETWORK_OUTPUT),
    ):
        if not arrays:
            raise BadReferenceError(
                f"the reference `{label}` has no `{prefix}<name>`: no {kind} of a whole network",
                RECORD,
            )
        for name, array in arrays.items():
            need_finite(label, prefix + name, array)
    return Reference(label, network.inputs, network.outputs, resizes)


def need_finite(label: str, name: str, array: "np.ndarray") -> None:
    """Refuse an array that nothing can be compared with.

    Raises:
        BadReferenceError: it is empty, has a NaN or an infinity, or holds something else.
    """
    import numpy as np

    fault = ""
    if array.dtype.kind not in "fiub":
        fault = f"is of the type `{array.dtype}`, which is not numeric"
    elif not array.size:
        fault = "is empty"
    elif not np.isfinite(array).all():
        fault = "holds a NaN or an infinity"
    if fault:
        raise BadReferenceError(
            f"`{name}` of the reference `{label}` {fault}",
            "record the network again, with an example that it can compute",
        )


def need_file(path: str) -> None:
    """Refuse what is no file: a pipe may have no end.

    Raises:
        BadReferenceError: it is missing, or something else.
    """
    try:
        is_file = stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else "no file has such a name"
        raise BadReferenceError(
            f"cannot read the reference `{path}`: {why}",
            "pass an .npz file of recorded tensors or an .onnx file with `--reference`",
        ) from error
    if not is_file:
        raise BadReferenceError(
            f"the reference `{path}` is not a file",
            "pass an .npz file of recorded tensors or an .onnx file with `--reference`",
        )
