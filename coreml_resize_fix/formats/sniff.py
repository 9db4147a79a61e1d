"""Find out what a path is if it is not a readable Core ML model, and explain it."""

import os
from typing import Tuple

from coreml_resize_fix.errors import MLProgramError, ModelError, NotAModelError
from coreml_resize_fix.files import failures
from coreml_resize_fix.formats import package
from coreml_resize_fix.formats.protobuf.wire import Source

_HEAD = 64

# first bytes → kind of file, advice
_MAGIC: Tuple[Tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive, as PyTorch saves", "export and convert it to Core ML first"),
    (b"\x80\x02", "a pickle, as PyTorch saves", "export and convert it to Core ML first"),
    (b"\x89HDF", "an HDF5 file, as Keras saves", "convert it to Core ML first"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"{", "a JSON file", "pass the model here and the manifest with `-m`"),
    (b"version https://git-lfs", "a Git LFS pointer", "fetch the file with `git lfs pull`"),
)
_ONNX_PRODUCERS = (b"pytorch", b"onnx", b"tf2onnx", b"keras2onnx", b"backend-test", b"skl2onnx")


def model_file(path: str) -> str:
    """The file that holds the model: the path itself, or the root model of a package.

    Raises:
        NotAModelError: the path does not exist, or is a folder but not a package.
        ModelError: the package is damaged, or the system cannot say what is there.
    """
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise NotAModelError(f"`{path}` does not exist", "check the path") from error
    except OSError as error:  # it may be there, in a folder that is not ours
        raise failures.unreadable(path, error) from error
    if os.path.isfile(path):
        return path
    if not os.path.isdir(path):
        raise NotAModelError(
            f"`{path}` is a pipe or a device, and a model must be a file",
            "write it to a file first",
        )
    if package.is_package(path):
        return package.model_path(path)
    if path.rstrip("/").endswith(".mlmodelc") or os.path.exists(os.path.join(path, "model.mil")):
        raise NotAModelError(
            f"`{path}` is a compiled model, which cannot be edited",
            "pass the .mlmodel or .mlpackage that it was compiled from",
        )
    raise NotAModelError(
        f"`{path}` is a folder without a model in it",
        "pass a .mlmodel file, a .mlpackage folder, or a folder that holds such",
    )


def explain(path: str, source: Source, error: ModelError) -> ModelError:
    """An error that names the real kind of the file; the original error if it is a model."""
    if isinstance(error, MLProgramError):
        return MLProgramError(f"`{path}`: {error.message}", error.hint)
    head = source.read(0, _HEAD)
    if not head:
        return NotAModelError(f"`{path}` is empty", "convert the model again")
    for magic, what, advice in _MAGIC:
        if head.startswith(magic):
            return NotAModelError(f"`{path}` is {what}", advice)
    if path.lower().endswith(".onnx") or any(name in head for name in _ONNX_PRODUCERS):
        return NotAModelError(
            f"`{path}` is an ONNX file, not a Core ML model",
            "pass the converted .mlmodel here",
        )
    if isinstance(error, NotAModelError):
        return NotAModelError(f"`{path}` is not a Core ML model", "pass a .mlmodel file")
    return type(error)(
        f"`{path}` cannot be read as a Core ML model: {error.message}",
        error.hint or "it is damaged, truncated or not a model: copy or convert it again",
    )
