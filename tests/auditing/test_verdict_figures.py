"""Figures of verdicts: shifts in pixels, versions of PyTorch, factors in float32, messages."""

import numpy as np
import pytest

from coreml_resize_fix.intents.model import Intent
from tests.auditing.verdict_values import (
    corners,
    default,
    endpoints,
    false,
    fractional,
    half,
    judge,
    near,
    scaled,
    static,
    strict,
    true,
    unknown,
    upsample,
)

# Largest distance in source pixels, measured with PyTorch's own grids; three digits.
SHIFTS = [
    (true, 64, 128, upsample, 0.496),
    (true, 64, 128, strict, 0.0),
    (true, 64, 128, lambda h, w: half(2, 2), 0.246),
    (false, 64, 128, upsample, 0.250),
    (false, 64, 128, strict, 0.246),
    (false, 64, 128, lambda h, w: half(2, 2), 0.0),
    (true, 27, 53, upsample, 0.481),
    (true, 27, 53, strict, 0.0),
    (false, 27, 53, upsample, 0.245),
    (false, 27, 53, strict, 0.236),
    (true, 7, 1, upsample, 0.0),
    (true, 7, 1, endpoints, 3.0),
    (false, 7, 1, strict, 3.0),
    (false, 7, 1, endpoints, 0.0),
]


@pytest.mark.parametrize(("call", "before", "after", "params", "shift"), SHIFTS)
def test_shift(call, before, after, params, shift):
    found = judge(call(after, after), static(params(after, after), (before, before)))
    assert found.max_shift_px == pytest.approx(shift, abs=5e-4)
    assert (found.verdict == "match") == (shift == 0)


def test_shift_is_the_larger_of_both_axes():
    both = judge(true(128, 53), static(upsample(128, 53), (64, 27)))
    assert both.max_shift_px == pytest.approx(0.496, abs=5e-4)


def test_shift_of_another_size_is_not_known():
    assert judge(true(25, 31), static(default(2, 2), (10, 12))).max_shift_px is None


# 7 pixels times 1.5: 1 / 1.5 is no ratio of sizes. The layer follows X / N, as PyTorch <= 1.4 did.
@pytest.mark.parametrize(
    ("version", "recompute", "verdict"),
    [
        ("1.4.0", None, "match"),
        ("1.1", None, "match"),
        ("1.5.1", None, "match"),
        ("1.5.1", False, "unmatchable"),
        ("1.6.0", None, "unmatchable"),
        ("1.13.1", None, "unmatchable"),
        (None, None, "unmatchable"),
        ("2.13.0+cpu", True, "match"),
        ("2.13.0+cpu", False, "unmatchable"),
    ],
)
def test_versions_of_pytorch(version, recompute, verdict):
    call = scaled(1.5, 1.5, framework_version=version, recompute_scale_factor=recompute)
    found = judge(call, static(fractional("ALIGN_CORNERS_FALSE", (7, 7), (10, 10)), (7, 7)))
    assert found.verdict == verdict
    if verdict == "unmatchable":
        assert found.codes == ("RSZ101", "RSZ302")
        # PyTorch and Core ML are furthest apart at the last pixel: both are clamped there at 6.
        positions = np.clip((np.arange(10) + 0.5) / 1.5 - 0.5, 0, 6)
        layer = np.clip((np.arange(10) + 0.5) * 0.7 - 0.5, 0, 6)
        assert found.max_shift_px == pytest.approx(np.abs(positions - layer).max(), abs=1e-6)


SIZES = [(4, 6), (10, 25), (12, 31), (7, 10), (64, 128), (100, 99), (640, 1), (1200, 2401)]
SIZES += [(n, n + n // 3) for n in range(1, 1802, 97)] + [(2400, 2401), (801, 2401), (2401, 2399)]


@pytest.mark.parametrize(("before", "after"), SIZES)
def test_factors_in_float32_keep_their_size(before, after):
    """coremltools stores (N + 1e-4) / X: the size counts, never the factor."""
    params = fractional("ALIGN_CORNERS_TRUE", (before, 3), (after, 7))
    found = judge(true(after, 7), static(params, (before, 3)))
    assert (found.verdict, found.codes) == ("match", ())


@pytest.mark.parametrize(
    ("before", "after", "factor"), [(1200, 2401, 2), (1024, 1025, 1), (2001, 6004, 3)]
)
def test_a_factor_that_lost_its_fraction(before, after, factor):
    found = judge(true(after, after), static(corners(factor, factor), (before, before)))
    assert (found.verdict, found.codes) == ("fixable", ("RSZ102",))
    assert found.after == strict(after, after)


RANK_5 = (
    "`--deployment-target iOS14` does not help here: its modes need exact ranks, and the blobs of "
    "this network have rank 5"
)
MESSAGES = [
    (
        true(25, 31, name="decoder.up1"),
        static(default(2, 2), (10, 12)),
        "`up` is `Upsample BILINEAR ×2,2 DEFAULT` and `decoder.up1` asks for `bilinear "
        "corners=True size=25×31`: 10×12 becomes 20×24 instead of 25×31; `ResizeBilinear "
        "25×31 STRICT_ALIGN_ENDPOINTS` is the same",
    ),
    (
        true(128, 128, index=2),
        static(upsample(128, 128), (64, 64)),
        "`up` is `ResizeBilinear 128×128 UPSAMPLE` and `resizes[2]` asks for `bilinear "
        "corners=True size=128×128`: it reads up to 0.496 source pixels away; "
        "`ResizeBilinear 128×128 STRICT_ALIGN_ENDPOINTS` is the same",
    ),
    (
        false(128, 128, layer="up"),
        static(default(2, 2), (64, 64)),
        "`up` is `Upsample BILINEAR ×2,2 DEFAULT` and `up` asks for `bilinear corners=False "
        "size=128×128`: it reads up to 0.250 source pixels away; no layer up to this target "
        "samples at half-pixel centers (align_corners=False); closest is `ResizeBilinear 128×128 "
        "STRICT_ALIGN_ENDPOINTS`, up to 0.246 source pixels off; " + RANK_5,
    ),
    (
        false(53, 53, name="x"),
        static(strict(53, 53), (27, 27)),
        "`up` is `ResizeBilinear 53×53 STRICT_ALIGN_ENDPOINTS` and `x` asks for `bilinear "
        "corners=False size=53×53`: it reads up to 0.236 source pixels away; no layer up to "
        "this target samples at half-pixel centers (align_corners=False); closest is the file's "
        "own setting, up to 0.236 source pixels off; " + RANK_5,
    ),
    (
        near(20, 24, name="x"),
        static(corners(2, 2), (10, 12)),
        "`up` is `Upsample BILINEAR ×2,2 ALIGN_CORNERS_TRUE` and `x` asks for `nearest "
        "size=20×24`: it interpolates where the nearest pixel was copied; `Upsample NN ×2,2` is "
        "the same",
    ),
    (
        true(20, 24, name="x"),
        static(corners(2, 2), (10, 12)),
        "`up` is `Upsample BILINEAR ×2,2 ALIGN_CORNERS_TRUE` and `x` asks for `bilinear "
        "corners=True size=20×24`: they are the same",
    ),
    (
        scaled(2.0, 3.0, name="x"),
        unknown(default(2, 2)),
        "`up` is `Upsample BILINEAR ×2,2 DEFAULT` and `x` asks for `bilinear corners=False "
        "scale_factor=2,3`: neither the model nor the intent says which size the layer gets or "
        "should make",
    ),
    (
        true(20, 24, name="x"),
        unknown(default(2, 2)),
        "`up` is `Upsample BILINEAR ×2,2 DEFAULT` and `x` asks for `bilinear corners=True "
        "size=20×24`: it makes a size that follows its input instead of 20×24; `ResizeBilinear "
        "20×24 STRICT_ALIGN_ENDPOINTS` is the same",
    ),
    (
        true(20, 24, name="x"),
        unknown(strict(40, 48)),
        "`up` is `ResizeBilinear 40×48 STRICT_ALIGN_ENDPOINTS` and `x` asks for `bilinear "
        "corners=True size=20×24`: it makes 40×48 instead of 20×24; `ResizeBilinear 20×24 "
        "STRICT_ALIGN_ENDPOINTS` is the same",
    ),
    (
        true(20, 24, name="x", input_size=(9, 9)),
        static(default(2, 2), (10, 12)),
        "`up` is `Upsample BILINEAR ×2,2 DEFAULT` and `x` asks for `bilinear corners=True "
        "size=20×24`: `x` was recorded with input size 9×9, and `up` gets 10×12",
    ),
]


@pytest.mark.parametrize(("intent", "layer", "message"), MESSAGES)
def test_messages(intent, layer, message):
    assert judge(intent, layer).message == message


def test_a_distance_below_three_digits_has_one_digit():
    """The call steps by 1 / 2.00004 = 0.49999, the layer by 12 / 24: 23.5 steps on it is 0.0002."""
    layer = static(half(2, 2), (10, 12), modern=True)
    message = judge(scaled(2.00004, 2.00004, name="x"), layer).message
    assert "it reads up to 0.0002 source pixels away, as it steps" in message
    assert message.endswith("closest is the file's own setting, up to 0.0002 source pixels off")


def test_of_equal_positions_no_distance_is_told():
    """The mean of four pixels and the mean of the two in the middle have one centre."""
    layer = static(fractional("ALIGN_CORNERS_FALSE", (8, 12), (2, 3)), (8, 12), modern=True)
    found = judge(Intent(mode="area", size=(2, 3), name="x"), layer)
    assert found.message.endswith(
        "closest is the file's own setting, which reads at the same positions and weighs pixels "
        "otherwise"
    )


def test_message_of_a_fix_above_the_target():
    found = judge(true(25, 31, name="x"), static(default(2, 2), (10, 12)), 2)
    assert found.message.endswith(
        "`ResizeBilinear 25×31 STRICT_ALIGN_ENDPOINTS` is the same, but needs a higher deployment "
        "target"
    )
