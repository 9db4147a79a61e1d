"""Dimensions, choices and products of arrays; shapes and values by hand."""

import numpy as np
import pytest

from coreml_resize_fix.verify.kernels import activations, arrays, cutting, sampling
from coreml_resize_fix.verify.kernels.checks import KernelError

ARRAY = np.arange(6.0).reshape(2, 3)


def test_dimensions_move_come_and_go():
    assert arrays.transpose(ARRAY, (1, 0)).tolist() == [[0, 3], [1, 4], [2, 5]]
    assert arrays.expand_dims(ARRAY, (0, -1)).shape == (1, 2, 3, 1)
    assert arrays.squeeze(ARRAY.reshape(1, 2, 1, 3)).shape == (2, 3)
    assert arrays.squeeze(ARRAY.reshape(1, 2, 1, 3), (-2,)).shape == (1, 2, 3)
    assert arrays.squeeze(np.ones((1, 1))).shape == (1,)


def test_pixels_are_chosen_from_both_ends():
    assert arrays.gather(ARRAY, np.array([2.0, -3]), 1).tolist() == [[2, 0], [5, 3]]
    assert arrays.gather(ARRAY, np.zeros((1, 2), int), 0).shape == (1, 2, 3)


def test_slices_take_turns_along_any_axis():
    turns = cutting.join((ARRAY, ARRAY + 10), 0, interleave=True)
    assert turns.tolist() == [[0, 1, 2], [10, 11, 12], [3, 4, 5], [13, 14, 15]]
    turns = cutting.join((ARRAY, ARRAY + 10), -1, interleave=True)
    assert turns.tolist() == [[0, 10, 1, 11, 2, 12], [3, 13, 4, 14, 5, 15]]


@pytest.mark.parametrize(
    ("mode", "expected"), [("nearest", [[5, 0], [17, 15]]), ("bilinear", [[4, 0], [17.25, 15]])]
)
def test_each_image_is_sampled_at_its_own_places(mode, expected):
    images = np.stack([ARRAY, ARRAY + 13])[:, np.newaxis]
    x, y = np.array([[[1.75, 0]], [[1.25, 3]]]), np.array([[[0.75, 0]], [[1.0, 0]]])
    made = sampling.resample(images, x, y, mode, "border")
    assert made[:, 0, 0].tolist() == expected


def test_products_and_the_linear_activation():
    assert arrays.matmul(ARRAY, ARRAY, transpose_right=True).tolist() == [[5, 14], [14, 50]]
    assert arrays.matmul(ARRAY, ARRAY, transpose_left=True).shape == (3, 3)
    assert arrays.matmul(np.ones((4, 1, 2, 3)), np.ones((5, 3, 2))).shape == (4, 5, 2, 2)
    assert activations.linear(ARRAY, 2, 1).tolist() == [[1, 3, 5], [7, 9, 11]]
    assert activations.linear(ARRAY.astype(np.float32), 2.0, 1.0).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: arrays.transpose(ARRAY, (0, 0)), "permutation"),
        (lambda: arrays.expand_dims(ARRAY, (3,)), "axis 3, but rank 3"),
        (lambda: arrays.squeeze(ARRAY, (0,)), "not 1"),
        (lambda: arrays.squeeze(ARRAY, (2,)), "axis 2, but rank 2"),
        (lambda: arrays.gather(ARRAY, np.array([3]), 1), "whole number"),
        (lambda: arrays.gather(ARRAY, np.array([-4]), 1), "whole number"),
        (lambda: arrays.gather(ARRAY, np.array([0.5]), 1), "whole number"),
        (lambda: arrays.matmul(ARRAY, ARRAY), "do not multiply"),
    ],
)
def test_what_cannot_be_computed_is_refused(call, says):
    with pytest.raises(KernelError, match=says):
        call()
