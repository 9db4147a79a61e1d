"""Shapes that a converter wrote down, behind a size that has become another."""

import pytest

from coreml_resize_fix.formats.mlprogram.sizes import size_parameters

FLATTENED = {(29, 31): {(28, 30)}, (2, 29, 29): {(2, 28, 28)}, (6, 20): {(7, 18), (9, 14)}}


@pytest.mark.parametrize(
    ("old", "target", "new", "wanted"),
    [
        ((1, 8, 29, 31), (1, 2, 4, 29, 31), (1, 8, 28, 30), (1, 2, 4, 28, 30)),
        ((1, 8, 29, 31), (1, 8, 899), (1, 8, 28, 30), (1, 8, 840)),
        ((1, 8, 29, 31), (8, 1, 899, 1), (1, 8, 28, 30), (8, 1, 840, 1)),
        ((1, 29, 31, 8), (899, 2, 4), (1, 28, 30, 8), (840, 2, 4)),
        ((8, 899), (1, 8, 29, 31), (8, 840), (1, 8, 28, 30)),
        ((1682, 8), (2, 29, 29, 8), (1568, 8), (2, 28, 28, 8)),
        ((1, 3, 1, 5), (3, 5), (1, 3, 1, 6), (3, 6)),
        ((4, 5), (4, 5), (4, 5), (4, 5)),
        # Nobody flattened these, or two did.
        ((8, 899), (8, 29, 31), (8, 870), None),
        ((8, 120), (8, 6, 20), (8, 126), None),
        # Axes that are cut anew, windows, as many elements as before, an axis that is new.
        ((1, 8, 28, 30), (1, 30, 28, 8), (1, 8, 29, 31), None),
        ((28, 28), (4, 7, 4, 7), (35, 28), None),
        ((11, 12), (132,), (12, 11), None),
        ((1, 4, 5), (20,), (2, 4, 5), None),
        ((4, 5), (4, 6), (4, 7), None),
    ],
)
def test_constant_shapes(old, target, new, wanted):
    merged = {key: set(values) for key, values in FLATTENED.items()}
    assert size_parameters.reshaped(old, target, new, merged) == wanted


def test_what_is_flattened_is_remembered():
    merged = {}
    size_parameters.reshaped((1, 8, 9, 5), (1, 8, 45), (1, 8, 10, 5), merged)
    assert merged == {(9, 5): {(10, 5)}}


@pytest.mark.parametrize(
    ("wanted", "x", "made"),
    [
        ((1, -1), (2, 3), (1, 6)),
        ((0, 3, -1), (2, 3, 4), (2, 3, 4)),
        ((4, -1), (2, 3), None),
        ((2, 3), (6,), (2, 3)),
        ((2, 3), (5,), None),
        ((2, -1), (None, 3), None),
    ],
)
def test_resolved(wanted, x, made):
    assert size_parameters.resolved(wanted, x) == made
