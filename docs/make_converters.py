"""Write docs/converters.md from tests/fixtures: `python docs/make_converters.py`."""

import json
import os
from typing import Any, Dict, Iterable, List, Sequence, Tuple

DOCS = os.path.dirname(os.path.abspath(__file__))
PATH = os.path.join(DOCS, "converters.md")
FIXTURES = os.path.join(os.path.dirname(DOCS), "tests", "fixtures")
MODELS = os.path.join(FIXTURES, "converters")
TENSORFLOW = os.path.join(FIXTURES, "tensorflow_routes")

HEAD = """# Converters, old and new

What each converter makes of six calls of `F.interpolate` on a map of 5×6 pixels. Every model of
this table is a fixture: a test audits it, fixes it and compares all of its outputs with PyTorch's.

| in a cell | means |
|---|---|
| right | the layer or operation computes the call |
| size, values | it makes another size, or other values of the right size; a fix corrects it |
| elsewhere | other operations compute it; no resize is there, `--reference` shows it right |
| refused | the converter does not take the call |
| – | not in the network |

`docs/make_converters.py` writes this file from `tests/fixtures/converters`; the README there says
how the models were made.
"""

# name of the call in the fixtures → what the table calls it
CALLS = {
    "corners": "bilinear corners=True → 11×13",
    "centers": "bilinear corners=False → 10×18",
    "nearest": "nearest → 15×12",
    "centers_fraction": "bilinear corners=False → 12×15",
    "corners_factor": "bilinear corners=True × 1.5",
    "nearest_fraction": "nearest × 2.3",
}

NEXT = """
Exports for converters of ONNX are of opset 9, by the workarounds of their time (opset 13 for
onnx2coreml).

## From TensorFlow

The same of calls of TensorFlow, on a map of 5×6 pixels. `half` is `half_pixel_centers=True`, as
`tf.image.resize` and Keras have it, `corners` is `align_corners=True`, and neither of them is
`asymmetric`, TensorFlow 1's default. [docs/tensorflow.md](tensorflow.md#converters-and-names) has
the names that each converter writes.

"""

# name of the call in the fixtures → what the table calls it
TENSORFLOW_CALLS = {
    "half": "bilinear half → 10×18",
    "half_fraction": "bilinear half → 12×15",
    "corners": "bilinear corners → 11×13",
    "asymmetric": "bilinear asymmetric → 10×18",
    "asymmetric_fraction": "bilinear asymmetric → 11×13",
    "nearest": "nearest asymmetric → 10×18",
    "nearest_fraction": "nearest asymmetric → 12×15",
    "nearest_half": "nearest half → 10×18",
    "nearest_half_fraction": "nearest half → 12×15",
    "nearest_half_down": "nearest half → 3×4",
    "nearest_corners": "nearest corners → 10×18",
    "area": "area → 10×18",
    "bicubic": "bicubic half → 10×18",
    "antialias": "antialias → 3×4",
}
# route of the fixtures → converter, and which of its versions counts
TENSORFLOW_ROUTES = {
    "neuralnetwork": ("coremltools.convert", "coremltools"),
    "mlprogram": ("coremltools.convert", "coremltools"),
    "mlprogram17": ("coremltools.convert for iOS 17", "coremltools"),
    "tfcoreml": ("tfcoreml for iOS 12", "tfcoreml"),
    "tfcoreml13": ("tfcoreml 1.1 for iOS 13, by coremltools", "coremltools"),
    "onnx": ("onnx-coreml 1.3, opset 9, tf2onnx", "tf2onnx"),
}

TAIL = """
coremltools makes a bilinear resize of a nearest one that makes both axes smaller. tfcoreml ignores
`half_pixel_centers`, so a bilinear `UpSampling2D` of tf.keras 1.15 comes out shifted.

## What was not made

| writer of Core ML models | why there is no model of it here |
|---|---|
"""

NOT_MADE = (
    (
        "ONNX Runtime's Core ML provider",
        "it writes models on macOS only: the package for Linux (1.32) lists the provider and does "
        "not contain it",
    ),
    (
        "coremltools after 9.0",
        "not released; `tests/fixtures/mlprogram/head_ml17_bicubic` is of its development version",
    ),
    (
        "coremltools 3 from Caffe",
        "not tried",
    ),
)


def _read(folder: str) -> List[Dict[str, Any]]:
    found = []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name, "meta.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                found.append(json.load(file))
    return found


def _metas() -> List[Dict[str, Any]]:
    return sorted(_read(MODELS), key=lambda meta: (meta["converter"], meta["kind"], _number(meta)))


def _tensorflow_metas() -> List[Dict[str, Any]]:
    """Of the networks that have one output for each call, in the form of the others."""
    found = []
    for meta in _read(TENSORFLOW):
        if meta["network"] == "calls":
            meta["converter"], package = TENSORFLOW_ROUTES[meta["route"]]
            found.append(dict(meta, version=meta[package]))
    return sorted(found, key=lambda meta: (meta["converter"], meta["kind"], _number(meta)))


def _number(meta: Dict[str, Any]) -> List[int]:
    return [int(part) for part in meta["version"].split(".") if part.isdigit()]


def _cells(meta: Dict[str, Any], calls: Sequence[str], places: Sequence[str]) -> Tuple[str, ...]:
    """What came of each of these calls; `places` are their names in the order of the recording."""
    verdicts = dict.fromkeys(calls, "–")
    verdicts.update(dict.fromkeys(meta["refused"], "refused"))
    verdicts.update(dict.fromkeys(meta["names"], "elsewhere"))
    for layer in meta["layers"]:
        for call in layer["calls"]:
            words = layer["verdict"].split(":")[0]
            verdicts[places[call]] = words.replace("wrong ", "")
    return tuple(verdicts[name] for name in calls)


def rows(
    metas: Iterable[Dict[str, Any]], calls: Sequence[str], places: Sequence[str] = ()
) -> List[List[str]]:
    """Versions of a converter that make the same of every call share a row."""
    together: Dict[Tuple[Any, ...], List[str]] = {}
    for meta in metas:
        kind = {"mlProgram": "ML Program", "neuralNetwork": "NeuralNetwork"}[meta["kind"]]
        key = (meta["converter"], kind, *_cells(meta, calls, places or meta["names"]))
        together.setdefault(key, []).append(meta["version"])
    return [[f"{key[0]} {', '.join(versions)}", *key[1:]] for key, versions in together.items()]


def _table(heads: Sequence[str], cells: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in (heads, *cells)]
    return "\n".join([lines[0], "|" + "---|" * len(heads), *lines[1:]]) + "\n"


def text() -> str:
    """The whole file."""
    first = _table(["converter", "writes", *CALLS.values()], rows(_metas(), list(CALLS)))
    # A column for each converter: there are more calls than converters.
    names = list(TENSORFLOW_CALLS)
    made = rows(_tensorflow_metas(), names, names_recorded())
    heads = ["call", *(f"{row[0]} → {row[1]}" for row in made)]
    columns = zip(TENSORFLOW_CALLS.values(), *(row[2:] for row in made))
    tail = [f"| {what} | {why} |" for what, why in NOT_MADE]
    return f"{HEAD}\n{first}{NEXT}{_table(heads, columns)}{TAIL}" + "\n".join(tail) + "\n"


def names_recorded() -> List[str]:
    """The calls of TensorFlow in the order in which they were recorded."""
    path = os.path.join(TENSORFLOW, "recorded", "calls", "intent.json")
    with open(path, encoding="utf-8") as file:
        return [one["name"].split("/")[0] for one in json.load(file)["resizes"]]


if __name__ == "__main__":
    with open(PATH, "w", encoding="utf-8") as file:
        file.write(text())
