"""Open the file of a network whole, or say in one sentence what else it is."""

import os
import stat
import warnings
from typing import Any, NamedTuple, Optional, Tuple

from coreml_resize_fix.errors import ManifestError, reason

LONGEST = (1 << 31) - 1  # bytes; no protobuf message and no flatbuffer is longer

TFLITE_MARK = b"TFL3"
_MARK_AT = 4

_BINARY = "write it with tf.io.write_graph(graph, folder, name, as_text=False)"
# first bytes -> kind of file, what to do if that is not what there is to do for any other
_KINDS: Tuple[Tuple[bytes, str, Optional[str]], ...] = (
    (b"PK\x03\x04", "a zip archive (a PyTorch checkpoint, a Keras model?)", None),
    (b"\x89HDF", "an HDF5 file (a Keras model?)", None),
    (b"\x1f\x8b", "a gzip archive: unpack it first", None),
    (b"version https://git-lfs", "a Git LFS pointer: the model itself was not fetched", None),
    (b"model_checkpoint_path", "the list of a checkpoint's files, which hold weights alone", None),
    (b"node {", "a graph as text (.pbtxt), and the binary form is read", _BINARY),
    (b"{", "text that looks like JSON", None),
    (b"<", "text that looks like XML or HTML", None),
)


def is_tflite(data: bytes) -> bool:
    """Whether a file begins as every TFLite model does."""
    return data[_MARK_AT : _MARK_AT + len(TFLITE_MARK)] == TFLITE_MARK


class NetworkFile(NamedTuple):
    """A kind of file that has intents: its name in messages (`an ONNX model`), its suffix, and the
    hint how to get such a file."""

    what: str
    suffix: str
    hint: str

    def refusal(self, path: str, why: str, hint: Optional[str] = None) -> ManifestError:
        """The error for a file that is not of this kind, with the reason and what to do."""
        return ManifestError(f"`{path}` is not {self.what}: {why}", hint or self.hint)

    def bytes_of(self, path: str) -> bytes:
        """All bytes of the file.

        Raises:
            ManifestError: it cannot be read, is empty, too long, or begins as another kind of file.
        """
        data = self._read(path)
        if is_tflite(data):
            if self.suffix != ".tflite":
                raise self.refusal(path, "it is a TFLite model", "name it .tflite, and pass that")
            return data  # its first bytes are an offset, which may be those of a text
        for start, kind, hint in _KINDS:
            if data.startswith(start):
                raise self.refusal(path, "it is " + kind, hint)
        return data

    def head(self, path: str, count: int) -> bytes:
        """The first bytes of the file, however long it is.

        Raises:
            ManifestError: it cannot be read, or is empty.
        """
        return self._read(path, count)

    def _read(self, path: str, count: int = -1) -> bytes:
        if os.path.isdir(path):
            raise self.refusal(path, "it is a folder")
        try:
            status = os.stat(path)
            if not stat.S_ISREG(status.st_mode):
                raise self.refusal(path, "it is a pipe or a device")
            if count < 0 and status.st_size > LONGEST:
                raise self.refusal(path, "it is longer than 2 GiB, and none is")
            with open(path, "rb") as file:
                data = file.read(count)
        except OSError as error:
            raise ManifestError(
                f"cannot read `{path}`: {reason(error)}",
                f"pass the path of a {self.suffix} file with `--manifest`",
            ) from error
        if not data:
            raise self.refusal(path, "it is empty")
        return data


def parsed(message: Any, data: bytes) -> Any:
    """The bytes parsed as the protobuf class `message`; None if they cannot be."""
    from google.protobuf.message import DecodeError

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", RuntimeWarning)
        try:
            found = message.FromString(data)
        except (DecodeError, ValueError, RuntimeError):
            return None
    return None if warned else found  # protobuf 3 only warns if a message is cut off
