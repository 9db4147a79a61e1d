"""Verdicts on layers of static size: (call, layer, size) → verdict, codes, what it becomes.

Expected values follow from the formulas that PyTorch, TensorFlow and Apple document.
"""

import pytest

from coreml_resize_fix.formats.neuralnetwork.parameters import ResizeBilinear
from coreml_resize_fix.intents.model import Intent
from tests.auditing.verdict_values import (
    ANTIALIAS,
    FIXABLE,
    KERNEL,
    MATCH,
    NEVER,
    SHIFTED,
    SIZE,
    SMOOTHED,
    corners,
    default,
    endpoints,
    false,
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
    upsample,
)

STATIC = [
    # align_corners=True
    (true(25, 31), default(2, 2), (10, 12), FIXABLE, [SIZE], strict(25, 31)),
    (true(20, 24), default(2, 2), (10, 12), FIXABLE, [SHIFTED], strict(20, 24)),
    (true(5, 6), default(0, 0), (10, 12), FIXABLE, [SIZE], strict(5, 6)),
    (true(5, 24), default(0, 2), (10, 12), FIXABLE, [SIZE], strict(5, 24)),
    (true(19, 24), default(1, 2), (10, 12), FIXABLE, [SIZE], strict(19, 24)),
    (true(), default(2, 3), (4, 4), FIXABLE, [SHIFTED], strict(8, 12)),
    (true(20, 24), corners(2, 2), (10, 12), MATCH, [], None),
    (true(20, 24), half(2, 2), (10, 12), FIXABLE, [SHIFTED], strict(20, 24)),
    (true(20, 24), nearest(2, 2), (10, 12), FIXABLE, [KERNEL], strict(20, 24)),
    (true(10, 12), default(1, 1), (10, 12), MATCH, [], None),
    (true(20, 24), strict(20, 24), (10, 12), MATCH, [], None),
    (true(20, 24), endpoints(20, 24), (10, 12), MATCH, [], None),
    (true(20, 24), upsample(20, 24), (10, 12), FIXABLE, [SHIFTED], strict(20, 24)),
    (
        true(20, 24),
        ResizeBilinear((20, 24), "ROI_ALIGN_MODE"),
        (10, 12),
        FIXABLE,
        [SHIFTED],
        strict(20, 24),
    ),
    (true(20, 24), strict(24, 20), (10, 12), FIXABLE, [SIZE], strict(20, 24)),
    # an output of one pixel: PyTorch and STRICT read the first one, ALIGN_ENDPOINTS the middle
    (true(1, 1), endpoints(1, 1), (7, 7), FIXABLE, [SHIFTED], strict(1, 1)),
    (true(1, 9), endpoints(1, 9), (7, 9), FIXABLE, [SHIFTED], strict(1, 9)),
    (true(1, 1), strict(1, 1), (7, 7), MATCH, [], None),
    # an input of one pixel: every grid reads it
    (true(4, 6), default(4, 6), (1, 1), MATCH, [], None),
    (false(4, 6), default(4, 6), (1, 1), MATCH, [], None),
    (true(4, 6), default(2, 6), (1, 1), FIXABLE, [SIZE], strict(4, 6)),
    (true(1, 24), default(1, 2), (1, 12), FIXABLE, [SHIFTED], strict(1, 24)),
    # align_corners=False
    (false(20, 24), default(2, 2), (10, 12), NEVER, [SHIFTED, "RSZ301"], None),
    (false(25, 31), default(2, 2), (10, 12), NEVER, [SIZE, "RSZ301"], None),
    (false(20, 24), corners(2, 2), (10, 12), NEVER, [SHIFTED, "RSZ301"], None),
    (false(20, 24), half(2, 2), (10, 12), MATCH, [], None),
    (false(10, 12), default(1, 1), (10, 12), MATCH, [], None),
    (scaled(2.0, 2.0), half(2, 2), (10, 12), MATCH, [], None),
    (scaled(2.0, 2.0), default(2, 2), (10, 12), NEVER, [SHIFTED, "RSZ301"], None),
    (
        scaled(1.5, 1.5),
        fractional("ALIGN_CORNERS_FALSE", (7, 7), (10, 10)),
        (7, 7),
        NEVER,
        [SHIFTED, "RSZ302"],
        None,
    ),
    # nearest
    (near(20, 24), nearest(2, 2), (10, 12), MATCH, [], None),
    (near(20, 24, mode="nearest-exact"), nearest(2, 2), (10, 12), MATCH, [], None),
    (near(30, 24), nearest(2, 2), (10, 12), FIXABLE, [SIZE], nearest(3, 2)),
    (near(20, 24), nearest(1, 0), (10, 12), FIXABLE, [SIZE], nearest(2, 2)),
    (near(20, 24), corners(2, 2), (10, 12), FIXABLE, [SMOOTHED], nearest(2, 2)),
    (near(20, 24), default(2, 2), (10, 12), FIXABLE, [SMOOTHED], nearest(2, 2)),
    (near(20, 24), strict(20, 24), (10, 12), FIXABLE, [SMOOTHED], nearest(2, 2)),
    (near(15, 12), nearest(2, 1), (6, 8), NEVER, [SIZE, "RSZ303"], None),
    # down by a whole factor: UPSAMPLE reads the very pixels that nearest copies
    (near(3, 4), nearest(0, 0), (6, 8), FIXABLE, [SIZE], upsample(3, 4)),
    (near(4, 4), nearest(0, 0), (6, 8), NEVER, [SIZE, "RSZ303"], None),
    (near(10, 12), default(1, 1), (10, 12), MATCH, [], None),
    (near(3, 2, mode="nearest-exact"), strict(3, 2), (6, 8), NEVER, [SMOOTHED, "RSZ303"], None),
    # kernels that no layer has
    (Intent(mode="bicubic", size=(20, 24)), half(2, 2), (10, 12), NEVER, [KERNEL, "RSZ304"], None),
    (Intent(mode="area", size=(5, 6)), upsample(5, 6), (10, 12), NEVER, [KERNEL, "RSZ304"], None),
    (Intent(mode="area", size=(20, 24)), nearest(2, 2), (10, 12), MATCH, [], None),
    (Intent(mode="area", size=(25, 31)), default(2, 2), (10, 12), NEVER, [SIZE, "RSZ304"], None),
    (Intent(mode="bicubic", size=(10, 12)), default(1, 1), (10, 12), MATCH, [], None),
    (
        false(5, 6, antialias=True),
        fractional("ALIGN_CORNERS_FALSE", (10, 12), (5, 6)),
        (10, 12),
        NEVER,
        [ANTIALIAS, "RSZ304"],
        None,
    ),
    (false(20, 24, antialias=True), half(2, 2), (10, 12), MATCH, [], None),
    # TensorFlow, Keras, OpenCV
    (tensorflow(20, 24), default(2, 2), (10, 12), MATCH, [], None),
    (tensorflow(25, 31), upsample(25, 31), (10, 12), MATCH, [], None),
    (tensorflow(20, 24), strict(20, 24), (10, 12), FIXABLE, [SHIFTED], default(2, 2)),
    (tensorflow(25, 31), strict(25, 31), (10, 12), FIXABLE, [SHIFTED], upsample(25, 31)),
    (tensorflow(20, 24, align_corners=True), corners(2, 2), (10, 12), MATCH, [], None),
    (tensorflow(20, 24, mode="nearest"), nearest(2, 2), (10, 12), MATCH, [], None),
    (
        tensorflow(30, 24, mode="nearest", align_corners=True),
        nearest(3, 2),
        (10, 12),
        NEVER,
        [KERNEL, "RSZ303"],
        None,
    ),
    (
        Intent(framework="keras", size=(20, 24)),
        default(2, 2),
        (10, 12),
        NEVER,
        [SHIFTED, "RSZ301"],
        None,
    ),
    (Intent(framework="tensorflow2", size=(20, 24)), half(2, 2), (10, 12), MATCH, [], None),
    (
        Intent(framework="opencv", mode="nearest", size=(20, 24)),
        nearest(2, 2),
        (10, 12),
        MATCH,
        [],
        None,
    ),
]


@pytest.mark.parametrize(("intent", "params", "size", "verdict", "codes", "after"), STATIC)
def test_static_layers(intent, params, size, verdict, codes, after):
    found = judge(intent, static(params, size))
    assert (found.verdict, list(found.codes), found.after) == (verdict, codes, after)
    assert found.intent is intent
