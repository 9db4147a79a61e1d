"""Write docs/cheatsheet.md from the code that decides: `python docs/make_cheatsheet.py`."""

import os
from typing import Any, Dict, Iterator, List, Tuple

from coreml_resize_fix.auditing.assessment import assess
from coreml_resize_fix.auditing.remedy import NONE, Allowed
from coreml_resize_fix.formats.input_sizes import FLEXIBLE, InputSizes
from coreml_resize_fix.formats.mlprogram import natives as of_programs
from coreml_resize_fix.formats.mlprogram import operations
from coreml_resize_fix.formats.mlprogram.place import OperationPlace
from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.formats.neuralnetwork import natives as of_networks
from coreml_resize_fix.formats.neuralnetwork.parameters import LayerChain, ResizeBilinear, Upsample
from coreml_resize_fix.formats.neuralnetwork.place import LayerPlace
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.replacements.format import Place

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cheatsheet.md")


HEAD = """# Cheat sheet

What computes a resize call exactly, by the lowest iOS that must run it. Up to iOS 14 that is a
NeuralNetwork, from iOS 15 on an ML Program. A cell names the one layer or operation that does; a
count is so many together, with `--decompose` ([which](decompose.md)); a dash: nothing is exact.
"8 → 16" and "8 → 4" stand for whole factors, "8 → 13" for any other size, "varying" for inputs
whose size is flexible.

STRICT is ResizeBilinear's `STRICT_ALIGN_ENDPOINTS_MODE` and resize_bilinear's
`STRICT_ALIGN_CORNERS`, UNALIGN `UNALIGN_CORNERS`, UPSAMPLE `UPSAMPLE_MODE`. CORNERS and HALF are
Upsample's `ALIGN_CORNERS_TRUE` and `ALIGN_CORNERS_FALSE`, and the same of upsample_bilinear.
Networks for iOS 13 and 14 are taken to have exact ranks, older ones rank-5 blobs.
`docs/make_cheatsheet.py` writes this file from the code that decides.
"""

_TF1, _TF2 = {"framework": "tensorflow1"}, {"framework": "tensorflow2"}

# (what the framework is called, the call, its intent)
CALLS: Tuple[Tuple[str, str, Dict[str, Any]], ...] = (
    ("PyTorch", "bilinear, align_corners=True", {"align_corners": True}),
    ("PyTorch", "bilinear, align_corners=False", {}),
    ("PyTorch", "bicubic, align_corners=True", {"mode": "bicubic", "align_corners": True}),
    ("PyTorch", "bicubic, align_corners=False", {"mode": "bicubic"}),
    ("PyTorch", "bilinear, antialias=True", {"antialias": True}),
    ("PyTorch", "nearest", {"mode": "nearest"}),
    ("PyTorch", "nearest-exact", {"mode": "nearest-exact"}),
    ("PyTorch", "area", {"mode": "area"}),
    ("ONNX Resize", "linear, half_pixel", {"framework": "onnx"}),
    (
        "ONNX Resize",
        "linear, align_corners",
        {"framework": "onnx", "coordinate_transformation_mode": "align_corners"},
    ),
    (
        "ONNX Resize",
        "linear, asymmetric",
        {"framework": "onnx", "coordinate_transformation_mode": "asymmetric"},
    ),
    ("TensorFlow 1", "resize_bilinear", _TF1),
    ("TensorFlow 1", "resize_bilinear, align_corners=True", {**_TF1, "align_corners": True}),
    (
        "TensorFlow 1",
        "resize_bicubic, align_corners=True",
        {**_TF1, "mode": "bicubic", "align_corners": True},
    ),
    ("TensorFlow 1", "resize_nearest_neighbor", {**_TF1, "mode": "nearest"}),
    (
        "TensorFlow 1",
        "resize_nearest_neighbor, align_corners=True",
        {**_TF1, "mode": "nearest", "align_corners": True},
    ),
    ("TensorFlow 1", "resize_area", {**_TF1, "mode": "area"}),
    ("TensorFlow 2", "tf.image.resize, bilinear", _TF2),
    ("TensorFlow 2", "tf.image.resize, nearest", {**_TF2, "mode": "nearest"}),
    ("TensorFlow 2", "tf.image.resize, bicubic", {**_TF2, "mode": "bicubic"}),
    ("TensorFlow 2", "tf.image.resize, area", {**_TF2, "mode": "area"}),
    ("TensorFlow 2", "tf.image.resize, bilinear, antialias=True", {**_TF2, "antialias": True}),
    (
        "TensorFlow 2",
        "tf.image.resize, bicubic, antialias=True",
        {**_TF2, "mode": "bicubic", "antialias": True},
    ),
    ("Keras", "UpSampling2D, Resizing, bilinear", {"framework": "keras"}),
    ("Keras", "UpSampling2D, Resizing, nearest", {"framework": "keras", "mode": "nearest"}),
    ("Keras", "UpSampling2D, Resizing, bicubic", {"framework": "keras", "mode": "bicubic"}),
    ("OpenCV", "INTER_LINEAR", {"framework": "opencv"}),
    ("OpenCV", "INTER_NEAREST", {"framework": "opencv", "mode": "nearest"}),
)

# iOS → (specification version, whether ranks are exact); ML Programs have a place of their own
NETWORKS: Dict[str, Tuple[int, bool]] = {
    "iOS 11": (1, False),
    "iOS 12": (3, False),
    "iOS 13": (4, True),
    "iOS 14": (5, True),
}
PROGRAM = "ML Program"
TARGETS = [*NETWORKS, PROGRAM]
FLEXIBLE_SIZE = "varying × 2"
SIZES: Dict[str, Tuple[int, int]] = {"8 → 16": (8, 16), "8 → 13": (8, 13), "8 → 4": (8, 4)}

_KINDS = {"resizeBilinear": "ResizeBilinear"}
SHORT = {
    "STRICT_ALIGN_ENDPOINTS_MODE": "STRICT",
    "UPSAMPLE_MODE": "UPSAMPLE",
    "ALIGN_CORNERS_TRUE": "CORNERS",
    "ALIGN_CORNERS_FALSE": "HALF",
    "STRICT_ALIGN_CORNERS": "STRICT",
    "UNALIGN_CORNERS": "UNALIGN",
}


def _layer(target: str, before: int, flexible: bool) -> ResizeLayer:
    """A layer that is wrong for every intent, so that something has to take its place."""
    sizes = InputSizes.static((before, before))
    if flexible:
        sizes = InputSizes(FLEXIBLE, ((before, before), (5, 7), (12, 9)))
    wrong: ResizeOp
    place: Place
    if target == PROGRAM:
        exact, wrong = True, operations.UpsampleBilinear(5, 5)
        dims = (1, 3) + ((None, None) if flexible else (before, before))
        place = OperationPlace(dims, "FLOAT16", operations.IOS15, may_store=True)
    else:
        exact, wrong = NETWORKS[target][1], Upsample("BILINEAR", scaling_factor=(5, 5))
        place = LayerPlace("up", "image", "big", 4 if exact else 5, 1, 3, exact)
    natives = of_programs if target == PROGRAM else of_networks
    return ResizeLayer(
        "",
        "up",
        ("big",),
        wrong,
        sizes,
        channels=3,
        modern=exact,
        place=place,
        find_natives=natives.in_place_of,
    )


def _cell(target: str, intent: Intent, before: int, flexible: bool = False) -> str:
    version = operations.IOS15 if target == PROGRAM else NETWORKS[target][0]
    found = assess(_layer(target, before, flexible), intent, Allowed(version, decompose=True))
    if found.availability == NONE or found.remedy is None or found.needs_version > version:
        return "–"
    if found.freezes and flexible:
        return "–"
    return _named(found.remedy)


def _named(params: ResizeOp) -> str:
    if params.is_chain:
        count = params.added_layers + 1
        noun = "layer" if isinstance(params, LayerChain) else "operation"
        return f"{count} {noun}{'' if count == 1 else 's'}"
    if isinstance(params, Upsample):
        mode = "NN" if params.copies_nearest else params.linear_upsample_mode
        return f"Upsample {SHORT.get(mode, mode)}"
    if isinstance(params, (ResizeBilinear, operations.ResizeBilinear)):
        return f"{_KINDS.get(params.kind, params.kind)} {SHORT[params.sampling_mode]}"
    if isinstance(params, operations.UpsampleBilinear):
        return f"{params.kind} {'CORNERS' if params.align_corners else 'HALF'}"
    return params.kind


def _cells(fields: Dict[str, Any]) -> Dict[Tuple[str, ...], List[str]]:
    """What stands in each column, with the sizes that have it."""
    found: Dict[Tuple[str, ...], List[str]] = {}
    for text, (before, after) in SIZES.items():
        if fields.get("antialias") and after > before:
            continue
        intent = Intent(size=(after, after), **fields)
        cells = tuple(_cell(target, intent, before) for target in TARGETS)
        found.setdefault(cells, []).append(text)
    if not fields.get("antialias"):
        intent = Intent(scale_factor=(2.0, 2.0), **fields)
        cells = tuple(_cell(target, intent, 8, flexible=True) for target in TARGETS)
        found.setdefault(cells, []).append(FLEXIBLE_SIZE)
    return found


def rows() -> Iterator[List[str]]:
    """Calls that have the same in every cell share their rows, and so do sizes of one call."""
    calls: Dict[str, List[str]] = {}
    cells = {}
    for framework, call, fields in CALLS:
        found = _cells(fields)
        calls.setdefault(repr(found), []).append(f"{framework} {call}")
        cells[repr(found)] = found
    for key, names in calls.items():
        for number, (columns, sizes) in enumerate(cells[key].items()):
            yield ["<br>".join(names) if number == 0 else "", ", ".join(sizes), *columns]


def text() -> str:
    """The whole file."""
    heads = ["call", "size", *TARGETS]
    lines = [HEAD, "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(row) + " |" for row in rows()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with open(PATH, "w", encoding="utf-8") as file:
        file.write(text())
