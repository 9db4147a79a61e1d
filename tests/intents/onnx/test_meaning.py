"""Attributes → intent: the mapping, and by measurement that both sides compute the same."""

import numpy as np
import onnx
import pytest

from coreml_resize_fix.conventions import onnx as dialect
from coreml_resize_fix.conventions import torch
from coreml_resize_fix.intents.onnx.geometry import exact_factor
from coreml_resize_fix.sampling import difference
from coreml_resize_fix.sampling.reference import matrix
from tests.intents.onnx import build

PYTORCH = {"producer": "pytorch", "version": "2.13.0"}

# attributes → the intent of a file that PyTorch did not write
MEANINGS = [
    ({"mode": "linear", "coordinate_transformation_mode": "align_corners"}, "torch bilinear True"),
    ({"mode": "linear", "coordinate_transformation_mode": "half_pixel"}, "torch bilinear False"),
    ({"mode": "linear"}, "torch bilinear False"),
    (
        {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"},
        "torch bilinear False",
    ),
    (
        {"mode": "linear", "coordinate_transformation_mode": "asymmetric"},
        "tensorflow1 bilinear False",
    ),
    ({"mode": "cubic", "coordinate_transformation_mode": "align_corners"}, "torch bicubic True"),
    ({"mode": "cubic"}, "torch bicubic False"),
    ({"mode": "cubic", "cubic_coeff_a": -0.5}, "onnx bicubic False"),
    ({"mode": "cubic", "exclude_outside": 1}, "onnx bicubic False"),
    (
        {
            "mode": "nearest",
            "coordinate_transformation_mode": "asymmetric",
            "nearest_mode": "floor",
        },
        "torch nearest False",
    ),
    ({"mode": "nearest", "nearest_mode": "round_prefer_ceil"}, "torch nearest-exact False"),
    (
        {
            "mode": "nearest",
            "coordinate_transformation_mode": "tf_half_pixel_for_nn",
            "nearest_mode": "floor",
        },
        "torch nearest-exact False",
    ),
    (
        {"mode": "nearest", "coordinate_transformation_mode": "align_corners"},
        "onnx nearest False",
    ),
    ({}, "onnx nearest False"),
]
SIZES = [(20, 24), (25, 31), (7, 5), (3, 2), (10, 36)]


def named(intent):
    return "{} {} {}".format(intent.framework, intent.mode, intent.align_corners)


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize(("attributes", "expected"), MEANINGS, ids=str)
@pytest.mark.parametrize("opset", [11, 13, 18])
def test_mapping(attributes, expected, opset, tmp_path):
    intent = build.only(build.resize(sizes=[1, 3, 25, 31], opset=opset, **attributes), tmp_path)
    if intent.mode == "nearest" and expected == "onnx nearest False" and not attributes:
        assert intent.nearest_mode == "round_prefer_floor"  # the operator's default
    assert named(intent) == expected
    assert intent.size == intent.output_size == (25, 31)
    assert intent.scale_factor is None
    assert intent.input_size == (10, 12)
    assert intent.channels == 3


def onnx_axes(attributes, before, after, scales):
    options = dict(attributes)
    mode = options.pop("mode", "nearest")
    coordinates = options.pop("coordinate_transformation_mode", "half_pixel")
    return [
        dialect.axis(mode, coordinates, *pair, **options)
        for pair in zip(before, after, scales or (None, None))
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("attributes", "expected"), MEANINGS, ids=str)
def test_intent_has_the_grid_that_onnx_says(attributes, expected, tmp_path):
    for height, width in SIZES + [(1, 31), (10, 12), (1, 1)]:
        proto = build.resize(sizes=[1, 3, height, width], **attributes)
        intent = build.only(proto, tmp_path)
        said = onnx_axes(attributes, (10, 12), (height, width), None)
        meant = intent.axes((10, 12), (height, width))
        assert all(difference(*pair).equal for pair in zip(said, meant)), (height, width)


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize(("attributes", "expected"), MEANINGS, ids=str)
@pytest.mark.parametrize("factor", [2.0, 1.5, 1.3, 0.5, 0.77, 3.7])
def test_factor_has_the_grid_that_onnx_says(attributes, expected, factor, tmp_path):
    intent = build.only(build.resize(scales=[1.0, 1.0, factor, factor], **attributes), tmp_path)
    said = onnx_axes(attributes, (10, 12), intent.output_size, (factor, factor))
    meant = intent.axes((10, 12), intent.output_size)
    assert all(difference(*pair).equal for pair in zip(said, meant))


# Opset 11 alone has `tf_half_pixel_for_nn`, and the reference implementation does not.
RUN = [pair for pair in MEANINGS if "tf_half_pixel_for_nn" not in pair[0].values()]


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize(("attributes", "expected"), RUN, ids=str)
def test_intent_computes_what_the_specification_runs(attributes, expected, tmp_path):
    """ONNX's own reference implementation is the executable form of its text."""
    reference = pytest.importorskip(
        "onnx.reference", reason="needs onnx 1.13 or later: pip install -U onnx"
    )
    for size in SIZES:
        proto = build.resize(sizes=[1, 1, *size], shape=(1, 1, 10, 12), **attributes)
        x = np.random.RandomState(0).rand(1, 1, 10, 12).astype(np.float32)
        (y,) = reference.ReferenceEvaluator(proto).run(None, {"x": x})
        rows, columns = (matrix(a) for a in build.only(proto, tmp_path).axes((10, 12), size))
        assert np.abs(rows @ x[0, 0] @ columns.T - y[0, 0]).max() < 1e-4


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("coordinates", ["half_pixel", "pytorch_half_pixel", "align_corners"])
@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_pytorch_means_its_own_call_at_one_pixel(mode, coordinates, tmp_path):
    """ONNX samples pytorch_half_pixel at 0 there; PyTorch since 1.10 in the middle."""
    attributes = {"mode": mode, "coordinate_transformation_mode": coordinates}
    proto = build.resize(sizes=[1, 3, 1, 5], **PYTORCH, **attributes)
    intent = build.only(proto, tmp_path)
    assert intent.framework == "torch"
    assert intent.align_corners == (coordinates == "align_corners")
    assert intent.framework_version == "2.13.0"
    other = build.only(build.resize(sizes=[1, 3, 1, 5], **attributes), tmp_path)
    assert other.framework == ("onnx" if coordinates == "pytorch_half_pixel" else "torch")


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("coordinates", ["half_pixel", "align_corners"])
@pytest.mark.parametrize("written", [{}, {"exclude_outside": 1, "cubic_coeff_a": -0.5}])
def test_antialias_of_pytorch(mode, coordinates, written, tmp_path):
    """Exporters wrote coefficient and edges differently over time; the call was the same."""
    attributes = dict(written, mode=mode, coordinate_transformation_mode=coordinates, antialias=1)
    proto = build.resize(sizes=[1, 3, 5, 4], opset=18, **PYTORCH, **attributes)
    intent = build.only(proto, tmp_path)
    assert intent.framework == "torch"
    assert intent.antialias
    align = coordinates == "align_corners"
    expected = torch.axis(intent.mode, align, True, 10, 5)
    assert difference(expected, intent.axes((10, 12), (5, 4))[0]).equal


def test_antialias_of_another_exporter_is_onnx_s_own_unless_equal(tmp_path):
    attributes = {"mode": "linear", "antialias": 1, "exclude_outside": 1}
    proto = build.resize(sizes=[1, 3, 5, 4], opset=18, **attributes)
    assert named(build.only(proto, tmp_path)) == "torch bilinear False"
    attributes["exclude_outside"] = 0
    proto = build.resize(sizes=[1, 3, 5, 4], opset=18, **attributes)
    assert named(build.only(proto, tmp_path)) == "onnx bilinear False"


def test_edited_file_of_pytorch_is_read_as_onnx(tmp_path):
    proto = build.resize(sizes=[1, 3, 20, 24], mode="cubic", cubic_coeff_a=-0.6, **PYTORCH)
    intent = build.only(proto, tmp_path)
    assert intent.framework == "onnx"
    assert intent.cubic_coeff_a == -0.6


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize(
    ("producer", "framework", "version"),
    [("pytorch", "torch", "1.4.0"), ("tf2onnx", "onnx", None)],
)
def test_factor_that_keeps_a_size(producer, framework, version, tmp_path):
    """PyTorch copies an axis that keeps its size; ONNX samples it by 1/scale."""
    scales = [1.0, 1.0, 1.05, 2.0]
    proto = build.resize(scales=scales, mode="linear", producer=producer, version="1.4.0")
    intent = build.only(proto, tmp_path)
    assert (intent.framework, intent.framework_version) == (framework, version)
    assert intent.scale_factor == (1.05, 2.0)
    assert intent.recompute_scale_factor is False
    assert intent.output_size == (10, 24)


def test_where_the_size_is_rounded_otherwise(tmp_path):
    """100 × 0.29 is 28.999999999999996 in double precision and 29 in float32."""
    scales, shape = [1.0, 1.0, 0.29, 1.0], (1, 3, 100, 12)
    proto = build.resize(scales=scales, shape=shape, mode="linear", **PYTORCH)
    intent = build.only(proto, tmp_path)
    assert intent.scale_factor == (0.29, 1.0)
    assert intent.output_size == (28, 12)
    intent = build.only(build.resize(scales=scales, shape=shape, mode="linear"), tmp_path)
    assert intent.size == intent.output_size == (29, 12)


@pytest.mark.parametrize("factor", [1.1, 2 / 3, 5 / 3, 1 / 7, 2.3, 10 / 7, 513 / 33, 0.29, 1.2345])
def test_exact_factor(factor):
    assert exact_factor(float(np.float32(factor))) == factor


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("opset", [7, 9])
def test_upsample(opset, tmp_path):
    def read(producer, mode):
        proto = build.upsample([1.0, 1.0, 2.0, 2.0], opset, producer, "1.3", mode=mode)
        return build.load(proto, tmp_path)

    intents, notices = read("pytorch", "linear")
    assert intents == []
    assert len(notices) == 1
    assert "1 resize node (`y`) of opset {}".format(opset) in notices[0]
    assert "opset_version=11" in notices[0]
    intents, notices = read("pytorch", "nearest")
    assert [named(i) for i in intents] == ["torch nearest False"]
    assert intents[0].scale_factor == (2.0, 2.0)
    assert notices == []
    intents, notices = read("tf2onnx", "linear")
    assert [named(i) for i in intents] == ["tensorflow1 bilinear False"]
    assert "TensorFlow 1" in notices[0]
    intents, notices = read("tf2onnx", "nearest")
    assert [named(i) for i in intents] == ["torch nearest False"]


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("factor", [1.5, 1.3, 0.5])
def test_legacy_linear_keeps_onnx_s_ratio(factor, tmp_path):
    """TensorFlow 1 samples by X/N; where that is not 1/scale, the node is no TensorFlow call."""
    proto = build.upsample([1.0, 1.0, factor, factor], 9, "tf2onnx", mode="linear")
    (intent,), _ = build.load(proto, tmp_path)
    said = [dialect.legacy_axis("linear", n, int(n * factor), factor) for n in (10, 12)]
    meant = intent.axes((10, 12), intent.output_size)
    assert all(difference(*pair).equal for pair in zip(said, meant))
    assert intent.framework == ("onnx" if factor == 1.3 else "tensorflow1")


def test_resize_10(tmp_path):
    for producer, count in (("pytorch", 0), ("tf2onnx", 1)):
        proto = build.resize(scales=[1.0, 1.0, 2.0, 2.0], opset=10, mode="linear")
        proto.producer_name = producer
        intents, notices = build.load(proto, tmp_path)
        assert [named(i) for i in intents] == ["tensorflow1 bilinear False"] * count
        assert len(notices) == 1
    intent = build.only(build.resize(scales=[1.0, 1.0, 2.0, 2.0], opset=10), tmp_path)
    assert named(intent) == "torch nearest False"


LEFT_OUT = [
    ({"sizes": [1, 3, 20], "shape": (1, 3, 10)}, "rank 3"),
    ({"sizes": [1, 3, 4, 20, 24], "shape": (1, 3, 4, 10, 12)}, "rank 5"),
    ({"sizes": [1, 6, 20, 24]}, "other axes"),
    ({"scales": [2.0, 1.0, 2.0, 2.0]}, "other axes"),
    ({"scales": [1.0, 1.0, 0.0, 2.0]}, "beyond 1 to 65536"),
    ({"scales": [1.0, 1.0, float("nan"), 2.0]}, "beyond 1 to 65536"),
    ({"scales": [1.0, 1.0, 0.01, 2.0]}, "empty image"),
    ({"sizes": [1, 3, 1 << 40, 24]}, "beyond 1 to 65536"),
    ({"sizes": [1, 3, 20, 24], "mode": "lanczos"}, "`lanczos`"),
    ({"sizes": [1, 3, 20, 24], "nearest_mode": "up"}, "`up`"),
    (
        {"sizes": [1, 3, 20, 24], "coordinate_transformation_mode": "tf_crop_and_resize"},
        "it crops",
    ),
    ({"sizes": [1, 3, 20, 24], "mode": "cubic", "cubic_coeff_a": float("inf")}, "cubic_coeff_a"),
    (
        {"sizes": [1, 3, 20, 21], "opset": 18, "keep_aspect_ratio_policy": "not_larger"},
        "keep_aspect_ratio_policy",
    ),
]


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize(("options", "reason"), LEFT_OUT, ids=lambda value: str(value)[:60])
def test_left_out_with_a_reason(options, reason, tmp_path):
    options = dict({"mode": "linear"}, **options)
    intents, notices = build.load(build.resize(name="odd", **options), tmp_path)
    assert intents == []
    assert len(notices) == 1
    assert "`odd`" in notices[0]
    assert reason in notices[0]


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize(
    ("axes", "given", "expected"),
    [
        ([2, 3], {"sizes": [20, 25]}, (20, 25)),
        ([3, 2], {"sizes": [25, 20]}, (20, 25)),
        ([-1], {"sizes": [25]}, (10, 25)),
        ([2], {"scales": [2.0]}, (20, 12)),
    ],
)
def test_axes(axes, given, expected, tmp_path):
    proto = build.resize(opset=18, mode="linear", axes=axes, **given)
    assert build.only(proto, tmp_path).output_size == expected


def test_axes_that_are_no_height_or_width(tmp_path):
    proto = build.resize(opset=18, mode="linear", axes=[1], sizes=[6])
    assert "other axes" in build.load(proto, tmp_path).notices[0]


def test_resize_of_another_domain_is_none_of_ours(tmp_path):
    proto = build.resize(sizes=[1, 3, 20, 24])
    proto.graph.node[0].domain = "com.example"
    assert build.load(proto, tmp_path) == ([], [])


def test_onnx_is_not_imported_with_the_module():
    import subprocess
    import sys

    code = "import sys, coreml_resize_fix.intents.onnx.reader; sys.exit('onnx' in sys.modules)"
    assert subprocess.call([sys.executable, "-c", code]) == 0
    assert onnx.__version__
