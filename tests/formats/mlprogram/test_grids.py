"""What Apple's own tests of the MIL operators expect of Core ML, and both of our forms of it.

Figures: coremltools e0e2f42, converters/mil/mil/ops/tests/iOS{14,15,16,17}/test_image_resizing.py,
compared there with an absolute tolerance of 1e-4. `RAN` ones are executed on Core ML; the rest is
written there, and skipped before it runs.
"""

import numpy as np
import pytest

from coreml_resize_fix.conventions import mil
from coreml_resize_fix.formats.mlprogram.inventory import AvgPool
from coreml_resize_fix.formats.mlprogram.operations import (
    ResizeBilinear,
    ResizeNearest,
    ResizeToShape,
    UpsampleBilinear,
    UpsampleNearest,
)
from coreml_resize_fix.sampling import difference
from coreml_resize_fix.sampling.reference import resize

RAN = {
    # iOS14 test_image_resizing.py
    "resize_nn_same": (ResizeNearest(2, 1), [[0.37], [6.17]], [[0.37], [6.17]]),
    "resize_nn_wider": (ResizeNearest(2, 3), [[0.37], [6.17]], [[0.37] * 3, [6.17] * 3]),
    "upsample_nn": (UpsampleNearest(1, 2), [[1.5, 2.5, 3.5]], [[1.5, 1.5, 2.5, 2.5, 3.5, 3.5]]),
    "upsample_bilinear_true": (
        UpsampleBilinear(1, 3, align_corners=True), [[0, 1]], [[0, 0.2, 0.4, 0.6, 0.8, 1]]),
    "upsample_bilinear_false": (
        UpsampleBilinear(1.0, 2.6, align_corners=False), [[0, 1]], [[0, 0.1, 0.5, 0.9, 1]]),
    # iOS15
    "resize_bilinear_unalign": (
        ResizeBilinear(1, 5, "UNALIGN_CORNERS"), [[0, 1]], [[0, 0.1, 0.5, 0.9, 1]]),
    "upsample_nn_down": (UpsampleNearest(3.17, 0.67), [[1.5, -2.5, 3.5]], [[1.5, -2.5]] * 3),
    # floor(i / s) would give 1.5 1.5 -2.5: the ratio of the sizes counts, not the factor.
    "upsample_nn_fraction": (
        UpsampleNearest(2.0, 1.12), [[1.5, -2.5, 3.5]], [[1.5, -2.5, 3.5]] * 2),
    # iOS16
    "upsample_16_true": (
        UpsampleBilinear(2, 3, True, False), [[1, 2]], [[1, 1.2, 1.4, 1.6, 1.8, 2]] * 2),
    "upsample_16_half": (
        UpsampleBilinear(2, 3, False, True), [[1, 2]], [[1, 1, 1.33334, 1.66667, 2, 2]] * 2),
    "upsample_16_neither": (
        UpsampleBilinear(2, 3, False, False), [[1, 2]], [[1, 1.33334, 1.66667, 2, 2, 2]] * 2),
    # iOS17
    "resize_nearest": (
        ResizeToShape((1, 1, 3, 2), 2, "NEAREST_NEIGHBOR", "DEFAULT"),
        [[-6.174], [9.371]], [[-6.174] * 2, [9.371] * 2, [9.371] * 2]),
    "resize_linear": (
        ResizeToShape((3, 1, 5), 2, "LINEAR", "DEFAULT"), [[0, 1]], [[0, 0.4, 0.8, 1, 1]]),
}  # fmt: skip
DOCUMENTED = {
    # iOS14; what OFFSET_CORNERS gives was never executed by anybody whose figures are public.
    "resize_bilinear_strict": (
        ResizeBilinear(1, 5, "STRICT_ALIGN_CORNERS"), [[0, 1]], [[0, 0.25, 0.5, 0.75, 1]]),
    "resize_bilinear_default": (
        ResizeBilinear(1, 5, "DEFAULT"), [[0, 1]], [[0, 0.4, 0.8, 1, 1]]),
    "resize_bilinear_offset": (
        ResizeBilinear(1, 5, "OFFSET_CORNERS"), [[0, 1]], [[0.1, 0.3, 0.5, 0.7, 0.9]]),
    # iOS17
    "resize_keeps": (
        ResizeToShape((1, 0, 0, 0), 2, "LINEAR", "DEFAULT"), [[-6.174], [9.371]],
        [[-6.174], [9.371]]),
}  # fmt: skip
FIGURES = {**RAN, **DOCUMENTED}


@pytest.mark.parametrize("name", FIGURES)
def test_figures(name):
    params, given, expected = FIGURES[name]
    image, wanted = np.array(given, np.float64), np.array(expected, np.float64)
    size = params.output_size(image.shape)
    assert size == wanted.shape
    assert params.may_make(image.shape, size)
    found = resize(image[np.newaxis], *params.axes(image.shape, size))
    np.testing.assert_allclose(found[0], wanted, atol=1e-4)


# grid by output pixel, from the documentation of resize_bilinear (iOS15): 7 → 4 and to one pixel
DOCUMENTED_GRIDS = {
    "STRICT_ALIGN_CORNERS": ([0, 2, 4, 6], [0]),
    "ALIGN_CORNERS": ([0, 2, 4, 6], [3]),
    "DEFAULT": ([0, 1.75, 3.5, 5.25], [0]),
    "OFFSET_CORNERS": ([0.75, 2.25, 3.75, 5.25], [3]),
    "UNALIGN_CORNERS": ([0.375, 2.125, 3.875, 5.625], [3]),
}


@pytest.mark.parametrize("mode", DOCUMENTED_GRIDS)
def test_documented_grids(mode):
    ramp = np.arange(7.0)[np.newaxis, np.newaxis]
    for width, expected in zip((4, 1), DOCUMENTED_GRIDS[mode]):
        found = resize(ramp, *ResizeBilinear(1, width, mode).axes((1, 7), (1, width)))
        np.testing.assert_allclose(found[0, 0], expected, atol=1e-12)


def test_half_pixel_centers_are_the_opposite_of_aligned_corners():
    for aligned in (True, False):
        default, given = (
            UpsampleBilinear(2, 2, aligned, half).axes((5, 6), (10, 12))
            for half in (None, not aligned)
        )
        assert default == given
    with pytest.raises(ValueError, match="half_pixel_centers"):
        mil.upsample_bilinear_axis(True, True, 4, 8)


def test_nearest_of_ios17_reads_what_is_nearest():
    """Unlike upsample_nearest_neighbor; where two are as near, nobody says which one is read."""
    rows, _ = ResizeToShape((6, 6), 2, "NEAREST_NEIGHBOR", "UNALIGN_CORNERS").axes((2, 2), (6, 6))
    floored, _ = UpsampleNearest(3, 3).axes((2, 2), (6, 6))
    assert difference(floored, rows).equal
    by_default = ResizeToShape((3, 3), 2, "NEAREST_NEIGHBOR", "DEFAULT")
    assert not difference(
        by_default.axes((2, 2), (3, 3))[0], UpsampleNearest(1.5, 1.5).axes((2, 2), (3, 3))[0]
    ).equal
    assert not by_default.leaves_pixel_open((2, 2), (3, 3))
    assert ResizeToShape((4, 4), 2, "NEAREST_NEIGHBOR", "DEFAULT").leaves_pixel_open((3, 3), (2, 2))
    assert not ResizeToShape((4, 4), 2, "LINEAR", "DEFAULT").leaves_pixel_open((3, 3), (2, 2))


def test_one_dimension_resized():
    params = ResizeToShape((9,), 1, "LINEAR", "STRICT_ALIGN_CORNERS")
    assert params.output_size((4, 5)) == (4, 9)
    assert params.fixed_size is None
    image = np.random.default_rng(0).random((1, 4, 5))
    found = resize(image, *params.axes((4, 5), (4, 9)))
    np.testing.assert_allclose(found[0, :, ::2], image[0], atol=1e-12)


def test_a_computed_size_is_told():
    params = ResizeToShape(None)
    assert params.computes_size
    assert params.fixed_size is None
    assert params.may_make((4, 4), (9, 9))
    with pytest.raises(LookupError, match="run time"):
        params.output_size((4, 4))


def test_pooling_is_an_area():
    """Windows that do not overlap and divide the input are what mode="area" computes."""
    params = AvgPool((2, 3), (2, 3))
    assert params.output_size((8, 9)) == (4, 3)
    image = np.random.default_rng(1).random((1, 8, 9))
    found = resize(image, *params.axes((8, 9), (4, 3)))
    np.testing.assert_allclose(found[0], image[0].reshape(4, 2, 3, 3).mean((1, 3)), atol=1e-12)
    assert AvgPool((2, 2), (2, 2)).output_size((7, 9)) == (3, 4)


@pytest.mark.parametrize(
    "params",
    [
        AvgPool((3, 3), (2, 2)),
        AvgPool((2, 2), (2, 2)),
        AvgPool((2, 2), (2, 2), "custom", (1, 0, 1, 1)),
        AvgPool((2, 2), (2, 2), "custom", (1, 0, 1, 1), exclude_padding_from_average=True),
        AvgPool((3, 2), (2, 2), "same"),
        AvgPool((3, 2), (2, 2), "same_lower", exclude_padding_from_average=True),
        AvgPool((2, 2), (2, 2), ceil_mode=True),
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [(7, 8), (9, 5)])
def test_both_forms_of_pooling_agree(params, size):
    """Windows that overlap, reach over the edge or leave pixels out have a grid, too."""
    image = np.random.default_rng(2).random((1, *size))
    found = resize(image, *params.axes(size, params.output_size(size)))
    np.testing.assert_allclose(found, params.run(image), atol=1e-12)
