"""Replacements against the reference resize, for axes that PyTorch does not have as well.

The reference is compared with PyTorch, TensorFlow and ONNX Runtime in tests/conventions.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coreml_resize_fix.conventions import torch
from coreml_resize_fix.replacements import filters, maps, one_size, steps
from coreml_resize_fix.replacements.case import Case
from coreml_resize_fix.sampling import KERNELS, TRANSFORMS, AxisSpec
from coreml_resize_fix.sampling.reference import resize
from tests.support.replacing import (
    EXACT3,
    EXACT4,
    EXACT5,
    LAYOUTS,
    RANK5,
    REPLACEMENTS,
    ROWS,
    SEQUENCE,
    cheapest,
    context,
    error,
    images,
    run,
)

# Weights are rounded to float32, 6e-8 each; the corners of a box to 2e-6 pixels at 40 pixels,
# which moves a value by up to twice that.
ROUNDING = {"CropResize": 1e-5}
WEIGHTS = 5e-7

sizes = st.integers(1, 40)
specs = st.builds(
    AxisSpec,
    st.sampled_from(sorted(KERNELS)),
    st.sampled_from(sorted(TRANSFORMS)),
    sizes,
    sizes,
    step=st.none() | st.floats(0.1, 5) | st.sampled_from([0.25, 0.5, 1.0, 2.0, 3.0]),
    exclude_outside=st.booleans(),
    zero_outside=st.booleans(),
)


def half_pixel(x, n, step=None):
    return AxisSpec("linear", "half_pixel", x, n, step=step)


def check(asked, layout, channels=2):
    """Run every replacement that can express it; their names."""
    x = images(layout, channels, asked.rows.input_size, asked.columns.input_size)
    expected = resize(x, asked.rows, asked.columns)
    found = []
    for row in REPLACEMENTS:
        built = row.build(asked)
        if built is not None:
            assert error(run(built, x), expected) <= ROUNDING.get(row.name, WEIGHTS), row.name
            found.append(row.name)
    return found


@pytest.mark.slow
@settings(max_examples=150)
@given(specs, specs, st.sampled_from(sorted(LAYOUTS)))
def test_any_axes(rows, columns, layout):
    asked = context(rows, columns, LAYOUTS[layout], channels=2)
    found = check(asked, LAYOUTS[layout])
    assert ("1×1 convolution" if layout == "RANK5" else "matrix product") in found


@pytest.mark.slow
@settings(max_examples=60)
@given(specs, specs)
def test_nothing_is_known_but_the_mapping(rows, columns):
    asked = context(rows, columns, EXACT4, channels=None)
    assert "matrix product" in check(replace(asked, rank=None), EXACT4)


# --- who can express what: each line would break if a replacement took too little or too much ---

UP2, UP3 = half_pixel(5, 10), half_pixel(5, 15)
ALIGN = AxisSpec("linear", "align_corners", 5, 12)
BICUBIC2 = AxisSpec("cubic", "half_pixel", 6, 12)
NEAREST = AxisSpec("nearest_floor", "asymmetric", 5, 12)
MIDDLE = AxisSpec("nearest_floor", "tf_half_pixel_for_nn", 9, 3)
AREA = AxisSpec("area", "half_pixel", 6, 3)
DOWN2 = half_pixel(6, 3)
SCALED = half_pixel(7, 10, step=1 / 1.5)
COPY = half_pixel(5, 5)


@pytest.mark.parametrize(
    ("rows", "columns", "names"),
    [
        (UP2, UP2, "deconvolution, CropResize, 1×1 convolution"),
        (UP3, UP3, "deconvolution, Upsample and crop, CropResize, 1×1 convolution"),
        (UP2, UP3, "deconvolution, CropResize, 1×1 convolution"),
        (UP3, COPY, "deconvolution, Upsample and crop, CropResize, 1×1 convolution"),
        (BICUBIC2, BICUBIC2, "deconvolution, 1×1 convolution"),
        (ALIGN, ALIGN, "CropResize, 1×1 convolution"),
        (SCALED, SCALED, "CropResize, 1×1 convolution"),
        (SCALED, UP2, "CropResize, 1×1 convolution"),
        (DOWN2, DOWN2, "strided convolution, CropResize, 1×1 convolution"),
        (DOWN2, UP2, "CropResize, 1×1 convolution"),
        (AREA, AREA, "strided convolution, CropResize, 1×1 convolution"),
        (replace(AREA, output_size=2), AREA, "strided convolution, 1×1 convolution"),
        (replace(AREA, output_size=4), AREA, "1×1 convolution"),
        (NEAREST, NEAREST, "1×1 convolution"),
        # The pixels that are chosen are evenly spaced, whatever the coordinates behind them.
        (MIDDLE, MIDDLE, "strided convolution, CropResize, 1×1 convolution"),
        # The right step, but one output more or less than the layers would make.
        (half_pixel(5, 11, step=0.5), UP2, "CropResize, 1×1 convolution"),
        (half_pixel(11, 4, step=2.0), DOWN2, "CropResize, 1×1 convolution"),
    ],
)
def test_which_replacements_there_are(rows, columns, names):
    assert ", ".join(check(context(rows, columns, channels=2), RANK5)) == names


@pytest.mark.parametrize(("axis", "reach", "count"), [(UP2, 1, 4), (UP3, 1, 5), (BICUBIC2, 2, 8)])
def test_a_deconvolution_has_no_weights_of_zero(axis, reach, count):
    """By 2 an output lies 1/4, 3/4, 5/4 and 7/4 from a pixel, to each side; linear reaches 1."""
    edges, last = filters.deconvolution(Case(axis, axis, channels=1))
    assert edges.rows == edges.columns == (reach, reach)
    assert len(last.rows.weights) == len(last.columns.weights) == count
    assert all(last.rows.weights)


def test_a_mean_of_whole_windows_needs_no_edges():
    axis = AxisSpec("area", "half_pixel", 12, 3)
    (only,) = filters.strided_convolution(Case(axis, axis, channels=1))
    assert only.rows == only.columns == steps.Kernel((0.25,) * 4, 4)


@pytest.mark.parametrize("box", [(0, 0, 4.5, 4), (0, 0, 4, 4.5), (-0.5, 0, 4, 4)])
def test_a_box_is_inside_of_the_image(box):
    """The last of 5 pixels is number 4."""
    inside = steps.CropResize((3, 3), (0, 0, 4, 4))
    assert inside.along(0, 5).matrix.tolist() == np.eye(5)[::2].tolist()
    with pytest.raises(ValueError, match="the box leaves 5 pixels"):
        [steps.CropResize((3, 3), box).along(axis, 5) for axis in (0, 1)]


def test_gather_takes_what_chooses_pixels():
    takes = [NEAREST, COPY, AxisSpec("linear", "align_corners", 9, 5)]
    for axis in takes:
        assert "gather" in check(context(axis, NEAREST, EXACT4), EXACT4)
    for axis in (UP2, AREA, replace(NEAREST, zero_outside=True, step=0.6)):
        assert "gather" not in check(context(NEAREST, axis, EXACT4), EXACT4)


def test_what_a_case_must_say():
    up = context(UP2, UP2, channels=3)
    assert ROWS["deconvolution"].build(up)
    assert ROWS["deconvolution"].build(replace(up, channels=None)) is None
    assert ROWS["strided convolution"].build(context(DOWN2, DOWN2)) is None
    exact = context(UP2, UP2, EXACT4, channels=3)
    assert ROWS["deconvolution"].build(replace(exact, rank=None)) is None
    assert ROWS["CropResize"].build(replace(exact, rank=None)) is None
    assert ROWS["CropResize"].build(exact)
    # Layers of iOS 13 in a network of RANK5 mapping are invalid.
    assert ROWS["matrix product"].build(up) is None
    assert ROWS["gather"].build(context(NEAREST, NEAREST)) is None
    # permute takes five dimensions.
    assert ROWS["1×1 convolution"].build(exact) is None
    assert ROWS["1×1 convolution"].build(context(UP2, UP2, EXACT5))


@pytest.mark.parametrize("layout", [RANK5, EXACT5])
def test_crop_resize_takes_any_batch_but_no_sequence(layout):
    assert "CropResize" in check(context(ALIGN, UP2, layout), layout)
    longer = (layout[0], 5, (3, 2))
    for sequence in (3, None):
        asked = context(ALIGN, UP2, longer, sequence=sequence)
        assert ROWS["CropResize"].build(asked) is None


def test_no_other_replacement_minds_a_sequence():
    for rows in (UP2, UP3, DOWN2, BICUBIC2, NEAREST):
        assert "1×1 convolution" in check(context(rows, rows, SEQUENCE, channels=2), SEQUENCE)
    assert "deconvolution" in check(context(UP2, UP2, SEQUENCE, channels=2), SEQUENCE)


# --- flexible inputs ---

# (kernel, transform, factor) that a replacement follows at every size
FOLLOWED = [
    ("linear", "half_pixel", 2.0, "deconvolution"),
    ("linear", "half_pixel", 3.0, "deconvolution, Upsample and crop"),
    ("linear", "half_pixel", 8.0, "deconvolution"),
    ("linear", "asymmetric", 3.0, "deconvolution"),
    ("linear", "align_corners", 2.0, ""),
    ("cubic", "half_pixel", 4.0, "deconvolution"),
    ("linear", "half_pixel", 0.5, "strided convolution"),
    ("linear", "half_pixel", 1 / 3, "strided convolution"),
    ("cubic", "half_pixel", 0.5, "strided convolution"),
    ("antialias_linear", "half_pixel", 3.0, "deconvolution, Upsample and crop"),
    ("antialias_linear", "half_pixel", 0.5, ""),
    ("nearest_floor", "asymmetric", 0.25, "strided convolution"),
    ("linear", "half_pixel", 1.5, ""),
    ("linear", "half_pixel", 0.4, ""),
    ("linear", "half_pixel", 1.0, "deconvolution, strided convolution, Upsample and crop"),
]


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("row", FOLLOWED, ids=str)
@pytest.mark.parametrize("layout", [RANK5, EXACT4, EXACT3])
def test_one_replacement_for_every_size(row, layout):
    kernel, transform, factor, names = row

    def axis(x):
        # PyTorch's step for a scale factor.
        excludes = kernel.startswith("antialias")
        n = math.floor(x * factor)
        return AxisSpec(kernel, transform, x, n, step=1 / factor, exclude_outside=excludes)

    asked = context(axis(8), axis(12), layout, channels=2, factors=(factor, factor))
    built = {row.name: row.build(asked) for row in REPLACEMENTS}
    assert ", ".join(name for name, layers in built.items() if layers) == names
    least = math.ceil(1 / factor)
    for height, width in [(least, 40), (7, 11), (9, least + 1), (16, 25), (100, 3 + least)]:
        if min(math.floor(height * factor), math.floor(width * factor)) < 1:
            continue
        x = images(layout, 2, height, width)
        expected = resize(x, axis(height), axis(width))
        for layers in filter(None, built.values()):
            assert error(run(layers, x), expected) <= WEIGHTS


def test_a_flexible_size_is_not_judged_by_one_pixel():
    # From one pixel everything looks the same.
    one = AxisSpec("linear", "align_corners", 1, 2)
    flexible = context(one, one, channels=1, factors=(2.0, 2.0))
    assert cheapest(flexible, 1) is None
    assert cheapest(replace(flexible, factors=None), 1) is not None


def test_other_sizes_of_a_flexible_input_count():
    up = context(UP2, UP2, channels=1, factors=(2.0, 2.0))
    assert ROWS["deconvolution"].build(up)
    same, other = half_pixel(9, 18), AxisSpec("linear", "align_corners", 9, 18)
    assert ROWS["deconvolution"].build(replace(up, others=((same, same),)))
    for pair in ((same, other), (other, same)):
        assert ROWS["deconvolution"].build(replace(up, others=(pair,))) is None


def test_sizes_may_be_enumerated():
    # X / N is 2 at even sizes only.
    half = context(half_pixel(8, 4), half_pixel(8, 4), channels=1, factors=(0.5, 0.5))
    assert ROWS["strided convolution"].build(half) is None
    even = replace(half, enumerated=True, others=((half_pixel(12, 6), half_pixel(20, 10)),))
    assert ROWS["strided convolution"].build(even)
    odd = replace(half, enumerated=True, others=((half_pixel(9, 4), half_pixel(20, 10)),))
    assert ROWS["strided convolution"].build(odd) is None


def test_one_pixel_is_special_in_old_pytorch():
    # Before 1.10 the first pixel is sampled where one is left.
    axes = [torch.axis("bilinear", False, False, x, x // 2, version=(1, 4)) for x in (8, 2)]
    half = context(axes[0], axes[0], channels=1, factors=(0.5, 0.5), enumerated=True)
    assert ROWS["strided convolution"].build(half)
    assert ROWS["strided convolution"].build(replace(half, others=((axes[1],) * 2,))) is None


# --- precision ---


def float16_used(layers):
    return any(b"float16Value" in text.encode() for text in map(str, layers))


@pytest.mark.parametrize(
    ("row", "axis", "halved"),
    [
        ("deconvolution", half_pixel(5, 20), True),  # weights are multiples of 1/64
        ("deconvolution", half_pixel(5, 15), False),  # thirds
        ("strided convolution", half_pixel(6, 3), True),
        ("strided convolution", AxisSpec("area", "half_pixel", 9, 3), False),
        ("1×1 convolution", NEAREST, True),
        ("1×1 convolution", ALIGN, False),
        ("matrix product", NEAREST, True),
        ("matrix product", ALIGN, False),
        ("gather", NEAREST, False),
        ("CropResize", half_pixel(5, 20), False),
    ],
)
def test_half_precision_is_used_where_it_changes_nothing(row, axis, halved):
    layout = EXACT4 if row in ("gather", "matrix product") else RANK5
    single = context(axis, axis, layout, channels=2)
    whole, half = (ROWS[row].build(asked) for asked in (single, replace(single, float16=True)))
    assert not float16_used(whole)
    assert float16_used(half) == halved
    x = images(layout, 2, axis.input_size, axis.input_size)
    np.testing.assert_array_equal(run(whole, x), run(half, x))


def test_indices_stay_whole_in_float16_networks():
    # 2049 is not a number of half precision.
    axis = AxisSpec("nearest_floor", "asymmetric", 3000, 1500)
    asked = context(COPY, axis, EXACT4, float16=True)
    x = np.arange(2 * 1 * 5 * 3000.0).reshape(2, 1, 5, 3000)
    np.testing.assert_array_equal(run(ROWS["gather"].build(asked), x), x[..., ::2])


def test_a_box_is_used_where_float32_is_fine_enough():
    fine = context(half_pixel(500, 450), half_pixel(10, 10), channels=1)
    coarse = context(half_pixel(3000, 2900), half_pixel(10, 10), channels=1)
    # Quarters of a pixel are exact at any size.
    exact = context(half_pixel(3000, 6000), half_pixel(10, 10), channels=1)
    assert ROWS["CropResize"].build(fine)
    assert ROWS["CropResize"].build(coarse) is None
    assert ROWS["CropResize"].build(exact)


@pytest.mark.slow
def test_what_no_file_can_hold_is_refused():
    huge = context(AxisSpec("cubic", "half_pixel", 40000, 39999), COPY, channels=1)
    assert cheapest(huge, 10) is None
    # A pattern per channel, where a matrix does the same with less.
    wide = context(*[AxisSpec("area", "half_pixel", 512, 1)] * 2, channels=64)
    assert ROWS["strided convolution"].build(wide) is None
    assert cheapest(wide, 1).replacement.name == "1×1 convolution"


@pytest.mark.parametrize(
    ("size", "factor", "repeated"),
    [(7, 1.5, 1), (8, 1.5, None), (10, 1.3, None), (11, 1.3, 9), (13, 0.75, 3), (5, 2.25, 3)],
)
def test_a_factor_of_small_numbers_is_a_padded_resize(size, factor, repeated):
    """Output i lies at (i + 1/2) / s - 1/2, from pixel to pixel, and reads the edge beyond it."""
    count = int(size * factor)
    axis = AxisSpec("linear", "half_pixel", size, count, step=1 / factor)
    found = one_size.padded_resize(Case(axis, axis))
    if repeated is not None:  # otherwise the size is a whole number of pixels
        assert found[0] == steps.RepeatEdges((0, repeated), (0, repeated))
    held = steps.computed(found, steps.HEIGHT, size).matrix
    at = np.clip((np.arange(count) + 0.5) / factor - 0.5, 0, size - 1)
    ramp = np.linspace(-1, 1, size) ** 3
    np.testing.assert_allclose(held @ ramp, np.interp(at, np.arange(size), ramp), atol=1e-12)


def test_no_padded_resize_for_other_calls():
    odd = AxisSpec("linear", "half_pixel", 40, 54, step=1 / 1.37)  # 137 / 100
    assert one_size.padded_resize(Case(odd, odd)) is None
    cubic = AxisSpec("cubic", "half_pixel", 7, 10, step=1 / 1.5)
    assert one_size.padded_resize(Case(cubic, cubic)) is None
    aligned = AxisSpec("linear", "align_corners", 7, 10)
    assert one_size.padded_resize(Case(aligned, aligned)) is None


def test_maps_that_differ_by_a_share_of_each_weight():
    exact = maps.LinearMap.of(AxisSpec("cubic", "half_pixel", 8, 13))
    halves = replace(exact, weight=exact.weight.astype(np.float16).astype(float))
    assert halves.equals(exact, 2.0**-25, 2.0**-11)
    assert not halves.equals(exact, 1e-9)
    small = np.unravel_index(
        np.argmin(np.abs(exact.weight) + (exact.weight == 0)), exact.weight.shape
    )
    changed = halves.weight.copy()
    changed[small] *= 1.01  # which is less than a rounding of the largest
    assert not replace(halves, weight=changed).equals(exact, 2.0**-25, 2.0**-11)
