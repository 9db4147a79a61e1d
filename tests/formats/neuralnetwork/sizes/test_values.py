"""Default parameters, sizes that are values, and kinds that coremltools' builder does not make."""

import pytest

from coreml_resize_fix.formats.neuralnetwork.sizes import RULES
from coreml_resize_fix.formats.shapes import Known, Unknown
from tests.formats.neuralnetwork.sizes.net import RELU, X


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("upsample { mode: BILINEAR }", (1, 4, 10, 12)),
        ("upsample { scalingFactor: 3 scalingFactor: 1 }", (1, 4, 30, 12)),
        (
            "upsample { mode: BILINEAR fractionalScalingFactor: 2.5 fractionalScalingFactor: 1.26 "
            "linearUpsampleMode: ALIGN_CORNERS_TRUE }",
            (1, 4, 25, 15),
        ),
        ("upsample { fractionalScalingFactor: 0.5 fractionalScalingFactor: 0.26 }", (1, 4, 5, 3)),
        ("resizeBilinear { }", (1, 4, 1, 1)),
        ("resizeBilinear { targetSize: 25 targetSize: 31 }", (1, 4, 25, 31)),
    ],
)
def test_resize_defaults(new_net, text, expected):
    net = new_net().array("x", *X)
    net.layer(text, "x", "y")
    assert net.result() == Known(expected)


VALUES = "depend"


@pytest.mark.parametrize(
    ("params", "inputs", "expected"),
    [
        ("sliceDynamic { }", [(3, 4), (2,)], (None, None)),
        ("sliceDynamic { squeezeMasks: true squeezeMasks: false }", [(3, 4), (2,)], (None,)),
        ("fillDynamic { }", [(3,)], (None, None, None)),
        ("randomNormalDynamic { }", [(3,)], (None, None, None)),
        ("randomUniformDynamic { }", [(2,)], (None, None)),
        ("randomBernoulliDynamic { }", [(2,)], (None, None)),
        ("reshapeDynamic { }", [(3, 4), (3,)], (None, None, None)),
        ("broadcastToDynamic { }", [(3, 4), (3,)], (None, None, None)),
        ("rangeDynamic { }", [(1,)], (None,)),
        ("whereNonZero { }", [(3, 4)], (None, 2)),
        ("tile { }", [(3, 4), (2,)], (None, None)),
        ("constantPad { }", [(3, 4), (4,)], (None, None)),
        ("oneHot { axis: 0 }", [(3, 4), (1,)], (None, 3, 4)),
        ("topK { axis: -1 }", [(3, 4), (1,)], (3, None)),
        ("randomNormalStatic { outputShape: 2 outputShape: 3 }", [], (2, 3)),
        ("randomBernoulliStatic { outputShape: 2 outputShape: 3 }", [], (2, 3)),
        ("randomUniformLike { }", [(2, 3)], (2, 3)),
        ("randomBernoulliLike { }", [(2, 3)], (2, 3)),
        ("reverseSeq { batchAxis: 0 sequenceAxis: 1 }", [(2, 3), (2,)], (2, 3)),
        ("scatterND { }", [(3, 2), (4, 2), (4,)], (3, 2)),
        ("scatterAlongAxis { axis: -2 }", [(2, 5, 6), (2, 2, 6), (2, 2, 6)], (2, 5, 6)),
        ("reshapeStatic { targetShape: 2 targetShape: 3 }", [()], (2, 3)),
    ],
)
def test_kinds_without_a_builder(new_net, params, inputs, expected):
    net = new_net()
    names = "abc"[: len(inputs)]
    for name, dims in zip(names, inputs):
        net.array(name, *dims)
    net.layer(params, " ".join(names), "y")
    found = net.result()
    if None in expected:
        assert isinstance(found, Unknown)
        assert found.dims == expected
        assert VALUES in found.reason or "input" in found.reason
    else:
        assert found == Known(expected)


def test_a_rule_that_stumbles_is_an_unknown(new_net, monkeypatch):
    def stumble(call):
        raise IndexError("no such axis")

    net = new_net().array("x", *X)
    net.layer(RELU, "x", "y")
    monkeypatch.setitem(RULES, "activation", stumble)
    reason = "`activation` layer `y` has parameters that make no sense: no such axis"
    assert net.result() == Unknown(reason)
