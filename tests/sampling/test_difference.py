"""difference() on the pairs that matter, at sizes where a dense comparison would be felt."""

import tracemalloc

import pytest

from coreml_resize_fix.conventions import coreml, torch
from coreml_resize_fix.sampling import AxisSpec, difference


def intent(align_corners, before, after, scale_factor=None):
    return torch.axis("bilinear", align_corners, False, before, after, scale_factor)


def layer(linear_mode, before, after):
    return coreml.upsample_axis("BILINEAR", linear_mode, before, after)


@pytest.mark.parametrize(
    ("intended", "linear_mode", "shift"),
    [
        # Each shift follows from the two formulas: the largest |i (X-1)/(N-1) - min(X-1, i X/N)|
        # and so on, worked out in exact fractions.
        (intent(True, 64, 128), "DEFAULT", 63 / 127),
        (intent(True, 64, 128), "ALIGN_CORNERS_TRUE", 0),
        (intent(True, 64, 128), "ALIGN_CORNERS_FALSE", 0.25 - 1 / 254),
        (intent(False, 64, 128), "DEFAULT", 0.25),
        (intent(False, 64, 128), "ALIGN_CORNERS_TRUE", 0.25 - 1 / 254),
        (intent(False, 64, 128), "ALIGN_CORNERS_FALSE", 0),
        (intent(False, 27, 53), "DEFAULT", 0.5 - 27 / 106),
        (intent(True, 7, 1), "DEFAULT", 0),
        (intent(True, 7, 1), "ALIGN_CORNERS_FALSE", 3),
        (intent(False, 7, 1), "ALIGN_CORNERS_TRUE", 3),
        (intent(False, 7, 1), "ALIGN_CORNERS_FALSE", 0),
        # i = 9: 9.5 / 1.5 - .5 = 5.8333; 9.5 * .7 - .5 = 6.15 -> 6; i = 8: 5.1667, 5.45
        (intent(False, 7, 10, 1.5), "ALIGN_CORNERS_FALSE", 8.5 * (0.7 - 1 / 1.5)),
    ],
)
def test_largest_shift(intended, linear_mode, shift):
    found = difference(intended, layer(linear_mode, intended.input_size, intended.output_size))
    assert found.max_shift == pytest.approx(shift, abs=1e-12)
    assert found.equal == found.same_positions == (shift == 0)
    ratio = intended.output_size / intended.input_size
    assert found.max_shift_output == pytest.approx(shift * ratio, abs=1e-12)


def test_a_constant_shift_of_half_an_output_pixel():
    found = difference(intent(False, 64, 128), layer("DEFAULT", 64, 128))
    # Constant but for the ends, where both grids are clamped.
    assert found.max_shift_output == 0.5
    assert found.mean_shift_output == pytest.approx((126 * 0.5) / 128, abs=1e-12)
    assert found.mean_shift == pytest.approx(126 * 0.25 / 128, abs=1e-12)
    assert found.first_index == 1


def test_other_sizes_have_no_shift():
    found = difference(intent(True, 27, 53), layer("ALIGN_CORNERS_TRUE", 27, 54))
    assert (found.equal, found.same_size, found.same_positions) == (False, False, False)
    assert found.max_shift is found.mean_shift is None
    assert found.max_shift_output is found.mean_shift_output is None
    assert not difference(intent(True, 27, 53), layer("ALIGN_CORNERS_TRUE", 26, 53)).same_size


def test_another_kernel_on_the_same_grid_differs():
    linear = AxisSpec("linear", "half_pixel", 64, 16)
    smoothed = AxisSpec("antialias_linear", "half_pixel", 64, 16, exclude_outside=True)
    found = difference(linear, smoothed)
    assert not found.equal
    # Output 0 sits at 1.5. The triangle of width 8 there loses the two pixels before the edge: its
    # weights .625 .875 .875 .625 .375 .125 of pixels 0 to 5 balance at 6.625 / 3.5.
    assert found.max_shift == pytest.approx(6.625 / 3.5 - 1.5, abs=1e-12)
    # Away from the edges the filter is symmetric: the positions agree and only the taps differ.
    inner = {"input_size": 64, "output_size": 8, "box": (20.0, 43.0)}
    found = difference(
        AxisSpec("linear", "half_pixel", **inner),
        AxisSpec("antialias_linear", "half_pixel", **inner),
    )
    assert (found.equal, found.same_positions, found.max_shift) == (
        False,
        True,
        pytest.approx(0, abs=1e-9),
    )
    assert found.first_index == 0


def test_nearest_instead_of_linear_differs_where_it_rounds():
    linear = AxisSpec("linear", "align_corners", 3, 5)
    nearest = AxisSpec("nearest_floor", "align_corners", 3, 5)
    found = difference(linear, nearest)
    assert (found.equal, found.first_index, found.max_shift) == (False, 1, 0.5)


@pytest.mark.parametrize("kernel", ["linear", "cubic", "nearest_floor", "area", "antialias_cubic"])
@pytest.mark.parametrize("transform", ["align_corners", "half_pixel", "upsample"])
def test_a_copy_equals_every_kernel_that_samples_at_the_integers(kernel, transform):
    copy = AxisSpec("nearest_floor", "identity", 31, 31)
    assert difference(copy, AxisSpec(kernel, transform, 31, 31)).equal


@pytest.mark.parametrize("kernel", ["linear", "cubic", "nearest_ceil", "area", "antialias_linear"])
def test_one_input_pixel_leaves_no_choice(kernel):
    assert difference(
        AxisSpec("linear", "align_corners", 1, 9), AxisSpec(kernel, "half_pixel", 1, 9)
    ).equal


def test_nearest_by_an_integer_is_nearest_exact_and_core_mls():
    for mode in ("nearest", "nearest-exact"):
        intended = torch.axis(mode, None, False, 37, 111)
        assert difference(intended, coreml.upsample_axis("NN", "DEFAULT", 37, 111)).equal
        intended = torch.axis(mode, None, False, 37, 100)
        assert difference(intended, intended).equal
    assert not difference(intended, torch.axis("nearest", None, False, 37, 100)).equal


def test_small_differences_are_seen_at_large_sizes():
    intended = intent(False, 4096, 8190)
    # A scale of 1.9995 that was meant to be the ratio 8190 / 4096.
    assert not difference(intended, intent(False, 4096, 8190, 1.9995)).equal
    assert difference(intended, layer("ALIGN_CORNERS_FALSE", 4096, 8190)).equal


@pytest.mark.slow
def test_memory_follows_the_taps_not_the_matrix():
    pairs = [
        (intent(True, 4096, 4095), layer("ALIGN_CORNERS_TRUE", 4096, 4095)),
        (AxisSpec("cubic", "half_pixel", 4096, 8192), AxisSpec("cubic", "half_pixel", 4096, 8192)),
        (AxisSpec("area", "half_pixel", 8192, 2), AxisSpec("area", "half_pixel", 8192, 2)),
    ]
    for left, right in pairs:
        tracemalloc.start()
        assert difference(left, right).equal
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        dense = 8 * left.input_size * left.output_size
        assert peak < 12e6, f"{peak} bytes; a dense matrix has {dense}"
