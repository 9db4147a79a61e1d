"""The reference resize: shapes, dtypes, memory layouts, refusals; values by np.interp."""

import numpy as np
import pytest

from coreml_resize_fix.sampling import AxisSpec, positions, taps
from coreml_resize_fix.sampling.reference import resize

ROWS = AxisSpec("linear", "align_corners", 9, 14)
COLUMNS = AxisSpec("linear", "half_pixel", 11, 6)


def by_interp(x):
    """The same two axes by NumPy's own linear interpolation, along W and then along H."""
    at_columns = np.clip((np.arange(6) + 0.5) * 11 / 6 - 0.5, 0, 10)
    wide = np.apply_along_axis(lambda line: np.interp(at_columns, np.arange(11), line), -1, x)
    at_rows = np.linspace(0, 8, 14)
    return np.apply_along_axis(lambda line: np.interp(at_rows, np.arange(9), line), -2, wide)


def some(*shape):
    return np.random.RandomState(1).standard_normal(shape)


@pytest.mark.parametrize("lead", [(), (1,), (5,), (2, 3), (2, 1, 3), (0,), (200,)])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-6), ("float16", 4e-3)]
)
def test_any_leading_shape_and_floating_dtype(lead, dtype, tolerance):
    x = some(*lead, 9, 11).astype(dtype)
    got = resize(x, ROWS, COLUMNS)
    assert got.shape == (*lead, 14, 6)
    assert got.dtype == x.dtype
    if x.size:
        assert np.abs(got - by_interp(x.astype("float64"))).max() <= tolerance


def test_float16_is_computed_in_float32():
    x = some(3, 9, 11).astype("float16")
    in_float32 = resize(x.astype("float32"), ROWS, COLUMNS)
    assert (resize(x, ROWS, COLUMNS) == in_float32.astype("float16")).all()


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x[:, ::-1],
        lambda x: np.asfortranarray(x),
        lambda x: x.transpose(0, 2, 1).copy().transpose(0, 2, 1),
        lambda x: np.broadcast_to(x[:1], x.shape),
        lambda x: x.astype(">f8"),
    ],
)
def test_any_memory_layout(view):
    x = view(some(4, 9, 11))
    assert resize(x, ROWS, COLUMNS) == pytest.approx(by_interp(np.array(x, "float64")), abs=1e-12)


def test_the_input_is_left_alone_and_the_result_is_a_copy():
    x = some(3, 9, 9)
    before = x.copy()
    same = AxisSpec("linear", "align_corners", 9, 9)
    got = resize(x, same, same)
    assert (got == before).all()
    got += 1
    assert (x == before).all()


def test_blocks_of_planes_join_seamlessly():
    # More planes of 300 x 300 than one block holds, and sizes that no block divides.
    rows, columns = (AxisSpec("linear", "align_corners", 150, n) for n in (300, 299))
    x = some(7, 150, 150)
    whole = resize(x, rows, columns)
    for plane, alone in zip(whole, x):
        assert (plane == resize(alone, rows, columns)).all()


def test_a_copied_axis_keeps_infinities():
    x = np.array([[1.0, np.inf, 2.0]])
    same = AxisSpec("linear", "half_pixel", 3, 3)
    assert resize(x, AxisSpec("linear", "half_pixel", 1, 1), same).tolist() == x.tolist()


def test_zero_outside_gives_zero():
    spec = AxisSpec("linear", "tf_crop_and_resize", 3, 3, box=(-2.0, 2.0), zero_outside=True)
    x = np.ones((1, 3))
    one = AxisSpec("linear", "identity", 1, 1)
    assert resize(x, one, spec).tolist() == [[0, 1, 1]]
    assert positions(spec) == (0, 0, 2)
    beyond = AxisSpec("linear", "tf_crop_and_resize", 3, 2, box=(5.0, 9.0), zero_outside=True)
    assert resize(x, one, beyond).tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((9, 12)), r"must be \(9, 11\), got shape \(9, 12\)"),
        (np.zeros(9), "shape"),
        (np.zeros((9, 11), dtype=int), "floating"),
        (np.zeros((9, 11), dtype=complex), "floating"),
    ],
)
def test_what_cannot_be_resized_is_refused(x, message):
    with pytest.raises(ValueError, match=message):
        resize(x, ROWS, COLUMNS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("linear", "half_pixel", 0, 3), "from 1 to 131072"),
        (("linear", "half_pixel", 3, 0), "from 1 to 131072"),
        (("linear", "half_pixel", 131073, 3), "from 1 to 131072"),
        (("linear", "half_pixel", 3, 131073), "from 1 to 131072"),
        (("linear", "half-pixel", 3, 3), "unknown transform 'half-pixel'"),
        (("linear", "half_pixel", 3, 3, -1.0), "negative"),
        (("linear", "half_pixel", 3, 3, float("nan")), "negative"),
        (("linear", "half_pixel", 3, 3, float("inf")), "finite"),
    ],
)
def test_a_spec_that_means_nothing_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        AxisSpec(*arguments)


def test_an_unknown_kernel_is_refused():
    with pytest.raises(ValueError, match="unknown kernel 'bilinear'; known: antialias_cubic, "):
        taps(AxisSpec("bilinear", "half_pixel", 3, 3))


def test_specs_can_be_keys():
    assert len({ROWS, COLUMNS, AxisSpec("linear", "align_corners", 9, 14)}) == 2
