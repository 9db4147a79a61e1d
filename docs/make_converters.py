"""Write docs/converters.md from tests/fixtures/converters: `python docs/make_converters.py`."""

import json
import os
from typing import Any, Dict, List, Tuple

DOCS = os.path.dirname(os.path.abspath(__file__))
PATH = os.path.join(DOCS, "converters.md")
MODELS = os.path.join(os.path.dirname(DOCS), "tests", "fixtures", "converters")

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

TAIL = """
Exports for converters of ONNX are of opset 9, by the workarounds of their time (opset 13 for
onnx2coreml).

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
        "coremltools 3 from Keras, Caffe or TensorFlow 1",
        "only the route from PyTorch, by ONNX, was tried",
    ),
)


def _metas() -> List[Dict[str, Any]]:
    found = []
    for name in sorted(os.listdir(MODELS)):
        path = os.path.join(MODELS, name, "meta.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                found.append(json.load(file))
    return sorted(found, key=lambda meta: (meta["converter"], meta["kind"], _number(meta)))


def _number(meta: Dict[str, Any]) -> List[int]:
    return [int(part) for part in meta["version"].split(".") if part.isdigit()]


def _cells(meta: Dict[str, Any]) -> Tuple[str, ...]:
    verdicts = dict.fromkeys(CALLS, "–")
    verdicts.update(dict.fromkeys(meta["refused"], "refused"))
    verdicts.update(dict.fromkeys(meta["names"], "elsewhere"))
    for layer in meta["layers"]:
        for call in layer["calls"]:
            words = layer["verdict"].split(":")[0]
            verdicts[meta["names"][call]] = words.replace("wrong ", "")
    return tuple(verdicts[name] for name in CALLS)


def rows() -> List[List[str]]:
    """Versions of a converter that make the same of every call share a row."""
    together: Dict[Tuple[Any, ...], List[str]] = {}
    for meta in _metas():
        kind = {"mlProgram": "ML Program", "neuralNetwork": "NeuralNetwork"}[meta["kind"]]
        key = (meta["converter"], kind, *_cells(meta))
        together.setdefault(key, []).append(meta["version"])
    return [[f"{key[0]} {', '.join(versions)}", *key[1:]] for key, versions in together.items()]


def text() -> str:
    """The whole file."""
    heads = ["converter", "writes", *CALLS.values()]
    lines = [HEAD, f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    lines += [f"| {' | '.join(row)} |" for row in rows()]
    tail = [f"| {what} | {why} |" for what, why in NOT_MADE]
    return "\n".join(lines) + "\n" + TAIL + "\n".join(tail) + "\n"


if __name__ == "__main__":
    with open(PATH, "w", encoding="utf-8") as file:
        file.write(text())
