"""The interpreter of layers gives the figures that Core ML itself gave.

Source of each row: a test of apple/coremltools at commit e0e2f42, run by its authors on macOS.
MIL's sampling modes ALIGN_CORNERS, STRICT_ALIGN_CORNERS are the layers' ALIGN_ENDPOINTS,
STRICT_ALIGN_ENDPOINTS. Tolerances are those of the printed figures.
"""

import numpy as np
import pytest

from tests.support.replacing import compute

COUNT = np.arange(1.0, 17.0).reshape(1, 1, 1, 4, 4)


def crop_resize(size, boxes, normalized=False):
    boxes = np.array(boxes, dtype=float)
    text = (
        "cropResize {{ targetSize: {} targetSize: {} normalizedCoordinates: {} spatialScale: 1 "
        "mode {{ samplingMethod: ALIGN_ENDPOINTS_MODE }} boxIndicesMode {{ }} }}"
    ).format(size[0], size[1], str(normalized).lower())
    return compute(text, COUNT, boxes.reshape(len(boxes), 1, -1, 1, 1))


# (source in iOS14/test_image_resizing.py, size, boxes, normalized, expected)
CROPS = [
    ("smoke mode 0", (2, 2), [[1, 1, 2, 2]], False, [6, 7, 10, 11]),
    (
        "smoke mode 1",
        (4, 4),
        [[1, 1, 2, 2]],
        False,
        [6, 6.333333, 6.66666, 7, 7.333333, 7.666666, 8, 8.333333]
        + [8.666666, 9, 9.3333333, 9.666666, 10, 10.333333, 10.666666, 11],
    ),
    ("smoke mode 3, batch index", (2, 2), [[0, 0, 0, 1 / 3, 1 / 3]], True, [1, 2, 5, 6]),
    ("smoke mode 4, reversed box", (2, 2), [[2, 2, 1, 1]], False, [11, 10, 7, 6]),
]


@pytest.mark.parametrize("row", CROPS, ids=[row[0] for row in CROPS])
def test_crop_resize(row):
    _, size, boxes, normalized, expected = row
    got = crop_resize(size, boxes, normalized)
    assert got.shape == (1, 1, 1, *size)
    np.testing.assert_allclose(got.ravel(), expected, rtol=0, atol=1e-5)


def test_crop_resize_box_inside_the_image():
    # iOS16/test_image_resizing.py:113, the third of its boxes, which stays inside.
    got = crop_resize((2, 2), [[0, 0.0, 0.4, 0.6, 0.7]], normalized=True)
    np.testing.assert_allclose(got.ravel(), [2.2, 3.1, 9.4, 10.3], rtol=0, atol=1e-5)


def test_padding_replication():
    # test_numpy_nn_layers.py:673, SimpleTest::test_padding_replication
    text = (
        "padding { replication { } paddingAmounts { "
        "borderAmounts { startEdgeSize: 2 endEdgeSize: 0 } borderAmounts { startEdgeSize: 1 } } }"
    )
    got = compute(text, [[[1, 2, 3], [4, 5, 6]]])
    expected = [[1, 1, 2, 3], [1, 1, 2, 3], [1, 1, 2, 3], [4, 4, 5, 6]]
    np.testing.assert_array_equal(got, [expected])


def test_upsample_bilinear():
    # test_numpy_nn_layers.py:220, SimpleTest::test_tiny_upsample_linear_mode
    got = compute("upsample { scalingFactor: 2 scalingFactor: 3 mode: BILINEAR }", [[[1, 2, 3]]])
    expected = [1, 1.333, 1.666, 2, 2.333, 2.666, 3, 3, 3]
    np.testing.assert_allclose(got, [[expected] * 2], rtol=0, atol=1e-3)


def test_upsample_nearest():
    # iOS14/test_image_resizing.py:283
    got = compute("upsample { scalingFactor: 1 scalingFactor: 2 mode: NN }", [[[[1.5, 2.5, 3.5]]]])
    np.testing.assert_array_equal(got.ravel(), [1.5, 1.5, 2.5, 2.5, 3.5, 3.5])


# Documented for two pixels, never executed inside a box: docstring of resize_bilinear,
# coremltools/converters/mil/mil/ops/defs/iOS15/image_resizing.py
GRIDS = [
    ("STRICT_ALIGN_ENDPOINTS_MODE", [0, 0.25, 0.5, 0.75, 1]),
    ("ALIGN_ENDPOINTS_MODE", [0, 0.25, 0.5, 0.75, 1]),
    ("UPSAMPLE_MODE", [0, 0.4, 0.8, 1, 1]),
    ("ROI_ALIGN_MODE", [0.1, 0.3, 0.5, 0.7, 0.9]),
    ("STRICT_ALIGN_ENDPOINTS_MODE", [0]),
    ("ALIGN_ENDPOINTS_MODE", [0.5]),
]


@pytest.mark.parametrize("start", [0, 3])
@pytest.mark.parametrize(("mode", "grid"), GRIDS)
def test_sampling_modes(mode, grid, start):
    # A ramp shows the positions themselves; the same grid inside a box begins at the box.
    text = (
        "cropResize {{ targetSize: 1 targetSize: {} spatialScale: 1 "
        "mode {{ samplingMethod: {} }} }}"
    ).format(len(grid), mode)
    ramp = np.arange(9.0).reshape(1, 1, 1, 1, 9)
    box = np.array([0.0, start, 0, start + 1]).reshape(1, 1, 4, 1, 1)
    got = compute(text, ramp, box).ravel()
    np.testing.assert_allclose(got, np.array(grid) + start, rtol=0, atol=1e-12)
    text = "resizeBilinear {{ targetSize: 1 targetSize: {} mode {{ samplingMethod: {} }} }}"
    got = compute(text.format(len(grid), mode), ramp[..., :2]).ravel()
    np.testing.assert_allclose(got, grid, rtol=0, atol=1e-12)
