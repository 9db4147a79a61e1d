"""The proof's own form of the resizes: Apple's figures, and the closed formulas."""

import numpy as np
import pytest

from coreml_resize_fix.conventions import mil
from coreml_resize_fix.formats.mlprogram.operations import (
    ResizeBilinear,
    ResizeNearest,
    ResizeToShape,
    UpsampleBilinear,
    UpsampleNearest,
)
from coreml_resize_fix.sampling.reference import resize
from tests.mlprogram.test_grids import FIGURES


@pytest.mark.parametrize("name", FIGURES)
def test_figures(name):
    params, given, expected = FIGURES[name]
    found = params.run(np.array(given, np.float64))
    np.testing.assert_allclose(found, np.array(expected, np.float64), atol=1e-4)


def drawn(rng, size):
    kind = int(rng.integers(5))
    height, width = (int(n) for n in rng.integers(1, 20, 2))
    mode = list(mil.SAMPLING_MODES)[int(rng.integers(5))]
    factors = tuple(float(np.float32(n)) for n in rng.uniform(1, 3, 2))
    if kind == 0:
        return UpsampleBilinear(
            *factors, *[(True, None), (False, None), (False, False)][height % 3]
        )
    if kind == 1:
        return UpsampleNearest(*factors)
    if kind == 2:
        return ResizeBilinear(height, width, mode)
    if kind == 3:
        return ResizeNearest(height, width)
    nearest = "NEAREST_NEIGHBOR" if height % 2 else "LINEAR"
    return ResizeToShape((height, width), 2, nearest, mode)


def test_both_forms_agree():
    rng = np.random.default_rng(3)
    compared = 0
    for _ in range(200):
        size = tuple(int(n) for n in rng.integers(1, 20, 2))
        params = drawn(rng, size)
        after = params.output_size(size)
        if params.leaves_pixel_open(size, after):
            continue
        image = rng.random((2, *size))
        np.testing.assert_allclose(
            params.run(image, after),
            resize(image, *params.axes(size, after)),
            atol=1e-12,
            err_msg=str((params, size)),
        )
        compared += 1
    assert compared > 150


def test_a_size_that_rounding_leaves_open_is_given():
    params = UpsampleBilinear(float(np.float32(0.7)), 1, align_corners=True)
    image = np.arange(30.0)[:, np.newaxis] * np.ones((1, 2))
    for height in (20, 21):
        found = params.run(image, (height, 2))
        np.testing.assert_allclose(found[:, 0], np.linspace(0, 29, height), atol=1e-9)
