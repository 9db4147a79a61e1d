"""The interpreter of layers against the PyTorch operations that compute the same."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

from tests.support.replacing import compute, numbers  # noqa: E402

F = torch.nn.functional
# float64 on both sides; PyTorch may sum in another order.
TOLERANCE = 1e-12


def some(*shape, seed=3):
    # Sums of weights and pixels; whole numbers keep float32 weights exact.
    return np.random.RandomState(seed).randint(-8, 9, shape).astype(np.float64)


def agrees(got, expected):
    assert got.shape == tuple(expected.shape)
    assert np.abs(got - expected.numpy()).max() <= TOLERANCE


def border(height, width):
    edges = "borderAmounts {{ startEdgeSize: {} endEdgeSize: {} }}"
    return edges.format(*height) + " " + edges.format(*width)


def convolution(weight, channels, groups, stride, dilation, pads, transposed=False):
    text = (
        "convolution {{ outputChannels: {} kernelChannels: {} nGroups: {} kernelSize: {} "
        "kernelSize: {} stride: {} stride: {} dilationFactor: {} dilationFactor: {} "
        "valid {{ paddingAmounts {{ {} }} }} isDeconvolution: {} weights {{ {} }} }}"
    )
    return text.format(
        *channels, groups, *weight.shape[2:], *stride, *dilation, border(*pads),
        str(transposed).lower(), numbers(weight),
    )  # fmt: skip


@pytest.mark.parametrize("lead", [(2,), (3, 2), (1, 1)])
@pytest.mark.parametrize(
    ("groups", "kernel", "stride", "dilation", "pad"),
    [
        (1, (1, 1), (1, 1), (1, 1), (0, 0)),
        (1, (3, 2), (2, 1), (1, 1), (1, 2)),
        (2, (2, 3), (1, 3), (2, 3), (0, 1)),
        (6, (4, 4), (2, 2), (1, 1), (1, 1)),
    ],
)
def test_convolution(lead, groups, kernel, stride, dilation, pad):
    x, weight = some(*lead, 6, 9, 11), some(12, 6 // groups, *kernel, seed=4)
    pads = ((pad[0], pad[0]), (pad[1], pad[1]))
    got = compute(convolution(weight, (12, 6 // groups), groups, stride, dilation, pads), x)
    flat = torch.from_numpy(x.reshape(-1, 6, 9, 11))
    expected = F.conv2d(flat, torch.from_numpy(weight), None, stride, pad, dilation, groups)
    agrees(got, expected.reshape(*lead, *expected.shape[1:]))


@pytest.mark.parametrize("lead", [(2,), (3, 2)])
@pytest.mark.parametrize(
    ("groups", "kernel", "stride", "pad"),
    [
        (1, (3, 2), (2, 1), (1, 0)),
        (2, (4, 4), (2, 2), (3, 3)),
        (6, (4, 5), (2, 3), (3, 4)),
        (6, (1, 1), (1, 1), (0, 0)),
    ],
)
def test_deconvolution(lead, groups, kernel, stride, pad):
    x, weight = some(*lead, 6, 5, 4), some(6, 12 // groups, *kernel, seed=4)
    pads = ((pad[0], pad[0]), (pad[1], pad[1]))
    text = convolution(weight, (12, 6), groups, stride, (1, 1), pads, transposed=True)
    flat = torch.from_numpy(x.reshape(-1, 6, 5, 4))
    expected = F.conv_transpose2d(flat, torch.from_numpy(weight), None, stride, pad, 0, groups)
    agrees(compute(text, x), expected.reshape(*lead, *expected.shape[1:]))


def test_bias_is_added_to_each_output_channel():
    x, weight = some(2, 3, 4, 4), some(5, 3, 1, 1, seed=4)
    text = convolution(weight, (5, 3), 1, (1, 1), (1, 1), ((0, 0), (0, 0)))
    bias = some(5, seed=5)
    text = text[:-1] + "hasBias: true bias {{ {} }} }}".format(numbers(bias))
    agrees(compute(text, x), F.conv2d(*map(torch.from_numpy, (x, weight, bias))))


@pytest.mark.parametrize(
    ("kind", "mode"), [("replication", "replicate"), ("reflection", "reflect"), ("constant", "")]
)
def test_padding(kind, mode):
    x = some(2, 3, 5, 4)
    value = "value: 2.5" if kind == "constant" else ""
    text = "padding {{ {} {{ {} }} paddingAmounts {{ {} }} }}"
    got = compute(text.format(kind, value, border((1, 2), (3, 0))), x)
    arguments = {"mode": mode} if mode else {"value": 2.5}
    agrees(got, F.pad(torch.from_numpy(x), (3, 0, 1, 2), **arguments))


@pytest.mark.parametrize("axis", [0, 2, -1, -2])
def test_gather(axis):
    x, index = some(4, 5, 6, 4), np.array([3, 0, 0, 1, 2])
    expected = torch.index_select(torch.from_numpy(x), axis, torch.from_numpy(index))
    agrees(compute("gather {{ axis: {} }}".format(axis), x, index), expected)


def test_gather_counts_negative_indices_from_the_end():
    got = compute("gather { axis: 0 }", [5, 6, 7], [-1, 0])
    np.testing.assert_array_equal(got, [7, 5])


@pytest.mark.parametrize(
    ("left", "right", "transposed"),
    [
        ((4, 3), (2, 5, 3, 6), (False, False)),
        ((2, 5, 4, 3), (3, 6), (False, False)),
        ((2, 1, 3, 4), (5, 6, 3), (True, True)),
    ],
)
def test_matmul_of_two_blobs(left, right, transposed):
    a, b = some(*left), some(*right, seed=4)
    flags = [str(flag).lower() for flag in transposed]
    text = "batchedMatmul {{ transposeA: {} transposeB: {} }}".format(*flags)
    one, two = (
        blob.transpose(-1, -2) if flag else blob
        for blob, flag in zip(map(torch.from_numpy, (a, b)), transposed)
    )
    agrees(compute(text, a, b), torch.matmul(one, two))


@pytest.mark.parametrize("lead", [(), (2,), (3, 2, 1, 4)])
def test_matmul_with_weights_stored_column_by_column(lead):
    x, weight = some(*lead, 3), some(3, 5, seed=4)
    text = (
        "batchedMatmul {{ weightMatrixFirstDimension: 3 weightMatrixSecondDimension: 5 "
        "weights {{ {} }} }}"
    ).format(numbers(weight.ravel(order="F")))
    agrees(compute(text, x), torch.matmul(torch.from_numpy(x), torch.from_numpy(weight)))


def test_permute_leaves_the_batch():
    x = some(2, 3, 4, 5, 6)
    # The documented example: [3, 1, 2, 0] gives [W, B, C, H, Seq].
    got = compute("permute { axis: 3 axis: 1 axis: 2 axis: 0 }", x)
    agrees(got, torch.from_numpy(x).permute(4, 1, 2, 3, 0))
    # [0, 3, 1, 2] gives [Seq, B, W, C, H]: not its own inverse, so the direction shows.
    got = compute("permute { axis: 0 axis: 3 axis: 1 axis: 2 }", x)
    agrees(got, torch.from_numpy(x).permute(0, 1, 4, 2, 3))


def test_transpose():
    x = some(2, 3, 4, 5)
    got = compute("transpose { axes: 0 axes: 3 axes: 1 axes: 2 }", x)
    agrees(got, torch.from_numpy(x).permute(0, 3, 1, 2))


def test_crop():
    x = some(2, 3, 7, 8)
    got = compute("crop {{ cropAmounts {{ {} }} }}".format(border((1, 2), (3, 0))), x)
    agrees(got, torch.from_numpy(x)[:, :, 1:5, 3:])
