"""Fields that are right alone and contradict each other."""

import json

import pytest

from coreml_resize_fix.intents import manifest
from tests.intents.test_manifest_defects import defects_of

ONLY_LINEAR = "goes with bilinear and bicubic only, not with `{}`"
FACTOR_GIVES = "contradicts `input_size` × `scale_factor`, which gives"

# Fields that are right alone → the defect of having them together.
TOGETHER = [
    (
        {"size": [4, 4], "scale_factor": 2},
        [": `size` and `scale_factor` exclude each other, as in interpolate"],
    ),
    (
        {"size": [25, 31], "output_size": [31, 25]},
        [".output_size: `output_size` 31×25 contradicts `size` 25×31"],
    ),
    (
        {"input_size": [10, 12], "scale_factor": 2.5, "output_size": [25, 31]},
        [".output_size: `output_size` 25×31 " + FACTOR_GIVES + " 25×30"],
    ),
    (
        {"input_size": [10, 1], "scale_factor": 0.5},
        [".scale_factor: this factor makes 5×0 from 10×1, and a side has 1 to 65536 pixels"],
    ),
    (
        {"input_size": [2, 1024], "scale_factor": 65},
        [
            ".scale_factor: this factor makes 130×66560 from 2×1024, and a side has 1 to 65536 "
            "pixels"
        ],
    ),
    (
        {"mode": "nearest", "align_corners": True},
        [".align_corners: `align_corners` " + ONLY_LINEAR.format("nearest")],
    ),
    (
        {"mode": "area", "antialias": True, "align_corners": True},
        [
            ".align_corners: `align_corners` " + ONLY_LINEAR.format("area"),
            ".antialias: `antialias` " + ONLY_LINEAR.format("area"),
        ],
    ),
    (
        {"size": 4, "recompute_scale_factor": True},
        [
            ".recompute_scale_factor: `recompute_scale_factor` has no meaning with an explicit "
            "`size`"
        ],
    ),
    (
        {"framework": "keras", "mode": "nearest-exact"},
        [".mode: `nearest-exact` is not known for keras"],
    ),
    ({"framework": "opencv", "mode": "bicubic"}, [".mode: `bicubic` is not known for opencv"]),
    ({"framework": "opencv", "mode": "area"}, [".mode: `area` is not known for opencv"]),
    ({"framework": "onnx", "mode": "area"}, [".mode: `area` is not known for onnx"]),
    (
        {"framework": "onnx", "align_corners": True},
        [".align_corners: `onnx` has no `align_corners` with `bilinear`"],
    ),
    (
        {"framework": "onnx", "mode": "nearest", "antialias": True},
        [".antialias: `antialias` " + ONLY_LINEAR.format("nearest")],
    ),
    ({"nearest_mode": "floor"}, [".nearest_mode: `nearest_mode` is known for onnx only"]),
    (
        {"framework": "keras", "exclude_outside": False, "cubic_coeff_a": 0},
        [".cubic_coeff_a: `cubic_coeff_a, exclude_outside` is known for onnx only"],
    ),
    (
        {"framework": "tensorflow1", "antialias": True},
        [".antialias: `tensorflow1` has no `antialias` with `bilinear`"],
    ),
    (
        {"framework": "tensorflow2", "mode": "area", "antialias": True},
        [".antialias: `antialias` " + ONLY_LINEAR.format("area")],
    ),
    (
        {"framework": "tensorflow2", "align_corners": True},
        [".align_corners: `tensorflow2` has no `align_corners` with `bilinear`"],
    ),
    (
        {"framework": "keras", "mode": "nearest", "align_corners": True},
        [".align_corners: `keras` has no `align_corners` with `nearest`"],
    ),
]


@pytest.mark.parametrize(("entry", "expected"), TOGETHER)
def test_contradictions(entry, expected):
    assert defects_of(json.dumps({"up": entry})) == ["$.up" + end for end in expected]
    framework = entry.get("framework", "torch")
    plain = {key: value for key, value in entry.items() if key != "framework"}
    document = {"producer": {"framework": framework}, "resizes": [plain]}
    assert defects_of(json.dumps(document)) == ["$.resizes[0]" + end for end in expected]


@pytest.mark.parametrize(
    "entry",
    [
        {"mode": "bicubic", "align_corners": True, "antialias": True, "size": [4, 4]},
        {"framework": "tensorflow1", "mode": "nearest", "align_corners": True},
        {"framework": "tensorflow1", "align_corners": True},
        {"framework": "tensorflow1", "mode": "area", "align_corners": True},
        {"framework": "tensorflow2", "mode": "bicubic", "antialias": True},
        {"framework": "keras", "mode": "area"},
        {"framework": "onnx", "mode": "bicubic", "antialias": True, "cubic_coeff_a": -0.5},
        {"framework": "onnx", "mode": "nearest", "nearest_mode": "ceil"},
        {"framework": "onnx", "coordinate_transformation_mode": "align_corners"},
        {"mode": "nearest", "align_corners": False, "antialias": False},
        {"size": [4, 4], "recompute_scale_factor": False},
        {"scale_factor": 1.5, "input_size": [7, 7], "output_size": [10, 10]},
    ],
)
def test_what_is_no_contradiction(entry):
    assert len(manifest.parse(json.dumps({"up": entry}))) == 1
