"""What fuzzing of ML Programs begins with: fixtures, and a program of each kind of operation."""

import contextlib
import io
import json
import os
import tempfile
from typing import Any, Iterator, List, Tuple

import numpy as np

from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.source import Manifest
from hardening.program_entries import MODEL, OPTIONS, WEIGHTS, Network, Package
from tests.formats.mlprogram import calls, files
from tests.support import cases


def knows_programs() -> bool:
    """Whether the installed coremltools describes ML Programs."""
    return "mlProgram" in schema.model_class().DESCRIPTOR.fields_by_name


def structures() -> Iterator[bytes]:
    """Model files of converted networks."""
    return map(files.model, files.NAMES)


def packages() -> Iterator[bytes]:
    """The same with weights, calls and recorded tensors, and some of the options."""
    for index, name in enumerate(files.NAMES):
        document = json.dumps(Manifest(calls.intents(name)).document()).encode()
        package = str(files.package(name))
        for number in (index, index + 4, index + 8):
            options = number % len(OPTIONS)
            yield Package(
                options, document, _tensors(name), _weights(package), files.model(name)
            ).packed()


def _tensors(name: str) -> bytes:
    held = io.BytesIO()
    with np.load(files.FOLDER / name / "io.npz") as arrays:
        np.savez_compressed(held, input_x=arrays["input"], output_y=arrays["output"])
    return held.getvalue()


def _weights(package: str) -> bytes:
    path = os.path.join(package, WEIGHTS)
    return cases.read_bytes(path) if os.path.exists(path) else b""


def networks() -> Iterator[bytes]:
    """Converted networks, and a program for each operation that the tests can make."""
    if not knows_programs():
        return
    from tests.formats.mlprogram import build

    found = [str(files.package(name)) for name in files.NAMES]
    with tempfile.TemporaryDirectory() as folder:
        for number, (program, ios) in enumerate(_made()):
            path = os.path.join(folder, f"{number}.mlpackage")
            with contextlib.suppress(Exception):  # older versions do not write all of them
                found.append(str(build.save(program, path, ios)))
        for package in found:
            model = cases.read_bytes(os.path.join(package, MODEL))
            yield Network(_weights(package), model).packed()


def _made() -> List[Tuple[Any, int]]:
    from tests.formats.mlprogram import build, chains, operation_makers, test_reader, test_sizes

    found = [operation_makers.behind(kind, 1, (4, 6)) for kind in operation_makers.MAKERS]
    found += [(chains.single(make, (4, 6), ios), ios) for ios, make in test_sizes.SINGLE.values()]
    control = (test_reader.branching, test_reader.looping)
    return found + [(build.program(make, (1, 2, 4, 6)), 15) for make in control]
