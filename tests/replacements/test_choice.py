"""Costs, and which replacement is the cheapest that a target allows."""

from dataclasses import replace

import pytest

from coreml_resize_fix.sampling import AxisSpec
from tests.support.replacing import EXACT3, EXACT4, RANK5, REPLACEMENTS, ROWS, cheapest, context


def half_pixel(x, n, step=None):
    return AxisSpec("linear", "half_pixel", x, n, step=step)


UP2, UP3, DOWN = half_pixel(8, 16), half_pixel(8, 24), half_pixel(8, 5)
ALIGN = AxisSpec("linear", "align_corners", 8, 13)
BICUBIC = AxisSpec("cubic", "half_pixel", 8, 13)
NEAREST = AxisSpec("nearest_floor", "asymmetric", 8, 13)
COPY = AxisSpec("linear", "align_corners", 8, 8)
C = 3


@pytest.mark.parametrize(
    ("axis", "layout", "version", "name", "kinds"),
    [
        (UP2, RANK5, 1, "deconvolution", "padding convolution"),
        (UP2, RANK5, 3, "deconvolution", "padding convolution"),
        (UP2, EXACT4, 4, "deconvolution", "padding convolution"),
        (UP2, EXACT3, 4, "matrix product", "loadConstantND batchedMatmul batchedMatmul"),
        (DOWN, RANK5, 1, "1×1 convolution", "permute convolution permute convolution permute"),
        # Points inside the image need no padding.
        (DOWN, RANK5, 3, "CropResize", "loadConstant cropResize"),
        (ALIGN, RANK5, 3, "CropResize", "loadConstant cropResize"),
        (half_pixel(8, 13), RANK5, 3, "CropResize", "padding loadConstant cropResize"),
        (DOWN, EXACT4, 4, "matrix product", "loadConstantND batchedMatmul batchedMatmul"),
        (BICUBIC, RANK5, 10, "1×1 convolution", "permute convolution permute convolution permute"),
        (BICUBIC, EXACT4, 4, "matrix product", "loadConstantND batchedMatmul batchedMatmul"),
        (half_pixel(8, 4), RANK5, 1, "strided convolution", "convolution"),
    ],
)
def test_the_fewest_layers_win(axis, layout, version, name, kinds):
    choice = cheapest(context(axis, axis, layout, channels=C), version)
    assert choice.replacement.name == name
    assert " ".join(layer.WhichOneof("layer") for layer in choice.layers) == kinds
    assert choice.cost.layers == len(choice.layers)
    assert choice.spec_version <= version


def test_an_axis_that_is_copied_costs_nothing():
    def kinds(row, rows, columns, layout):
        built = ROWS[row].build(context(rows, columns, layout, channels=C))
        return " ".join(layer.WhichOneof("layer") for layer in built)

    assert kinds("matrix product", COPY, BICUBIC, EXACT4) == "batchedMatmul"
    assert kinds("matrix product", BICUBIC, COPY, EXACT4) == "loadConstantND batchedMatmul"
    assert kinds("gather", COPY, NEAREST, EXACT4) == "loadConstantND gather"
    assert kinds("gather", NEAREST, COPY, EXACT4) == "loadConstantND gather"
    assert kinds("1×1 convolution", COPY, BICUBIC, RANK5) == "permute convolution permute"
    assert kinds("1×1 convolution", BICUBIC, COPY, RANK5) == "permute convolution permute"
    # One layer must remain, to give the blob its name.
    assert kinds("matrix product", COPY, COPY, EXACT4) == "batchedMatmul"
    assert kinds("gather", COPY, COPY, EXACT4) == "loadConstantND gather"


def test_the_axis_that_shrinks_most_goes_first():
    def sizes(row, rows, columns, layout):
        built = ROWS[row].build(context(rows, columns, layout, channels=C))
        last = [layer for layer in built if layer.WhichOneof("layer") != "permute"][-1]
        kind = last.WhichOneof("layer")
        # What the last product makes: 13 outputs of 8 inputs by weights, or by a constant.
        return last.convolution.outputChannels if kind == "convolution" else len(last.input)

    assert sizes("1×1 convolution", BICUBIC, DOWN, RANK5) == 13
    assert sizes("1×1 convolution", DOWN, BICUBIC, RANK5) == 13
    assert sizes("matrix product", BICUBIC, DOWN, EXACT4) == 2
    assert sizes("matrix product", DOWN, BICUBIC, EXACT4) == 1


def test_equal_layers_are_decided_by_multiply_adds():
    asked = context(UP3, UP3, EXACT4, channels=C)
    layers = {row.name: row.cost(asked).layers for row in REPLACEMENTS if row.cost(asked)}
    assert layers == {
        "deconvolution": 2,
        "Upsample and crop": 3,
        "CropResize": 5,
        "matrix product": 3,
    }
    down = context(NEAREST, AxisSpec("linear", "align_corners", 9, 5), EXACT4, channels=C)
    # Four layers choose the pixels without arithmetic, three multiply.
    assert ROWS["gather"].cost(down)[:2] == (4, 0)
    assert cheapest(down, 4).replacement.name == "matrix product"
    # The same indices along both axes are loaded once.
    square = replace(down, columns=NEAREST)
    assert ROWS["gather"].cost(square)[:2] == (3, 0)
    assert cheapest(square, 4).replacement.name == "gather"
    rows = context(down.rows, COPY, EXACT4, channels=C)
    assert ROWS["gather"].cost(rows).layers == ROWS["matrix product"].cost(rows).layers == 2
    assert cheapest(rows, 4).replacement.name == "gather"


@pytest.mark.parametrize(
    ("row", "rows", "columns", "layout", "work"),
    [
        # Each of (8 + 2)² input pixels adds to 4 × 4 outputs.
        ("deconvolution", UP2, UP2, RANK5, C * 10 * 10 * 4 * 4),
        ("deconvolution", UP2, UP3, RANK5, C * 10 * 10 * 4 * 5),
        ("strided convolution", half_pixel(8, 4), half_pixel(9, 3), RANK5, C * 4 * 3 * 2 * 3),
        ("Upsample and crop", UP3, UP3, RANK5, 4 * C * 30 * 30),
        ("CropResize", ALIGN, DOWN, RANK5, 4 * C * 13 * 5),
        ("gather", NEAREST, NEAREST, EXACT4, 0),
        # Along the shrinking axis first: 8 · 8 → 8 · 5 → 13 · 5.
        ("matrix product", BICUBIC, DOWN, EXACT4, C * (8 * 5 * 8 + 13 * 5 * 8)),
        ("1×1 convolution", BICUBIC, DOWN, RANK5, C * (8 * 5 * 8 + 13 * 5 * 8)),
        ("1×1 convolution", DOWN, BICUBIC, RANK5, C * (5 * 8 * 8 + 5 * 13 * 8)),
        ("1×1 convolution", COPY, BICUBIC, RANK5, C * 8 * 13 * 8),
    ],
)
def test_multiply_adds(row, rows, columns, layout, work):
    assert ROWS[row].cost(context(rows, columns, layout, channels=C)).multiply_adds == work


def test_bytes_are_those_of_the_layers_in_the_file():
    asked = context(BICUBIC, BICUBIC, channels=C)
    cost = ROWS["1×1 convolution"].cost(asked)
    layers = ROWS["1×1 convolution"].build(asked)
    assert cost.bytes == sum(len(layer.SerializeToString()) for layer in layers)
    # Two matrices of 13 × 8 numbers; names and parameters of five small layers.
    assert 2 * 13 * 8 * 4 < cost.bytes < 2 * 13 * 8 * 4 + 5 * 80
    half = replace(context(NEAREST, NEAREST, channels=C), float16=True)
    assert 2 * 13 * 8 * 2 < ROWS["1×1 convolution"].cost(half).bytes < 2 * 13 * 8 * 2 + 5 * 80


def test_exact_mapping_needs_ios_13_whatever_the_layers():
    asked = context(UP2, UP2, EXACT4, channels=C)
    assert cheapest(asked, 4).spec_version == 4
    assert cheapest(asked, 3) is None
    assert cheapest(context(UP2, UP2, channels=C), 4).spec_version == 1


def test_nothing_follows_a_fraction_or_an_unknown_number_of_channels():
    flexible = context(ALIGN, ALIGN, channels=C, factors=(1.7, 1.7))
    assert cheapest(flexible, 10) is None
    unknown = replace(context(UP2, UP2), factors=(2.0, 2.0))
    assert cheapest(unknown, 10) is None
    assert cheapest(replace(unknown, channels=C), 10).replacement.name == "deconvolution"
