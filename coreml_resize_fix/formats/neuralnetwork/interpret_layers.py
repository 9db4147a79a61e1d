"""The layers that replacements are made of, in numpy, from Apple's documentation of each.

Sources: the comments of each message in NeuralNetwork.proto of the Core ML format specification.
What it forbids is an error here too: a rank that a layer does not take, weights that do not fill
their shape, a box that leaves the image. Arithmetic is in float64, on the weights as stored.
"""

from typing import Any, Callable, Dict, Mapping, Sequence

import numpy as np

from coreml_resize_fix.formats.neuralnetwork import interpret, interpret_spatial, parameters
from coreml_resize_fix.formats.neuralnetwork.interpret_common import (
    LayerError,
    axis_of,
    need_rank,
    stored,
)

__all__ = ["KINDS", "LayerError", "run"]

Blobs = Sequence[np.ndarray]


def run(layers: Sequence[Any], blobs: Mapping[str, np.ndarray]) -> Dict[str, np.ndarray]:
    """All blobs after `layers`, NeuralNetworkLayer messages in order, have read the given ones.

    Blobs have the rank that they have in the network: [S, B, C, H, W] under RANK5 mapping.
    Raises LayerError for a kind that is not known here, and for what the documentation forbids.
    """
    known = {name: np.asarray(blob, dtype=np.float64) for name, blob in blobs.items()}
    for layer in layers:
        kind = layer.WhichOneof("layer")
        if kind not in KINDS:
            raise LayerError(
                "`{}` is a `{}` layer, which is not known here".format(layer.name, kind)
            )
        missing = [name for name in layer.input if name not in known]
        if missing:
            raise LayerError("`{}` reads `{}`, which nothing gives".format(layer.name, missing[0]))
        try:
            inputs = [known[name] for name in layer.input]
            known[layer.output[0]] = KINDS[kind](layer, getattr(layer, kind), inputs)
        except LayerError as error:
            raise LayerError("`{}`: {}".format(layer.name, error)) from None
    return known


def _load_constant(layer: Any, params: Any, inputs: Blobs) -> np.ndarray:
    if len(params.shape) != 3:
        raise LayerError("the shape of a constant must be [C, H, W]")
    return stored(params.data, params.shape)[np.newaxis, np.newaxis]


def _load_constant_nd(layer: Any, params: Any, inputs: Blobs) -> np.ndarray:
    if not 1 <= len(params.shape) <= 4:
        raise LayerError("a constant has rank 1 to 4")
    return stored(params.data, params.shape)


def _permute(layer: Any, params: Any, inputs: Blobs) -> np.ndarray:
    """`axis` orders [Seq, C, H, W]; the batch, axis 1 of the blob, stays."""
    need_rank(inputs[0], 5, 5)
    order = list(params.axis) or [0, 1, 2, 3]
    if sorted(order) != [0, 1, 2, 3]:
        raise LayerError("the order must be a permutation of 0, 1, 2, 3")
    batch_last = np.moveaxis(inputs[0], 1, -1)
    return np.moveaxis(np.transpose(batch_last, order + [4]), -1, 1)


def _transpose(layer: Any, params: Any, inputs: Blobs) -> np.ndarray:
    if sorted(params.axes) != list(range(inputs[0].ndim)):
        raise LayerError("the axes must be a permutation of all dimensions")
    return np.transpose(inputs[0], list(params.axes))


def _gather(layer: Any, params: Any, inputs: Blobs) -> np.ndarray:
    data, index = inputs
    axis = axis_of(int(params.axis), data.ndim)
    whole = np.rint(index).astype(np.int64)
    size = data.shape[axis]
    if (whole != index).any() or (whole < -size).any() or (whole >= size).any():
        raise LayerError("an index is not a whole number in [-{0}, {0})".format(size))
    return np.asarray(np.take(data, whole, axis=axis))


def _batched_matmul(layer: Any, params: Any, inputs: Blobs) -> np.ndarray:
    """Two inputs: numpy's matmul. One: its last dimension times a matrix of shape [X1, X2]."""
    if len(inputs) == 2:
        left, right = inputs
        left = np.swapaxes(left, -1, -2) if params.transposeA else left
        right = np.swapaxes(right, -1, -2) if params.transposeB else right
        if left.shape[-1] != right.shape[-2 if right.ndim > 1 else 0]:
            raise LayerError("{} and {} do not multiply".format(left.shape, right.shape))
        return np.asarray(np.matmul(left, right))
    first, second = int(params.weightMatrixFirstDimension), int(params.weightMatrixSecondDimension)
    if inputs[0].shape[-1] != first:
        raise LayerError("a matrix of {} rows gets {}".format(first, inputs[0].shape))
    # Values are stored in column-major order.
    weight = stored(params.weights, (second, first)).T
    bias = stored(params.bias, (second,)) if params.hasBias else 0.0
    return np.asarray(inputs[0] @ weight + bias)


def _expand_dims(layer: Any, params: Any, inputs: Blobs) -> np.ndarray:
    rank = inputs[0].ndim + len(params.axes)
    blob = inputs[0]
    for axis in sorted(axis_of(int(axis), rank) for axis in params.axes):
        blob = np.expand_dims(blob, axis)
    return blob


def _squeeze(layer: Any, params: Any, inputs: Blobs) -> np.ndarray:
    blob = inputs[0]
    every = [axis for axis, size in enumerate(blob.shape) if size == 1]
    axes = every if params.squeezeAll else [axis_of(int(a), blob.ndim) for a in params.axes]
    if any(blob.shape[axis] != 1 for axis in axes):
        raise LayerError("removes a dimension of {} that is not 1".format(blob.shape))
    left = tuple(size for axis, size in enumerate(blob.shape) if axis not in axes)
    return blob.reshape(left or (1,))


def _resize(layer: Any, params: Any, inputs: Blobs) -> np.ndarray:
    need_rank(inputs[0], 3)
    read = parameters.read(layer)
    if read is None:
        raise LayerError("is no resize layer")
    return interpret.run(read, inputs[0])


def _activation(layer: Any, params: Any, inputs: Blobs) -> np.ndarray:
    if params.WhichOneof("NonlinearityType") != "linear":
        raise LayerError("only a linear activation is known here")
    return np.asarray(params.linear.alpha * inputs[0] + params.linear.beta)


KINDS: Dict[str, Callable[[Any, Any, Blobs], np.ndarray]] = {
    "activation": _activation,
    "batchedMatmul": _batched_matmul,
    "expandDims": _expand_dims,
    "gather": _gather,
    "loadConstant": _load_constant,
    "loadConstantND": _load_constant_nd,
    "permute": _permute,
    "resizeBilinear": _resize,
    "squeeze": _squeeze,
    "transpose": _transpose,
    "upsample": _resize,
}
KINDS.update(interpret_spatial.KINDS)
