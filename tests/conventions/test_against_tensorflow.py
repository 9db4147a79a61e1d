"""The rows of TensorFlow and Keras against TensorFlow itself, by resizing identity matrices.

Run with TensorFlow 1.15.5, 2.12.0 and 2.21.0 on a CPU: their kernels compute the same, but that
1.15 makes NaN of one pixel by resize_area with align_corners. TensorFlow Lite 2.12 agrees in
float32, by its own kernels and by XNNPACK.
"""

import os
import warnings

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    tf = pytest.importorskip("tensorflow", reason="needs TensorFlow: pip install tensorflow-cpu")

from coreml_resize_fix.conventions.tensorflow import CONVENTIONS, axis
from coreml_resize_fix.sampling.reference import matrix, resize

HAS_2 = int(tf.__version__.split(".")[0]) >= 2
if not HAS_2:
    tf.compat.v1.enable_eager_execution()

ROWS = sorted(key for key in CONVENTIONS if key[0] != "opencv")
SIZES = range(1, 41)
FEW = (1, 2, 5, 8, 13, 40)
OPERATORS = {
    "bilinear": "ResizeBilinear",
    "nearest": "ResizeNearestNeighbor",
    "bicubic": "ResizeBicubic",
    "area": "ResizeArea",
}
# Coordinates of up to 40 pixels in float32, rounded a few times; what a table decides is exact to
# the rounding of its weights.
TOLERANCE = {"nearest": 0.0, "bicubic": 2.5e-7}
OTHERWISE = 1e-5
EYES = {size: np.eye(size, dtype=np.float32).reshape(1, size, 1, size) for size in SIZES}


def operator(mode, **flags):
    def call(image, size):
        return getattr(tf.raw_ops, OPERATORS[mode])(images=image, size=size, **flags)

    return call


def keras_layer(mode, antialias):
    layer = getattr(tf.keras.layers, "Resizing", None)
    if layer is None:
        pytest.skip("needs the layer Resizing: pip install 'tensorflow-cpu>=2.6'")
    options = {"antialias": True} if antialias else {}
    try:
        layer(1, 1, **options)
    except (TypeError, ValueError):
        pytest.skip("needs `antialias` of the layer Resizing: pip install 'keras>=3.10'")
    return lambda image, size: layer(*size, interpolation=mode, **options)(image)


def callers(row):
    """Everything of TensorFlow that a row stands for."""
    framework, mode, align_corners, antialias = row
    if framework == "keras":
        yield keras_layer(mode, antialias)
    elif framework == "tensorflow2":
        yield lambda image, size: tf.compat.v2.image.resize(image, size, mode, antialias=antialias)
        if mode != "area" and not antialias:
            yield operator(mode, align_corners=False, half_pixel_centers=True)
    else:
        yield operator(mode, align_corners=align_corners)


def tolerance(row):
    return OTHERWISE if row[3] else TOLERANCE.get(row[1], OTHERWISE)


def check(row, sizes):
    for call in callers(row):
        for before in sizes:
            if not HAS_2 and row[1:3] == ("area", True) and before == 1:
                continue
            for after in SIZES:
                theirs = np.asarray(call(EYES[before], [after, 1]))[0, :, 0, :]
                ours = matrix(axis(*row[:3], before, after, row[3]))
                worst = np.abs(theirs - ours).max()
                assert worst <= tolerance(row), f"{before} -> {after}: {worst}"


def name_of(row):
    framework, mode, align_corners, antialias = row
    return f"{framework}-{mode}" + "-corners" * align_corners + "-antialias" * antialias


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_some_sizes_give_the_same_matrix(row):
    check(row, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_all_sizes_give_the_same_matrix(row):
    check(row, SIZES)


@pytest.mark.parametrize("row", ROWS, ids=name_of)
@pytest.mark.parametrize(
    ("before", "after"), [((10, 12), (25, 31)), ((27, 9), (13, 4)), ((8, 16), (4, 32))]
)
def test_values_on_both_axes(row, before, after):
    x = np.random.RandomState(0).standard_normal((2,) + before + (3,)).astype(np.float32)
    specs = [axis(*row[:3], b, a, row[3]) for b, a in zip(before, after)]
    ours = resize(np.moveaxis(x, 3, 1), *specs)
    for call in callers(row):
        theirs = np.moveaxis(np.asarray(call(x, list(after))), 3, 1)
        assert np.abs(theirs - ours).max() <= tolerance(row) * 4 + 4e-7


# Larger sizes, whose ratio is not representable and whose products are whole: ties of the floor.
TIES = [(3 * k, 49 * k) for k in range(1, 40)] + [(49 * k, 3 * k) for k in range(1, 40)]


@pytest.mark.parametrize("row", [row for row in ROWS if row[1] == "nearest"], ids=name_of)
def test_nearest_picks_the_same_pixels_at_large_sizes(row):
    sizes = np.random.RandomState(0).randint(1, 2049, (200, 2)).tolist() + TIES
    for call in callers(row):
        for before, after in sizes:
            line = np.arange(before, dtype=np.float32).reshape(1, before, 1, 1)
            theirs = np.asarray(call(line, [after, 1])).ravel()
            ours = resize(line[0, :, :, 0], axis(*row[:3], before, after), axis(*row[:3], 1, 1))
            assert (theirs == ours[:, 0]).all(), f"{before} -> {after}"


def lite_outputs(mode, corners, half, before):
    """What TensorFlow Lite makes of an identity matrix, by the size of the output."""

    class Network(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, before, 1, before), tf.float32)])
        def resized(self, image):
            call = operator(mode, align_corners=corners, half_pixel_centers=half)
            return [call(image, [after, 1]) for after in SIZES]

    network = Network()
    function = network.resized.get_concrete_function()
    data = tf.lite.TFLiteConverter.from_concrete_functions([function], network).convert()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 2.20 and later say where the interpreter moves to
        interpreter = tf.lite.Interpreter(model_content=data)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], EYES[before])
    interpreter.invoke()
    found = (interpreter.get_tensor(one["index"]) for one in interpreter.get_output_details())
    return {array.shape[1]: array[0, :, 0, :] for array in found}


@pytest.mark.slow
@pytest.mark.skipif(not HAS_2, reason="needs the converter of TensorFlow 2: pip install tensorflow")
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize(("corners", "half"), [(False, False), (True, False), (False, True)])
def test_tensorflow_lite_computes_the_same(mode, corners, half):
    framework = "tensorflow2" if half else "tensorflow1"
    for before in FEW:
        outputs = lite_outputs(mode, corners, half, before)
        assert sorted(outputs) == list(SIZES)
        for after, theirs in outputs.items():
            ours = matrix(axis(framework, mode, corners, before, after))
            worst = np.abs(theirs - ours).max()
            assert worst <= TOLERANCE.get(mode, OTHERWISE), f"{before} -> {after}: {worst}"
