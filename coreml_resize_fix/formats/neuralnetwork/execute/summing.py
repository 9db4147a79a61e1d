"""Layers that sum up, normalize, sort, or multiply matrices.

Sources: the comments of each message in NeuralNetwork.proto of the Core ML format specification.
A blob of channels has them at axis -3.
"""

from typing import List, Optional, Sequence

import numpy as np

from coreml_resize_fix.formats.neuralnetwork.execute.call import Kinds, LayerCall, enum_name
from coreml_resize_fix.verify.kernels import (
    activations,
    arrays,
    elementwise,
    normalization,
    reductions,
)
from coreml_resize_fix.verify.kernels.checks import KernelError, need_rank, need_room


def inner_product(call: LayerCall) -> np.ndarray:
    """Ranks 1 to 3: of the last axis; ranks 4 and 5: of [C, H, W], which become [C_out, 1, 1]."""
    params, x = call.params, call.x
    need_rank(x, 1, 5)
    inputs, outputs = int(params.inputChannels), int(params.outputChannels)
    lead = x.shape[:-3] if x.ndim >= 4 else x.shape[:-1]
    rows = x.reshape((*lead, -1))
    if rows.shape[-1] != inputs:
        raise KernelError(f"a matrix of {inputs} columns gets {x.shape}")
    made = arrays.matmul(rows, call.numbers("weights", (outputs, inputs)), transpose_right=True)
    if params.hasBias:
        made = made + call.numbers("bias", (outputs,))
    return made.reshape(lead + (outputs, 1, 1)) if x.ndim >= 4 else made


def batched_matmul(call: LayerCall) -> np.ndarray:
    """Two blobs: their product. One: its last axis times a matrix of shape [X1, X2]."""
    params = call.params
    if len(call.inputs) == 2:
        left, right = call.inputs
        left = left[np.newaxis] if left.ndim == 1 else left
        right = right[:, np.newaxis] if right.ndim == 1 else right
        return arrays.matmul(left, right, bool(params.transposeA), bool(params.transposeB))
    first, second = int(params.weightMatrixFirstDimension), int(params.weightMatrixSecondDimension)
    if call.x.shape[-1] != first:
        raise KernelError(f"a matrix of {first} rows gets {call.x.shape}")
    # Values are stored in column-major order.
    product = arrays.matmul(call.x, call.numbers("weights", (second, first)).T)
    return product + call.numbers("bias", (second,)) if params.hasBias else product


def embedding(call: LayerCall) -> np.ndarray:
    """Columns of a matrix; ranks 4 and 5 end in three axes of one, which become [C, 1, 1]."""
    params, old = call.params, call.kind == "embedding"
    size = int(params.inputDim if old else params.vocabSize)
    channels = int(params.outputChannels if old else params.embeddingSize)
    table = call.numbers("weights", (channels, size)).T
    index = call.x.reshape(call.x.shape[:-3] if old else call.x.shape[:-1])
    need_room(index.shape + (channels,))
    made = arrays.gather(table, index, 0)
    if params.hasBias:
        made = made + call.numbers("bias", (channels,))
    return made.reshape(index.shape + (channels, 1, 1)) if old else made


def batchnorm(call: LayerCall) -> np.ndarray:
    params, x = call.params, call.x
    need_rank(x, 3)
    count, epsilon = int(params.channels), params.epsilon or 1e-5
    gamma, beta = (_optional(call, name, count) for name in ("gamma", "beta"))
    if not params.computeMeanVar:
        mean, variance = call.numbers("mean", (count,)), call.numbers("variance", (count,))
        return normalization.batch_norm(x, mean, variance, gamma, beta, epsilon, -3)
    axes = [-2, -1]
    if not params.instanceNormalization:
        axes += range(x.ndim - 3)
    made = normalization.mean_variance_norm(x, axes, epsilon)
    for numbers, apply in ((gamma, np.multiply), (beta, np.add)):
        if numbers is not None:
            apply(made, numbers.reshape(-1, 1, 1), out=made)
    return made


def _optional(call: LayerCall, name: str, count: int) -> Optional[np.ndarray]:
    return call.numbers(name, (count,)) if call.has(name) else None


def mvn(call: LayerCall) -> np.ndarray:
    need_rank(call.x, 3)
    axes = (-3, -2, -1) if call.params.acrossChannels else (-2, -1)
    epsilon = call.params.epsilon or 1e-6
    return normalization.mean_variance_norm(
        call.x, axes, epsilon, bool(call.params.normalizeVariance)
    )


def l2_normalize(call: LayerCall) -> np.ndarray:
    need_rank(call.x, 3)
    return normalization.length_norm(call.x, call.params.epsilon or 1e-6)


def lrn(call: LayerCall) -> np.ndarray:
    need_rank(call.x, 3)
    params = call.params
    return normalization.local_response_norm(
        call.x, int(params.localSize), params.alpha, params.beta, params.k or 1.0
    )


def layer_normalization(call: LayerCall) -> np.ndarray:
    shape = call.whole("normalizedShape")
    if not shape or call.x.shape[-len(shape) :] != shape:
        raise KernelError(f"normalizes {shape} of {call.x.shape}")
    gamma, beta = (
        call.numbers(name, shape) if call.has(name) else None for name in ("gamma", "beta")
    )
    axes = range(call.x.ndim - len(shape), call.x.ndim)
    return normalization.layer_norm(call.x, axes, gamma, beta, call.params.eps)


def _spread(call: LayerCall, path: str, shape: Sequence[int]) -> np.ndarray:
    """[1], [C], [1, H, W] or [C, H, W] in the rank of channels, height and width."""
    numbers = call.numbers(path, shape)
    return numbers.reshape(-1, 1, 1) if numbers.ndim == 1 else numbers


def bias(call: LayerCall) -> np.ndarray:
    need_rank(call.x, 3)
    return elementwise.binary("add", call.x, _spread(call, "bias", call.whole("shape")))


def scale(call: LayerCall) -> np.ndarray:
    need_rank(call.x, 3)
    made = elementwise.binary("mul", call.x, _spread(call, "scale", call.whole("shapeScale")))
    if not call.params.hasBias:
        return made
    return elementwise.binary("add", made, _spread(call, "bias", call.whole("shapeBias")))


def dot(call: LayerCall) -> np.ndarray:
    """The sum of products over the channels; of vectors of length one for the cosine."""
    left, right = call.inputs
    if call.params.cosineSimilarity:
        left, right = (
            one / np.sqrt(np.square(one).sum(axis=-3, keepdims=True)) for one in (left, right)
        )
    products = elementwise.binary("mul", left, right)
    return np.asarray(products.sum(axis=-3, keepdims=True))


_AXES = {"CHW": (-3, -2, -1), "HW": (-2, -1), "C": (-3,), "H": (-2,), "W": (-1,)}
_MODES = {
    "SUM": "sum", "AVG": "mean", "PROD": "prod", "SUMSQUARE": "sum_square", "L1": "l1_norm",
    "L2": "l2_norm", "MAX": "max", "MIN": "min",
}  # fmt: skip


def reduce(call: LayerCall) -> np.ndarray:
    """The old layer, whose axes stay; LOGSUM is the sum of log(x + epsilon)."""
    mode, axes = enum_name(call.params, "mode"), _AXES[enum_name(call.params, "axis")]
    need_rank(call.x, -min(axes))
    if mode == "ARGMAX":
        if len(axes) != 1:
            raise KernelError("looks for the largest along more than one axis")
        return reductions.extreme_index(call.x, axes[0], True, True)
    if mode == "LOGSUM":
        logarithms = np.log(call.x + call.dtype.type(call.params.epsilon or 1e-6))
        return reductions.reduce("sum", logarithms, axes, True)
    return reductions.reduce(_MODES[mode], call.x, axes, True)


_REDUCTIONS = {
    "reduceL1": "l1_norm", "reduceL2": "l2_norm", "reduceMax": "max", "reduceMin": "min",
    "reduceSum": "sum", "reduceProd": "prod", "reduceMean": "mean", "reduceLogSum": "log_sum",
    "reduceSumSquare": "sum_square", "reduceLogSumExp": "log_sum_exp",
}  # fmt: skip


def reduce_axes(call: LayerCall) -> np.ndarray:
    """The layers of iOS 13; a result of no axes is a vector of one number."""
    axes = None if call.params.reduceAll else call.whole("axes")
    made = reductions.reduce(_REDUCTIONS[call.kind], call.x, axes, bool(call.params.keepDims))
    return np.atleast_1d(made)


def extreme_index(call: LayerCall) -> np.ndarray:
    largest, keep = call.kind == "argMax", not call.params.removeDim
    return np.atleast_1d(reductions.extreme_index(call.x, int(call.params.axis), largest, keep))


def top_k(call: LayerCall) -> List[np.ndarray]:
    count = int(call.inputs[1].reshape(-1)[0]) if len(call.inputs) > 1 else int(call.params.K)
    axis, smallest = int(call.params.axis), bool(call.params.useBottomK)
    return list(reductions.top(call.x, count, axis, smallest))


def cum_sum(call: LayerCall) -> np.ndarray:
    params = call.params
    axis = int(call.inputs[1].reshape(-1)[0]) if len(call.inputs) > 1 else int(params.axis)
    return reductions.cumulative_sum(
        call.x, axis, bool(params.excludeFinalSum), bool(params.reverse)
    )


def softmax(call: LayerCall) -> np.ndarray:
    axis = -3 if call.kind == "softmax" else int(call.params.axis)
    need_rank(call.x, 3 if call.kind == "softmax" else 1)
    return activations.softmax(call.x, axis)


KINDS: Kinds = {
    **dict.fromkeys(_REDUCTIONS, reduce_axes),
    "argMax": extreme_index,
    "argMin": extreme_index,
    "argSort": lambda call: reductions.argsort(
        call.x, int(call.params.axis), bool(call.params.descending)
    ),
    "batchedMatmul": batched_matmul,
    "batchnorm": batchnorm,
    "bias": bias,
    "cumSum": cum_sum,
    "dot": dot,
    "embedding": embedding,
    "embeddingND": embedding,
    "innerProduct": inner_product,
    "l2normalize": l2_normalize,
    "layerNormalization": layer_normalization,
    "lrn": lrn,
    "mvn": mvn,
    "reduce": reduce,
    "scale": scale,
    "softmax": softmax,
    "softmaxND": softmax,
    "topK": top_k,
}
