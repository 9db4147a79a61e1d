"""Laws that hold for every axis, whatever the sizes: found wrong by hypothesis or not at all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coreml_resize_fix.sampling import (
    KERNELS,
    TRANSFORMS,
    AxisSpec,
    coordinates,
    difference,
    positions,
    taps,
)
from coreml_resize_fix.sampling.reference import matrix, resize, tap_arrays

sizes = st.integers(1, 60)
transforms = st.sampled_from(sorted(TRANSFORMS))


def specs_with(kernels):
    """One axis with any of these kernels."""
    return st.builds(
        AxisSpec,
        st.sampled_from(sorted(kernels)),
        transforms,
        sizes,
        sizes,
        step=st.none() | st.floats(0.1, 5),
        cubic_coeff_a=st.sampled_from([-0.5, -0.75]),
        in_single=st.booleans(),
        fractions=st.sampled_from([None, 1024]),
    )


# A mean of a window counts zeros beyond the image: tests/verify/test_pooling.py has its laws.
specs = specs_with(set(KERNELS) - {"mean"})
# At equal sizes these sample at the integers, and symmetrically at any size.
CENTRED = ["align_corners", "align_endpoints", "half_pixel", "half_pixel_symmetric"]
INTERPOLATING = ["linear", "cubic", "nearest_round_prefer_floor", "nearest_round_prefer_ceil"]
INTERPOLATING += ["antialias_linear", "antialias_cubic", "area", "box"]

examples = settings(max_examples=100)


@examples
@given(specs)
def test_rows_sum_to_one_and_stay_in_the_image(spec):
    index, weight = tap_arrays(spec)
    assert index.shape == weight.shape
    assert len(index) == spec.output_size
    assert (index.dtype, weight.dtype) == (np.int64, np.float64)
    assert index.min() >= 0
    assert index.max() < spec.input_size
    assert weight.sum(axis=1) == pytest.approx(np.ones(spec.output_size), abs=1e-12)


@examples
@given(specs)
def test_rows_are_values_that_sum_to_one_without_being_filled_up(spec):
    rows = taps(spec)
    assert type(rows) is tuple
    assert len(rows) == spec.output_size
    for row in rows:
        assert type(row) is tuple
        assert all(type(i) is int and type(w) is float for i, w in row)
        assert all(0 <= index < spec.input_size for index, _ in row)
        assert sum(weight for _, weight in row) == pytest.approx(1, abs=1e-12)


@examples
@given(specs_with(set(KERNELS) - {"mean", "box"}))  # which begins at i * step
def test_rows_without_the_outside_sum_to_one_at_every_pixel_of_the_image(spec):
    inside = AxisSpec(**dict(vars(spec), exclude_outside=True))
    centre = np.array(coordinates(spec))
    reached = (centre >= 0) & (centre <= spec.input_size - 1)
    assert matrix(inside).sum(axis=1)[reached] == pytest.approx(1, abs=1e-9)


@pytest.mark.slow
@examples
@given(st.sampled_from(INTERPOLATING), st.sampled_from([*CENTRED, "asymmetric", "upsample"]), sizes)
def test_equal_sizes_are_the_identity(kernel, transform, size):
    assert matrix(AxisSpec(kernel, transform, size, size)) == pytest.approx(np.eye(size), abs=1e-9)


@pytest.mark.slow
@examples
@given(
    st.sampled_from(["linear", "cubic", "antialias_linear", "antialias_cubic", "area", "box"]),
    st.sampled_from([*CENTRED, "roi_align"]),
    sizes,
    st.integers(2, 60),
)
def test_flipping_the_input_flips_the_output(kernel, transform, before, after):
    dense = matrix(AxisSpec(kernel, transform, before, after))
    assert dense[::-1, ::-1] == pytest.approx(dense, abs=1e-9)


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize(("transform", "half"), [("asymmetric", 0), ("tf_half_pixel_for_nn", 1)])
def test_nearest_floor_is_integer_division(transform, half):
    # 49 * (1 / 49) is less than one in float64.
    for before, after in [(b, a) for b in range(1, 40) for a in range(1, 120, 2)]:
        index, _ = tap_arrays(AxisSpec("nearest_floor", transform, before, after))
        expected = (2 * np.arange(after) + half) * before // (2 * after)
        assert (index[:, 0] == expected).all(), f"{before} -> {after}"


@pytest.mark.parametrize(("before", "after"), [(12, 4), (4, 12), (3, 147)])
def test_a_box_of_whole_pixels_is_their_mean(before, after):
    box, area = (AxisSpec(kernel, "asymmetric", before, after) for kernel in ("box", "area"))
    assert [len(row) for row in taps(box)] == [max(1, before // after)] * after
    assert matrix(box) == pytest.approx(matrix(area), abs=1e-15)


def test_a_box_counts_the_pixels_at_its_rim_in_part():
    # [0, 5/3], [5/3, 10/3] and [10/3, 5] of five pixels
    thirds = np.array([[3, 2, 0, 0, 0], [0, 1, 3, 1, 0], [0, 0, 0, 2, 3]]) / 5
    assert matrix(AxisSpec("box", "asymmetric", 5, 3)) == pytest.approx(thirds, abs=1e-12)


def test_fractions_round_coordinates_to_the_even_one_of_two_as_near():
    spec = AxisSpec("linear", "asymmetric", 2, 10, step=0.125, fractions=4)
    assert coordinates(spec) == (0, 0, 0.25, 0.5, 0.5, 0.5, 0.75, 1, 1, 1)
    assert coordinates(AxisSpec("cubic", "half_pixel", 2, 6, fractions=1024))[:3] == (
        -341 / 1024,
        0,
        341 / 1024,
    )


@pytest.mark.slow
@examples
@given(specs_with({"linear"}))
def test_linear_reads_at_the_clamped_coordinate(spec):
    clamped = np.clip(coordinates(spec), 0, spec.input_size - 1)
    assert positions(spec) == pytest.approx(clamped, abs=1e-9)


@pytest.mark.slow
@examples
@given(specs, specs, st.floats(-3, 3), st.integers(0, 2**32 - 1))
def test_resize_is_linear_and_separable(rows, columns, factor, seed):
    random = np.random.RandomState(seed)
    a, b = random.standard_normal((2, 3, rows.input_size, columns.input_size))
    both = resize(a + factor * b, rows, columns)
    assert both == pytest.approx(
        resize(a, rows, columns) + factor * resize(b, rows, columns), abs=1e-9
    )
    assert both == pytest.approx(
        matrix(rows) @ (a + factor * b) @ matrix(columns).T, rel=1e-9, abs=1e-9
    )


@examples
@given(specs)
def test_nothing_differs_from_itself(spec):
    found = difference(spec, spec)
    assert found.equal
    assert (found.max_shift, found.first_index) == (0, None)


@examples
@given(specs, specs)
def test_difference_agrees_with_the_dense_matrices(left, right):
    right = AxisSpec(**dict(vars(right), input_size=left.input_size, output_size=left.output_size))
    gap = np.abs(matrix(left) - matrix(right)).max(axis=1)
    found = difference(left, right)
    # Between the two bounds rounding may decide.
    assert found.equal or gap.max() > 1e-12
    assert not found.equal or gap.max() < 1e-8
    assert found.equal == difference(right, left).equal
    shift = np.abs((matrix(left) - matrix(right)) @ np.arange(left.input_size))
    assert found.max_shift == pytest.approx(shift.max(), abs=1e-9)
    assert found.mean_shift == pytest.approx(shift.mean(), abs=1e-9)
