"""Layers with numbers for each channel or element: the output has the input's shape if they fit.

Rules: the comment of each layer in NeuralNetwork.proto of the Core ML format specification. The
number of values is read where it stands beside the weights; of PReLU and parametric softplus, which
have no such number, the values are counted where the structure has them (a few hundred at most).
"""

from typing import Any, Optional, Sequence

from coreml_resize_fix.formats.inference.call import Call, Rules, show
from coreml_resize_fix.formats.shapes import Dims

from .spatial import channels_fit


def batch_normalization(call: Call) -> Sequence[Dims]:
    dims = call.dims(0, 3)
    channels_fit(call, dims[-3], int(call.params.channels))
    return [dims]


def bias(call: Call) -> Sequence[Dims]:
    dims = call.dims(0, 3)
    _stretches(call, call.params.shape, dims)
    return [dims]


def scale(call: Call) -> Sequence[Dims]:
    dims = call.dims(0, 3)
    _stretches(call, call.params.shapeScale, dims)
    if call.params.hasBias:
        _stretches(call, call.params.shapeBias, dims)
    return [dims]


def _stretches(call: Call, shape: Sequence[int], dims: Dims) -> None:
    """Conflict unless [1], [C], [1, H, W] or [C, H, W], ones in any place, fit the input."""
    sizes = tuple(int(size) for size in shape)
    if len(sizes) not in (1, 3):
        return
    against = dims[-3:] if len(sizes) == 3 else dims[-3:-2]
    if any(have not in (1, size) and size is not None for have, size in zip(sizes, against)):
        call.conflict(f"of {show(sizes)} values does not fit an input of {show(dims[-3:])}")


def layer_normalization(call: Call) -> Sequence[Dims]:
    dims, shape = call.dims(), tuple(int(size) for size in call.params.normalizedShape)
    last = dims[-len(shape) :] if shape else ()
    if len(shape) > len(dims) or any(n != size for n, size in zip(shape, last) if size is not None):
        call.conflict(f"over {show(shape)} does not fit an input of {show(dims)}")
    return [dims]


def activation(call: Call) -> Sequence[Dims]:
    kind = call.params.WhichOneof("NonlinearityType")
    if kind not in ("PReLU", "parametricSoftplus"):
        return [call.dims()]
    dims = call.dims(0, 3)
    chosen = getattr(call.params, kind)
    for weights in (chosen.alpha, chosen.beta) if kind != "PReLU" else (chosen.alpha,):
        count = _count(weights)
        if count not in (None, 1, dims[-3]) and dims[-3] is not None:
            call.conflict(f"has {count} values for {dims[-3]} channels")
            break
    return [dims]


def _count(weights: Any) -> Optional[int]:
    """How many values there are, if they are whole numbers of bytes and were read."""
    return len(weights.floatValue) or len(weights.float16Value) // 2 or None


RULES: Rules = {
    "activation": activation,
    "batchnorm": batch_normalization,
    "bias": bias,
    "scale": scale,
    "layerNormalization": layer_normalization,
}
