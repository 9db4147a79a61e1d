"""The fixture cases: the models, what PyTorch was asked to do, and manifests that say so."""

import json
import os
from typing import Any, Dict, List, NamedTuple

from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents import manifest
from coreml_resize_fix.intents.model import Intent

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIXTURES = os.path.join(TESTS, "fixtures")
UNET = os.path.join(os.path.dirname(TESTS), "examples", "unet")

# From this specification version on, layers have fields that coremltools 3.x does not know.
IOS14_VERSION = 5


class Case(NamedTuple):
    """One folder of tests/fixtures/corpus or tests/fixtures/made."""

    group: str
    name: str

    @property
    def folder(self) -> str:
        return os.path.join(FIXTURES, self.group, self.name)

    @property
    def path(self) -> str:
        """The model: a .mlmodel file, or a .mlpackage folder where the case has nothing else."""
        file = os.path.join(self.folder, "model.mlmodel")
        return file if os.path.exists(file) else os.path.join(self.folder, "model.mlpackage")

    @property
    def calls(self) -> List[Dict[str, Any]]:
        """The recorded calls of F.interpolate, in order of execution."""
        return read_json(os.path.join(self.folder, "calls.json"))

    @property
    def meta(self) -> Dict[str, Any]:
        return read_json(os.path.join(self.folder, "meta.json"))

    @property
    def spec_version(self) -> int:
        return self.meta["specificationVersion"]

    @property
    def is_readable(self) -> bool:
        """Whether the installed coremltools knows every field that the model may use."""
        return self.spec_version < IOS14_VERSION or schema.knows_ios14()

    def document(self, used_only: bool = True) -> Dict[str, Any]:
        """The calls as a manifest; `used_only` leaves out those whose result reaches no output."""
        calls = [call for call in self.calls if call["used"] or not used_only]
        return {
            "format": "coreml-resize-fix/intent",
            "version": 1,
            "producer": {"framework": "torch", "version": self.meta["torch"]},
            "resizes": [resize(call) for call in calls],
        }

    def intents(self, used_only: bool = True) -> List[Intent]:
        return manifest.parse(json.dumps(self.document(used_only)), self.name)


def resize(call: Dict[str, Any]) -> Dict[str, Any]:
    """A recorded call as an entry of a manifest's `resizes`."""
    # 1-D interpolation was converted as a picture that is one pixel wide.
    linear = call["mode"] == "linear"
    pixels = [1] if linear else []
    factor = call["scale_factor"]
    return {
        "name": call["module_path"] or None,
        "mode": "bilinear" if linear else call["mode"],
        "align_corners": call["align_corners"],
        "antialias": call["antialias"],
        "size": None if call["size"] is None else call["size"] + pixels,
        "scale_factor": [factor, 1] if linear and factor is not None else factor,
        "recompute_scale_factor": call["recompute_scale_factor"],
        "input_size": call["input_hw"] + pixels,
        "output_size": call["output_hw"] + pixels,
        "channels": call["input_shape"][1],
    }


def read_json(path: str) -> Any:
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def read_bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _found(group: str) -> List[Case]:
    folder = os.path.join(FIXTURES, group)
    names = sorted(os.listdir(folder))
    return [Case(group, n) for n in names if os.path.exists(os.path.join(folder, n, "meta.json"))]


CORPUS = _found("corpus")
MADE = _found("made")
ALL = CORPUS + MADE


def named(name: str) -> Case:
    """The case of that name."""
    (case,) = [case for case in ALL if case.name == name]
    return case
