"""Convolutions and pooling of volumes by their definition, a window at a time."""

import numpy as np
import pytest

from coreml_resize_fix.verify.kernels import volumes
from coreml_resize_fix.verify.kernels.checks import KernelError

VALUES = np.random.RandomState(0)
VOLUMES = VALUES.randint(-8, 9, (2, 4, 6, 5, 7)).astype(np.float64)
KERNEL, STRIDE, DILATION = (3, 2, 2), (2, 1, 3), (2, 1, 2)
EDGES = ((1, 2), (0, 1), (1, 0))


def windows(dilation, beyond):
    """Each place of the result (D', H', W') and its window, [B, C, 3, 2, 2]."""
    padded = np.pad(VOLUMES, [(0, 0), (0, 0), *EDGES], mode="constant", constant_values=beyond)
    reach = [(k - 1) * d + 1 for k, d in zip(KERNEL, dilation)]
    size = [(n - r) // s + 1 for n, r, s in zip(padded.shape[2:], reach, STRIDE)]
    for place in np.ndindex(*size):
        slices = [slice(p * s, p * s + r, d) for p, s, r, d in zip(place, STRIDE, reach, dilation)]
        yield (Ellipsis, *place), padded[(slice(None), slice(None), *slices)]


def test_convolutions():
    weights = VALUES.randint(-8, 9, (6, 2, *KERNEL))
    bias = VALUES.randint(-8, 9, 6)
    made = volumes.convolve_volume(VOLUMES, weights, bias, STRIDE, DILATION, EDGES, 2)
    places = list(windows(DILATION, 0))
    assert made[0, 0].size == len(places)
    for place, window in places:
        halves = window[:, :2], window[:, 2:]  # three outputs are made of each
        sums = [
            (halves[output // 3] * weights[output]).sum((1, 2, 3, 4)) + bias[output]
            for output in range(6)
        ]
        np.testing.assert_array_equal(made[place], np.stack(sums, 1))


def test_pooling():
    largest = volumes.max_pool_volume(VOLUMES, KERNEL, STRIDE, EDGES)
    whole = volumes.average_pool_volume(VOLUMES, KERNEL, STRIDE, EDGES, False)
    inside = volumes.average_pool_volume(VOLUMES, KERNEL, STRIDE, EDGES, True)
    places = list(windows((1, 1, 1), np.nan))
    assert {made[0, 0].size for made in (largest, whole, inside)} == {len(places)}
    for place, window in places:
        numbers = window.reshape(2, 4, -1)
        np.testing.assert_array_equal(largest[place], np.nanmax(numbers, -1))
        np.testing.assert_allclose(whole[place], np.nansum(numbers, -1) / 12, rtol=1e-12)
        np.testing.assert_allclose(inside[place], np.nanmean(numbers, -1), rtol=1e-12)


def test_a_kernel_deeper_than_its_input():
    with pytest.raises(KernelError, match="larger than its input"):
        volumes.max_pool_volume(VOLUMES, (7, 1, 1), (1, 1, 1), ((0, 0),) * 3)
