"""Copies of the fixtures of whole networks, and faults that no resize makes."""

import json
import os
import shutil
from typing import Any, Callable, Dict

import numpy as np

from coreml_resize_fix.formats.protobuf import schema
from tests.support.cases import FIXTURES, read_bytes, read_json

REFERENCE = os.path.join(FIXTURES, "reference")


class Files:
    """A fixture in a folder of its own: the model, its manifest, and what PyTorch recorded."""

    def __init__(self, name: str, folder: Any) -> None:
        self.folder = os.path.join(str(folder), name)
        shutil.copytree(os.path.join(REFERENCE, name), self.folder)
        self.model = self.path("model.mlpackage" if name == "image" else "model.mlmodel")
        self.manifest, self.tensors = self.path("intent.json"), self.path("intent.npz")
        self.wrong = read_json(self.path("wrong.json"))

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    @property
    def arrays(self) -> Dict[str, np.ndarray]:
        with np.load(self.tensors) as arrays:
            return {name: arrays[name] for name in arrays.files}

    def change_arrays(self, **changed: Any) -> None:
        """Write the recorded tensors with other arrays; None leaves one out."""
        arrays = {**self.arrays, **changed}
        np.savez(self.tensors, **{name: a for name, a in arrays.items() if a is not None})

    def rename_arrays(self, names: Dict[str, str]) -> None:
        np.savez(self.tensors, **{names.get(name, name): a for name, a in self.arrays.items()})

    def change_model(self, change: Callable[[Any], None]) -> None:
        """Write the model file after a change of its message."""
        file = self.model
        if os.path.isdir(file):
            file = os.path.join(file, "Data", "com.apple.CoreML", "model.mlmodel")
        message = schema.model_class().FromString(read_bytes(file))
        change(message)
        with open(file, "wb") as out:
            out.write(message.SerializeToString())

    def change_manifest(self, change: Callable[[Any], None]) -> None:
        document = read_json(self.manifest)
        change(document)
        with open(self.manifest, "w", encoding="utf-8") as file:
            json.dump(document, file)


def layer(model: Any, kind: str, number: int = 0) -> Any:
    found = [one for one in model.neuralNetwork.layers if one.WhichOneof("layer") == kind]
    return found[number]


def wrong_weight(model: Any) -> None:
    weights = layer(model, "convolution").convolution.weights.floatValue
    weights[5] += 0.7


def wrong_bias(model: Any) -> None:
    layer(model, "convolution", 1).convolution.bias.floatValue[1] -= 0.5


def swapped_concat(model: Any) -> None:
    one = layer(model, "concat")
    names = list(one.input)
    del one.input[:]
    one.input.extend(reversed(names))


def nan_weight(model: Any) -> None:
    layer(model, "convolution", 2).convolution.weights.floatValue[0] = float("nan")


# Each with the first resize that drifts because of it; `up0` is `14` in the file, `up1` is `18`.
FAULTS = {
    "wrong weight": (wrong_weight, "14"),
    "wrong bias": (wrong_bias, "14"),
    "swapped concat": (swapped_concat, "18"),
    "NaN": (nan_weight, "18"),
}
