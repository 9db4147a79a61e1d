"""Outputs scaled down for a page, against arithmetic of its own."""

import numpy as np
import pytest

from coreml_resize_fix.verify import output_pictures
from coreml_resize_fix.verify.overview import IMAGE, LABELS, MAP, SCORES


def picture(wanted, before=None, after=None, is_image=False):
    assert output_pictures.has_picture(wanted)
    return output_pictures.picture("y", wanted, before, after, is_image)


def normal(*shape):
    return np.random.RandomState(3).standard_normal(shape).astype(np.float32)


def softmax(scores):
    powers = np.exp(scores)
    return powers / powers.sum(axis=-3, keepdims=True)


COLORS = np.random.RandomState(4).random_sample((1, 3, 6, 7)).astype(np.float32)


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        (normal(1, 21, 6, 7), SCORES),
        (normal(2, 6, 7), SCORES),
        (normal(1, 3, 6, 7), SCORES),
        (softmax(normal(1, 3, 6, 7)), SCORES),
        (abs(normal(1, 3, 6, 7)) * 3, SCORES),
        (COLORS * 1.04 - 0.02, IMAGE),
        (normal(1, 256, 6, 7), SCORES),
        (normal(1, 257, 6, 7), MAP),
        (COLORS, IMAGE),
        (COLORS * 255, IMAGE),
        (normal(1, 1, 6, 7), MAP),
        (normal(6, 7), MAP),
        (np.arange(42, dtype=np.int32).reshape(1, 6, 7), LABELS),
        (normal(1, 1, 6, 7) > 0, LABELS),
        (np.arange(42).reshape(6, 7) * 100, MAP),
        (np.arange(42).reshape(6, 7) - 1, MAP),
    ],
)
def test_what_an_output_is_shown_as(wanted, kind):
    assert picture(wanted).kind == kind


@pytest.mark.parametrize("shape", [(1, 1000), (1,), (1, 100, 4), (17, 3), (2, 3, 4, 5, 6)])
def test_tables_and_lists_are_no_pictures(shape):
    assert not output_pictures.has_picture(np.zeros(shape, np.float32))


def test_declared_images_keep_the_range_of_images():
    grey = picture(normal(1, 1, 6, 7) * 10, is_image=True)
    assert (grey.kind, grey.low, grey.high) == (MAP, 0.0, 255.0)
    assert picture(normal(1, 3, 6, 7) * 200, is_image=True).kind == IMAGE


def test_small_scores_are_shown_pixel_by_pixel():
    wanted, before = normal(1, 5, 12, 16), normal(1, 5, 12, 16)[:, ::-1] * 2
    found = picture(wanted, before, wanted)
    for row in range(12):
        for column in range(16):
            one, other = wanted[0, :, row, column], before[0, :, row, column]
            assert found.wanted[row, column] == max(range(5), key=lambda c: one[c])
            assert found.before[row, column] == max(range(5), key=lambda c: other[c])
            off = max(abs(float(a) - float(b)) for a, b in zip(one, other))
            assert found.off_before.plane[row, column] == pytest.approx(off, rel=1e-12)
    changed = sum(a != b for a, b in zip(found.wanted.flat, found.before.flat))
    assert found.off_before.changed_pixels == changed > 0
    assert found.off_after.changed_pixels == 0
    assert not found.off_after.plane.any()


def test_large_maps_keep_every_difference():
    wanted = np.zeros((1, 1, 1000, 500), np.float32)
    before = wanted.copy()
    before[0, 0, 123, 457] = 7
    found = picture(wanted, before)
    assert found.wanted.shape == (128, 64)
    assert found.size == (1000, 500)
    # Block k of 128 begins at row 1000 k / 128, rounded down: 123 is in number 15 (117 to 124).
    place = np.argwhere(found.off_before.plane)
    assert place.tolist() == [[15, 58]]
    assert found.off_before.plane.max() == 7


def test_large_class_maps_count_pixels_before_they_are_scaled_down():
    wanted = np.zeros((1, 2, 400, 400), np.float32)
    wanted[0, 0] = 1
    before = wanted.copy()
    before[0, 1, 1, :] = 2
    assert picture(wanted, before).off_before.changed_pixels == 400


def test_labels_differ_by_being_another_class():
    wanted = np.arange(42, dtype=np.int64).reshape(1, 6, 7)
    before = wanted.astype(np.float32)
    before[0, 2, 3] += 9
    found = picture(wanted, before)
    assert found.off_before.changed_pixels == 1
    assert np.argwhere(found.off_before.plane == 1).tolist() == [[2, 3]]


def test_what_is_no_number_is_farthest_off():
    wanted = normal(1, 1, 6, 7)
    before = wanted.copy()
    before[0, 0, 1, 2], before[0, 0, 3, 4] = np.nan, np.inf
    plane = picture(wanted, before).off_before.plane
    assert np.argwhere(np.isinf(plane)).tolist() == [[1, 2], [3, 4]]
    assert not plane[np.isfinite(plane)].any()


def test_another_size_is_shown_without_a_difference():
    found = picture(normal(1, 4, 12, 16), normal(1, 4, 10, 16))
    assert found.before.shape == (10, 16)
    assert found.off_before is None
    assert picture(normal(1, 4, 12, 16), normal(1, 5, 12, 16)).before is None


def test_the_first_of_a_batch():
    wanted = normal(2, 1, 6, 7)
    found = picture(wanted)
    assert found.batch == 2
    assert (found.wanted == wanted[0, 0]).all()
