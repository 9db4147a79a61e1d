"""The packages of tests/fixtures/mlprogram."""

import json
from pathlib import Path

from tests.support.cases import FIXTURES

FOLDER = Path(FIXTURES) / "mlprogram"
NAMES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def package(name):
    return FOLDER / name / "model.mlpackage"


def model(name):
    """Bytes of the model file."""
    return (package(name) / "Data" / "com.apple.CoreML" / "model.mlmodel").read_bytes()


def weights(name):
    """The folder of the weights, as coremltools' loader wants it."""
    return str(package(name) / "Data" / "com.apple.CoreML" / "weights")


def calls(name):
    """The calls of F.interpolate, in the order of execution."""
    return json.loads((FOLDER / name / "intent.json").read_text(encoding="utf-8"))


def meta(name):
    return json.loads((FOLDER / name / "meta.json").read_text(encoding="utf-8"))
