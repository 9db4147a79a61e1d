"""The onnx dialect against ONNX Runtime's Resize, by resizing identity matrices."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install onnx onnxruntime")
runtime = pytest.importorskip("onnxruntime", reason="needs ONNX Runtime: pip install onnxruntime")
# A warning per tf_half_pixel_for_nn node, which opset 13 deprecated.
runtime.set_default_logger_severity(4)

from coreml_resize_fix.conventions import onnx as dialect  # noqa: E402
from coreml_resize_fix.sampling.reference import matrix, tap_arrays  # noqa: E402

FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
# ONNX Runtime computes coordinates and weights in float32.
TOLERANCE = 5e-5
SIZES = [(1, 5), (2, 3), (3, 2), (5, 1), (7, 10), (10, 7), (16, 32), (27, 53), (40, 9), (9, 9)]
SCALES = [(7, 1.5), (10, 0.35), (9, 2.0), (16, 0.5), (5, 3.3), (30, 1.1)]


def run(x, attributes, size=None, scale=None, roi=(0.0, 1.0), opset=19):
    """Resize axis 2 of a tensor of shape (1, C, X, 1)."""
    tensor = onnx.helper.make_tensor
    inputs, constants = ["x", "roi", ""], []
    constants.append(tensor("roi", FLOAT, [8], [0, 0, roi[0], 0, 1, 1, roi[1], 1]))
    if scale is not None:
        constants.append(tensor("scales", FLOAT, [4], [1, 1, scale, 1]))
        inputs = ["x", "scales"] if opset == 10 else ["x", "roi", "scales"]
    else:
        constants.append(tensor("sizes", INT64, [4], [1, x.shape[1], size, 1]))
        inputs.append("sizes")
    make_value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Resize", inputs, ["y"], **attributes)],
        "resize",
        [make_value("x", FLOAT, x.shape)],
        [make_value("y", FLOAT, None)],
        [constant for constant in constants if constant.name in inputs],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    model.ir_version = 8
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": x})[0][0, :, :, 0]


def runtime_matrix(attributes, input_size, **size):
    eye = np.eye(input_size, dtype=np.float32).reshape(1, input_size, input_size, 1)
    return run(eye, attributes, **size).T


# ONNX Runtime returns its input where the shape stays, although these formulas shift it.
COPIED_BY_RUNTIME = ("tf_half_pixel_for_nn", "tf_crop_and_resize")

COMBINATIONS = [
    {"mode": mode, "antialias": antialias, "exclude_outside": exclude, "cubic_coeff_a": coeff}
    for mode, antialias, exclude, coeff in itertools.product(
        ("linear", "cubic"), (0, 1), (0, 1), (-0.75, -0.5)
    )
    if (mode == "cubic" or coeff == -0.75) and (mode == "cubic" or antialias or not exclude)
]


def name_of(value):
    return "-".join(map(str, value.values())) if isinstance(value, dict) else value


@pytest.mark.parametrize("attributes", COMBINATIONS, ids=name_of)
@pytest.mark.parametrize("transform", dialect.COORDINATE_MODES)
def test_linear_and_cubic_give_the_same_matrix(attributes, transform):
    roi = (0.2, 0.7) if transform == "tf_crop_and_resize" else (0.0, 1.0)
    node = dict(attributes, coordinate_transformation_mode=transform)
    for before, after in SIZES:
        if before == after and transform in COPIED_BY_RUNTIME:
            continue
        theirs = runtime_matrix(node, before, size=after, roi=roi)
        spec = dialect.axis(
            coordinate_transformation_mode=transform,
            input_size=before,
            output_size=after,
            roi=roi,
            **attributes,
        )
        assert np.abs(matrix(spec) - theirs).max() <= TOLERANCE, f"{before} -> {after}"


@pytest.mark.parametrize("attributes", COMBINATIONS[:3], ids=name_of)
@pytest.mark.parametrize("transform", ["half_pixel", "half_pixel_symmetric", "asymmetric"])
def test_scales_give_the_same_size_and_matrix(attributes, transform):
    node = dict(attributes, coordinate_transformation_mode=transform)
    for before, scale in SCALES:
        theirs = runtime_matrix(node, before, scale=scale)
        spec = dialect.axis(
            coordinate_transformation_mode=transform,
            input_size=before,
            output_size=len(theirs),
            scale=scale,
            **attributes,
        )
        assert np.abs(matrix(spec) - theirs).max() <= TOLERANCE, f"{before} * {scale}"


def source_coordinate(transform, index, before, after):
    """Exact source coordinate by the formulas of the operator's specification."""
    ratio = Fraction(before, after)
    if transform == "align_corners":
        return Fraction(index * (before - 1), max(after - 1, 1))
    if transform == "asymmetric":
        return index * ratio
    if transform == "pytorch_half_pixel" and after == 1:
        return Fraction(0)
    centre = (index + Fraction(1, 2)) * ratio
    return centre if transform == "tf_half_pixel_for_nn" else centre - Fraction(1, 2)


@pytest.mark.parametrize("nearest_mode", dialect.NEAREST_MODES)
@pytest.mark.parametrize("transform", dialect.COORDINATE_MODES[:-1])
def test_nearest_picks_the_same_pixels(transform, nearest_mode):
    node = {
        "mode": "nearest",
        "coordinate_transformation_mode": transform,
        "nearest_mode": nearest_mode,
    }
    exporters = transform == "asymmetric" and nearest_mode == "floor"
    for before, after in SIZES + [(330, 1228), (2336, 1658), (147, 9), (9, 147)]:
        if before == after:
            continue
        line = np.arange(before, dtype=np.float32).reshape(1, 1, before, 1)
        theirs = run(line, node, size=after).ravel()
        spec = dialect.axis("nearest", transform, before, after, nearest_mode=nearest_mode)
        wrong = np.flatnonzero(tap_arrays(spec)[0][:, 0] != theirs)
        # What PyTorch's exporter writes must agree at ties too. Elsewhere the runtime's float32
        # decides ties, and twice a tie, of .5 and of whole numbers, is a whole number.
        for index in [] if exporters else wrong:
            doubled = 2 * source_coordinate(transform, int(index), before, after)
            assert abs(doubled - round(doubled)) < 1e-3, f"{before} -> {after} [{index}]"
        assert len(wrong) <= (0 if exporters else 0.1 * after), f"{before} -> {after}: {wrong}"


@pytest.mark.parametrize("nearest_mode", dialect.NEAREST_MODES)
@pytest.mark.parametrize("transform", ["asymmetric", "half_pixel", "pytorch_half_pixel"])
def test_nearest_picks_the_same_pixels_of_small_images_at_ties_too(transform, nearest_mode):
    modes = {"coordinate_transformation_mode": transform, "nearest_mode": nearest_mode}
    for before, after in itertools.product(range(1, 16), range(1, 24)):
        line = np.arange(before, dtype=np.float32).reshape(1, 1, before, 1)
        theirs = run(line, dict(modes, mode="nearest"), size=after).ravel()
        spec = dialect.axis("nearest", transform, before, after, nearest_mode=nearest_mode)
        assert list(tap_arrays(spec)[0][:, 0]) == list(theirs), f"{before} -> {after}"


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_opset_10_is_asymmetric(mode):
    # Upscaling only: ONNX Runtime rounds up when an opset 10 nearest shrinks, and PyTorch, whose
    # exporter wrote these nodes, rounds down.
    for before, scale in ((4, 2.0), (7, 1.5), (5, 3.3)):
        theirs = runtime_matrix({"mode": mode}, before, scale=scale, opset=10)
        spec = dialect.legacy_axis(mode, before, len(theirs), scale)
        assert np.abs(matrix(spec) - theirs).max() <= TOLERANCE, f"{before} * {scale}"


def test_a_roi_that_leaves_the_image_reads_zero_there():
    node = {"mode": "linear", "coordinate_transformation_mode": "tf_crop_and_resize"}
    theirs = runtime_matrix(node, 6, size=8, roi=(-0.5, 1.25))
    spec = dialect.axis("linear", "tf_crop_and_resize", 6, 8, roi=(-0.5, 1.25))
    assert (theirs.sum(axis=1) == 0).any()
    assert np.abs(matrix(spec) - theirs).max() <= TOLERANCE
