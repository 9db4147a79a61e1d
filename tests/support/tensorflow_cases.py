"""Networks of TensorFlow and Keras as converters wrote them: tests/fixtures/tensorflow_routes."""

import json
import os
from typing import Any, Dict, List, Tuple

import numpy as np

from tests.support.cases import FIXTURES, read_json
from tests.support.converted import RECORDED, ConvertedModel

FOLDER = os.path.join(FIXTURES, "tensorflow_routes")


class TensorFlowCase(ConvertedModel):
    """One of the models."""

    root = FOLDER

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
