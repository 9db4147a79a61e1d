"""Sizes that do not fit: each is a conflict of the layer that causes it, and of no other."""

import pytest

from coreml_resize_fix.formats.shapes import Conflict, Known, Unknown
from tests.formats.neuralnetwork.sizes.net import CONV, RELU, UP0, X, messages


@pytest.mark.parametrize(
    ("params", "inputs", "message"),
    [
        ("add {}", [(1, 4, 20, 24), (1, 4, 25, 31)], "`add` of 20×24 and 25×31 does not fit"),
        (
            "addBroadcastable {}",
            [(4, 8), (1, 3, 8)],
            "`addBroadcastable` of 4×8 and 3×8 does not fit",
        ),
        ("multiply {}", [(1, 4, 5, 5), (1, 3, 5, 5)], "`multiply` of 4×5×5 and 3×5×5 does not fit"),
        ("concat {}", [(1, 4, 20, 24), (1, 8, 20, 25)], "`concat` of 20×24 and 20×25 does not fit"),
        ("concatND { axis: 1 }", [(1, 4, 8), (1, 3, 7)], "`concatND` of 4×8 and 3×7 does not fit"),
        ("stack { axis: 0 }", [(3, 4), (3, 5)], "`stack` of 3×4 and 3×5 does not fit"),
        (CONV, [(1, 6, 5, 5)], "`convolution` expects 4 input channels and gets 6"),
        (
            "convolution { outputChannels: 8 kernelChannels: 4 nGroups: 2 valid {} }",
            [(1, 4, 5, 5)],
            "`convolution` expects 8 input channels and gets 4",
        ),
        (
            "convolution { outputChannels: 8 kernelChannels: 4 kernelSize: [7, 3] valid {} }",
            [(1, 4, 5, 5)],
            "`convolution` gives a size of 8×-1×3",
        ),
        (
            "pooling { kernelSize: 2 kernelSize: 2 valid {} }",
            [(1, 4, 1, 9)],
            "`pooling` gives a size of 4×0×8",
        ),
        (
            "crop { cropAmounts { borderAmounts { startEdgeSize: 5 } borderAmounts {} } }",
            [(1, 4, 5, 5)],
            "`crop` gives a size of 4×0×5",
        ),
        ("crop { }", [(1, 4, 5, 5), (1, 4, 6, 5)], "`crop` of 5×5 to 6×5 does not fit"),
        (
            "innerProduct { inputChannels: 7 outputChannels: 3 }",
            [(2, 6)],
            "`innerProduct` expects 7 inputs and gets 6",
        ),
        (
            "reshapeStatic { targetShape: 5 targetShape: 5 }",
            [(3, 4)],
            "`reshapeStatic` of 3×4 to 5×5 does not fit",
        ),
        (
            "reshapeStatic { targetShape: 5 targetShape: -1 }",
            [(3, 4)],
            "`reshapeStatic` of 3×4 to 5×-1 does not fit",
        ),
        ("squeeze { axes: 0 }", [(3, 4)], "`squeeze` removes an axis of size 3"),
        ("split { nOutputs: 3 }", [(1, 4, 5, 5)], "`split` cannot divide 4 by 3"),
        (
            "splitND { axis: 0 splitSizes: 1 splitSizes: 2 }",
            [(4, 5)],
            "`splitND` cuts 4 into parts that sum up to 3",
        ),
        (
            "reorganizeData { mode: SPACE_TO_DEPTH blockSize: 2 }",
            [(1, 4, 5, 6)],
            "`reorganizeData` cannot divide 5 by 2",
        ),
        ("batchedMatmul { }", [(3, 4), (5, 6)], "`batchedMatmul` of 3×4 and 5×6 does not fit"),
        ("topK { axis: 0 K: 9 }", [(4, 5)], "`topK` takes 9 of 4"),
        (
            "broadcastToStatic { targetShape: 4 targetShape: 5 }",
            [(3, 5)],
            "`broadcastToStatic` of 3×5 and 4×5 does not fit",
        ),
        (
            "upsample { scalingFactor: 1099511627776 scalingFactor: 1 }",
            [X],
            "`upsample` gives a size of more than 2^40",
        ),
    ],
)
def test_conflict(new_net, params, inputs, message):
    net = new_net()
    names = "abc"[: len(inputs)]
    for name, dims in zip(names, inputs):
        net.array(name, *dims)
    net.layer(params, " ".join(names), "y")
    net.layer(RELU, "y", "z")
    found = net.infer()
    kind = net.network.layers[0].WhichOneof("layer")
    # Said once, at the layer that causes it, and not again by its reader.
    assert found.conflicts == (Conflict("layers[0]", "y", kind, message),)


def test_what_a_conflict_leaves_known(new_net):
    net = new_net().array("a", 1, 4, 20, 24).array("b", 1, 4, 20, 31)
    net.layer("add {}", "a b", "y")
    shape = net.result()
    assert isinstance(shape, Unknown)
    assert shape.dims == (1, 4, 20, None)
    assert "`add` of 20×24 and 20×31 does not fit" in shape.reason


def test_factor_zero_is_the_readers_conflict(new_net):
    net = new_net(exact=False).array("x", 4, 10, 12).output("y")
    net.layer(UP0, "x", "up")
    net.layer("add {}", "up x", "y")
    found = net.infer()
    assert found.layers["layers[0]"].outputs == (Known((1, 1, 4, 0, 0)),)
    assert messages(net) == [("layers[1]", "`add` gets an input of size 4×0×0")]


def test_factor_zero_of_an_output_is_its_own_conflict(new_net):
    net = new_net().array("x", *X).output("y")
    net.layer(UP0, "x", "y")
    assert messages(net) == [("layers[0]", "`upsample` gives a size of 4×0×0")]
