"""Edges and windows of images; what is expected was counted out by hand."""

import numpy as np
import pytest

from coreml_resize_fix.verify.kernels import pooling, windows
from coreml_resize_fix.verify.kernels.checks import KernelError

IMAGE = np.array([[1.0, 2, 3], [4, 5, 6]])
EDGES = ((1, 0), (1, 2))


def test_what_is_added_at_the_edges():
    padded = windows.pad(IMAGE, EDGES, 9)
    assert padded.tolist() == [[9, 9, 9, 9, 9, 9], [9, 1, 2, 3, 9, 9], [9, 4, 5, 6, 9, 9]]
    repeated = windows.repeat_edges(IMAGE, EDGES)
    assert repeated.tolist() == [[1, 1, 2, 3, 3, 3], [1, 1, 2, 3, 3, 3], [4, 4, 5, 6, 6, 6]]
    mirrored = windows.reflect_edges(IMAGE, EDGES)
    assert mirrored.tolist() == [[5, 4, 5, 6, 5, 4], [2, 1, 2, 3, 2, 1], [5, 4, 5, 6, 5, 4]]


def test_a_crop_leaves_something():
    assert windows.crop(IMAGE, ((1, 0), (0, 2))).tolist() == [[4]]
    with pytest.raises(KernelError, match="leaves nothing of 2x3"):
        windows.crop(IMAGE, ((1, 1), (0, 0)))


def test_windows_are_views_with_strides_and_dilations():
    image = np.arange(35.0).reshape(5, 7)
    found = windows.windows(image, (2, 3), (2, 1), (1, 2))
    assert found.shape == (2, 3, 2, 3)
    # The second window down, the third across: rows 2 and 3, columns 2, 4 and 6.
    assert found[:, :, 1, 2].tolist() == [[16, 18, 20], [23, 25, 27]]
    assert np.shares_memory(found, image)
    with pytest.raises(KernelError, match="larger than its input"):
        windows.windows(image, (5, 4), dilation=(1, 3))


def test_averages_of_all_places_or_of_pixels_alone():
    edges = ((1, 0), (0, 1))
    whole = pooling.average_pool(IMAGE, (2, 2), (1, 2), edges)
    assert whole.tolist() == [[0.75, 0.75], [3, 2.25]]
    inside = pooling.average_pool(IMAGE, (2, 2), (1, 2), edges, exclude_padding=True)
    assert inside.tolist() == [[1.5, 3], [3, 4.5]]
    assert pooling.average_pool(IMAGE, (2, 3)).tolist() == [[3.5]]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_the_kind_of_numbers_is_kept(kind):
    image = IMAGE.astype(kind)
    made = [pad(image, EDGES) for pad in (windows.pad, windows.repeat_edges, windows.reflect_edges)]
    made += [pooling.average_pool(image, (2, 2), exclude_padding=only) for only in (False, True)]
    assert {each.dtype for each in made} == {np.dtype(kind)}
