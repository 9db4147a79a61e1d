"""What fuzzing begins with: the models, ONNX files and manifests that real converters wrote."""

import hashlib
import itertools
import json
import os
import pathlib
import zipfile
from typing import Callable, Dict, Iterable, Iterator, List

from hardening import program_entries, program_seeds
from hardening.entries import OPTIONS, Job
from tests.support import cases

_LARGEST = 12000  # bytes


def of(entry: str) -> List[bytes]:
    """The seeds of an entry."""
    return [data for data in _READ[entry]() if len(data) <= _LARGEST]


def write(entry: str, folder: str) -> None:
    """Write the seeds of an entry, each named by its content."""
    for data in of(entry):
        name = hashlib.sha256(data).hexdigest()[:16]
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)


def _models() -> Iterator[bytes]:
    for case in cases.ALL:
        yield cases.read_bytes(case.path if os.path.isfile(case.path) else _inside(case.path))


def _inside(package: str) -> str:
    return os.path.join(package, "Data", "com.apple.CoreML", "model.mlmodel")


def _manifests() -> Iterator[bytes]:
    for case in cases.ALL:
        yield json.dumps(case.document(used_only=False)).encode()
        yield json.dumps(_short(case)).encode()


def _short(case: cases.Case) -> object:
    """The same calls by layer, as a manifest's short form has them."""
    entries = {}
    for layer in case.meta["layers"]:
        for index in layer.get("calls", ()):
            entry = cases.resize(case.calls[index])
            del entry["name"]
            entries[layer["name"]] = {key: value for key, value in entry.items() if value}
    return entries


def _onnx() -> Iterator[bytes]:
    for case in cases.ALL:
        path = os.path.join(case.folder, "model.onnx")
        if os.path.exists(path):
            yield cases.read_bytes(path)
    folder = os.path.join(cases.TESTS, "onnx_intents", "fixtures")
    for root, _, names in os.walk(folder):
        for name in sorted(names):
            if name.endswith(".onnx"):
                yield cases.read_bytes(os.path.join(root, name))


def _tensorflow(suffix: str) -> Iterator[bytes]:
    folder = os.path.join(cases.TESTS, "fixtures", "tensorflow_files")
    for name in sorted(os.listdir(folder)):
        if name.endswith(suffix):
            yield cases.read_bytes(os.path.join(folder, name))


def _keras() -> Iterator[bytes]:
    for path in sorted(pathlib.Path(cases.TESTS).rglob("*.keras")):
        if path.read_bytes().startswith(b"PK"):  # the other ones are HDF5
            with zipfile.ZipFile(path) as file:
                yield file.read("config.json")


def _jobs() -> Iterator[bytes]:
    manifests = list(_manifests())
    for index, model in enumerate(_models()):
        for number in (index, index + 7):
            yield Job(number % len(OPTIONS), manifests[2 * index], model).packed()


def _without_weights(model: bytes) -> bytes:
    return program_entries.Network(b"", model).packed()


_READ: Dict[str, Callable[[], Iterable[bytes]]] = {
    "wire": _models,
    "manifest": _manifests,
    "onnx": _onnx,
    "tflite": lambda: _tensorflow(".tflite"),
    "graph": lambda: _tensorflow(".pb"),
    "keras": _keras,
    "command": _jobs,
    "program": program_seeds.structures,
    "package": program_seeds.packages,
    "execute": lambda: itertools.chain(map(_without_weights, _models()), program_seeds.networks()),
}
