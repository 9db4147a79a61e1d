"""Dialects without a runtime in the test environment, sizes, refusals, and names of the tables."""

import pytest

from coreml_resize_fix.conventions import onnx, tensorflow, torch
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.sampling import KERNELS, TRANSFORMS, positions
from coreml_resize_fix.sampling.reference import matrix, tap_arrays

# Resizing 0, 1, 2, ... along one axis, printed by TensorFlow 2.21 (tf.compat.v1.image.resize_*,
# tf.image.resize, tf.keras.layers.UpSampling2D and Resizing) and OpenCV 5.0 (cv2.resize) to four
# digits. "antialias" behind a mode is `antialias=True`.
PRINTED_BY_FRAMEWORKS = [
    ("tensorflow1", "bilinear", False, 5, [0, 0.625, 1.25, 1.875, 2.5, 3.125, 3.75, 4]),
    ("tensorflow1", "bilinear", False, 5, [0, 1.6667, 3.3333]),
    ("tensorflow1", "bilinear", False, 4, [0]),
    ("tensorflow1", "bilinear", False, 3, [0, 0.4286, 0.8571, 1.2857, 1.7143, 2, 2]),
    ("tensorflow1", "bilinear", True, 5, [0, 0.5714, 1.1429, 1.7143, 2.2857, 2.8571, 3.4286, 4]),
    ("tensorflow1", "bilinear", True, 5, [0, 2, 4]),
    ("tensorflow1", "bilinear", True, 4, [0]),
    ("tensorflow1", "nearest", False, 5, [0, 0, 1, 1, 2, 3, 3, 4]),
    ("tensorflow1", "nearest", False, 5, [0, 1, 3]),
    ("tensorflow1", "nearest", False, 3, [0, 0, 0, 1, 1, 2, 2]),
    ("tensorflow1", "nearest", True, 5, [0, 1, 1, 2, 2, 3, 3, 4]),
    ("tensorflow1", "nearest", True, 4, [0]),
    ("tensorflow1", "nearest", True, 3, [0, 0, 1, 1, 1, 2, 2]),
    ("tensorflow2", "bilinear", False, 5, [0, 0.4375, 1.0625, 1.6875, 2.3125, 2.9375, 3.5625, 4]),
    ("tensorflow2", "bilinear", False, 5, [0.3333, 2, 3.6667]),
    ("tensorflow2", "bilinear", False, 4, [1.5]),
    ("tensorflow2", "nearest", False, 5, [0, 0, 1, 2, 2, 3, 4, 4]),
    ("tensorflow2", "nearest", False, 4, [2]),
    ("tensorflow2", "nearest", False, 3, [0, 0, 1, 1, 1, 2, 2]),
    ("tensorflow1", "bicubic", False, 5, [0, 0.5298, 1.2969, 1.834, 2.5, 3.1763, 3.8086, 4.1099]),
    ("tensorflow1", "bicubic", False, 5, [0, 1.6299, 3.4256]),
    ("tensorflow1", "bicubic", False, 3, [0, 0.3412, 0.8007, 1.3737, 1.7795, 2.0786, 2.0787]),
    ("tensorflow1", "bicubic", True, 5, [0, 0.4751, 1.1863, 1.6702, 2.3298, 2.8137, 3.5249, 4]),
    ("tensorflow1", "bicubic", True, 4, [0]),
    ("tensorflow1", "area", False, 5, [0, 0.4, 1, 1.8, 2.2, 3, 3.6, 4]),
    ("tensorflow1", "area", False, 7, [0.7143, 3, 5.2857]),
    ("tensorflow1", "area", True, 5, [0, 0.25, 1, 1.5, 2, 2.75, 3, 4]),
    ("tensorflow1", "area", True, 5, [0.5, 2.5, 4]),
    ("tensorflow1", "area", True, 4, [1.5]),
    ("tensorflow1", "area", True, 1, [0, 0, 0]),
    ("tensorflow2", "bicubic", False, 3, [-0.0962, 0.0857, 0.4929, 1, 1.5071, 1.9143, 2.0962]),
    ("tensorflow2", "bicubic", False, 5, [0.2411, 2, 3.7589]),
    ("tensorflow2", "area", False, 3, [0, 0, 0.6667, 1, 1.3333, 2, 2]),
    ("tensorflow2", "area", False, 7, [0.7143, 3, 5.2857]),
    ("tensorflow2", "bilinear antialias", False, 7, [0.8571, 3, 5.1429]),
    ("tensorflow2", "bilinear antialias", False, 5, [0.4286, 2, 3.5714]),
    ("tensorflow2", "bicubic antialias", False, 7, [0.7177, 3, 5.2823]),
    (
        "tensorflow2",
        "bicubic antialias",
        False,
        3,
        [-0.0962, 0.0859, 0.4931, 1, 1.5069, 1.9141, 2.0962],
    ),
    ("keras", "bicubic", False, 3, [-0.0962, 0.0857, 0.4929, 1, 1.5071, 1.9143, 2.0962]),
    ("keras", "bicubic", False, 5, [0.2411, 2, 3.7589]),
    ("keras", "area", False, 3, [0, 0, 0.6667, 1, 1.3333, 2, 2]),
    ("keras", "area", False, 7, [0.7143, 3, 5.2857]),
    ("keras", "bilinear antialias", False, 7, [0.8571, 3, 5.1429]),
    ("keras", "bilinear antialias", False, 5, [0.4286, 2, 3.5714]),
    ("keras", "bicubic antialias", False, 7, [0.7177, 3, 5.2823]),
    ("keras", "bicubic antialias", False, 3, [-0.0962, 0.0859, 0.4931, 1, 1.5069, 1.9141, 2.0962]),
    ("keras", "bilinear", False, 3, [0, 0.25, 0.75, 1.25, 1.75, 2]),
    ("keras", "nearest", False, 3, [0, 0, 1, 1, 2, 2]),
    ("opencv", "bilinear", False, 5, [0, 0.4375, 1.0625, 1.6875, 2.3125, 2.9375, 3.5625, 4]),
    ("opencv", "bilinear", False, 4, [1.5]),
    ("opencv", "nearest", False, 5, [0, 0, 1, 1, 2, 3, 3, 4]),
    ("opencv", "nearest", False, 5, [0, 1, 3]),
]


@pytest.mark.parametrize("row", PRINTED_BY_FRAMEWORKS)
def test_tensorflow_keras_and_opencv(row):
    framework, called, align_corners, input_size, printed = row
    mode, *antialias = called.split()
    spec = tensorflow.axis(
        framework, mode, align_corners, input_size, len(printed), bool(antialias)
    )
    assert positions(spec) == pytest.approx(printed, abs=5.1e-5)
    intent = Intent(
        framework=framework, mode=mode, align_corners=align_corners, antialias=bool(antialias)
    )
    assert intent.axes((input_size, 1), (len(printed), 1))[0] == spec


def test_every_row_of_tensorflow_has_figures():
    printed = {
        (framework, called.split()[0], align_corners, "antialias" in called)
        for framework, called, align_corners, _, _ in PRINTED_BY_FRAMEWORKS
    }
    assert printed == set(tensorflow.CONVENTIONS)


# The weights of output 1 of 7 (of 3 pixels) and of output 2 of 6 (of 4), printed by TensorFlow
# 2.21: those of a table of 1024 positions. At the position itself the first would be 0.580175.
WEIGHTS = [
    ("tensorflow1", False, (3, 7, 1), [0.5800190568, 0.4987301827, -0.0787492245]),
    ("tensorflow1", True, (4, 6, 2), [-0.0960468352, 0.9198534489, 0.2002343982, -0.0240410268]),
    ("tensorflow2", False, (3, 7, 1), [0.9060409069, 0.1022401154, -0.0082810512]),
]


@pytest.mark.parametrize(("framework", "corners", "place", "printed"), WEIGHTS)
def test_tensorflow_bicubic_reads_a_table(framework, corners, place, printed):
    before, after, index = place
    row = matrix(tensorflow.axis(framework, "bicubic", corners, before, after))[index]
    assert row == pytest.approx(printed[:before], abs=1e-7)


# Printed by ONNX Runtime 1.32: pixels at ties, by sizes or by a scale.
TIES = [
    ("half_pixel", "floor", 12, None, [1, 4, 7, 10]),
    ("pytorch_half_pixel", "floor", 6, None, [1, 4]),
    ("asymmetric", "round_prefer_ceil", 7, None, [0, 4]),
    ("asymmetric", "round_prefer_ceil", 7, None, [0, 2, 4, 5]),
    ("half_pixel", "round_prefer_floor", 6, 2.3, [0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 4, 4, 5]),
    ("half_pixel", "floor", 3, 1 / 3, [1]),
]


@pytest.mark.parametrize(("transform", "nearest_mode", "size", "scale", "pixels"), TIES)
def test_onnx_nearest_at_ties(transform, nearest_mode, size, scale, pixels):
    spec = onnx.axis("nearest", transform, size, len(pixels), scale, nearest_mode)
    assert tap_arrays(spec)[0][:, 0].tolist() == pixels


def test_tensorflow_nearest_breaks_ties_in_float32():
    # Exact arithmetic reads pixel 1 at output 27, where (27 + .5) * 2 / 55 is 1; TensorFlow 2.21
    # reads pixel 0.
    index, _ = tap_arrays(tensorflow.axis("tensorflow2", "nearest", False, 2, 55))
    assert index[26:29, 0].tolist() == [0, 0, 1]


# Pixels that TensorFlow 2.21 reads; the product is rounded to a tie, which the ratio in float32
# alone misses.
ROUNDED = [
    ("tensorflow1", False, 10, [0, 1, 3, 5, 6, 8]),
    ("tensorflow1", True, 6, [0, 1, 2, 3, 3, 4, 5]),
    ("tensorflow2", False, 10, [1, 5, 8]),
]


@pytest.mark.parametrize(("framework", "corners", "size", "pixels"), ROUNDED)
def test_tensorflow_nearest_rounds_the_product(framework, corners, size, pixels):
    spec = tensorflow.axis(framework, "nearest", corners, size, len(pixels))
    assert tap_arrays(spec)[0][:, 0].tolist() == pixels


@pytest.mark.parametrize(
    ("input_size", "scale_factor", "size"),
    [(7, 1.5, 10), (5, 2.6, 13), (10, 0.35, 3), (3, 1 / 3, 1), (100, 1.15, 114), (98, 1 / 49, 1)],
)
def test_torch_output_size(input_size, scale_factor, size):
    # torch.nn.functional.interpolate(torch.zeros(1, 1, X, 1), scale_factor=(s, 1)) on 2.13
    assert torch.output_size(input_size, scale_factor) == size


def test_every_row_of_every_table_names_what_exists():
    rows = list(torch.MODES.values()) + list(tensorflow.CONVENTIONS.values())
    assert {row.kernel for row in rows} <= set(KERNELS)
    assert {row.transform for row in rows} <= set(TRANSFORMS)
    assert set(onnx.COORDINATE_MODES) <= set(TRANSFORMS)
    assert {f"nearest_{mode}" for mode in onnx.NEAREST_MODES} <= set(KERNELS)
    assert set(onnx.KERNELS.values()) - {"nearest"} <= set(KERNELS)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: torch.axis("nearest", True, False, 2, 4), "no mode 'nearest'"),
        (lambda: torch.axis("area", None, True, 2, 4), "no mode 'area'"),
        (lambda: torch.axis("lanczos", False, True, 2, 4), "no mode 'lanczos'"),
        (lambda: onnx.axis("linear", "half-pixel", 2, 4), "coordinate_transformation_mode"),
        (lambda: onnx.axis("nearest", "asymmetric", 2, 4, nearest_mode="up"), "nearest_mode"),
        (lambda: onnx.axis("nearest", "asymmetric", 2, 4, antialias=True), "mode, antialias"),
        (lambda: onnx.axis("linear", "tf_crop_and_resize", 2, 4), "roi"),
        (lambda: tensorflow.axis("tensorflow2", "bilinear", True, 2, 4), "align_corners=True"),
        (lambda: tensorflow.axis("theano", "bilinear", False, 2, 4), "theano"),
    ],
)
def test_unknown_values_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_an_onnx_scale_means_the_decimal_that_was_written():
    # 1.1 in float32 is 1.10000002384: read literally, output 10 would be 2.2e-7 pixels off.
    spec = onnx.axis("linear", "half_pixel", 15, 16, scale=1.10000002384185791015625)
    assert positions(spec)[10] == pytest.approx(10.5 / 1.1 - 0.5, abs=1e-12)
    # Where the scale says no more than the sizes do, the sizes count.
    spec = onnx.axis("linear", "half_pixel", 3, 7, scale=2.3333332538604736328125)
    assert positions(spec)[3] == pytest.approx(1, abs=1e-12)
