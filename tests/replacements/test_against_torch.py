"""Every replacement computes what torch.nn.functional.interpolate computes (1.4 and later)."""

import inspect
import re
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

from coreml_resize_fix.conventions import torch as dialect  # noqa: E402
from tests.support.replacing import (  # noqa: E402
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

interpolate = torch.nn.functional.interpolate
VERSION = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])
HAS_RECOMPUTE = "recompute_scale_factor" in inspect.signature(interpolate).parameters
# nearest-exact and antialias changed between 1.12 and 2.13; the dialect describes 2.13.
IS_RECENT = VERSION >= (2, 13)
CASES = [
    key for key in sorted(dialect.MODES) if IS_RECENT or not (key[2] or key[0] == "nearest-exact")
]
# PyTorch computes float32 images in float32: coordinates of 40 pixels are 2e-6 off at most, and
# cubic weights and sums of many taps add their own rounding.
SMALL = 1e-5
# align_corners multiplies a rounded (X - 1) / (N - 1) by up to N - 1: 7e-5 at larger sizes.
LARGE = 1e-4

FACTORS = (0.15, 0.3, 0.5, 0.77, 0.99, 1.13, 1.5, 2.02, 2.3, 2.5, 3.7)
WHOLE = (2, 3, 4, 5, 6, 7, 8)


def call(x, key, **size):
    """interpolate() on the last two axes, with the parameters that this mode takes."""
    mode, align_corners, antialias = key
    if mode in ("bilinear", "bicubic"):
        size["align_corners"] = align_corners
    if antialias:
        size["antialias"] = True
    flat = torch.from_numpy(x.astype(np.float32)).reshape(-1, *x.shape[-3:])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = interpolate(flat, mode=mode, **size)
    return made.reshape(x.shape[:-2] + tuple(made.shape[-2:])).double().numpy()


def axes(key, before, after, scale=None, recompute=None):
    return [
        dialect.axis(*key, x, n, scale, recompute, version=VERSION) for x, n in zip(before, after)
    ]


def sizes(seed, count):
    """Input and output sizes from 1 to 40; wide enough for PyTorch's antialias."""
    random = np.random.RandomState(seed)
    return [
        (tuple(random.randint(1, 41, 2)), tuple(random.randint(1, 41, 2))) for _ in range(count)
    ]


def check(key, layout, x, expected, pair, tolerance=SMALL, rows=REPLACEMENTS):
    """Compare what every replacement makes of x; how many could express it."""
    found = 0
    asked = context(*pair, layout, channels=x.shape[-3])
    for row in rows:
        built = row.build(asked)
        if built is not None:
            assert error(run(built, x), expected) <= tolerance, (row.name, pair)
            found += 1
    return found


def name_of(key):
    return "{}-align_corners={}-antialias={}".format(*key)


def skips(key, before, after):
    # Antialias of PyTorch 2.13 repeats the first row where it sees one column (contiguous input).
    # Bicubic of 1.4 fills the first image of a batch only where both sizes stay.
    copies_one = VERSION < (1, 9) and key[0] == "bicubic" and before == after
    return copies_one or (key[2] and 1 in (before[1], after[1]))


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
@pytest.mark.parametrize("key", CASES, ids=name_of)
def test_any_size(key, layout):
    for number, (before, after) in enumerate(sizes(7, 25)):
        before, after = tuple(map(int, before)), tuple(map(int, after))
        if skips(key, before, after):
            continue
        x = images(LAYOUTS[layout], 1 + number % 3, *before, seed=number)
        expected = call(x, key, size=after)
        assert check(key, LAYOUTS[layout], x, expected, axes(key, before, after))


@pytest.mark.parametrize("key", CASES, ids=name_of)
def test_corners_of_the_sizes(key):
    edge = [(1, 1), (1, 5), (5, 1), (2, 1), (1, 2), (2, 2), (3, 40), (40, 3), (7, 7), (40, 1)]
    for rows, columns in zip(edge, edge[3:] + edge[:3]):
        before, after = (rows[0], columns[0]), (rows[1], columns[1])
        if skips(key, before, after):
            continue
        for layout in (RANK5, EXACT4):
            x = images(layout, 2, *before)
            assert check(key, layout, x, call(x, key, size=after), axes(key, before, after))


@pytest.mark.parametrize("factor", WHOLE)
@pytest.mark.parametrize("key", CASES, ids=name_of)
def test_whole_factors(key, factor):
    # Odd and even together, up along one axis or both, and down.
    other = factor % 8 + 1
    for before, after in [
        ((5, 6), (5 * factor, 6 * other)),
        ((4, 3), (4 * factor, 3)),
        ((2 * factor, 3 * other), (2, 3)),
        ((3 * factor, 5), (3, 5)),
    ]:
        for layout in (RANK5, EXACT4):
            x = images(layout, 3, *before)
            assert check(key, layout, x, call(x, key, size=after), axes(key, before, after))


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("recompute", [None, True] if HAS_RECOMPUTE else [None])
@pytest.mark.parametrize("key", CASES, ids=name_of)
def test_scale_factors(key, recompute, factor):
    if key[0] == "area" and factor == 0.15:
        pytest.skip("leaves no pixel of six")
    for before in [(7, 10), (11, 8), (16, 33)]:
        more = {} if recompute is None else {"recompute_scale_factor": recompute}
        x = images(RANK5, 2, *before)
        expected = call(x, key, scale_factor=factor, **more)
        pair = axes(key, before, expected.shape[-2:], factor, recompute)
        assert check(key, RANK5, x, expected, pair)
        assert check(key, EXACT4, x[0], expected[0], pair)


LARGE_SIZES = [((64, 128), (127, 250)), ((200, 150), (333, 512)), ((300, 100), (75, 800))]


@pytest.mark.parametrize("key", CASES, ids=name_of)
def test_large_sizes(key):
    for before, after in LARGE_SIZES:
        x = images((False, 5, (1, 1)), 1, *before)
        pair = axes(key, before, after)
        expected = call(x, key, size=after)
        assert check(key, RANK5, x, expected, pair, tolerance=LARGE)


@pytest.mark.parametrize(
    ("row", "key", "before", "after"),
    [
        ("deconvolution", ("bilinear", False, False), (5, 6), (10, 18)),
        ("deconvolution", ("bicubic", False, False), (5, 6), (20, 18)),
        ("strided convolution", ("bilinear", False, False), (6, 8), (3, 2)),
        ("Upsample and crop", ("bilinear", False, False), (5, 6), (15, 30)),
        ("matrix product", ("bicubic", True, False), (5, 6), (9, 4)),
        ("1×1 convolution", ("bicubic", True, False), (5, 6), (9, 4)),
        ("gather", ("nearest", False, False), (5, 6), (9, 4)),
    ],
)
@pytest.mark.parametrize("layout", [SEQUENCE, (True, 5, (3, 2)), EXACT5])
def test_sequences_and_batches(row, key, before, after, layout):
    x = images(layout, 4, *before)
    asked = context(*axes(key, before, after), layout, channels=4)
    built = ROWS[row].build(asked)
    expects = {"gather": layout[0], "matrix product": layout[0]}.get(row, True)
    assert (built is not None) == expects
    if built is not None:
        assert error(run(built, x), call(x, key, size=after)) <= SMALL


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_many_channels(layout):
    before, after = (9, 8), (18, 24)
    key = ("bilinear", False, False)
    x = images(LAYOUTS[layout], 70, *before)
    assert check(key, LAYOUTS[layout], x, call(x, key, size=after), axes(key, before, after)) >= 3


@pytest.mark.parametrize("key", CASES, ids=name_of)
def test_everything_has_a_replacement_on_ios_11(key):
    for before, after in sizes(11, 10):
        before, after = tuple(map(int, before)), tuple(map(int, after))
        if skips(key, before, after):
            continue
        pair = axes(key, before, after)
        choice = cheapest(context(*pair, channels=2), 1)
        x = images(RANK5, 2, *before)
        assert choice.spec_version == 1
        assert error(run(choice.layers, x), call(x, key, size=after)) <= SMALL
