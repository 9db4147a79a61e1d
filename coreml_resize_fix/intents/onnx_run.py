"""What ONNX Runtime makes of an ONNX file (extra `reference`), its inner values too.

The file is read with the onnx package and handed over in memory, where any value can be made an
output. Weights outside of it are read only from files that it names, below its own folder.
"""

import os
from importlib import import_module
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.errors import BadReferenceError, ManifestError
from coreml_resize_fix.intents import onnx_file
from coreml_resize_fix.intents.onnx_file import Proto
from coreml_resize_fix.intents.reference import Blobs, need_file

LOWEST_OPSET = 11  # a resize of an earlier one does not say what PyTorch computed
_LARGEST = 1 << 31  # bytes of a message
_ERRORS_ONLY = 3

_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(bool)": np.bool_,
}


class OnnxInput(NamedTuple):
    """An input; `shape` has None where a size is free."""

    name: str
    shape: Tuple[Optional[int], ...]
    dtype: np.dtype


class OnnxNetwork:
    """An ONNX file that ONNX Runtime can run.

    Raises:
        BadReferenceError: it is none, or ONNX Runtime is not installed here.
    """

    def __init__(self, path: str) -> None:
        need_file(path)
        self._path = path
        self._runtime = _runtime(path)
        self._model = _read(path)
        self.outputs = [str(value.name) for value in self._model.graph.output]
        self.inputs = [self._input(value) for value in self._session(self._model).get_inputs()]

    def run(self, inputs: Mapping[str, np.ndarray], names: Sequence[str]) -> Dict[str, np.ndarray]:
        """Values by name, of outputs and of what is inside.

        Raises:
            BadReferenceError: ONNX Runtime does not compute them.
        """
        wider = type(self._model)()
        wider.CopyFrom(self._model)
        for name in names:
            if name not in self.outputs:
                wider.graph.output.add().name = name
        given = {one.name: np.asarray(inputs[one.name], one.dtype) for one in self.inputs}
        session = self._session(wider)
        try:
            found = session.run(list(names), given)
        except Exception as error:  # the classes of its errors are not public
            raise self._failed(error) from error
        pairs = ((name, np.asarray(value)) for name, value in zip(names, found))
        return {name: value for name, value in pairs if value.dtype.kind in "fiub"}

    def blobs(self, inputs: Mapping[str, np.ndarray]) -> Blobs:
        """Everything that the nodes of the graph make."""
        resized = {
            name: node.op_type in ("Resize", "Upsample")
            for node in self._model.graph.node
            for name in node.output
            if name
        }
        return Blobs(resized, lambda names: self.run(inputs, names))

    def _session(self, model: Proto) -> Any:
        options = self._runtime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        try:
            return self._runtime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> BadReferenceError:
        why = (str(error).strip().splitlines() or [type(error).__name__])[0].lower()
        return BadReferenceError(
            f"ONNX Runtime does not run the reference `{self._path}`: {why}",
            "check the file with `onnx.checker`, or pass recorded tensors (.npz)",
        )

    def _input(self, value: Any) -> OnnxInput:
        if value.type not in _DTYPES:
            raise BadReferenceError(
                f"the input `{value.name}` of the reference `{self._path}` is a `{value.type}`",
                "pass recorded tensors (.npz) instead",
            )
        shape = tuple(size if isinstance(size, int) and size > 0 else None for size in value.shape)
        return OnnxInput(value.name, shape, np.dtype(_DTYPES[value.type]))


def _runtime(path: str) -> Any:
    try:
        return import_module("onnxruntime")
    except ImportError as error:
        raise BadReferenceError(
            f"the reference `{path}` is run by ONNX Runtime, which is not installed",
            "pip install 'coreml-resize-fix[reference]', or pass recorded tensors (.npz)",
        ) from error


def _read(path: str) -> Proto:
    try:
        model = onnx_file.read_whole(path)
    except ManifestError as error:
        raise BadReferenceError(f"the reference {error.message}", error.hint) from error
    version = onnx_file.opset(model)
    if version < LOWEST_OPSET:
        raise BadReferenceError(
            f"the reference `{path}` is of opset {version}, whose resizes do not say what PyTorch "
            "computed",
            f"export once more with opset_version={LOWEST_OPSET} or later",
        )
    _load_weights(path, model)
    if model.ByteSize() >= _LARGEST:
        raise BadReferenceError(
            f"the reference `{path}` takes more than 2 GiB", "pass recorded tensors (.npz) instead"
        )
    return model


def _load_weights(path: str, model: Proto) -> None:
    """Read weights from files below the folder of the model, never from elsewhere.

    Raises:
        BadReferenceError: a file is elsewhere, is none, or is shorter than it should be.
    """
    folder = os.path.realpath(os.path.dirname(os.path.abspath(path)))
    size = 0
    for tensor in _external(model):
        about = {entry.key: entry.value for entry in tensor.external_data}
        name = about.get("location", "")
        file = os.path.realpath(os.path.join(folder, name.replace("\0", "\ufffd")))
        inside = file.startswith(os.path.join(folder, "")) and not os.path.isabs(name)
        if not name or not inside or not os.path.isfile(file):
            what = "is not there" if inside else "is not beside it"
            raise BadReferenceError(
                f"the reference `{path}` reads weights from `{name}`, which {what}",
                "copy the file with its weights, or export it without external data",
            )
        content = _part(file, about)
        size += len(content or b"")
        if content is None or size >= _LARGEST:
            raise BadReferenceError(
                f"the weights of the reference `{path}` in `{name}` cannot be read as it says",
                "copy the file with its weights, or export it without external data",
            )
        tensor.raw_data = content
        tensor.data_location = type(tensor).DEFAULT
        del tensor.external_data[:]


def _external(model: Proto) -> Iterator[Proto]:
    bodies = [graph for own in _graphs(model) for graph in onnx_file.graphs(own)]
    for graph in bodies:
        tensors: List[Proto] = list(getattr(graph, "initializer", ()))
        tensors += [attribute.t for node in graph.node for attribute in node.attribute]
        for tensor in tensors:
            if tensor.data_location == type(tensor).EXTERNAL:
                yield tensor


def _graphs(model: Proto) -> Sequence[Proto]:
    return [model.graph, *getattr(model, "functions", ())]


def _part(file: str, about: Mapping[str, str]) -> Optional[bytes]:
    """The bytes of a tensor in a file; None if it does not have them."""
    try:
        offset = int(about.get("offset", "0"))
        length = int(about.get("length", "-1"))
        with open(file, "rb") as stream:
            stream.seek(offset)
            found = stream.read(min(length, _LARGEST) if length >= 0 else _LARGEST)
    except (ValueError, OSError):
        return None
    return found if length in (-1, len(found)) else None
