"""Find out what a path is if it is not a readable Core ML model, and explain it."""

import codecs
import os
from typing import Optional, Tuple

from coreml_resize_fix.errors import MLProgramError, ModelError, NotAModelError
from coreml_resize_fix.files import failures, tree
from coreml_resize_fix.formats import package
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.intents.network_file import is_tflite

_HEAD = 1024
_COMPILED = ".mlmodelc"
_EXPORT = "export and convert it to Core ML first"

# first bytes → kind of file, advice
POINTER = b"version https://git-lfs", "a Git LFS pointer", "fetch the file with `git lfs pull`"
_MAGIC: Tuple[Tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive, as PyTorch saves", _EXPORT),
    *((b"\x80" + bytes([n]), "a pickle, as PyTorch saves", _EXPORT) for n in (2, 3, 4, 5)),
    (b"\x89HDF", "an HDF5 file, as Keras saves", "convert it to Core ML first"),
    (b"\x93NUMPY", "a NumPy array", "pass the model here and recorded tensors with `--reference`"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    POINTER,
)
# the first name in a ZIP archive has this in it → kind of file, advice
_PACKED: Tuple[Tuple[bytes, str, str], ...] = (
    (b".npy", "a NumPy archive", "pass the model here and recorded tensors with `--reference`"),
    (b".mlpackage/", "a ZIP archive with a Core ML package", "unpack it first"),
    (b".mlmodel", "a ZIP archive with a Core ML model", "unpack it first"),
)
# a text begins with → kind of file, advice; the last fits any
_TEXTS: Tuple[Tuple[Tuple[str, ...], str, str], ...] = (
    (("{", "["), "a JSON file", "pass the model here and the manifest with `--manifest`"),
    (
        ("<!doctype html", "<html"),
        "an HTML page, no model",
        "download the file itself: a page was saved in its place",
    ),
    (("",), "a text file, no model", "read it: it may say why a download or an export failed"),
)
_NETWORKS = {".onnx": "an ONNX file", ".tflite": "a TFLite file", ".pb": "a TensorFlow graph"}
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
    try:
        raise _other_folder(path)
    except OSError as error:
        where = os.path.normpath(error.filename or path)
        raise failures.unreadable(where, error) from error


def _other_folder(path: str) -> NotAModelError:
    """Say what a folder is, if it is not a package.

    Raises:
        OSError: the system does not say what is in it.
    """
    there = os.listdir(path)
    os.stat(os.path.join(path, os.curdir))  # a folder may be listed that may not be entered
    if path.rstrip("/").endswith(_COMPILED) or "model.mil" in there:
        return NotAModelError(
            f"`{path}` is a compiled model, which cannot be edited",
            "pass the .mlmodel or .mlpackage that it was compiled from",
        )
    is_package = package.suffix_of(path) == package.SUFFIX
    # A package without its manifest still has a model file.
    inside = _first_below(path, (package.SUFFIX,) if is_package else package.SUFFIXES)
    if inside is not None:
        return NotAModelError(
            f"`{path}` is a folder, which holds `{inside}`", "pass the model itself"
        )
    if is_package:
        return NotAModelError(
            f"`{path}` is a folder without a model in it: there is no Manifest.json",
            "copy the whole package again, or save it again with coremltools",
        )
    compiled = _first_below(path, (_COMPILED,))
    if compiled is not None:
        return NotAModelError(
            f"`{path}` holds only compiled models, such as `{compiled}`, which cannot be edited",
            "pass the .mlmodel or .mlpackage that one was compiled from",
        )
    return NotAModelError(
        f"`{path}` is a folder without a model in it",
        "pass a .mlmodel file, a .mlpackage folder, or a folder that holds such",
    )


def _first_below(folder: str, suffixes: Tuple[str, ...]) -> Optional[str]:
    for place, folders, files in tree.walk(folder):
        folders.sort()
        names = [name for name in folders + files if name.endswith(suffixes)]
        if names:
            return os.path.join(place, min(names))
    return None


def explain(path: str, source: Source, error: ModelError) -> ModelError:
    """An error that names the real kind of the file; the original error if it is a model."""
    if isinstance(error, MLProgramError):
        return MLProgramError(f"`{path}`: {error.message}", error.hint)
    # A package is not what the file in it is.
    which = f"`{path}` has a model file that is" if package.is_package(path) else f"`{path}` is"
    head = source.read(0, _HEAD)
    if not head:
        return NotAModelError(f"{which} empty", "convert the model again")
    known = _kind(head)
    if known is not None:
        return NotAModelError(f"{which} {known[0]}", known[1])
    network = _network(path, head)
    if network is not None:
        return NotAModelError(
            f"{which} {network}, not a Core ML model",
            "pass the converted .mlmodel here, and this file with `--manifest`",
        )
    if isinstance(error, NotAModelError):
        return NotAModelError(f"{which} not a Core ML model", "pass a .mlmodel file")
    return type(error)(
        f"`{path}` cannot be read as a Core ML model: {error.message}",
        error.hint or "it is damaged, truncated or not a model: copy or convert it again",
    )


def _network(path: str, head: bytes) -> Optional[str]:
    """The network that another framework wrote; None if it is none that is known."""
    if any(name in head for name in _ONNX_PRODUCERS):
        return _NETWORKS[".onnx"]
    if is_tflite(head):
        return _NETWORKS[".tflite"]
    return _NETWORKS.get(os.path.splitext(path.lower())[1])


def _kind(head: bytes) -> Optional[Tuple[str, str]]:
    """What a file is by its first bytes, and what to do instead; None where they do not say."""
    for magic, what, advice in _MAGIC:
        if head.startswith(magic):
            packed = [one for one in _PACKED if magic[:2] == b"PK" and one[0] in _first_name(head)]
            return packed[0][1:] if packed else (what, advice)
    text = _text(head)
    if text is None:
        return None
    begun = text.lower().lstrip("\ufeff \t\r\n")
    return next((what, advice) for begins, what, advice in _TEXTS if begun.startswith(begins))


def _first_name(archive: bytes) -> bytes:
    """The name of the first file in a ZIP archive (APPNOTE 4.3.7)."""
    return archive[30 : 30 + int.from_bytes(archive[26:28], "little")]


def _text(head: bytes) -> Optional[str]:
    """The begin of a text; None for bytes that are no text."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return None
    return text if all(c.isprintable() or c in "\ufeff\t\r\n\f" for c in text) else None
