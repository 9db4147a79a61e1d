"""The torch dialect against PyTorch itself (1.4 and later), by resizing identity matrices."""

import inspect
import re
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

from coreml_resize_fix.dialects import torch as dialect  # noqa: E402
from coreml_resize_fix.sampling import matrix, resize, taps  # noqa: E402

interpolate = torch.nn.functional.interpolate
VERSION = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])
HAS_RECOMPUTE = "recompute_scale_factor" in inspect.signature(interpolate).parameters
HAS_ANTIALIAS = "antialias" in inspect.signature(interpolate).parameters

INPUT_SIZES = (1, 2, 3, 5, 7, 10, 16, 27, 33, 64, 70)
SCALE_FACTORS = (0.15, 0.3, 0.5, 0.77, 0.99, 1.0, 1.03, 1.13, 1.5, 2.0, 2.02, 2.3, 2.5, 3.0, 3.7)
# PyTorch computes coordinates in the precision of its input (nearest excepted), so float64 input
# shows the grid itself; 1e-9 is rounding over 70 pixels, three orders above what is seen.
GRID_TOLERANCE = 1e-9
# float32 coordinates: align_corners multiplies a rounded (X-1)/(N-1) by up to N-1.
VALUE_TOLERANCE = {True: 1e-4, False: 2e-5}

CASES = [
    key
    for key in sorted(dialect.MODES)
    if HAS_ANTIALIAS or not (key[2] or key[0] == "nearest-exact")
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


def torch_matrix(key, input_size, dtype=torch.float64, **size):
    eye = torch.eye(input_size, dtype=dtype).reshape(1, input_size, input_size, 1)
    return call(eye, *key, **size)[0, :, :, 0].numpy().T


def name_of(key):
    return "{}-align_corners={}-antialias={}".format(*key)


@pytest.mark.parametrize("key", CASES, ids=name_of)
def test_size_gives_the_same_matrix(key):
    for before in INPUT_SIZES:
        for after in range(1, 71):
            ours = matrix(dialect.axis(*key, before, after, version=VERSION))
            theirs = torch_matrix(key, before, size=(after, 1))
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
            if keeps_size_of_old_bicubic(key, before, after):
                continue
            ours = matrix(dialect.axis(*key, before, after, factor, recompute, VERSION))
            worst = np.abs(ours - theirs).max()
            assert worst <= GRID_TOLERANCE, f"{before} * {factor} ({recompute}): {worst}"


def keeps_size_of_old_bicubic(key, before, after):
    """Before 2.x a bicubic call that kept both sizes copied its input; seen in 1.6, not in 2.13."""
    return key[0] == "bicubic" and before == after and (1, 6) <= VERSION < (2, 13)


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
        pytest.skip(f"needs mode {mode}: pip install 'torch>=1.11'")
    random = np.random.default_rng(0) if hasattr(np.random, "default_rng") else np.random
    sizes = random.integers(1, 4097, (400, 2)).tolist()
    # Sizes whose ratio is not representable and whose products are whole: ties of the floor.
    sizes += [(3 * k, 49 * k) for k in range(1, 60)] + [(49 * k, 3 * k) for k in range(1, 60)]
    for before, after in sizes:
        line = torch.arange(before, dtype=torch.float64).reshape(1, 1, before, 1)
        theirs = call(line, mode, None, False, size=(after, 1)).numpy().ravel()
        index, weight = taps(dialect.axis(mode, None, False, before, after, version=VERSION))
        assert (index[:, 0] == theirs).all(), f"{before} -> {after}"
        assert (weight == 1).all()
    for factor in (1.1, 1.7, 2.0009, 3.3, 0.7, 1 / 3):
        for before in range(1, 2000, 37):
            after = dialect.output_size(before, factor)
            if after < 1:
                continue
            line = torch.arange(before, dtype=torch.float64).reshape(1, 1, before, 1)
            theirs = call(line, mode, None, False, scale_factor=(factor, 1.0)).numpy().ravel()
            spec = dialect.axis(mode, None, False, before, after, factor, None, VERSION)
            assert (taps(spec)[0][:, 0] == theirs).all(), f"{before} * {factor}"


@pytest.mark.parametrize("key", CASES, ids=name_of)
@pytest.mark.parametrize(
    "before, after",
    [((10, 12), (25, 31)), ((27, 9), (53, 4)), ((1, 16), (5, 16)), ((33, 70), (1, 7))],
)
def test_float32_values_on_both_axes(key, before, after):
    x = np.random.RandomState(0).standard_normal((2, 3) + before).astype(np.float32)
    specs = [dialect.axis(*key, b, a, version=VERSION) for b, a in zip(before, after)]
    ours = resize(x, *specs)
    theirs = call(torch.from_numpy(x), *key, size=after).numpy()
    assert ours.shape == theirs.shape and ours.dtype == np.float32
    assert np.abs(ours - theirs).max() <= VALUE_TOLERANCE[key[1]] * np.abs(theirs).max()


@pytest.mark.parametrize("mode, shape", [("linear", (1, 6, 6)), ("trilinear", (1, 6, 6, 1, 1))])
def test_linear_and_trilinear_are_bilinear_along_each_axis(mode, shape):
    eye = torch.eye(6, dtype=torch.float64).reshape(shape)
    size = (11,) + (1,) * (len(shape) - 3)
    theirs = interpolate(eye, size=size, mode=mode, align_corners=False).reshape(6, 11).numpy().T
    ours = matrix(dialect.axis(mode, False, False, 6, 11, version=VERSION))
    assert np.abs(ours - theirs).max() <= GRID_TOLERANCE
