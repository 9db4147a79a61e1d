"""Documented shapes of small layers, stored numbers, and what the interpreter refuses."""

import numpy as np
import pytest

from coreml_resize_fix.formats.neuralnetwork.interpret import run
from coreml_resize_fix.verify.kernels.checks import KernelError
from tests.support.replacing import compute, layer


# Examples of the comments on ExpandDimsLayerParams and SqueezeLayerParams.
@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("expandDims { axes: 0 axes: 1 }", (10, 5), (1, 1, 10, 5)),
        ("expandDims { axes: 0 axes: 2 }", (10, 5), (1, 10, 1, 5)),
        ("expandDims { axes: -2 axes: -1 }", (10, 5), (10, 5, 1, 1)),
        ("squeeze { axes: 0 axes: 1 }", (1, 1, 10, 5), (10, 5)),
        ("squeeze { axes: 0 axes: 3 }", (1, 10, 5, 1), (10, 5)),
        ("squeeze { axes: -2 axes: -1 }", (10, 5, 1, 1), (10, 5)),
        ("squeeze { axes: 0 }", (1,), (1,)),
        ("squeeze { squeezeAll: true }", (1, 3, 1, 2), (3, 2)),
    ],
)
def test_documented_shapes(text, before, after):
    x = np.arange(np.prod(before), dtype=float).reshape(before)
    got = compute(text, x)
    assert got.shape == after
    np.testing.assert_array_equal(got.ravel(), x.ravel())


def test_constants():
    data = "data { " + " ".join("floatValue: {}".format(value) for value in range(6)) + " }"
    rank5 = layer("loadConstant { shape: 2 shape: 1 shape: 3 " + data + " }", "", "a")
    free = layer("loadConstantND { shape: 3 shape: 2 " + data + " }", "", "b")
    blobs = run([rank5, free], {})
    np.testing.assert_array_equal(blobs["a"], [[[[[0, 1, 2]], [[3, 4, 5]]]]])
    np.testing.assert_array_equal(blobs["b"], [[0, 1], [2, 3], [4, 5]])


def test_numbers_are_read_as_stored():
    single = layer("loadConstantND { shape: 1 data { floatValue: 0.1 } }", "", "a")
    half = layer("loadConstantND { shape: 2 }", "", "b")
    # Half precision, little endian: 0x3C00 is 1, 0x2E66 the nearest to 0.1.
    half.loadConstantND.data.float16Value = b"\x00\x3c\x66\x2e"
    blobs = run([single, half], {})
    assert blobs["a"][0] == 13421773 / 2**27
    assert list(blobs["b"]) == [1, 1638 / 2**14]


IMAGE = np.zeros((1, 1, 1, 4, 4))
CONVOLUTION = (
    "convolution { outputChannels: 1 kernelChannels: 1 kernelSize: 1 kernelSize: 1 valid { } "
    "weights { floatValue: 1 } }"
)


def box(*values):
    return np.array(values, dtype=float).reshape(1, 1, -1, 1, 1)


@pytest.mark.parametrize(
    ("text", "blobs", "says"),
    [
        ("permute { axis: 0 axis: 2 axis: 1 axis: 3 }", [IMAGE[0]], "rank 4"),
        ("permute { axis: 0 axis: 2 axis: 1 axis: 1 }", [IMAGE], "permutation"),
        (CONVOLUTION, [IMAGE[0, 0]], "rank 3"),
        (CONVOLUTION, [np.zeros((1, 2, 4, 4))], "channels"),
        (CONVOLUTION.replace("floatValue: 1", "floatValue: 1 floatValue: 2"), [IMAGE], "fill"),
        (CONVOLUTION.replace("kernelSize: 1 kernelSize: 1", ""), [IMAGE], "fill"),  # 3×3
        ("padding { paddingAmounts { } }", [IMAGE], "type of padding"),
        ("crop { cropAmounts { borderAmounts { startEdgeSize: 4 } borderAmounts { } } }",
         [IMAGE], "nothing"),
        ("cropResize { spatialScale: 1 }", [IMAGE, box(0, 0, 3, 3.5)], "leaves"),
        ("cropResize { spatialScale: 1 }", [IMAGE, box(-0.5, 0, 3, 3)], "leaves"),
        ("cropResize { spatialScale: 1 }", [IMAGE[0], box(0, 0, 1, 1)], "rank 4"),
        ("cropResize { spatialScale: 1 }", [np.zeros((2, 1, 1, 4, 4)), box(0, 0, 1, 1)], "boxes"),
        ("cropResize { spatialScale: 1 }", [IMAGE, box(0, 0, 1)], "boxes"),
        ("cropResize { spatialScale: 1 }", [IMAGE, box(7, 0, 0, 1, 1)], "index 7 is out of bounds"),
        ("cropResize { spatialScale: 1 }", [IMAGE, box(np.inf, 0, 0, 1, 1)], "infinity"),
        (CONVOLUTION.replace("valid", "stride: 0 stride: 1 valid"), [IMAGE], "zero"),
        ("resizeBilinear { mode { samplingMethod: 77 } }", [IMAGE], "77"),
        ("permute { }", [], "range"),
        ("gather { axis: 0 }", [np.zeros(3), [3.0]], "index"),
        ("gather { axis: 0 }", [np.zeros(3), [0.5]], "index"),
        ("gather { axis: 1 }", [np.zeros(3), [0.0]], "axis 1"),
        ("batchedMatmul { }", [np.zeros((2, 3)), np.zeros((2, 3))], "multiply"),
        ("batchedMatmul { weightMatrixFirstDimension: 2 }", [np.zeros((2, 3))], "rows"),
        ("squeeze { axes: 0 }", [np.zeros((2, 3))], "not 1"),
        ("transpose { axes: 0 axes: 0 }", [np.zeros((2, 3))], "permutation"),
    ],
)  # fmt: skip
def test_what_the_documentation_forbids_is_refused(text, blobs, says):
    with pytest.raises(KernelError, match=says) as raised:
        compute(text, *blobs)
    assert str(raised.value).startswith("`layer`")


def test_unknown_layers_and_blobs_are_refused():
    with pytest.raises(KernelError, match="not known here"):
        compute("custom { }", IMAGE)
    with pytest.raises(KernelError, match="`elsewhere`"):
        run([layer("permute { }", "elsewhere")], {"x": IMAGE})


def test_spatial_scale_multiplies_the_box():
    ramp = np.arange(5.0).reshape(1, 1, 1, 1, 5)
    text = "cropResize { targetSize: 1 targetSize: 3 spatialScale: 0.5 }"
    np.testing.assert_array_equal(compute(text, ramp, box(0, 4, 0, 8)).ravel(), [2, 3, 4])
    # Not written at all it is 0, the schema's default, and everything reads the first pixel.
    text = "cropResize { targetSize: 1 targetSize: 3 }"
    np.testing.assert_array_equal(compute(text, ramp, box(0, 4, 0, 8)).ravel(), [0, 0, 0])


@pytest.mark.parametrize(
    ("mode", "values"),
    [
        ("CORNERS_HEIGHT_FIRST", (1, 0, 2, 3)),
        ("CORNERS_WIDTH_FIRST", (0, 1, 3, 2)),
        ("CENTER_SIZE_HEIGHT_FIRST", (1.5, 1.5, 1, 3)),
        ("CENTER_SIZE_WIDTH_FIRST", (1.5, 1.5, 3, 1)),
    ],
)
def test_box_layouts(mode, values):
    # Rows 1 to 2, columns 0 to 3 of a 4×4 image.
    image = np.arange(16.0).reshape(1, 1, 1, 4, 4)
    text = (
        "cropResize { targetSize: 2 targetSize: 4 spatialScale: 1 boxIndicesMode { boxMode: %s } }"
    )
    got = compute(text % mode, image, box(*values))
    np.testing.assert_array_equal(got[0, 0, 0], image[0, 0, 0, 1:3])


def test_a_box_names_its_batch_or_reads_all_of_them():
    images = np.arange(3.0).reshape(1, 3, 1, 1, 1)
    text = "cropResize { targetSize: 1 targetSize: 1 spatialScale: 1 }"
    assert compute(text, images, box(0, 0, 0, 0)).ravel().tolist() == [0, 1, 2]
    assert compute(text, images, box(2, 0, 0, 0, 0)).ravel().tolist() == [2]
