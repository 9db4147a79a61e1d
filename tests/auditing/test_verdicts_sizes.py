"""Verdicts by deployment target, on flexible and unknown sizes, and without an intent."""

from dataclasses import replace

import numpy as np
import pytest

from coreml_resize_fix.auditing.decide import decide
from coreml_resize_fix.auditing.match import Match
from coreml_resize_fix.auditing.remedy import Allowed
from coreml_resize_fix.formats.neuralnetwork.parameters import LayerChain
from coreml_resize_fix.replacements.format import Place, Way
from tests.auditing.verdict_values import (
    FIXABLE,
    IOS11,
    IOS12,
    IOS14,
    MATCH,
    NEEDS,
    NEVER,
    SHIFTED,
    SIZE,
    SMOOTHED,
    corners,
    default,
    false,
    flexible,
    fractional,
    half,
    judge,
    near,
    nearest,
    scaled,
    static,
    strict,
    tensorflow,
    true,
    unknown,
    upsample,
)


def test_one_pixel_is_repaired_within_ios_11():
    found = judge(true(4, 6), static(default(2, 6), (1, 1)), IOS11)
    assert (found.verdict, found.codes, found.after) == (FIXABLE, (SIZE,), default(4, 6))


@pytest.mark.parametrize(
    ("intent", "target", "verdict", "codes", "needs"),
    [
        (true(25, 31), IOS11, NEEDS, [SIZE, "RSZ306"], ("--deployment-target iOS12",)),
        (true(20, 24), 2, NEEDS, [SHIFTED, "RSZ306"], ("--deployment-target iOS12",)),
        (true(20, 24), IOS12, FIXABLE, [SHIFTED], ()),
        (false(20, 24), IOS11, NEVER, [SHIFTED, "RSZ301"], ()),
        (near(30, 36), IOS11, FIXABLE, [SIZE], ()),
        (tensorflow(20, 24), IOS11, MATCH, [], ()),
        (tensorflow(30, 24), IOS11, FIXABLE, [SIZE], ()),
        (tensorflow(25, 31), IOS11, NEEDS, [SIZE, "RSZ306"], ("--deployment-target iOS12",)),
    ],
)
def test_deployment_target(intent, target, verdict, codes, needs):
    found = judge(intent, static(default(2, 2), (10, 12)), target)
    assert (found.verdict, list(found.codes), found.needs) == (verdict, codes, needs)
    assert (found.after is None) == (verdict in (MATCH, NEVER))


GROWN = ((10, 12), (21, 35), (40, 48))
FLEXIBLE = [
    (scaled(2.0, 2.0, align_corners=True), corners(2, 2), MATCH, [], None),
    (scaled(2.0, 2.0, align_corners=True), default(2, 2), NEVER, [SHIFTED, "RSZ305"], None),
    (scaled(2.0, 2.0), half(2, 2), MATCH, [], None),
    (scaled(2.0, 2.0), default(2, 2), NEVER, [SHIFTED, "RSZ305"], None),
    (scaled(2.0, 2.0, mode="nearest"), nearest(2, 2), MATCH, [], None),
    (scaled(2.0, 3.0, mode="nearest"), nearest(1, 1), FIXABLE, [SIZE], nearest(2, 3)),
    (scaled(2.0, 2.0, mode="nearest"), corners(2, 2), FIXABLE, [SMOOTHED], nearest(2, 2)),
    (scaled(1.5, 1.5, mode="nearest"), nearest(1, 1), NEVER, [SIZE, "RSZ305"], None),
    (scaled(3.0, 2.0, framework="tensorflow1"), corners(2, 2), FIXABLE, [SIZE], default(3, 2)),
    (true(20, 24), default(2, 2), NEVER, [SIZE, "RSZ305"], None),
    (near(20, 24), nearest(2, 2), NEVER, [SIZE, "RSZ305"], None),
    # a size that was recorded on a flexible model stands for the factor that made it
    (near(20, 24, input_size=(10, 12)), nearest(2, 2), MATCH, [], None),
    (true(20, 24, input_size=(10, 12)), corners(2, 2), MATCH, [], None),
    (true(20, 24), strict(20, 24), MATCH, [], None),
]


@pytest.mark.parametrize(("intent", "params", "verdict", "codes", "after"), FLEXIBLE)
def test_flexible_layers(intent, params, verdict, codes, after):
    found = judge(intent, flexible(params, *GROWN))
    assert (found.verdict, list(found.codes), found.after) == (verdict, codes, after)


IOS14_OPTION = ("--deployment-target iOS14",)
MODERN = [
    # align_corners=False has a layer from iOS 14 on
    (false(20, 24), default(2, 2), IOS14, FIXABLE, half(2, 2), ()),
    (false(20, 24), default(2, 2), IOS12, NEEDS, half(2, 2), IOS14_OPTION),
    (false(5, 31), default(0, 2), IOS14, FIXABLE, "ALIGN_CORNERS_FALSE", ()),
    (scaled(1.5, 1.5), default(1, 1), IOS14, FIXABLE, "ALIGN_CORNERS_FALSE", ()),
    (scaled(1.3, 1.3), default(1, 1), IOS14, NEVER, None, ()),
    # align_corners=True has one for iOS 12, which goes first
    (true(20, 24), default(2, 2), IOS14, FIXABLE, strict(20, 24), ()),
    (near(15, 12), default(1, 1), IOS14, NEVER, None, ()),
]


@pytest.mark.parametrize(("intent", "params", "target", "verdict", "after", "needs"), MODERN)
def test_layers_of_ios_14(intent, params, target, verdict, after, needs):
    found = judge(intent, static(params, (10, 12), modern=True), target)
    assert (found.verdict, found.needs) == (verdict, needs)
    if isinstance(after, str):
        assert (found.after.mode, found.after.linear_upsample_mode) == ("BILINEAR", after)
        assert found.after.scaling_factor == ()
        factors = np.float32(found.after.fractional_scaling_factor)
        made = np.floor(np.float32((10, 12)) * factors)
        assert tuple(made) == found.intended_size
        return
    assert found.after == after


MODERN_FLEXIBLE = [
    (scaled(2.0, 2.0, align_corners=True), IOS14, FIXABLE, corners(2, 2), ()),
    (scaled(2.0, 2.0, align_corners=True), IOS12, NEEDS, corners(2, 2), IOS14_OPTION),
    (scaled(3.0, 2.0), IOS14, FIXABLE, half(3, 2), ()),
    (scaled(3.0, 2.0), IOS12, NEEDS, half(3, 2), IOS14_OPTION),
    (true(20, 24), IOS14, NEVER, None, ()),
]


@pytest.mark.parametrize(("intent", "target", "verdict", "after", "needs"), MODERN_FLEXIBLE)
def test_flexible_layers_of_ios_14(intent, target, verdict, after, needs):
    found = judge(intent, flexible(default(2, 2), *GROWN, modern=True), target)
    assert (found.verdict, found.after, found.needs) == (verdict, after, needs)


LOWERED = [
    (true(20, 24), corners(2, 2), FIXABLE, ["RSZ106"], strict(20, 24)),
    (true(), fractional("ALIGN_CORNERS_TRUE", (10, 12), (25, 31)), FIXABLE, None, strict(25, 31)),
    (near(20, 24), corners(2, 2), FIXABLE, [SMOOTHED], nearest(2, 2)),
    (false(20, 24), half(2, 2), NEVER, ["RSZ106", "RSZ301"], None),
]


@pytest.mark.parametrize(("intent", "params", "verdict", "codes", "after"), LOWERED)
def test_a_layer_of_ios_14_below_its_target(intent, params, verdict, codes, after):
    found = judge(intent, static(params, (10, 12)), IOS12)
    assert (found.verdict, found.after) == (verdict, after)
    assert list(found.codes) == (codes or ["RSZ106"])


class Shop(Place):
    """A place where all steps are the same two layers, from a specification version on."""

    def __init__(self, spec_version):
        self.spec_version = spec_version

    def ways(self, steps):
        return [TwoLayers(self.spec_version)]

    def since(self, spec_version):
        return "iOS"


class TwoLayers(Way):
    count = 2

    def __init__(self, spec_version):
        self.spec_version = spec_version

    def write(self, purpose):
        return TWO_LAYERS


TWO_LAYERS = LayerChain("two", (b"", b""), size=(20, 24))
SEVERAL = [
    (Shop(1), True, FIXABLE, [SHIFTED], ()),
    (Shop(1), False, NEEDS, [SHIFTED, "RSZ309"], ("--decompose",)),
    (
        Shop(4),
        True,
        NEEDS,
        [SHIFTED, "RSZ306"],
        ("--decompose", "--deployment-target iOS13"),
    ),
]


@pytest.mark.parametrize(("shop", "decompose", "verdict", "codes", "needs"), SEVERAL)
@pytest.mark.parametrize(("layer", "ask"), [(static, false(20, 24)), (flexible, scaled(2.0, 2.0))])
def test_several_layers(shop, decompose, verdict, codes, needs, layer, ask):
    placed = replace(layer(default(2, 2), (10, 12)), place=shop)
    found = judge(ask, placed, IOS12, decompose)
    assert (found.verdict, list(found.codes), found.needs) == (verdict, codes, needs)
    assert found.after == TWO_LAYERS


def test_one_layer_goes_before_several():
    placed = replace(static(default(2, 2), (10, 12)), place=Shop(1))
    found = judge(true(20, 24), placed, IOS12, decompose=True)
    assert found.after == strict(20, 24)


def test_a_layer_above_the_target_that_would_freeze_the_model_is_no_option():
    found = judge(scaled(2.0, 2.0, align_corners=True), flexible(default(2, 2), (10, 12)), IOS11)
    assert (found.verdict, found.codes) == (NEVER, (SHIFTED, "RSZ305"))


UNKNOWN = [
    (true(20, 24), default(2, 2), FIXABLE, [SIZE], strict(20, 24)),
    (true(20, 24), strict(20, 24), MATCH, [], None),
    (true(20, 24), upsample(20, 24), FIXABLE, [SHIFTED], strict(20, 24)),
    (true(20, 24, input_size=(10, 12)), default(2, 2), FIXABLE, [SHIFTED], strict(20, 24)),
    (false(20, 24), strict(20, 24), NEVER, [SHIFTED, "RSZ301"], None),
    (near(20, 24, input_size=(10, 12)), nearest(2, 2), MATCH, [], None),
    (scaled(2.0, 2.0, input_size=(10, 12)), half(2, 2), MATCH, [], None),
    (scaled(2.0, 2.0, align_corners=True), default(2, 2), NEVER, ["RSZ307"], None),
    (true(), default(2, 2), NEVER, ["RSZ307"], None),
]


@pytest.mark.parametrize(("intent", "params", "verdict", "codes", "after"), UNKNOWN)
def test_layers_of_unknown_size(intent, params, verdict, codes, after):
    found = judge(intent, unknown(params))
    assert (found.verdict, list(found.codes), found.after) == (verdict, codes, after)


@pytest.mark.parametrize(
    ("intent", "codes"),
    [
        (true(20, 24, input_size=(10, 13)), ("RSZ204",)),
        (true(20, 24, channels=5), ("RSZ204",)),
        (scaled(2.0, 2.0, channels=5), ("RSZ204",)),
        (scaled(0.01, 0.01), ("RSZ307",)),
        (true(), ("RSZ307",)),
    ],
)
def test_sizes_that_contradict_or_say_nothing(intent, codes):
    found = judge(intent, static(default(0, 0), (10, 12)))
    assert (found.verdict, found.codes, found.after) == (NEVER, codes, None)
    assert (found.intended_size, found.max_shift_px) == (None, None)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [("RSZ201", "no-intent"), ("RSZ202", "ambiguous"), ("RSZ203", "ambiguous")],
)
def test_layers_without_an_intent(code, verdict):
    layer = static(default(2, 2), (10, 12))
    found = decide(layer, Match(code=code, reason="the reason"), Allowed(IOS12))
    assert (found.verdict, found.codes, found.intent) == (verdict, (code,), None)
    assert found.message == "`up` (Upsample BILINEAR ×2,2 DEFAULT): the reason"
