"""The torch dialect against PyTorch itself (1.4 and later), by resizing identity matrices."""

import inspect
import re
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

from coreml_resize_fix.conventions import torch as dialect  # noqa: E402
from coreml_resize_fix.sampling import positions  # noqa: E402
from coreml_resize_fix.sampling.reference import matrix, resize, tap_arrays  # noqa: E402

interpolate = torch.nn.functional.interpolate
VERSION = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])
HAS_RECOMPUTE = "recompute_scale_factor" in inspect.signature(interpolate).parameters
# nearest-exact and antialias changed between 1.12 and 2.13; the dialect describes 2.13.
IS_RECENT = VERSION >= (2, 13)

INPUT_SIZES = (1, 2, 3, 5, 7, 10, 16, 27, 33, 64, 70)
SCALE_FACTORS = (0.15, 0.3, 0.5, 0.77, 0.99, 1.0, 1.03, 1.13, 1.5, 2.0, 2.02, 2.3, 2.5, 3.0, 3.7)
# PyTorch computes coordinates in the precision of its input, so float64 input shows the grid
# itself; 1e-9 is three orders above float64 rounding over 70 pixels.
GRID_TOLERANCE = 1e-9
# float32 coordinates: align_corners multiplies a rounded (X-1)/(N-1) by up to N-1.
VALUE_TOLERANCE = {True: 1e-4, False: 2e-5}

CASES = [
    key for key in sorted(dialect.MODES) if IS_RECENT or not (key[2] or key[0] == "nearest-exact")
]


def call(x, mode, align_corners, antialias, **size):
    """interpolate() with only the parameters that this mode and version take."""
    if mode in ("bilinear", "bicubic"):
        size["align_corners"] = align_corners
    if antialias:
        size["antialias"] = True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return interpolate(x, mode=mode, **size)


def torch_matrix(key, input_size, **size):
    # Nearest neighbour breaks ties by its precision, and the models in question are float32.
    dtype = torch.float32 if key[0].startswith("nearest") else torch.float64
    eye = torch.eye(input_size, dtype=dtype).reshape(1, input_size, input_size, 1)
    # Two columns: with one, antialias in PyTorch 2.13 repeats the first row (contiguous input).
    return call(eye.repeat(1, 1, 1, 2), *key, **size)[0, :, :, 0].numpy().T


def name_of(key):
    return "{}-align_corners={}-antialias={}".format(*key)


@pytest.mark.parametrize("key", CASES, ids=name_of)
def test_size_gives_the_same_matrix(key):
    for before in INPUT_SIZES:
        for after in range(1, 71):
            ours = matrix(dialect.axis(*key, before, after, version=VERSION))
            theirs = torch_matrix(key, before, size=(after, 2))
            worst = np.abs(ours - theirs).max()
            assert worst <= GRID_TOLERANCE, f"{before} -> {after}: {worst}"


def scale_factor_calls():
    for factor in SCALE_FACTORS:
        for recompute in (None, True, False) if HAS_RECOMPUTE else (None,):
            # 1.5 accepts False for one number only, and the second axis here has its own factor.
            if not (VERSION == (1, 5) and recompute is False):
                yield factor, recompute


@pytest.mark.parametrize("key", CASES, ids=name_of)
def test_scale_factor_gives_the_same_size_and_matrix(key):
    for before in INPUT_SIZES:
        for factor, recompute in scale_factor_calls():
            after = dialect.output_size(before, factor)
            if after < 1:
                continue
            size = {"scale_factor": (factor, 1.0)}
            if recompute is not None:
                size["recompute_scale_factor"] = recompute
            theirs = torch_matrix(key, before, **size)
            assert theirs.shape == (after, before)
            if depends_on_more_than_the_axis(key, before, after):
                continue
            ours = matrix(dialect.axis(*key, before, after, factor, recompute, VERSION))
            worst = np.abs(ours - theirs).max()
            assert worst <= GRID_TOLERANCE, f"{before} * {factor} ({recompute}): {worst}"


def depends_on_more_than_the_axis(key, before, after):
    """Sizes at which old versions went by both axes (bicubic) or by memory layout (nearest)."""
    if key[0] == "bicubic":
        return before == after and VERSION < (1, 9)
    return key[0] == "nearest" and after in (before, 2 * before) and not IS_RECENT


def test_identity_rule_holds_for_some_modes_only():
    # 7 * 1.13 = 7.91: the size stays 7. What happens then was observed on PyTorch 2.13.
    copied = {
        key: bool(np.allclose(matrix(dialect.axis(*key, 7, 7, 1.13)), np.eye(7)))
        for key in dialect.MODES
    }
    assert {key for key, is_copy in copied.items() if not is_copy} == {
        ("nearest-exact", False, False),
        ("bicubic", False, False),
    }


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_nearest_picks_the_same_pixels_at_large_sizes(mode):
    if (mode, False, False) not in CASES:
        pytest.skip(f"needs {mode} of a recent PyTorch: pip install 'torch>=2.13'")
    sizes = np.random.RandomState(0).randint(1, 4097, (400, 2)).tolist()
    # Sizes whose ratio is not representable and whose products are whole: ties of the floor.
    sizes += [(3 * k, 49 * k) for k in range(1, 60)] + [(49 * k, 3 * k) for k in range(1, 60)]
    for before, after in sizes:
        line = torch.arange(before, dtype=torch.float32).reshape(1, 1, before, 1)
        theirs = call(line, mode, None, False, size=(after, 1)).numpy().ravel()
        index, weight = tap_arrays(dialect.axis(mode, None, False, before, after, version=VERSION))
        assert (index[:, 0] == theirs).all(), f"{before} -> {after}"
        assert (weight == 1).all()
    for factor in (1.1, 1.7, 2.0009, 3.3, 0.7, 1 / 3):
        for before in range(1, 2000, 37):
            after = dialect.output_size(before, factor)
            if after in (0, before, 2 * before):
                continue
            line = torch.arange(before, dtype=torch.float32).reshape(1, 1, before, 1)
            theirs = call(line, mode, None, False, scale_factor=(factor, 1.0)).numpy().ravel()
            spec = dialect.axis(mode, None, False, before, after, factor, None, VERSION)
            assert (tap_arrays(spec)[0][:, 0] == theirs).all(), f"{before} * {factor}"


@pytest.mark.parametrize("key", CASES, ids=name_of)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((10, 12), (25, 31)),
        ((27, 9), (53, 4)),
        ((1, 16), (5, 16)),
        ((33, 70), (1, 7)),
        ((40, 3), (40, 8)),
    ],
)
def test_float32_values_on_both_axes(key, before, after):
    x = np.random.RandomState(0).standard_normal((2, 3) + before).astype(np.float32)
    specs = [dialect.axis(*key, b, a, version=VERSION) for b, a in zip(before, after)]
    ours = resize(x, *specs)
    theirs = call(torch.from_numpy(x), *key, size=after).numpy()
    assert ours.shape == theirs.shape
    assert ours.dtype == np.float32
    assert np.abs(ours - theirs).max() <= VALUE_TOLERANCE[key[1]] * np.abs(theirs).max()


@pytest.mark.parametrize(
    ("version", "mode", "expected"),
    [
        # interpolate() of 0..6 to one pixel, run on each of these PyTorch versions.
        ((1, 4), "bilinear", 0.0),
        ((1, 9), "bilinear", 0.0),
        ((1, 10), "bilinear", 3.0),
        ((2, 13), "bilinear", 3.0),
        ((1, 4), "bicubic", -0.09375),
        ((1, 9), "bicubic", -0.09375),
        ((1, 10), "bicubic", 3.0),
        (None, "bicubic", 3.0),
    ],
)
def test_one_output_pixel_changed_in_1_10(version, mode, expected):
    spec = dialect.axis(mode, False, False, 7, 1, version=version)
    assert (matrix(spec) @ np.arange(7.0)).tolist() == [pytest.approx(expected, abs=1e-12)]


@pytest.mark.parametrize(
    ("version", "recompute", "follows_scale"),
    [
        # interpolate(scale_factor=1.5) of 7 pixels, run on each of these PyTorch versions.
        ((1, 4), None, False),
        ((1, 4), False, False),  # it had no such parameter
        ((1, 5), None, False),
        ((1, 5), False, True),
        ((1, 5), True, False),
        ((1, 6), None, True),
        ((1, 6), False, True),
        ((1, 6), True, False),
        (None, None, True),
    ],
)
def test_scale_factor_counts_since_1_6(version, recompute, follows_scale):
    spec = dialect.axis("bilinear", False, False, 7, 10, 1.5, recompute, version)
    # Output 5: 5.5 / 1.5 - 0.5 or 5.5 * 7 / 10 - 0.5
    assert positions(spec)[5] == pytest.approx(3.1666667 if follows_scale else 3.35, abs=1e-6)


@pytest.mark.parametrize(("mode", "shape"), [("linear", (1, 6, 6)), ("trilinear", (1, 6, 6, 1, 1))])
def test_linear_and_trilinear_are_bilinear_along_each_axis(mode, shape):
    eye = torch.eye(6, dtype=torch.float64).reshape(shape)
    size = (11,) + (1,) * (len(shape) - 3)
    theirs = interpolate(eye, size=size, mode=mode, align_corners=False).reshape(6, 11).numpy().T
    ours = matrix(dialect.axis(mode, False, False, 6, 11, version=VERSION))
    assert np.abs(ours - theirs).max() <= GRID_TOLERANCE
