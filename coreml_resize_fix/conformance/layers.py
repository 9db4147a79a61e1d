"""Every kind of layer that the executor computes, on small blobs: one row or more.

A row has the layer in protobuf text format and the blobs that it reads: the shape of a seeded one,
or a list of numbers. `name[4]` in a text stands for four seeded numbers in the field `name`. Of two
layers, parted by a semicolon, the first reads nothing, and what it makes goes into the second, as
its last blob.
"""

import re
from functools import partial
from typing import Any, Iterator, List, Match, Sequence, Tuple, Union

import numpy as np

from coreml_resize_fix.conformance.case import Case, drawn, executed
from coreml_resize_fix.conformance.models import SINGLE, network
from coreml_resize_fix.formats.model import NEURAL_NETWORK
from coreml_resize_fix.formats.protobuf import schema

Blob = Union[Tuple[int, ...], List[Any]]
Row = Tuple[str, Sequence[Blob]]

_MAP, _ROW = (4, 6, 5), (7,)
_MAPS = (_MAP, _MAP)
_ONES: List[Any] = [0, 1, 1, 2]
_TWOS: List[Any] = [0, 1, 2, 0]
_POSITIVE: List[Any] = [1, 1.5, 2.25, 3]
_DIVIDED: Sequence[Blob] = (_MAP, [0.34375])  # a divisor of no seeded number
_SIDES = "kernelSize: 2 kernelSize: 3"

# Layers of iOS 11 and 12, of blobs [C, H, W] in a network of RANK5 mapping.
RANK5: Sequence[Row] = (
    *((f"activation {{ {text} }}", [_MAP]) for text in (
        "ReLU { }", "leakyReLU { alpha: 0.25 }", "thresholdedReLU { alpha: 0.25 }",
        "PReLU { alpha[4] }", "tanh { }", "scaledTanh { alpha: 2 beta: 0.5 }", "sigmoid { }",
        "sigmoidHard { alpha: 2 beta: 0.5 }", "ELU { alpha: 0.5 }", "softsign { }", "softplus { }",
        "parametricSoftplus { alpha[4] beta[4] }", "linear { alpha: 2 beta: -1 }",
    )),
    *((f"unary {{ type: {text} }}", [_MAP]) for text in (
        "SQRT shift: 2 scale: 0.5", "RSQRT shift: 2 epsilon: 0.5", "INVERSE epsilon: 2",
        "POWER alpha: 3", "EXP scale: 2", "LOG shift: 2", "ABS", "THRESHOLD alpha: 0.25",
    )),
    *((f"{kind} {{ }}", _MAPS) for kind in ("add", "multiply", "max", "min", "average")),
    ("add { alpha: 0.5 }", [_MAP]),
    ("bias { shape: 4 bias[4] }", [_MAP]),
    ("scale { shapeScale: 4 scale[4] hasBias: true shapeBias: 1 bias[1] }", [_MAP]),
    ("batchnorm { channels: 4 epsilon: 0.5 gamma[4] beta[4] mean[4] variance[4] }", [_MAP]),
    ("batchnorm { channels: 4 computeMeanVar: true instanceNormalization: true epsilon: 0.5 "
     "gamma[4] beta[4] }", [_MAP]),
    ("mvn { acrossChannels: true normalizeVariance: true epsilon: 0.5 }", [_MAP]),
    ("mvn { normalizeVariance: true epsilon: 0.5 }", [_MAP]),
    ("l2normalize { epsilon: 0.5 }", [_MAP]),
    ("lrn { alpha: 0.5 beta: 0.25 localSize: 3 k: 2 }", [_MAP]),
    ("lrn { alpha: 0.5 beta: 0.25 localSize: 2 k: 2 }", [_MAP]),
    ("softmax { }", [_MAP]),
    ("innerProduct { inputChannels: 120 outputChannels: 2 hasBias: true weights[240] bias[2] }",
     [(120, 1, 1)]),
    ("embedding { inputDim: 3 outputChannels: 2 weights[6] }", [[[[2]]]]),
    ("dot { }", [(8, 1, 1), (8, 1, 1)]),
    ("dot { cosineSimilarity: true }", [(8, 1, 1), (8, 1, 1)]),
    *((f"reduce {{ mode: {mode} axis: {axis} epsilon: 2 }}", [_MAP]) for mode, axis in (
        ("SUM", "CHW"), ("AVG", "HW"), ("PROD", "C"), ("L1", "C"), ("L2", "H"), ("LOGSUM", "W"),
        ("MAX", "HW"), ("MIN", "C"), ("SUMSQUARE", "CHW"), ("ARGMAX", "C"),
    )),
    (f"pooling {{ type: MAX {_SIDES} stride: 2 stride: 2 valid {{ }} }}", [_MAP]),
    (f"pooling {{ type: AVERAGE {_SIDES} stride: 2 stride: 1 same {{ }} }}", [_MAP]),
    (f"pooling {{ type: AVERAGE {_SIDES} stride: 2 stride: 1 avgPoolExcludePadding: true "
     "same { asymmetryMode: TOP_LEFT_HEAVY } }", [_MAP]),
    (f"pooling {{ type: L2 {_SIDES} valid {{ }} }}", [_MAP]),
    ("pooling { type: AVERAGE globalPooling: true valid { } }", [_MAP]),
    *((f"pooling {{ type: {kind} kernelSize: 3 kernelSize: 3 stride: 2 stride: 2 "
       "includeLastPixel { paddingAmounts: 1 paddingAmounts: 1 } }", [_MAP])
      for kind in ("MAX", "AVERAGE")),
    ("convolution { outputChannels: 3 kernelChannels: 4 kernelSize: 3 kernelSize: 2 stride: 2 "
     "stride: 1 valid { } hasBias: true weights[72] bias[3] }", [_MAP]),
    ("convolution { outputChannels: 2 kernelChannels: 2 nGroups: 2 kernelSize: 2 kernelSize: 2 "
     "dilationFactor: 2 dilationFactor: 1 same { } weights[16] }", [_MAP]),
    ("convolution { outputChannels: 1 kernelChannels: 4 kernelSize: 2 kernelSize: 2 "
     "same { asymmetryMode: TOP_LEFT_HEAVY } weights[16] }", [_MAP]),
    ("convolution { outputChannels: 2 kernelChannels: 4 kernelSize: 3 kernelSize: 2 "
     "isDeconvolution: true stride: 2 stride: 2 valid { } weights[48] }", [_MAP]),
    ("padding { constant { value: 2 } paddingAmounts { borderAmounts { startEdgeSize: 1 } "
     "borderAmounts { endEdgeSize: 2 } } }", [_MAP]),
    *((f"padding {{ {kind} {{ }} paddingAmounts {{ borderAmounts {{ startEdgeSize: 1 "
       "endEdgeSize: 2 } borderAmounts { startEdgeSize: 3 } } }", [_MAP])
      for kind in ("reflection", "replication")),
    ("crop { cropAmounts { borderAmounts { startEdgeSize: 1 endEdgeSize: 2 } "
     "borderAmounts { endEdgeSize: 1 } } }", [_MAP]),
    ("crop { offset: 1 offset: 2 }", [_MAP, (4, 3, 2)]),
    *((f"reorganizeData {{ mode: {mode} blockSize: 2 }}", [(8, 4, 6)])
      for mode in ("SPACE_TO_DEPTH", "DEPTH_TO_SPACE")),
    ("upsample { scalingFactor: 2 scalingFactor: 3 mode: NN }", [_MAP]),
    ("resizeBilinear { targetSize: 9 targetSize: 4 mode { samplingMethod: UPSAMPLE_MODE } }",
     [_MAP]),
    *(("loadConstant { shape: 4 shape: 1 shape: 1 data { floatValue: 0.5 floatValue: 1 "
       "floatValue: 4 floatValue: 3 } }; cropResize { targetSize: 5 targetSize: 3 spatialScale: 1 "
       f"mode {{ samplingMethod: {mode} }} boxIndicesMode {{ }} }}", [_MAP])
      for mode in ("STRICT_ALIGN_ENDPOINTS_MODE", "ALIGN_ENDPOINTS_MODE", "UPSAMPLE_MODE",
                   "ROI_ALIGN_MODE")),
    ("concat { }", [_MAP, (2, 6, 5)]),
    ("split { nOutputs: 2 }", [_MAP]),
    ("slice { startIndex: 1 endIndex: -1 stride: 2 axis: HEIGHT_AXIS }", [_MAP]),
    ("reshape { targetShape: 8 targetShape: 3 targetShape: 5 }", [_MAP]),
    ("reshape { mode: CHANNEL_LAST targetShape: 8 targetShape: 3 targetShape: 5 }", [_MAP]),
    ("flatten { }", [_MAP]),
    ("flatten { mode: CHANNEL_LAST }", [_MAP]),
    ("permute { axis: 0 axis: 3 axis: 1 axis: 2 }", [_MAP]),
    ("sequenceRepeat { nRepetitions: 3 }", [_MAP]),
    ("loadConstant { shape: 4 shape: 1 shape: 1 data[4] }; add { }", [_MAP]),
)  # fmt: skip

# Layers of iOS 13 and 14, of blobs that keep their rank.
EXACT: Sequence[Row] = (
    *((f"{kind} {{ }}", [_ROW]) for kind in (
        "acos", "asin", "asinh", "atan", "atanh", "ceil", "copy", "cos", "cosh", "erf", "exp2",
        "floor", "sign", "sin", "sinh", "tan", "tanh",
    )),
    ("acosh { }", [_POSITIVE]),
    ("round { }", [[-1.75, -0.25, 0.75, 2.25]]),
    ("clip { minVal: -0.5 maxVal: 0.25 }", [_MAP]),
    ("clampedReLU { alpha: 0.5 beta: 0.25 }", [_MAP]),
    *((f"gelu {{ mode: {mode} }}", [_MAP])
      for mode in ("EXACT", "TANH_APPROXIMATION", "SIGMOID_APPROXIMATION")),
    *((f"{kind}Broadcastable {{ }}", [_MAP, (6, 1)])
      for kind in ("add", "subtract", "multiply", "max", "min")),
    *((f"{kind}Broadcastable {{ }}", _DIVIDED) for kind in ("divide", "floorDiv", "mod")),
    ("powBroadcastable { }", [_POSITIVE, [-1, 0.5, 2, 3]]),
    *((f"{kind} {{ }}", [_ONES, _TWOS]) for kind in (
        "equal", "notEqual", "lessThan", "lessEqual", "greaterThan", "greaterEqual",
        "logicalAnd", "logicalOr", "logicalXor",
    )),
    ("greaterThan { alpha: 0.25 }", [_MAP]),
    ("logicalNot { }", [[0, 1]]),
    ("whereBroadcastable { }", [[0, 1, 0, 1], _POSITIVE, _TWOS]),
    ("softmaxND { axis: -1 }", [_MAP]),
    ("layerNormalization { normalizedShape: 6 normalizedShape: 5 eps: 0.5 gamma[30] beta[30] }",
     [_MAP]),
    ("batchedMatmul { transposeB: true }", [(2, 4, 5), (2, 3, 5)]),
    ("batchedMatmul { weightMatrixFirstDimension: 5 weightMatrixSecondDimension: 3 weights[15] }",
     [_MAP]),
    ("embeddingND { vocabSize: 3 embeddingSize: 2 hasBias: true weights[6] bias[2] }",
     [[[2], [0]]]),
    *((f"{kind} {{ axes: 0 axes: -1 keepDims: true }}", [_MAP]) for kind in (
        "reduceL1", "reduceL2", "reduceMax", "reduceMin", "reduceSum", "reduceProd", "reduceMean",
        "reduceSumSquare", "reduceLogSumExp",
    )),
    ("reduceLogSum { axes: 0 }", [_POSITIVE]),
    ("reduceMax { reduceAll: true }", [_MAP]),
    ("argMax { axis: 1 }", [_MAP]),
    ("argMin { axis: -1 removeDim: true }", [_MAP]),
    ("argSort { axis: -1 descending: true }", [_ROW]),
    ("topK { axis: 0 K: 2 useBottomK: true }", [_ROW]),
    ("cumSum { axis: 1 excludeFinalSum: true }", [_MAP]),
    ("cumSum { axis: 0 reverse: true }", [_MAP]),
    ("convolution3d { outputChannels: 2 inputChannels: 3 nGroups: 1 kernelDepth: 2 kernelHeight: 2 "
     "kernelWidth: 1 strideDepth: 1 strideHeight: 2 strideWidth: 1 dilationDepth: 1 "
     "dilationHeight: 1 dilationWidth: 1 paddingType: VALID weights[24] }", [(1, 3, 4, 5, 2)]),
    *((f"pooling3d {{ type: {kind} kernelDepth: 2 kernelHeight: 2 kernelWidth: 1 strideDepth: 1 "
       "strideHeight: 2 strideWidth: 1 paddingType: VALID }", [(1, 3, 4, 5, 2)])
      for kind in ("MAX", "AVERAGE")),
    ("globalPooling3d { type: AVERAGE }", [(1, 3, 4, 5, 2)]),
    ("concatND { axis: -1 }", [_MAP, (4, 6, 2)]),
    ("stack { axis: 1 }", _MAPS),
    ("splitND { axis: 1 splitSizes: 1 splitSizes: 5 }", [_MAP]),
    ("sliceStatic { beginIds: 1 beginIds: 5 beginIds: 0 endIds: 3 endIds: 0 endIds: 9 strides: 1 "
     "strides: -2 strides: 2 beginMasks: false beginMasks: false beginMasks: true "
     "endMasks: false endMasks: true endMasks: true }", [_MAP]),
    ("sliceDynamic { endIds: 3 endIds: 6 endIds: 4 strides: 1 strides: 2 strides: 1 "
     "beginMasks: false beginMasks: false beginMasks: false endMasks: false endMasks: false "
     "endMasks: false }", [_MAP, [1, 0, 2]]),
    ("sliceBySize { size: 2 axis: 1 }", [_MAP, [3]]),
    ("slidingWindows { axis: 0 windowSize: 3 step: 2 }", [_ROW]),
    ("constantPad { value: 7 padAmounts: 0 padAmounts: 1 padAmounts: 4 padAmounts: 0 }", [(4, 5)]),
    ("reshapeStatic { targetShape: 8 targetShape: -1 }", [_MAP]),
    ("reshapeDynamic { }", [_MAP, [-1, 10]]),
    ("reshapeLike { }", [_MAP, (6, 20)]),
    ("rankPreservingReshape { targetShape: 2 targetShape: 0 targetShape: -1 }", [_MAP]),
    ("flattenTo2D { axis: 2 }", [_MAP]),
    ("transpose { axes: 2 axes: 0 axes: 1 }", [_MAP]),
    ("squeeze { axes: 0 }", [(1, 3, 5)]),
    ("expandDims { axes: 1 }", [(3, 5)]),
    ("tile { reps: 2 reps: 1 reps: 3 }", [_MAP]),
    ("broadcastToStatic { targetShape: 4 targetShape: 6 }", [(4, 1)]),
    ("broadcastToLike { }", [(4, 1, 1), _MAP]),
    ("broadcastToDynamic { }", [(5,), [2, 5]]),
    ("loadConstantND { shape: 5 data[5] }; addBroadcastable { }", [_MAP]),
    ("fillStatic { value: 2 targetShape: 6 targetShape: 5 }; addBroadcastable { }", [_MAP]),
    ("rangeStatic { startValue: 1 endValue: 11 stepSizeValue: 2.5 }; addBroadcastable { }",
     [(6, 4)]),
    ("fillLike { value: 2 }", [_MAP]),
    ("fillDynamic { value: 2 }", [[2, 3]]),
    ("rangeDynamic { startValue: 1 stepSizeValue: 2 }", [[6]]),
    ("getShape { }", [_MAP]),
    ("oneHot { oneHotVectorSize: 3 axis: -1 onValue: 1 }", [[2, 0]]),
    ("gather { axis: 0 }", [_MAP, [3, 0, 3]]),
    ("gatherND { }", [_MAP, [[3, 5], [0, 1]]]),
    ("gatherAlongAxis { axis: 1 }", [(2, 3), [[2, 0], [1, 1]]]),
    ("scatter { axis: 0 mode: SCATTER_UPDATE }", [(3, 2), [2, 0], (2, 2)]),
    ("scatterND { mode: SCATTER_ADD }", [_ROW, [[2], [4]], [5, 6]]),
    ("scatterAlongAxis { axis: 0 mode: SCATTER_MUL }", [(3, 2), [[2, 0]], (1, 2)]),
    ("whereNonZero { }", [[[0, 2], [3, 0]]]),
    ("reverse { reverseDim: true reverseDim: false reverseDim: true }", [_MAP]),
    ("reverseSeq { batchAxis: 0 sequenceAxis: 1 }", [(2, 4), [3, 0]]),
    ("matrixBandPart { numLower: 0 numUpper: -1 }", [_MAP]),
    ("lowerTriangular { k: -1 }", [_MAP]),
    ("upperTriangular { k: 1 }", [_MAP]),
)  # fmt: skip

_WEIGHTS = re.compile(r"(\w+)\[(\d+)\]")
_VERSIONS = {False: 3, True: 5}  # by exact mapping
_OUTPUTS = {"split": 2, "splitND": 2, "topK": 2}


def cases() -> Iterator[Case]:
    """All rows."""
    for exact, rows in ((False, RANK5), (True, EXACT)):
        for text, blobs in rows:
            yield _case(text, blobs, exact)


def _case(text: str, blobs: Sequence[Blob], exact: bool) -> Case:
    inputs = {f"x{number}": _blob(blob, number) for number, blob in enumerate(blobs)}
    kinds = re.findall(r"(?:^|; )(\w+)", text)
    outputs = [f"y{number}" for number in range(_OUTPUTS.get(kinds[-1], 1))]

    def model() -> bytes:
        *before, last = text.split("; ")
        layers = [_layer(one, "first", [], ["made"]) for one in before]
        layers.append(_layer(last, "last", [*inputs, *(["made"] if before else [])], outputs))
        return network(inputs, layers, outputs, _VERSIONS[exact], exact)

    name = f"neural-network/kind/{'+'.join(kinds)}/{text}"
    return Case(name, NEURAL_NETWORK, SINGLE, model, inputs, partial(executed, model, inputs))


def _blob(blob: Blob, number: int) -> np.ndarray:
    return np.array(blob, np.float32) if isinstance(blob, list) else drawn(blob, number)


def _layer(text: str, name: str, reads: Sequence[str], makes: Sequence[str]) -> Any:
    from google.protobuf import text_format

    layer = schema.layer_class()(name=name, input=reads, output=makes)
    text_format.Merge(_WEIGHTS.sub(_weights, text), layer)
    return layer


def _weights(found: Match[str]) -> str:
    values = drawn((int(found.group(2)),), len(found.group(1))) / 2 + 1  # as a variance may be
    return f"{found.group(1)} {{ {' '.join(f'floatValue: {value}' for value in values)} }}"
