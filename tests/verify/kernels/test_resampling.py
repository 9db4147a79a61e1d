"""Resizes at positions, by hand and by their definition, one output at a time."""

import math
import random
import tracemalloc

import numpy as np
import pytest

from coreml_resize_fix.verify.kernels.checks import KernelError
from coreml_resize_fix.verify.kernels.positions import POSITIONS
from coreml_resize_fix.verify.kernels.resampling import (
    copy_pixels,
    crop_resize,
    interpolate,
    resize,
    take_nearest,
)

# Worked out by hand from the words of MIL's documentation of resize_bilinear: 4 pixels to 3 outputs
# and to one, and 1 pixel to 2.
BY_HAND = {
    "STRICT_ALIGN_CORNERS": ([0, 1.5, 3], [0], [0, 0]),
    "ALIGN_CORNERS": ([0, 1.5, 3], [1.5], [0, 0]),
    "DEFAULT": ([0, 4 / 3, 8 / 3], [0], [0, 0]),
    "OFFSET_CORNERS": ([0.5, 1.5, 2.5], [1.5], [0, 0]),
    "UNALIGN_CORNERS": ([1 / 6, 1.5, 17 / 6], [1.5], [-0.25, 0.25]),
}


@pytest.mark.parametrize("mode", sorted(POSITIONS))
def test_positions_by_hand(mode):
    for (pixels, count), expected in zip(((4, 3), (4, 1), (1, 2)), BY_HAND[mode]):
        np.testing.assert_allclose(POSITIONS[mode](pixels, count), expected, atol=1e-12)


def one_output(row, position):
    """Between the two pixels around a position; beyond the ends, the last one."""
    at = min(max(position, 0.0), len(row) - 1.0)
    left = math.floor(at)
    right = min(left + 1, len(row) - 1)
    return row[left] + (row[right] - row[left]) * (at - left)


@pytest.mark.parametrize("axis", [-1, -2, 0, 1])
@pytest.mark.parametrize("count", [1, 7, 600])
def test_interpolation_is_that_of_each_output(axis, count):
    rng = np.random.RandomState(count)
    images, positions = rng.uniform(-1, 1, (3, 4, 5)), rng.uniform(-2, 7, count)
    expected = np.apply_along_axis(
        lambda row: np.array([one_output(row, at) for at in positions]), axis, images
    )
    np.testing.assert_allclose(interpolate(images, positions, axis), expected, atol=1e-12)


def test_of_two_pixels_that_are_equally_near_the_first_is_taken():
    row = np.arange(4.0)
    at = np.array([-1, 0.49, 0.5, 0.51, 1.5, 1.5 + 1e-12, 2.500001, 9])
    assert take_nearest(row, at).tolist() == [0, 0, 0, 1, 1, 1, 3, 3]


@pytest.mark.parametrize("seed", range(50))
def test_copied_pixels_cover_the_place_where_an_output_begins(seed):
    rng = random.Random(seed)
    size, count = rng.randint(1, 30), rng.randint(1, 60)
    found = copy_pixels(np.arange(float(size)), count)
    assert found.tolist() == [float(i * size // count) for i in range(count)]


def test_axes_are_resized_one_after_the_other_and_only_those():
    image = np.arange(12.0).reshape(3, 4)
    assert resize(image, (5, 7), "STRICT_ALIGN_CORNERS").shape == (5, 7)
    wide = resize(image, (5, 7), "STRICT_ALIGN_CORNERS", axes=(-1,))
    np.testing.assert_allclose(wide, image[:, :1] + np.linspace(0, 3, 7), atol=1e-12)
    assert resize(image, (2, 2), None).tolist() == [[0, 2], [4, 6]]
    assert resize(image, (2, 2), "STRICT_ALIGN_CORNERS", nearest=True).tolist() == [[0, 3], [8, 11]]


def test_a_box_is_cut_in_pixels_or_in_shares_forwards_and_back():
    image = np.arange(20.0).reshape(1, 1, 4, 5)
    rows, columns = np.array([1.0, 2.0])[:, np.newaxis], np.array([0.0, 2.0, 4.0])
    expected = 5 * rows + columns
    for box, normalized in (([1, 0, 2, 4], False), ([1 / 3, 0, 2 / 3, 1], True)):
        made = crop_resize(
            image, np.array([box]), (2, 3), "STRICT_ALIGN_CORNERS", normalized=normalized
        )
        np.testing.assert_allclose(made[0, 0, 0], expected, atol=1e-12)
    back = crop_resize(image, np.array([[2.0, 4, 1, 0]]), (2, 3), "STRICT_ALIGN_CORNERS")
    np.testing.assert_allclose(back[0, 0, 0], expected[::-1, ::-1], atol=1e-12)
    scaled = crop_resize(
        image, np.array([[2.0, 0, 4, 8]]), (2, 3), "STRICT_ALIGN_CORNERS", scale=0.5
    )
    np.testing.assert_allclose(scaled[0, 0, 0], expected, atol=1e-12)


def test_positions_of_a_box_stay_inside_of_it():
    """OFFSET_CORNERS of less than a pixel would pass the end of the box."""
    image = np.arange(5.0).reshape(1, 1, 1, 5)
    made = crop_resize(image, np.array([[0, 1, 0, 1.5]]), (1, 2), "OFFSET_CORNERS")
    np.testing.assert_allclose(made.ravel(), [1.25, 1.5], atol=1e-12)


def test_a_box_that_leaves_the_image_is_refused():
    with pytest.raises(KernelError, match=r"box \(0.0, 3.5\) leaves \[0, 3\]"):
        crop_resize(np.zeros((1, 1, 4, 4)), np.array([[0, 0, 3.5, 3]]), (2, 2), "DEFAULT")


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_the_kind_of_numbers_is_kept(kind):
    image = np.arange(12, dtype=kind).reshape(1, 1, 3, 4)
    box = np.array([[0.0, 0, 2, 3]])
    made = [resize(image, (5, 5), mode) for mode in (None, *POSITIONS)]
    made += [resize(image, (5, 5), "DEFAULT", True), crop_resize(image, box, (2, 2), "DEFAULT")]
    assert {each.dtype for each in made} == {np.dtype(kind)}


def test_no_second_map_is_held_in_memory():
    image = np.ones((1, 1024, 1024))
    tracemalloc.start()
    try:
        made = interpolate(image, np.linspace(0, 1023, 2048))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.6 * made.nbytes
