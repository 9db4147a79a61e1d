"""What ONNX Runtime makes of an ONNX file (extra `reference`), its inner values too.

The file is read with the onnx package and handed over in memory, where any value can be made an
output, to a process of its own. Weights outside of it are read only from files that it names, below
its own folder.
"""

import os
import re
from importlib.util import find_spec
from typing import Dict, Iterator, Mapping, Optional, Sequence

import numpy as np

from coreml_resize_fix.errors import BadReferenceError, ManifestError
from coreml_resize_fix.intents.onnx import runtime
from coreml_resize_fix.intents.onnx.file import Proto, opset, read_whole
from coreml_resize_fix.intents.reference import Blobs, NetworkInput, RunnableNetwork, need_file

LOWEST_OPSET = 11  # a resize of an earlier one does not say what PyTorch computed
_LARGEST = 1 << 31  # bytes of a message

# TensorProto.DataType
_DTYPES = {
    1: np.float32,
    2: np.uint8,
    3: np.int8,
    6: np.int32,
    7: np.int64,
    9: np.bool_,
    10: np.float16,
    11: np.float64,
}


def load(path: str) -> RunnableNetwork:
    """The network of an ONNX file, which ONNX Runtime runs.

    Raises:
        BadReferenceError: it is none, or ONNX Runtime is not installed here.
    """
    return _OnnxNetwork(path)


class _OnnxNetwork(RunnableNetwork):
    def __init__(self, path: str) -> None:
        need_file(path)
        self._path = path
        _need_runtime(path)
        self._model = _read(path)
        graph = self._model.graph
        held = {tensor.name for tensor in graph.initializer}
        self.outputs = [str(value.name) for value in graph.output]
        self.inputs = [self._input(value) for value in graph.input if value.name not in held]

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
        try:
            return runtime.compute(wider.SerializeToString(), given, names)
        except runtime.FailedError as error:
            raise BadReferenceError(
                f"ONNX Runtime does not run the reference `{self._path}`: {error}",
                "check the file with `onnx.checker`, or pass recorded tensors (.npz)",
            ) from error

    def blobs(self, inputs: Mapping[str, np.ndarray]) -> Blobs:
        """Everything that the nodes of the graph make."""
        resized = {
            name: node.op_type in ("Resize", "Upsample")
            for node in self._model.graph.node
            for name in node.output
            if name
        }
        return Blobs(resized, lambda names: self.run(inputs, names))

    def _input(self, value: Proto) -> NetworkInput:
        from onnx import TensorProto

        tensor = value.type.tensor_type
        if tensor.elem_type not in _DTYPES:
            what = value.type.WhichOneof("value") or "value of no type"
            if what == "tensor_type":
                types = {number: name.lower() for name, number in TensorProto.DataType.items()}
                what = f"tensor({types.get(tensor.elem_type, tensor.elem_type)})"
            raise BadReferenceError(
                f"the input `{value.name}` of the reference `{self._path}` is a `{what}`",
                "pass recorded tensors (.npz) instead",
            )
        shape = tuple(dim.dim_value if dim.dim_value > 0 else None for dim in tensor.shape.dim)
        return NetworkInput(str(value.name), shape, np.dtype(_DTYPES[tensor.elem_type]))


def _need_runtime(path: str) -> None:
    if find_spec("onnxruntime") is None:
        raise BadReferenceError(
            f"the reference `{path}` is run by ONNX Runtime, which is not installed",
            "pip install 'coreml-resize-fix[reference]', or pass recorded tensors (.npz)",
        )


def _read(path: str) -> Proto:
    try:
        model = read_whole(path)
    except ManifestError as error:
        raise BadReferenceError(f"the reference {error.message}", error.hint) from error
    version = opset(model)
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
        inside = inside and ".." not in re.split(r"[/\\]", name)
        if not name or not inside or not os.path.isfile(file):
            what = "is not there" if inside else "is not beside it"
            raise BadReferenceError(
                f"the reference `{path}` reads weights from `{name}`, which {what}",
                "copy the file with its weights, or export it without external data",
            )
        content = _part(file, about, _LARGEST - size)
        size += len(content or b"")
        if content is None or size >= _LARGEST:
            raise BadReferenceError(
                f"the weights of the reference `{path}` in `{name}` cannot be read as it says",
                "copy the file with its weights, or export it without external data",
            )
        tensor.raw_data = content
        tensor.data_location = type(tensor).DEFAULT
        del tensor.external_data[:]


def _external(message: Proto) -> Iterator[Proto]:
    """Every tensor of a message whose numbers lie in another file, wherever the schema has one."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for one in (value,) if hasattr(value, "ListFields") else value:
            if field.message_type.name != "TensorProto":
                yield from _external(one)
            elif one.data_location == type(one).EXTERNAL:
                yield one


def _part(file: str, about: Mapping[str, str], most: int) -> Optional[bytes]:
    """The bytes of a tensor in a file, at most so many; None if it does not have them."""
    try:
        offset = int(about.get("offset", "0"))
        length = int(about.get("length", "-1"))
        with open(file, "rb") as stream:
            stream.seek(offset)
            found = stream.read(min(length, most) if length >= 0 else most)
    except (ValueError, OverflowError, OSError):
        return None
    return found if length in (-1, len(found)) else None
