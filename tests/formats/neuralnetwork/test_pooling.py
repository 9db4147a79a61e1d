"""Average pooling, as a sampling map and as layers compute it, against sums written out here.

Sources: `PoolingLayerParams`, `ValidPadding` and `SamePadding` in Apple's NeuralNetwork.proto.
"""

import random

import numpy as np
import pytest
from google.protobuf import text_format

from coreml_resize_fix.formats.neuralnetwork import pooling
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.sampling.reference import resize


def read(text):
    layer = schema.layer_class()()
    text_format.Merge("pooling { " + text + " }", layer)
    return pooling.read(layer)


def mean(image, kernel, stride, first, count, exclude):
    """Every output by its definition; `first` is where the first window begins, up to 0."""
    made = np.zeros(count)
    for out in np.ndindex(*count):
        total, inside = 0.0, 0
        for step in np.ndindex(*kernel):
            at = [f + o * s + k for f, o, s, k in zip(first, out, stride, step)]
            if all(0 <= a < n for a, n in zip(at, image.shape)):
                total, inside = total + image[tuple(at)], inside + 1
        made[out] = total / (inside if exclude else kernel[0] * kernel[1])
    return made


def check(params, image, expected):
    size, made = image.shape, expected.shape
    assert params.output_size(size) == made
    assert np.allclose(params.run(image[np.newaxis])[0], expected, atol=1e-12)
    assert np.allclose(resize(image, *params.axes(size, made)), expected, atol=1e-12)


@pytest.mark.mostly_slow(quick=8)
@pytest.mark.parametrize("seed", range(40))
def test_valid_padding(seed):
    chance = random.Random(seed)
    kernel = [chance.randint(1, 4) for _ in "hw"]
    stride = [chance.randint(1, 3) for _ in "hw"]
    pads = [[chance.randint(0, k // 2) for _ in "be"] for k in kernel]
    exclude = bool(seed % 2)
    size = [chance.randint(4, 9) for _ in "hw"]
    image = np.random.RandomState(seed).uniform(-1, 1, size)
    count = [(n + sum(p) - k) // s + 1 for n, p, k, s in zip(size, pads, kernel, stride)]
    edges = " ".join(
        "borderAmounts {{ startEdgeSize: {} endEdgeSize: {} }}".format(*edge) for edge in pads
    )
    text = (
        "type: AVERAGE kernelSize: {} kernelSize: {} stride: {} stride: {} avgPoolExcludePadding: "
        "{} valid {{ paddingAmounts {{ {} }} }}"
    ).format(*kernel, *stride, str(exclude).lower(), edges)
    first = [-edge[0] for edge in pads]
    check(read(text), image, mean(image, kernel, stride, first, count, exclude))


@pytest.mark.parametrize(("mode", "first"), [("BOTTOM_RIGHT_HEAVY", -1), ("TOP_LEFT_HEAVY", -2)])
def test_same_padding_puts_the_odd_pixel_where_it_is_told(mode, first):
    """5 pixels by 4 with stride 2: 3 windows reach over 8, so 3 pixels are added."""
    image = np.random.RandomState(1).uniform(-1, 1, (5, 5))
    text = (
        "type: AVERAGE kernelSize: 4 kernelSize: 4 stride: 2 stride: 2 same {{ asymmetryMode: {} }}"
    )
    expected = mean(image, (4, 4), (2, 2), (first, first), (3, 3), exclude=False)
    check(read(text.format(mode)), image, expected)


def test_the_last_pixel_counts_if_it_is_included():
    image = np.random.RandomState(2).uniform(-1, 1, (5, 7))
    text = "type: AVERAGE kernelSize: 2 kernelSize: 3 stride: 2 stride: 3 includeLastPixel { }"
    expected = mean(image, (2, 3), (2, 3), (0, 0), (3, 3), exclude=True)
    check(read(text), image, expected)


def test_the_whole_map_is_one_window():
    image = np.random.RandomState(3).uniform(-1, 1, (5, 7))
    check(read("type: AVERAGE globalPooling: true"), image, np.array([[image.mean()]]))


@pytest.mark.parametrize(
    "text",
    [
        "type: MAX globalPooling: true",
        "type: L2 kernelSize: 2 kernelSize: 2",
        "type: AVERAGE kernelSize: 2",
        "type: AVERAGE kernelSize: 0 kernelSize: 2",
        "type: AVERAGE includeLastPixel { paddingAmounts: 1 paddingAmounts: 0 }",
        "type: AVERAGE valid { paddingAmounts { borderAmounts { startEdgeSize: 1 } } }",
    ],
)
def test_others_are_not_read(text):
    assert read(text) is None
