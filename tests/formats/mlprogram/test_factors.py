"""Sizes by factors: what single and double precision make of them, and the factors we write."""

import numpy as np
import pytest

from coreml_resize_fix.conventions import mil
from coreml_resize_fix.formats.mlprogram.natives import NATIVES
from coreml_resize_fix.formats.mlprogram.operations import (
    ResizeBilinear,
    UpsampleBilinear,
    UpsampleNearest,
)

BY_NAME = {native.name: native for native in NATIVES}

# s, X, floor(X s) in float32 and of the float32 factor in float64: computed by hand with NumPy 2
# and NumPy 1 (`np.floor(np.float32(s) * X)`), as coremltools declares them.
READINGS = [
    (0.7, 30, 21, 20),
    (2.3, 10, 23, 22),
    (1.16, 25, 29, 28),
    (0.29, 100, 29, 28),
    (1.5, 7, 10, 10),
    (2.0, 5, 10, 10),
    (2, 5, 10, 10),
    (0.5, 7, 3, 3),
]


@pytest.mark.parametrize(("factor", "size", "single", "double"), READINGS)
def test_two_readings_of_a_factor(factor, size, single, double):
    stored = float(np.float32(factor)) if isinstance(factor, float) else factor
    params = UpsampleBilinear(stored, 1)
    assert mil.sizes_by_factor(size, stored) == (single, double)
    assert params.size_depends_on_rounding((size, 4)) == (single != double)
    assert params.may_make((size, 4), (single, 4))
    assert params.may_make((size, 4), (double, 4))
    assert not params.may_make((size, 4), (single + 1, 4))
    assert not params.may_make((size, 4), (double - 1, 4))
    assert params.output_size((size, 4)) == (single, 4)


def product(size, factor):
    """Every way in which a device might floor the product."""
    single = np.float32(factor)
    return {
        int(np.floor(np.float32(size) * single)),
        int(np.floor(np.float64(size) * np.float64(single))),
        int(np.floor(np.float32(np.float64(size) * np.float64(single)))),
    }


def test_factors_that_we_write_are_never_near_an_edge():
    rng = np.random.default_rng(7)
    written = 0
    for _ in range(300):
        top = int(rng.integers(2, 40))
        scale = float(rng.choice([1, 1.5, 2, 2.3, 0.7, 1.16, 0.29, 0.5, 4 / 3, 3]))
        sizes = range(top, top + int(rng.integers(1, 60)))
        pairs = [(size, int(np.floor(size * scale))) for size in sizes]
        if min(after for _, after in pairs) < 1:
            continue
        factor = mil.factor_that_makes(pairs)
        if factor is None:
            continue
        written += 1
        assert isinstance(factor, int) or factor == float(np.float32(factor))
        for before, after in pairs:
            assert product(before, factor) == {after}
            assert isinstance(factor, int) or before * factor >= after + 0.99e-4
    assert written > 150


@pytest.mark.parametrize(
    ("pairs", "factor"),
    [
        ([(4, 8), (5, 10)], 2),
        ([(4, 6)], 1.5000251),
        ([(4, 8), (5, 12)], None),
        ([(4, 8), (5, 9)], None),
        ([(4, 0)], None),
        ([], None),
    ],
)
def test_one_factor_for_all_sizes(pairs, factor):
    found = mil.factor_that_makes(pairs)
    assert found == (factor if factor is None else pytest.approx(factor, rel=1e-7))
    assert type(found) is type(factor)


def test_natives():
    """What each row builds; that none of them is right by itself is for the grids to say."""
    varies = [((4, 6), (8, 12)), ((5, 7), (10, 14))]
    odd = [((4, 6), (6, 9)), ((6, 8), (9, 12))]
    strict = BY_NAME["resize_bilinear STRICT_ALIGN_CORNERS"]
    assert strict.build(varies[:1]) == ResizeBilinear(8, 12, "STRICT_ALIGN_CORNERS")
    assert strict.build(varies) is None
    assert strict.fixed_size
    follows = BY_NAME["upsample_bilinear align_corners=false"]
    assert follows.build(varies) == UpsampleBilinear(2, 2, align_corners=False)
    made = follows.build(odd)
    assert all(made.output_size(before) == after for before, after in odd)
    assert not any(made.size_depends_on_rounding(before) for before, _ in odd)
    nearest = BY_NAME["upsample_nearest_neighbor"]
    assert nearest.build(varies) == UpsampleNearest(2, 2)
    assert nearest.build(odd) is None
    assert [native.nearest for native in NATIVES].count(True) == 1
    assert {native.spec_version for native in NATIVES} == {6}
    for native in NATIVES:
        assert native.build([((4, 4), (0, 4))]) is None
        assert native.build([((4, 4), (8, 8)), ((4, 4), (9, 9))]) is None
