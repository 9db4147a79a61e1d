"""Layers that follow a size by fractions: fixed in place, with factors that are right anywhere."""

import math
import random
import struct

import pytest

from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from tests.support import build
from tests.support.flexible import IOS14, image, layer, network, reported, run, verdicts

pytestmark = pytest.mark.skipif(
    not schema.knows_ios14(),
    reason="coremltools 3 cannot write layers of iOS 14: pip install 'coremltools>=4'",
)

MODES = {True: "ALIGN_CORNERS_TRUE", False: "ALIGN_CORNERS_FALSE"}
SEEDS = range(200)


def single(number):
    return struct.unpack("<f", struct.pack("<f", number))[0]


def fractional(factors, corners):
    numbers = " ".join("fractionalScalingFactor: {!r}".format(factor) for factor in factors)
    return "upsample {{ {} mode: BILINEAR linearUpsampleMode: {} }}".format(numbers, MODES[corners])


def varying(rng, layers, version=IOS14):
    """A network of an input that varies, and the heights and widths that it takes."""
    (top, bottom), (left, right) = (
        (low, low + rng.randint(1, 40)) for low in (rng.randint(4, 12), rng.randint(4, 12))
    )
    kind = rng.choice(("range", "listed", "image"))
    if kind == "listed":
        listed = [(1, 3, top, left), (1, 3, bottom, right), (1, 3, bottom, left)]
        model = network(layers, listed[0], listed=listed, version=version)
        return model, (top, bottom), (left, right)
    if kind == "image":
        model = image(layers, (top, bottom), (left, right), version)
    else:
        ranges = [(1, 1), (3, 3), (top, bottom), (left, right)]
        model = network(layers, (1, 3, top, left), ranges, version=version)
    return model, range(top, bottom + 1), range(left, right + 1)


def test_the_reported_one_changes_its_mode_alone():
    model, intents = reported("flexible_fractional")
    report, result = run(model, intents)
    assert (verdicts(report), report.exit_code) == (["fixed"], 0)
    expected = model.neuralNetwork.layers[0].upsample
    expected.linearUpsampleMode = (
        expected.DESCRIPTOR.enum_types_by_name["LinearUpsampleMode"]
        .values_by_name["ALIGN_CORNERS_TRUE"]
        .number
    )
    assert result == model


# Their products with a side are exact in float32, so nobody can round them another way.
EXACT = (1.5, 1.25, 2.5, 0.75, 1.75, 2.25, 0.5, 1.125)


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_mode_alone_is_changed_where_the_factors_are_right(seed):
    rng = random.Random(seed)
    factors = (rng.choice(EXACT), rng.choice(EXACT))
    corners = rng.random() < 0.5
    layers = [
        ("first", ["image"], "x", build.RELU),
        ("up", ["x"], "scores", fractional(factors, not corners)),
    ]
    model, *_ = varying(rng, layers)
    ask = Intent(align_corners=corners, scale_factor=factors, recompute_scale_factor=True)
    report, result = run(model, [ask])
    assert (verdicts(report), report.exit_code) == (["fixed"], 0)
    made = layer(result, "up").upsample
    assert tuple(made.fractionalScalingFactor) == factors
    assert made.LinearUpsampleMode.Name(made.linearUpsampleMode) == MODES[corners]
    again, same = run(result, [ask])
    assert (verdicts(again), same) == (["match"], result)


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_truncated_factor_becomes_one_that_makes_every_size(seed):
    """floor(X * s) in double precision is what PyTorch makes; the layer's factor is a float32."""
    rng = random.Random(seed)
    tenths = [rng.choice([n for n in range(11, 30) if n != 20]) for _ in range(2)]
    factors = tuple(number / 10 for number in tenths)
    corners = rng.random() < 0.5
    truncated = "upsample {{ scalingFactor: {} scalingFactor: {} mode: BILINEAR }}"
    layers = [("up", ["image"], "scores", truncated.format(*(int(f) for f in factors)))]
    model, *axes = varying(rng, layers, version=4)
    ask = Intent(align_corners=corners, scale_factor=factors, recompute_scale_factor=True)
    report, result = run(model, [ask], target=IOS14)
    # 45 * 1.4 is a little below 63, and 5 * 1.4 is 7: no factor makes both.
    if any(
        math.floor(side * number / 10) != math.floor(side * (number / 10))
        for number, sides in zip(tenths, axes)
        for side in sides
    ):
        assert verdicts(report) == ["unmatchable"]
        return
    assert (verdicts(report), report.exit_code) == (["fixed"], 0)
    made = layer(result, "up").upsample
    assert made.LinearUpsampleMode.Name(made.linearUpsampleMode) == MODES[corners]
    for factor, stored, sides in zip(factors, made.fractionalScalingFactor, axes):
        for side in sides:
            assert math.floor(single(side * stored)) == math.floor(side * factor)


@pytest.mark.mostly_slow(quick=5)
@pytest.mark.parametrize("seed", range(50))
def test_a_grid_by_the_factor_itself_has_no_such_layer(seed):
    """Without recompute_scale_factor PyTorch samples by 1 / s, and these layers by X / N."""
    rng = random.Random(seed)
    factor = rng.choice((1.5, 1.25, 1.75, 2.5))
    layers = [("up", ["image"], "scores", fractional((factor, factor), True))]
    model = network(layers, (1, 3, 9, 9), [(1, 1), (3, 3), (4, 30), (4, 30)], version=IOS14)
    report, result = run(model, [Intent(scale_factor=(factor, factor))])
    assert verdicts(report) == ["unmatchable"]
    assert result == model


def test_a_target_below_ios_14_is_told():
    truncated = "upsample { scalingFactor: 1 scalingFactor: 1 mode: BILINEAR }"
    ranges = [(1, 1), (3, 3), (4, 30), (4, 30)]
    model = network([("up", ["image"], "scores", truncated)], (1, 3, 9, 9), ranges)
    ask = Intent(align_corners=True, scale_factor=(1.5, 1.5), recompute_scale_factor=True)
    report, _ = run(model, [ask], dry_run=True)
    (found,) = report.findings
    assert (found.verdict, found.needs) == ("needs-option", ("--deployment-target iOS14",))
