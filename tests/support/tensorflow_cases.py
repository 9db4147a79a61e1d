"""Networks of TensorFlow and Keras as converters wrote them: tests/fixtures/tensorflow_routes."""

import json
import os
from typing import Any, Dict, List, NamedTuple, Tuple

import numpy as np

from coreml_resize_fix.formats.protobuf import schema
from tests.support.cases import FIXTURES, IOS14_VERSION, read_json
from tests.support.converted import RECORDED, knows_programs

FOLDER = os.path.join(FIXTURES, "tensorflow_routes")


class TensorFlowCase(NamedTuple):
    """One of the models."""

    name: str

    @property
    def folder(self) -> str:
        return os.path.join(FOLDER, self.name)

    @property
    def meta(self) -> Dict[str, Any]:
        """Versions; `layers` with a verdict each by what Core ML documents; `refused` calls."""
        return read_json(os.path.join(self.folder, "meta.json"))

    @property
    def path(self) -> str:
        file = os.path.join(self.folder, "model.mlmodel")
        return file if os.path.exists(file) else os.path.join(self.folder, "model.mlpackage")

    @property
    def recording(self) -> str:
        return os.path.join(FOLDER, RECORDED, self.meta["recording"])

    @property
    def recorded(self) -> List[Dict[str, Any]]:
        """Every call of the network that was recorded, as entries of a manifest."""
        return read_json(os.path.join(self.recording, "intent.json"))["resizes"]

    @property
    def places(self) -> List[int]:
        """Which of the recorded calls the converter took."""
        names = self.meta["names"]
        called = [one["name"].split("/")[0] for one in self.recorded]
        return [n for n, name in enumerate(called) if not names or name in names]

    @property
    def is_readable(self) -> bool:
        """Whether the installed coremltools knows every field that the model may use."""
        if self.meta["kind"] == "mlProgram":
            return knows_programs()
        return self.meta["specificationVersion"] < IOS14_VERSION or schema.knows_ios14()

    def write(self, folder: str, places: List[int]) -> Tuple[str, str]:
        """A manifest of these calls, in this order, and the tensors beside it."""
        manifest, npz = (os.path.join(folder, name) for name in ("intent.json", "intent.npz"))
        with open(manifest, "w", encoding="utf-8") as file:
            json.dump({"resizes": [self.recorded[n] for n in places]}, file)
        tensors = dict(np.load(os.path.join(self.recording, "intent.npz")))
        kept = {name: one for name, one in tensors.items() if name.startswith("input_")}
        for place, n in enumerate(places):
            kept.update(
                {f"interp{place}_{end}": tensors[f"interp{n}_{end}"] for end in ("in", "out")}
            )
        outputs = [f"output_{name}_map" for name in self.meta["names"]]
        outputs = outputs or [name for name in tensors if name.startswith("output_")]
        np.savez(npz, **kept, **{name: tensors[name] for name in outputs})
        return manifest, npz


ALL = [TensorFlowCase(name) for name in sorted(os.listdir(FOLDER)) if name != RECORDED]
