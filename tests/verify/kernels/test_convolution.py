"""Convolutions and transposed ones by their definition, a product at a time, and PyTorch's."""

import random
import tracemalloc

import numpy as np
import pytest

from coreml_resize_fix.verify.kernels.checks import KernelError
from coreml_resize_fix.verify.kernels.convolution import convolve, deconvolve


class Drawn:
    """Seeded weights and settings of a convolution that fit each other; whole numbers."""

    def __init__(self, seed, transposed):
        rng, values = random.Random(seed), np.random.RandomState(seed)
        self.groups = rng.choice((1, 2, 3))
        self.inputs = self.groups * rng.choice((1, 2))
        self.outputs = self.groups * rng.choice((1, 2, 3))
        self.kernel = rng.randint(1, 3), rng.randint(1, 3)
        self.stride = rng.randint(1, 3), rng.randint(1, 3)
        self.dilation = rng.randint(1, 2), rng.randint(1, 2)
        pads = [(rng.randint(0, k - 1), rng.randint(0, k - 1)) for k in self.kernel]
        self.edges = pads[0], pads[1]
        ends = (self.inputs, self.outputs) if transposed else (self.outputs, self.inputs)
        self.weights = values.randint(-8, 9, (ends[0], ends[1] // self.groups, *self.kernel))
        self.bias = values.randint(-8, 9, self.outputs) if rng.random() < 0.5 else None
        # So large that something is left of every result.
        self.images = values.randint(-8, 9, (2, self.inputs, rng.randint(5, 8), rng.randint(5, 8)))

    def compute(self, kernel, kind=np.float64):
        return kernel(
            self.images.astype(kind),
            self.weights,
            self.bias,
            self.stride,
            self.dilation,
            self.edges,
            self.groups,
        )

    def pairs(self):
        """Input and output channels of the same group, numbered as a whole and in the group."""
        into, out = self.inputs // self.groups, self.outputs // self.groups
        for group in range(self.groups):
            for i, o in np.ndindex(into, out):
                yield group * into + i, i, group * out + o, o


def collected(one):
    """out[o, i] is the sum over c and j of weights[o, c, j] * in[c, i * stride + j * dilation]."""
    padded = np.pad(one.images, [(0, 0), (0, 0), *one.edges], mode="constant")
    size = [
        (n - (k - 1) * d - 1) // s + 1
        for n, k, d, s in zip(padded.shape[2:], one.kernel, one.dilation, one.stride)
    ]
    made = np.zeros((2, one.outputs, *size))
    for c, within, o, _ in one.pairs():
        for y, x, j, i in np.ndindex(*size, *one.kernel):
            at = y * one.stride[0] + j * one.dilation[0], x * one.stride[1] + i * one.dilation[1]
            made[:, o, y, x] += one.weights[o, within, j, i] * padded[:, c, at[0], at[1]]
    return made + (0 if one.bias is None else one.bias.reshape(-1, 1, 1))


def scattered(one):
    """out[o, i * stride + j * dilation] += weights[c, o, j] * in[c, i], and edges are cut off."""
    before = one.images.shape[2:]
    size = [
        (n - 1) * s + (k - 1) * d + 1
        for n, k, d, s in zip(before, one.kernel, one.dilation, one.stride)
    ]
    made = np.zeros((2, one.outputs, *size))
    for c, _, o, within in one.pairs():
        for y, x, j, i in np.ndindex(*before, *one.kernel):
            at = y * one.stride[0] + j * one.dilation[0], x * one.stride[1] + i * one.dilation[1]
            made[:, o, at[0], at[1]] += one.weights[c, within, j, i] * one.images[:, c, y, x]
    (top, bottom), (left, right) = one.edges
    made = made[..., top : size[0] - bottom, left : size[1] - right]
    return made + (0 if one.bias is None else one.bias.reshape(-1, 1, 1))


@pytest.mark.mostly_slow(quick=8)
@pytest.mark.parametrize("seed", range(40))
def test_convolutions_are_what_they_are_defined_to_be(seed):
    drawn = Drawn(seed, transposed=False)
    np.testing.assert_array_equal(drawn.compute(convolve), collected(drawn))
    drawn = Drawn(seed, transposed=True)
    np.testing.assert_array_equal(drawn.compute(deconvolve), scattered(drawn))


@pytest.mark.mostly_slow(quick=8)
@pytest.mark.parametrize("seed", range(40))
def test_pytorch_says_the_same(seed):
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

    def tensor(values):
        return None if values is None else torch.from_numpy(np.asarray(values, np.float32))

    for kernel, name in ((convolve, "conv2d"), (deconvolve, "conv_transpose2d")):
        one = Drawn(seed, name != "conv2d")
        one.edges = tuple((start, start) for start, _ in one.edges)
        settings = {"stride": one.stride, "dilation": one.dilation, "groups": one.groups}
        settings["padding"] = tuple(start for start, _ in one.edges)
        given = tensor(one.images), tensor(one.weights), tensor(one.bias)
        expected = getattr(torch.nn.functional, name)(*given, **settings).numpy()
        np.testing.assert_array_equal(one.compute(kernel, np.float32), expected)


def test_strips_of_a_large_image_meet():
    """So wide that few rows are worked on at a time; the middle weight is a copy."""
    image = np.random.RandomState(1).uniform(-1, 1, (4, 37, 2000))
    weights = np.zeros((4, 4, 3, 3))
    weights[range(4), range(4), 1, 1] = 1
    np.testing.assert_array_equal(convolve(image, weights, edges=((1, 1), (1, 1))), image)


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("kernel", [convolve, deconvolve])
def test_memory_is_that_of_the_maps(kernel):
    """All windows of 5×5 at once would take 25 maps."""
    image = np.ones((16, 256, 256), np.float32)
    weights = np.ones((16, 16, 5, 5), np.float32)
    tracemalloc.start()
    try:
        made = kernel(image, weights)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3.5 * made.nbytes


@pytest.mark.parametrize("lead", [(), (2,), (3, 2)])
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_dimensions_before_the_channels_and_the_kind_of_numbers_are_kept(lead, kind):
    for kernel in (convolve, deconvolve):
        made = kernel(np.ones((*lead, 2, 3, 4), kind), np.ones((2, 2, 1, 1)), np.ones(2))
        assert (made.shape, made.dtype) == ((*lead, 2, 3, 4), np.dtype(kind))
        assert (made == 3).all()


@pytest.mark.parametrize("kernel", [convolve, deconvolve])
def test_channels_that_do_not_fit_are_refused(kernel):
    with pytest.raises(KernelError, match="3 channels in 1 groups do not fit"):
        kernel(np.ones((3, 4, 4)), np.ones((2, 2, 1, 1)))
    with pytest.raises(KernelError, match="2 channels in 2 groups do not fit"):
        kernel(np.ones((2, 4, 4)), np.ones((3, 3, 1, 1)), groups=2)


def test_nothing_is_left_or_fits():
    with pytest.raises(KernelError, match="leaves nothing of 2x2"):
        deconvolve(np.ones((1, 2, 2)), np.ones((1, 1, 1, 1)), edges=((1, 1), (0, 0)))
    with pytest.raises(KernelError, match="larger than its input"):
        convolve(np.ones((1, 2, 2)), np.ones((1, 1, 3, 1)))
