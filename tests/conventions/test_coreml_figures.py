"""The coreml dialect against figures that are documented for Core ML's layers or came out of them.

`RUN` marks figures that Core ML itself produced (tests of apple/coremltools at commit e0e2f42, run
by their authors on macOS, or a user's report); `WRITTEN` marks figures that are only written down.
"""

import numpy as np
import pytest

from coreml_resize_fix.conventions import coreml
from coreml_resize_fix.sampling import coordinates, positions
from coreml_resize_fix.sampling.reference import resize

RUN, WRITTEN = "run on Core ML", "written down only"

# Printed to three digits in the source.
PRINTED = 2e-3
# Six digits or exact.
EXACT = 1e-5

# Grid points of two input pixels; docstring of resize_bilinear in
# coremltools/converters/mil/mil/ops/defs/iOS15/image_resizing.py
DOCUMENTED_GRIDS = [
    ("STRICT_ALIGN_ENDPOINTS_MODE", [0, 0.25, 0.5, 0.75, 1]),
    ("ALIGN_ENDPOINTS_MODE", [0, 0.25, 0.5, 0.75, 1]),
    ("UPSAMPLE_MODE", [0, 0.4, 0.8, 1, 1]),
    ("ROI_ALIGN_MODE", [0.1, 0.3, 0.5, 0.7, 0.9]),
    ("STRICT_ALIGN_ENDPOINTS_MODE", [0, 0.2, 0.4, 0.6, 0.8, 1]),
    ("ALIGN_ENDPOINTS_MODE", [0, 0.2, 0.4, 0.6, 0.8, 1]),
    ("UPSAMPLE_MODE", [0, 0.33, 0.67, 1, 1, 1]),
    ("ROI_ALIGN_MODE", [0.08, 0.25, 0.42, 0.58, 0.75, 0.92]),
]


@pytest.mark.parametrize(("mode", "grid"), DOCUMENTED_GRIDS)
def test_resize_bilinear_grid(mode, grid):
    spec = coreml.resize_bilinear_axis(mode, 2, len(grid))
    # Two digits in the source.
    assert positions(spec) == pytest.approx(grid, abs=5.1e-3)


@pytest.mark.parametrize(
    ("linear_mode", "grid"),
    [
        ("DEFAULT", [0, 0.4, 0.8, 1, 1]),
        ("ALIGN_CORNERS_TRUE", [0, 0.25, 0.5, 0.75, 1]),
        ("ALIGN_CORNERS_FALSE", [0, 0.1, 0.5, 0.9, 1]),
        ("ALIGN_CORNERS_FALSE", [0, 0, 0.33, 0.67, 1, 1]),
    ],
)
def test_upsample_grid(linear_mode, grid):
    # Same docstring: DEFAULT, ALIGN_CORNERS, UNALIGN_CORNERS.
    spec = coreml.upsample_axis("BILINEAR", linear_mode, 2, len(grid))
    assert positions(spec) == pytest.approx(grid, abs=5.1e-3)


# (what, source, provenance, rows, columns, input, expected, tolerance)
LAYERS = [
    (
        "Upsample BILINEAR DEFAULT, scalingFactor 2, 3",
        "test_numpy_nn_layers.py:220 test_tiny_upsample_linear_mode",
        RUN,
        coreml.upsample_axis("BILINEAR", "DEFAULT", 1, 2),
        coreml.upsample_axis("BILINEAR", "DEFAULT", 3, 9),
        [[1, 2, 3]],
        [[1, 1.333, 1.666, 2, 2.333, 2.666, 3, 3, 3]] * 2,
        PRINTED,
    ),
    (
        "Upsample NN, scalingFactor 1, 2",
        "iOS14/test_image_resizing.py:283",
        RUN,
        coreml.upsample_axis("NN", "DEFAULT", 1, 1),
        coreml.upsample_axis("NN", "DEFAULT", 3, 6),
        [[1.5, 2.5, 3.5]],
        [[1.5, 1.5, 2.5, 2.5, 3.5, 3.5]],
        EXACT,
    ),
    (
        "Upsample NN of one column to three",
        "iOS14/test_image_resizing.py:29",
        RUN,
        coreml.upsample_axis("NN", "DEFAULT", 2, 2),
        coreml.upsample_axis("NN", "DEFAULT", 1, 3),
        [[0.37], [6.17]],
        [[0.37] * 3, [6.17] * 3],
        EXACT,
    ),
    (
        "Upsample BILINEAR ALIGN_CORNERS_FALSE, fractionalScalingFactor 1, 2.6",
        "iOS14/test_image_resizing.py:156",
        RUN,
        coreml.upsample_axis("BILINEAR", "ALIGN_CORNERS_FALSE", 1, 1),
        coreml.upsample_axis("BILINEAR", "ALIGN_CORNERS_FALSE", 2, 5),
        [[0, 1]],
        [[0, 0.1, 0.5, 0.9, 1]],
        EXACT,
    ),
    (
        "ResizeBilinear ALIGN_ENDPOINTS_MODE, 3x3 to 5x5",
        "github.com/apple/coremltools/issues/644, printed by Core ML on macOS 10.15",
        RUN,
        coreml.resize_bilinear_axis("ALIGN_ENDPOINTS_MODE", 3, 5),
        coreml.resize_bilinear_axis("ALIGN_ENDPOINTS_MODE", 3, 5),
        [[1, 9, 3], [3, 0, 2], [2, 7, 5]],
        [
            [1, 5, 9, 6, 3],
            [2, 3.25, 4.5, 3.5, 2.5],
            [3, 1.5, 0, 1, 2],
            [2.5, 3, 3.5, 3.5, 3.5],
            [2, 4.5, 7, 6, 5],
        ],
        EXACT,
    ),
    (
        "ResizeBilinear UPSAMPLE_MODE",
        "iOS14/test_image_resizing.py:75 mode_2",
        WRITTEN,
        coreml.resize_bilinear_axis("UPSAMPLE_MODE", 1, 1),
        coreml.resize_bilinear_axis("UPSAMPLE_MODE", 2, 5),
        [[0, 1]],
        [[0, 0.4, 0.8, 1, 1]],
        EXACT,
    ),
    (
        "ResizeBilinear ROI_ALIGN_MODE",
        "iOS14/test_image_resizing.py:75 mode_3",
        WRITTEN,
        coreml.resize_bilinear_axis("ROI_ALIGN_MODE", 1, 1),
        coreml.resize_bilinear_axis("ROI_ALIGN_MODE", 2, 5),
        [[0, 1]],
        [[0.1, 0.3, 0.5, 0.7, 0.9]],
        EXACT,
    ),
]
# CropResize of 1..16 in 4x4, same box and size along both axes; iOS14/test_image_resizing.py:401
# modes 0, 1, 3 (a third of three pixels) and 4; ALIGN_ENDPOINTS_MODE, run on the CPU.
LAYERS += [
    (
        f"CropResize ALIGN_ENDPOINTS_MODE [{start}, {end}] to {size}",
        "iOS14/test_image_resizing.py:401",
        RUN,
        coreml.crop_resize_axis("ALIGN_ENDPOINTS_MODE", 4, size, start, end),
        coreml.crop_resize_axis("ALIGN_ENDPOINTS_MODE", 4, size, start, end),
        np.arange(1, 17).reshape(4, 4),
        np.reshape(expected, (size, size)),
        EXACT,
    )
    for start, end, size, expected in (
        (1, 2, 2, [6, 7, 10, 11]),
        (
            *(1, 2, 4),
            [6, 6.333333, 6.666667, 7, 7.333333, 7.666667, 8, 8.333333]
            + [8.666667, 9, 9.333333, 9.666667, 10, 10.333333, 10.666667, 11],
        ),
        (0, 1, 2, [1, 2, 5, 6]),
        (2, 1, 2, [11, 10, 7, 6]),
    )
]


@pytest.mark.parametrize("layer", LAYERS, ids=[layer[0] for layer in LAYERS])
def test_layer(layer):
    _, _, _, rows, columns, given, expected, tolerance = layer
    got = resize(np.asarray(given, dtype=np.float64), rows, columns)
    assert got.shape == np.shape(expected)
    assert np.abs(got - expected).max() <= tolerance


@pytest.mark.parametrize(
    ("mode", "size", "grid"),
    [
        # The formulas of SamplingMode in NeuralNetwork.proto, worked out by hand for X = 7.
        ("STRICT_ALIGN_ENDPOINTS_MODE", 1, [0]),
        ("ALIGN_ENDPOINTS_MODE", 1, [3]),
        ("UPSAMPLE_MODE", 1, [0]),
        ("ROI_ALIGN_MODE", 1, [3]),
        ("STRICT_ALIGN_ENDPOINTS_MODE", 3, [0, 3, 6]),
        ("UPSAMPLE_MODE", 2, [0, 3.5]),
        ("ROI_ALIGN_MODE", 3, [1, 3, 5]),
    ],
)
def test_few_output_pixels(mode, size, grid):
    assert coordinates(coreml.resize_bilinear_axis(mode, 7, size)) == pytest.approx(grid)
    # The box of a crop is the same interval, moved.
    moved = coordinates(coreml.crop_resize_axis(mode, 20, size, 5, 11))
    assert moved == pytest.approx(np.add(grid, 5))


@pytest.mark.parametrize(
    ("input_size", "factor", "fractional", "size"),
    [
        (7, 3, False, 21),
        (7, 1, False, 7),
        (2, 2.6, True, 5),  # iOS14/test_image_resizing.py:156
        (4, 1.50002503, True, 6),  # as coremltools writes 4 -> 6: (6 + 1e-4) / 4 in float32
        (1200, np.float32(2401.0001 / 1200), True, 2401),
        (1024, 1025.0001 / 1024, True, 1025),
        (1000, 2.009999990463257, True, 2010),  # 2010.0001 / 1000 in float32; in float64: 2009
        (10, 0.35, True, 3),
        (27, 53.0001 / 27, True, 53),
        (939, 3767.0001 / 939, True, 3767),  # both products are a little less in float32
        (25, 1.16, True, 29),  # 28.9999994 of what is stored
        (30, 0.7, True, 21),
    ],
)
def test_upsample_output_size(input_size, factor, fractional, size):
    assert coreml.upsample_output_size(input_size, factor, fractional) == size


def test_every_mode_is_spelled_as_in_the_schema():
    assert set(coreml.SAMPLING_MODES) == {
        "STRICT_ALIGN_ENDPOINTS_MODE",
        "ALIGN_ENDPOINTS_MODE",
        "UPSAMPLE_MODE",
        "ROI_ALIGN_MODE",
    }
    modes = ("DEFAULT", "ALIGN_CORNERS_TRUE", "ALIGN_CORNERS_FALSE")
    assert set(coreml.UPSAMPLE_MODES) == {(m, n) for m in ("NN", "BILINEAR") for n in modes}


@pytest.mark.parametrize(
    "call",
    [
        lambda: coreml.upsample_axis("CUBIC", "DEFAULT", 2, 4),
        lambda: coreml.resize_bilinear_axis("ALIGN", 2, 4),
        lambda: coreml.crop_resize_axis("ROI_ALIGN_MODE", 8, 4, 5, 2),
    ],
)
def test_what_the_format_does_not_define_is_refused(call):
    with pytest.raises(ValueError, match=r"unknown|not defined"):
        call()
