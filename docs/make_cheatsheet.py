"""Write docs/cheatsheet.md from the code that decides: `python docs/make_cheatsheet.py`."""

import os
from typing import Any, Dict, Iterator, List, Tuple

from coreml_resize_fix.auditing.assessment import NONE, assess
from coreml_resize_fix.formats.input_sizes import FLEXIBLE, InputSizes
from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.formats.neuralnetwork.parameters import (
    LayerChain,
    ResizeBilinear,
    Upsample,
)
from coreml_resize_fix.formats.neuralnetwork.place import LayerPlace
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cheatsheet.md")


HEAD = """# Cheat sheet

Which Core ML layers compute a resize call exactly, by the lowest iOS that must run them. Networks
for iOS 11 and 12 are taken to have rank-5 blobs, those for iOS 13 and 14 exact ranks. "8 → 16" and
"8 → 4" stand for whole factors, "8 → 13" for any size given as `size=`. One native layer is used
where there is one; a cell with arrows lists several layers, which need `--decompose`. A dash: not
exact by any of them. `docs/make_cheatsheet.py` writes this file from the code that decides.
"""

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
    ("TensorFlow 1", "resize_bilinear", {"framework": "tensorflow1"}),
    (
        "TensorFlow 1",
        "resize_bilinear, align_corners=True",
        {"framework": "tensorflow1", "align_corners": True},
    ),
    ("TensorFlow 2", "tf.image.resize, bilinear", {"framework": "tensorflow2"}),
    ("Keras", "UpSampling2D, bilinear", {"framework": "keras"}),
    ("Keras", "UpSampling2D, nearest", {"framework": "keras", "mode": "nearest"}),
    ("OpenCV", "INTER_LINEAR", {"framework": "opencv"}),
    ("OpenCV", "INTER_NEAREST", {"framework": "opencv", "mode": "nearest"}),
)

# iOS → (specification version, whether ranks are exact)
TARGETS: Dict[str, Tuple[int, bool]] = {
    "11": (1, False),
    "12": (3, False),
    "13": (4, True),
    "14": (5, True),
}
SIZES: Tuple[Tuple[str, int, int], ...] = (("8 → 16", 8, 16), ("8 → 13", 8, 13), ("8 → 4", 8, 4))


def _layer(before: int, version: int, exact: bool, flexible: bool) -> ResizeLayer:
    """A layer that is wrong for every intent, so that something has to take its place."""
    rank = 4 if exact else 5
    sizes = InputSizes.static((before, before))
    if flexible:
        sizes = InputSizes(FLEXIBLE, ((before, before), (5, 7), (12, 9)))
    return ResizeLayer(
        "layers[0]",
        "up",
        ("big",),
        Upsample("BILINEAR", scaling_factor=(5, 5)),
        sizes,
        channels=3,
        modern=exact,
        place=LayerPlace("up", "image", "big", rank, 1, 3, exact),
    )


def _cell(intent: Intent, before: int, version: int, exact: bool, flexible: bool = False) -> str:
    layer = _layer(before, version, exact, flexible)
    found = assess(layer, intent, False, version, decompose=True)
    if found.availability == NONE or found.remedy is None or found.needs_version > version:
        return "–"
    if found.freezes and flexible:
        return "–"
    return _named(found.remedy)


def _named(params: ResizeOp) -> str:
    if isinstance(params, LayerChain):
        return " → ".join(
            "deconvolution" if message.convolution.isDeconvolution else message.WhichOneof("layer")
            for message in params.messages()
        )
    if isinstance(params, ResizeBilinear):
        return "ResizeBilinear {}".format(params.sampling_mode.replace("_MODE", ""))
    fraction = " fractional" if params.fractional_scaling_factor else ""
    mode = "NN" if params.copies_nearest else params.linear_upsample_mode
    return f"Upsample {mode}{fraction}"


def _rows() -> Iterator[List[str]]:
    for framework, call, fields in CALLS:
        for text, before, after in SIZES:
            intent = Intent(size=(after, after), **fields)
            if fields.get("antialias") and after > before:
                continue
            yield [framework, call, text] + [
                _cell(intent, before, version, exact) for version, exact in TARGETS.values()
            ]
        intent = Intent(scale_factor=(2.0, 2.0), **fields)
        if not fields.get("antialias"):
            yield [framework, call, "×2, flexible input"] + [
                _cell(intent, 8, version, exact, flexible=True)
                for version, exact in TARGETS.values()
            ]


def text() -> str:
    """The whole file."""
    heads = ["framework", "call", "size"] + [f"iOS {ios}" for ios in TARGETS]
    lines = [HEAD, "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(row) + " |" for row in _rows()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with open(PATH, "w", encoding="utf-8") as file:
        file.write(text())
