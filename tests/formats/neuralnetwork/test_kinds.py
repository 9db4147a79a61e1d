"""Layers of vision networks that proofs do not need, each by arithmetic written down here.

What coremltools converts of PyTorch is in tests/verify/test_network_against_torch.py.
"""

import math
import operator

import numpy as np
import pytest
from google.protobuf import text_format

from coreml_resize_fix.formats.neuralnetwork.execute.table import KINDS
from tests.support.replacing import compute, layer, numbers

RANDOM = np.random.RandomState(3)
X = RANDOM.uniform(-1, 1, (1, 2, 4, 6, 5))
Y = RANDOM.uniform(-1, 1, (1, 2, 4, 6, 5))
FOUR = RANDOM.uniform(0.5, 1.5, 4)
MAP = RANDOM.uniform(-1, 1, (4, 6, 5))
COLUMN = FOUR.reshape(4, 1, 1)
ROW = RANDOM.uniform(-1, 1, 7)


def weights(field, values):
    return "{} {{ {} }}".format(field, numbers(np.float32(values)))


def single(values):
    return np.float32(values).astype(np.float64)


def windows(x, size, step, reduce):
    rows = (x.shape[-2] - size) // step + 1
    columns = (x.shape[-1] - size) // step + 1
    made = np.zeros((*x.shape[:-2], rows, columns))
    for j, i in np.ndindex(rows, columns):
        part = x[..., j * step : j * step + size, i * step : i * step + size]
        made[..., j, i] = reduce(part, axis=(-2, -1))
    return made


def neighbours(x, size):
    """Sums of squares of so many channels around each."""
    made = np.zeros_like(x)
    for c in range(x.shape[-3]):
        low, high = max(0, c - size // 2), c - size // 2 + size
        made[..., c, :, :] = (x[..., low:high, :, :] ** 2).sum(-3)
    return made


def padded(x, amounts, value=0.0):
    return np.pad(x, [(0, 0)] * (x.ndim - 2) + amounts, mode="constant", constant_values=value)


INF = -np.inf
# text, blobs, what it makes
ROWS = [
    # activations and functions
    ("activation { ReLU { } }", [X], np.maximum(X, 0)),
    ("activation { leakyReLU { alpha: 0.25 } }", [X], np.where(X >= 0, X, X / 4)),
    ("activation { thresholdedReLU { alpha: 0.25 } }", [X], np.where(X >= 0.25, X, 0)),
    (
        "activation { PReLU { " + weights("alpha", FOUR) + " } }",
        [X],
        np.where(X >= 0, X, X * single(FOUR).reshape(4, 1, 1)),
    ),
    ("activation { tanh { } }", [X], np.tanh(X)),
    ("activation { scaledTanh { alpha: 2 beta: 0.5 } }", [X], 2 * np.tanh(X / 2)),
    ("activation { sigmoid { } }", [X], 1 / (1 + np.exp(-X))),
    ("activation { sigmoidHard { alpha: 2 beta: 0.5 } }", [X], np.clip(2 * X + 0.5, 0, 1)),
    ("activation { ELU { alpha: 0.5 } }", [X], np.where(X >= 0, X, (np.exp(X) - 1) / 2)),
    ("activation { softsign { } }", [X], X / (1 + np.abs(X))),
    ("activation { softplus { } }", [X], np.log(1 + np.exp(X))),
    (
        "activation { parametricSoftplus { " + weights("alpha", [2.0]) + weights("beta", FOUR)
        + " } }",
        [X],
        2 * np.log(1 + np.exp(single(FOUR).reshape(4, 1, 1) * X)),
    ),
    ("unary { type: SQRT shift: 2 scale: 0.5 }", [X], np.sqrt(X / 2 + 2)),
    ("unary { type: RSQRT shift: 2 epsilon: 0.5 }", [X], 1 / np.sqrt(X + 2.5)),
    ("unary { type: INVERSE epsilon: 2 }", [X], 1 / (X + 2)),
    ("unary { type: POWER alpha: 3 }", [X], X**3),
    ("unary { type: EXP scale: 2 }", [X], np.exp(2 * X)),
    ("unary { type: LOG shift: 2 }", [X], np.log(X + 2)),
    ("unary { type: ABS }", [X], np.abs(X)),
    ("unary { type: THRESHOLD alpha: 0.25 }", [X], np.maximum(X, 0.25)),
    ("clip { minVal: -0.5 maxVal: 0.25 }", [X], np.clip(X, -0.5, 0.25)),
    ("gelu { mode: SIGMOID_APPROXIMATION }", [X], X / (1 + np.exp(-float(np.float64(1.702)) * X))),
    ("erf { }", [np.array([0.0, 0.5, -1.0, 2.5])], [0, 0.5204998778, -0.8427007929, 0.9995930480]),
    ("clampedReLU { alpha: 0.5 beta: 0.25 }", [X], np.minimum(np.where(X >= 0, X, X / 2), 0.25)),
    ("round { }", [X * 5], np.rint(X * 5)),
    ("copy { }", [X], X),
    # arithmetic
    ("add { }", [X, Y], X + Y),
    ("add { alpha: 0.5 }", [X], X + 0.5),
    ("add { }", [X, Y[:, :, :, :1, :1]], X + Y[:, :, :, :1, :1]),
    ("multiply { alpha: 0.5 }", [X], X / 2),
    ("multiply { }", [X, Y, Y], X * Y * Y),
    ("average { }", [X, Y, Y], (X + 2 * Y) / 3),
    ("max { }", [X, Y], np.maximum(X, Y)),
    ("min { }", [X, Y], np.minimum(X, Y)),
    ("subtractBroadcastable { }", [MAP, ROW[:5]], MAP - ROW[:5]),
    ("divideBroadcastable { }", [MAP, COLUMN], MAP / COLUMN),
    ("floorDivBroadcastable { }", [MAP, COLUMN / 4], np.floor(MAP / (COLUMN / 4))),
    ("modBroadcastable { }", [MAP, COLUMN / 4], MAP - np.floor(MAP / (COLUMN / 4)) * (COLUMN / 4)),
    ("powBroadcastable { }", [np.abs(MAP), COLUMN], np.abs(MAP) ** COLUMN),
    ("maxBroadcastable { }", [MAP, COLUMN - 1], np.maximum(MAP, COLUMN - 1)),
    ("minBroadcastable { }", [MAP, COLUMN - 1], np.minimum(MAP, COLUMN - 1)),
    ("greaterThan { alpha: 0.25 }", [MAP], (MAP > 0.25) * 1.0),
    ("lessEqual { }", [MAP, COLUMN - 1], (MAP <= COLUMN - 1) * 1.0),
    ("notEqual { alpha: 1 }", [np.array([1.0, 2.0])], [0, 1]),
    ("logicalAnd { }", [np.array([0.0, 1, 1]), np.array([1.0, 1, 0])], [0, 1, 0]),
    ("logicalXor { }", [np.array([0.0, 1, 1]), np.array([1.0, 1, 0])], [1, 0, 1]),
    ("logicalNot { }", [np.array([0.0, 1])], [1, 0]),
    (
        "whereBroadcastable { }",
        [(MAP > 0) * 1.0, MAP, COLUMN],
        np.where(MAP > 0, MAP, COLUMN),
    ),
    # weights a channel, a map
    ("bias { shape: 4 " + weights("bias", FOUR) + " }", [X], X + single(FOUR).reshape(4, 1, 1)),
    (
        "scale { shapeScale: 4 " + weights("scale", FOUR) + " hasBias: true shapeBias: 1 "
        + weights("bias", [0.5]) + " }",
        [X],
        X * single(FOUR).reshape(4, 1, 1) + 0.5,
    ),
    (
        "scale { shapeScale: 4 shapeScale: 6 shapeScale: 5 " + weights("scale", MAP) + " }",
        [X],
        X * single(MAP),
    ),
    (
        "batchnorm { channels: 4 epsilon: 0.5 " + weights("gamma", FOUR) + weights("beta", FOUR)
        + weights("mean", FOUR) + weights("variance", FOUR) + " }",
        [X],
        single(COLUMN) * (X - single(COLUMN)) / np.sqrt(single(COLUMN) + 0.5) + single(COLUMN),
    ),
    (
        "batchnorm { channels: 4 computeMeanVar: true instanceNormalization: true epsilon: 0.5 "
        + weights("gamma", FOUR) + weights("beta", FOUR) + " }",
        [X],
        single(COLUMN) * (X - X.mean((3, 4), keepdims=True))
        / np.sqrt(X.var((3, 4), keepdims=True) + 0.5) + single(COLUMN),
    ),
    (
        "batchnorm { channels: 4 computeMeanVar: true epsilon: 0.5 }",
        [X],
        (X - X.mean((0, 1, 3, 4), keepdims=True))
        / np.sqrt(X.var((0, 1, 3, 4), keepdims=True) + 0.5),
    ),
    (
        "mvn { acrossChannels: true normalizeVariance: true epsilon: 0.5 }",
        [X],
        (X - X.mean((2, 3, 4), keepdims=True)) / np.sqrt(X.var((2, 3, 4), keepdims=True) + 0.5),
    ),
    ("mvn { }", [X], X - X.mean((3, 4), keepdims=True)),
    (
        "l2normalize { epsilon: 0.5 }",
        [X],
        X / np.sqrt((X**2).sum((2, 3, 4), keepdims=True) + 0.5),
    ),
    (
        "lrn { alpha: 0.5 beta: 0.25 localSize: 3 k: 2 }",
        [X],
        X / (2 + 0.5 / 3 * neighbours(X, 3)) ** 0.25,
    ),
    ("softmax { }", [X], np.exp(X) / np.exp(X).sum(2, keepdims=True)),
    ("softmaxND { axis: -1 }", [MAP], np.exp(MAP) / np.exp(MAP).sum(-1, keepdims=True)),
    (
        "layerNormalization { normalizedShape: 6 normalizedShape: 5 eps: 0.5 }",
        [MAP],
        (MAP - MAP.mean((1, 2), keepdims=True)) / np.sqrt(MAP.var((1, 2), keepdims=True) + 0.5),
    ),
    # products
    (
        "innerProduct { inputChannels: 120 outputChannels: 2 hasBias: true "
        + weights("weights", np.arange(240) / 100) + weights("bias", [1, 2]) + " }",
        [X],
        (X.reshape(2, 120) @ single(np.arange(240) / 100).reshape(2, 120).T + [1, 2])
        .reshape(1, 2, 2, 1, 1),
    ),
    (
        "innerProduct { inputChannels: 5 outputChannels: 2 "
        + weights("weights", np.arange(10)) + " }",
        [MAP],
        MAP @ np.arange(10.0).reshape(2, 5).T,
    ),
    (
        "embedding { inputDim: 3 outputChannels: 2 "
        + weights("weights", [1, 2, 3, 4, 5, 6]) + " }",
        [np.array([2.0, 0, 2]).reshape(3, 1, 1, 1)],
        np.array([[3.0, 6], [1, 4], [3, 6]]).reshape(3, 2, 1, 1),
    ),
    ("dot { }", [X[..., :1, :1], Y[..., :1, :1]], (X * Y)[..., :1, :1].sum(2, keepdims=True)),
    (
        "dot { cosineSimilarity: true }",
        [X[..., :1, :1], Y[..., :1, :1]],
        (X * Y)[..., :1, :1].sum(2, keepdims=True)
        / np.sqrt((X[..., :1, :1] ** 2).sum(2, keepdims=True)
                  * (Y[..., :1, :1] ** 2).sum(2, keepdims=True)),
    ),
    (
        "embeddingND { vocabSize: 3 embeddingSize: 2 hasBias: true "
        + weights("weights", [1, 2, 3, 4, 5, 6]) + weights("bias", [10, 20]) + " }",
        [np.array([[2.0], [0]])],
        [[13, 26], [11, 24]],
    ),
    # reductions
    ("reduce { mode: SUM axis: CHW }", [X], X.sum((2, 3, 4), keepdims=True)),
    ("reduce { mode: AVG axis: HW }", [X], X.mean((3, 4), keepdims=True)),
    ("reduce { mode: PROD axis: C }", [X], X.prod(2, keepdims=True)),
    ("reduce { mode: L2 axis: H }", [X], np.sqrt((X**2).sum(3, keepdims=True))),
    (
        "reduce { mode: LOGSUM axis: W epsilon: 2 }",
        [X],
        np.log(X + 2).sum(4, keepdims=True),
    ),
    ("reduce { mode: ARGMAX axis: C }", [X], X.argmax(2)[:, :, np.newaxis]),
    ("reduceMean { axes: 0 axes: -1 keepDims: true }", [MAP], MAP.mean((0, 2), keepdims=True)),
    ("reduceLogSumExp { axes: 1 }", [MAP], np.log(np.exp(MAP).sum(1))),
    ("reduceLogSum { axes: 1 }", [MAP + 2], np.log((MAP + 2).sum(1))),
    ("reduceMax { reduceAll: true }", [MAP], [MAP.max()]),
    ("argMin { axis: -1 removeDim: true }", [MAP], MAP.argmin(-1)),
    ("argMax { axis: 1 }", [MAP], MAP.argmax(1)[:, np.newaxis]),
    ("argSort { axis: -1 descending: true }", [ROW], np.argsort(-ROW)),
    ("cumSum { axis: 0 excludeFinalSum: true }", [np.array([4.0, 6, 7])], [0, 4, 10]),
    ("cumSum { axis: 0 reverse: true }", [np.array([4.0, 6, 7])], [17, 13, 7]),
    # windows
    (
        "pooling { type: MAX kernelSize: 2 kernelSize: 2 stride: 2 stride: 2 valid { } }",
        [X],
        windows(X, 2, 2, np.max),
    ),
    (
        "pooling { type: MAX kernelSize: 3 kernelSize: 3 stride: 2 stride: 2 "
        "same { asymmetryMode: TOP_LEFT_HEAVY } }",
        [X],
        windows(padded(X, [(1, 0), (1, 1)], INF), 3, 2, np.max),
    ),
    (
        "pooling { type: MAX kernelSize: 3 kernelSize: 3 stride: 2 stride: 2 same { } }",
        [X],
        windows(padded(X, [(0, 1), (1, 1)], INF), 3, 2, np.max),
    ),
    (
        "pooling { type: L2 kernelSize: 2 kernelSize: 2 valid { } }",
        [X],
        np.sqrt(windows(X**2, 2, 1, np.sum)),
    ),
    (
        "pooling { type: AVERAGE globalPooling: true }",
        [X],
        X.mean((3, 4), keepdims=True),
    ),
    (
        # ceil((6 + 2 - 3) / 2) + 1 = 4 rows, of which the last would begin at 6 >= 6 + 1: 4 stay;
        # the last one ends in a row that is not counted.
        "pooling { type: MAX kernelSize: 3 kernelSize: 3 stride: 2 stride: 2 "
        "includeLastPixel { paddingAmounts: 1 paddingAmounts: 1 } }",
        [X],
        windows(padded(X, [(1, 2), (1, 1)], INF), 3, 2, np.max),
    ),
    (
        "convolution { outputChannels: 1 kernelChannels: 4 kernelSize: 2 kernelSize: 2 same { } "
        + weights("weights", np.ones(16)) + " }",
        [X],
        windows(padded(X, [(0, 1), (0, 1)]), 2, 1, np.sum).sum(2, keepdims=True),
    ),
    (
        "convolution { outputChannels: 1 kernelChannels: 4 kernelSize: 2 kernelSize: 2 "
        "same { asymmetryMode: TOP_LEFT_HEAVY } " + weights("weights", np.ones(16)) + " }",
        [X],
        windows(padded(X, [(1, 0), (1, 0)]), 2, 1, np.sum).sum(2, keepdims=True),
    ),
    (
        # 3 pixels a pixel, each alone in its row: with 4 given, zeros are added behind.
        "convolution { outputChannels: 1 kernelChannels: 1 kernelSize: 1 kernelSize: 1 "
        "isDeconvolution: true stride: 2 stride: 1 outputShape: 4 outputShape: 2 "
        + weights("weights", [2.0]) + " }",
        [np.array([[[[1.0, 2], [3, 4]]]])],
        [[[[2, 4], [0, 0], [6, 8], [0, 0]]]],
    ),
    (
        "crop { offset: 1 offset: 2 }",
        [X, Y[..., :3, :2]],
        X[..., 1:4, 2:4],
    ),
    ("reorganizeData { mode: SPACE_TO_DEPTH blockSize: 2 }", [X[..., :4]],
     np.concatenate([X[..., j::2, i:4:2] for j in (0, 1) for i in (0, 1)], 2)),
    (
        "reorganizeData { mode: PIXEL_SHUFFLE blockSize: 2 }",
        [np.arange(1.0, 17).reshape(8, 1, 2)],
        [[[1, 3, 2, 4], [5, 7, 6, 8]], [[9, 11, 10, 12], [13, 15, 14, 16]]],
    ),
    # shapes
    ("concat { }", [X, Y[:, :, :2]], np.concatenate([X, Y[:, :, :2]], 2)),
    ("concat { sequenceConcat: true }", [X, Y], np.concatenate([X, Y], 0)),
    ("concatND { axis: -1 }", [MAP, MAP[..., :2]], np.concatenate([MAP, MAP[..., :2]], -1)),
    ("stack { axis: 1 }", [MAP, MAP], np.stack([MAP, MAP], 1)),
    ("slice { startIndex: 1 endIndex: -1 stride: 2 axis: HEIGHT_AXIS }", [X], X[..., 1:-1:2, :]),
    (
        "sliceStatic { beginIds: 1 beginIds: 5 beginIds: 0 endIds: 3 endIds: 0 endIds: 9 "
        "strides: 1 strides: -2 strides: 2 beginMasks: false beginMasks: false beginMasks: true "
        "endMasks: false endMasks: true endMasks: true }",
        [MAP],
        MAP[1:3, 5::-2, ::2],
    ),
    (
        "sliceDynamic { endIds: 3 endIds: 6 endIds: 4 strides: 1 strides: 2 strides: 1 "
        "beginMasks: false beginMasks: false beginMasks: false "
        "endMasks: false endMasks: false endMasks: false }",
        [MAP, np.array([1.0, 0, 2])],
        MAP[1:3, 0:6:2, 2:4],
    ),
    ("sliceBySize { size: 2 axis: 1 }", [MAP, np.array([3.0])], MAP[:, 3:5]),
    (
        "constantPad { value: 7 padAmounts: 0 padAmounts: 1 padAmounts: 4 padAmounts: 0 }",
        [MAP[0]],
        np.pad(MAP[0], [(0, 1), (4, 0)], mode="constant", constant_values=7),
    ),
    (
        "constantPad { padToGivenOutputSizeMode: true padAmounts: 0 padAmounts: 8 padAmounts: 7 "
        "padAmounts: 0 }",
        [MAP[0]],
        np.pad(MAP[0], [(0, 2), (2, 0)], mode="constant"),
    ),
    (
        "reshape { targetShape: 8 targetShape: 3 targetShape: 5 }",
        [X],
        X.reshape(1, 2, 8, 3, 5),
    ),
    (
        "reshape { mode: CHANNEL_LAST targetShape: 8 targetShape: 3 targetShape: 5 }",
        [X],
        np.moveaxis(np.moveaxis(X, 2, 4).reshape(1, 2, 3, 5, 8), 4, 2),
    ),
    ("flatten { }", [X], X.reshape(1, 2, 120, 1, 1)),
    ("flatten { mode: CHANNEL_LAST }", [X], np.moveaxis(X, 2, 4).reshape(1, 2, 120, 1, 1)),
    ("flattenTo2D { axis: 2 }", [MAP], MAP.reshape(24, 5)),
    ("reshapeStatic { targetShape: 8 targetShape: -1 }", [MAP], MAP.reshape(8, 15)),
    ("reshapeDynamic { }", [MAP, np.array([-1.0, 10])], MAP.reshape(12, 10)),
    ("reshapeLike { }", [MAP, np.zeros((6, 20))], MAP.reshape(6, 20)),
    (
        "rankPreservingReshape { targetShape: 2 targetShape: 0 targetShape: -1 }",
        [MAP],
        MAP.reshape(2, 6, 10),
    ),
    ("tile { reps: 2 reps: 1 reps: 3 }", [MAP], np.tile(MAP, (2, 1, 3))),
    ("sequenceRepeat { nRepetitions: 3 }", [X], np.tile(X, (3, 1, 1, 1, 1))),
    ("broadcastToStatic { targetShape: 4 targetShape: 6 }", [MAP[:, :1, 0]],
     np.tile(MAP[:, :1, 0], (1, 6))),
    ("broadcastToLike { }", [COLUMN, MAP], np.broadcast_to(COLUMN, MAP.shape)),
    ("broadcastToDynamic { }", [ROW[:5], np.array([2.0, 5])], np.tile(ROW[:5], (2, 1))),
    ("getShape { }", [MAP], [4, 6, 5]),
    ("fillStatic { value: 2 targetShape: 2 targetShape: 3 }", [], np.full((2, 3), 2.0)),
    ("fillLike { value: 2 }", [MAP], np.full(MAP.shape, 2.0)),
    ("fillDynamic { value: 2 }", [np.array([2.0, 3])], np.full((2, 3), 2.0)),
    ("rangeStatic { startValue: 1 endValue: 7 stepSizeValue: 2.5 }", [], [1, 3.5, 6]),
    ("rangeDynamic { startValue: 1 stepSizeValue: 2 }", [np.array([6.0])], [1, 3, 5]),
    # positions
    ("gatherND { }", [MAP, np.array([[3.0, 5], [0, -1]])], MAP[[3, 0], [5, 5]]),
    (
        "gatherAlongAxis { axis: 2 }",
        [MAP, np.ones((4, 6, 2))],
        np.repeat(MAP[..., 1:2], 2, 2),
    ),
    (
        "scatter { axis: 0 mode: SCATTER_UPDATE }",
        [np.zeros((3, 2)), np.array([2.0, 0]), np.array([[1.0, 2], [3, 4]])],
        [[3, 4], [0, 0], [1, 2]],
    ),
    (
        "scatterND { mode: SCATTER_ADD }",
        [np.ones(3), np.array([[2.0], [2]]), np.array([5.0, 6])],
        [1, 1, 12],
    ),
    (
        "scatterAlongAxis { axis: 0 mode: SCATTER_MUL }",
        [np.ones((3, 2)), np.array([[2.0, 0]]), np.array([[5.0, 6]])],
        [[1, 6], [1, 1], [5, 1]],
    ),
    ("oneHot { oneHotVectorSize: 3 axis: -1 onValue: 1 }", [np.array([2.0, 0])],
     [[0, 0, 1], [1, 0, 0]]),
    ("reverse { reverseDim: true reverseDim: false reverseDim: true }", [MAP], MAP[::-1, :, ::-1]),
    (
        "reverseSeq { batchAxis: 0 sequenceAxis: 1 }",
        [np.array([[0.0, 1, 2, 3], [4, 5, 6, 7]]), np.array([3.0, 0])],
        [[2, 1, 0, 3], [4, 5, 6, 7]],
    ),
    ("matrixBandPart { numLower: 0 numUpper: -1 }", [MAP], np.triu(MAP)),
    ("lowerTriangular { k: -1 }", [MAP], np.tril(MAP, -1)),
    ("upperTriangular { k: 1 }", [MAP], np.triu(MAP, 1)),
    ("slidingWindows { axis: 0 windowSize: 3 step: 2 }", [ROW],
     [ROW[0:3], ROW[2:5], ROW[4:7]]),
    ("whereNonZero { }", [np.array([[0.0, 2], [3, 0]])], [[0, 1], [1, 0]]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "blobs", "expected"),
    ROWS,
    ids=["{}-{}".format(k, r[0][:40]) for k, r in enumerate(ROWS)],
)
def test_kind(text, blobs, expected):
    skip_if_unknown(text)
    found = compute(text, *blobs)
    expected = np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=3e-7 if "erf" in text else 1e-9)


def skip_if_unknown(text):
    try:
        layer(text)
    except text_format.ParseError as error:
        pytest.skip("the installed coremltools does not know it: {}".format(error))


UNARY = {
    "ceil": math.ceil, "floor": math.floor, "exp2": lambda x: 2.0**x, "sin": math.sin,
    "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos, "atan": math.atan,
    "sinh": math.sinh, "cosh": math.cosh, "tanh": math.tanh, "asinh": math.asinh,
    "atanh": math.atanh, "acosh": lambda x: math.acosh(x) if x >= 1 else math.nan,
    "sign": lambda x: (x > 0) - (x < 0),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNARY)
def test_functions_of_one_number(kind):
    values = [-0.9, -0.3, 0.0, 0.4, 0.8] + ([1.0, 2.5] if kind == "acosh" else [])
    with np.errstate(invalid="ignore"):  # what NumPy says of acosh(0.8)
        found = compute(f"{kind} {{ }}", np.array(values))
    np.testing.assert_allclose(found, [UNARY[kind](value) for value in values], rtol=1e-12)


COMPARISONS = {
    "equal": operator.eq, "notEqual": operator.ne, "lessThan": operator.lt,
    "lessEqual": operator.le, "greaterThan": operator.gt, "greaterEqual": operator.ge,
    "logicalOr": lambda x, y: bool(x or y), "addBroadcastable": operator.add,
    "multiplyBroadcastable": operator.mul,
}  # fmt: skip


@pytest.mark.parametrize("kind", COMPARISONS)
def test_functions_of_two_numbers(kind):
    first, second = [0.0, 1, 1, 2, 0], [0.0, 1, 2, 1, 3]
    expected = [float(COMPARISONS[kind](*pair)) for pair in zip(first, second)]
    assert compute(f"{kind} {{ }}", first, second).tolist() == expected


REDUCTIONS = {
    "reduceL1": lambda values: sum(map(abs, values)),
    "reduceL2": lambda values: math.sqrt(sum(x * x for x in values)),
    "reduceMin": min,
    "reduceSum": sum,
    "reduceProd": lambda values: values[0] * values[1] * values[2],
    "reduceSumSquare": lambda values: sum(x * x for x in values),
}


@pytest.mark.parametrize("kind", REDUCTIONS)
def test_reductions(kind):
    found = compute(f"{kind} {{ axes: 1 }}", [[1.0, -2, 3], [4, 5, -6]])
    assert found.tolist() == pytest.approx(
        [REDUCTIONS[kind]([1.0, -2, 3]), REDUCTIONS[kind]([4.0, 5, -6])]
    )


def test_several_outputs():
    from coreml_resize_fix.formats.neuralnetwork import interpret

    def made(text, blobs, outputs):
        one = layer(text, "x")
        del one.output[:]
        one.output.extend(outputs)
        found = interpret.run([one], {"x": blobs})
        return [found[name] for name in outputs]

    for found, expected in zip(made("split { nOutputs: 2 }", X, "ab"), np.split(X, 2, 2)):
        np.testing.assert_array_equal(found, expected)
    parts = made("splitND { axis: 1 splitSizes: 1 splitSizes: 5 }", MAP, "ab")
    assert [part.shape for part in parts] == [(4, 1, 5), (4, 5, 5)]
    values, places = made("topK { axis: 0 K: 2 useBottomK: true }", ROW, "ab")
    np.testing.assert_array_equal(values, np.sort(ROW)[:2])
    np.testing.assert_array_equal(ROW[places.astype(int)], values)


def test_every_kind_is_in_some_test():
    """Those that coremltools converts from PyTorch are tested there, the others here or above."""
    here = {row[0].split()[0] for row in ROWS} | {"split", "splitND", "topK"}
    here |= {*UNARY, *COMPARISONS, *REDUCTIONS}
    elsewhere = {
        "convolution", "convolution3d", "globalPooling3d", "pooling3d",  # against PyTorch
        "batchedMatmul", "cropResize", "expandDims", "gather", "loadConstant", "loadConstantND",
        "padding", "permute", "resizeBilinear", "squeeze", "transpose", "upsample",  # proofs
    }  # fmt: skip
    assert set(KINDS) <= here | elsewhere
