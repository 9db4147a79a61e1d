"""The interpreter gives the figures that Core ML itself gave (tests/fixtures need no device)."""

import numpy as np
import pytest

from coreml_resize_fix.formats.neuralnetwork.parameters import ResizeBilinear, Upsample

# Source of each row: test name in coremltools' own tests (apple/coremltools), where the figures
# were compared with a device; "issue 644" is a thread with numbers that a user measured.
# The tolerance is that of the printed figures.
MEASURED = [
    (
        "test_tiny_upsample_linear_mode",
        Upsample("BILINEAR", scaling_factor=(2, 3)),
        [[1.0, 2.0, 3.0]],
        [[1, 1.333, 1.666, 2, 2.333, 2.666, 3, 3, 3]] * 2,
        1e-3,
    ),
    (
        "TestUpsampleBilinear (fractional, align_corners=False)",
        Upsample("BILINEAR", "ALIGN_CORNERS_FALSE", fractional_scaling_factor=(1.0, 2.6)),
        [[0.0, 1.0]],
        [[0.0, 0.1, 0.5, 0.9, 1.0]],
        1e-6,
    ),
    (
        "TestUpsampleNearestNeighbor",
        Upsample("NN", scaling_factor=(1, 2)),
        [[1.5, 2.5, 3.5]],
        [[1.5, 1.5, 2.5, 2.5, 3.5, 3.5]],
        0,
    ),
    (
        "TestResizeBilinear DEFAULT",
        ResizeBilinear((1, 5), "UPSAMPLE_MODE"),
        [[0.0, 1.0]],
        [[0.0, 0.4, 0.8, 1.0, 1.0]],
        1e-6,
    ),
    (
        "TestResizeBilinear OFFSET_CORNERS (never executed on a device)",
        ResizeBilinear((1, 5), "ROI_ALIGN_MODE"),
        [[0.0, 1.0]],
        [[0.1, 0.3, 0.5, 0.7, 0.9]],
        1e-6,
    ),
    (
        "documented grid, STRICT_ALIGN_CORNERS, 2 -> 6",
        ResizeBilinear((1, 6), "STRICT_ALIGN_ENDPOINTS_MODE"),
        [[0.0, 1.0]],
        [[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]],
        1e-6,
    ),
]


@pytest.mark.parametrize(
    ("params", "image", "expected", "tolerance"),
    [row[1:] for row in MEASURED],
    ids=[row[0] for row in MEASURED],
)
def test_figures_measured_on_core_ml(params, image, expected, tolerance):
    result = params.run(np.array(image))
    np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance)


def test_align_endpoints_differs_from_strict_at_one_pixel():
    image = np.arange(7.0).reshape(1, 7)
    strict = ResizeBilinear((1, 1), "STRICT_ALIGN_ENDPOINTS_MODE").run(image)
    endpoints = ResizeBilinear((1, 1), "ALIGN_ENDPOINTS_MODE").run(image)
    assert strict.item() == 0.0
    assert endpoints.item() == 3.0


def test_both_axes_and_leading_dimensions():
    image = np.arange(24.0).reshape(2, 1, 3, 4)
    result = ResizeBilinear((5, 7)).run(image)
    assert result.shape == (2, 1, 5, 7)
    # Row 2 of 5 is row 1 of 3, column 3 of 7 is between columns 1 and 2 of 4.
    np.testing.assert_allclose(result[:, 0, 2, 3], image[:, 0, 1, 1:3].mean(axis=-1))
