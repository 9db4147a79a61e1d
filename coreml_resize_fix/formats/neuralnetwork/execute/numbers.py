"""Layers on each number: activations, functions, arithmetic, comparisons.

Truth values are 1 and 0. Layers with one blob and a number in their parameters take that for the
other operand.

Sources: the comments of ActivationParams, UnaryFunctionLayerParams, AddLayerParams and the layers
of iOS 13 in NeuralNetwork.proto.
"""

from functools import reduce
from typing import Callable, Dict, List

import numpy as np

from coreml_resize_fix.formats.neuralnetwork.execute.call import Kinds, LayerCall, enum_name
from coreml_resize_fix.verify.kernels import activations, elementwise
from coreml_resize_fix.verify.kernels.checks import KernelError


def activation(call: LayerCall) -> np.ndarray:
    kind = call.params.WhichOneof("NonlinearityType")
    if kind not in _ACTIVATIONS:
        raise KernelError(f"is an activation `{kind}`, which is not known here")
    return _ACTIVATIONS[kind](call, getattr(call.params, kind))


def _by_channel(call: LayerCall, path: str) -> np.ndarray:
    """One number for all, or one for each channel, axis -3."""
    numbers = call.flat(path)
    return numbers.reshape(-1, 1, 1) if call.x.ndim >= 3 and numbers.size > 1 else numbers


_ACTIVATIONS: Dict[str, Callable[..., np.ndarray]] = {
    "linear": lambda call, params: activations.linear(call.x, params.alpha, params.beta),
    "ReLU": lambda call, params: activations.relu(call.x),
    "leakyReLU": lambda call, params: activations.leaky_relu(call.x, params.alpha),
    "thresholdedReLU": lambda call, params: activations.thresholded_relu(call.x, params.alpha),
    "PReLU": lambda call, params: activations.leaky_relu(call.x, _by_channel(call, "PReLU.alpha")),
    "tanh": lambda call, params: np.tanh(call.x),
    "scaledTanh": lambda call, params: activations.scaled_tanh(call.x, params.alpha, params.beta),
    "sigmoid": lambda call, params: activations.sigmoid(call.x),
    "sigmoidHard": lambda call, params: activations.hard_sigmoid(call.x, params.alpha, params.beta),
    "ELU": lambda call, params: activations.elu(call.x, params.alpha),
    "softsign": lambda call, params: activations.softsign(call.x),
    "softplus": lambda call, params: activations.softplus(call.x),
    "parametricSoftplus": lambda call, params: activations.softplus(
        call.x,
        _by_channel(call, "parametricSoftplus.alpha"),
        _by_channel(call, "parametricSoftplus.beta"),
    ),
}


def unary(call: LayerCall) -> np.ndarray:
    """A function of scale * x + shift; a scale and an epsilon that are not set count as 1, 1e-6."""
    params, kind = call.params, call.dtype.type
    x = call.x
    if params.scale not in (0.0, 1.0) or params.shift:
        x = activations.linear(x, params.scale or 1.0, params.shift)
    epsilon = kind(params.epsilon or 1e-6)
    functions: Dict[str, Callable[[], np.ndarray]] = {
        "SQRT": lambda: np.sqrt(x),
        "RSQRT": lambda: np.reciprocal(np.sqrt(x + epsilon)),
        "INVERSE": lambda: np.reciprocal(x + epsilon),
        "POWER": lambda: np.power(x, kind(params.alpha)),
        "EXP": lambda: np.exp(x),
        "LOG": lambda: np.log(x),
        "ABS": lambda: np.abs(x),
        "THRESHOLD": lambda: np.maximum(x, kind(params.alpha)),
    }
    return np.asarray(functions[enum_name(params, "type")]())


def _operands(call: LayerCall) -> List[np.ndarray]:
    """The blobs, or the one blob and the number in the parameters."""
    if len(call.inputs) > 1:
        return call.inputs
    return [call.x, np.asarray(call.params.alpha, call.dtype)]


def _folded(name: str) -> Callable[[LayerCall], np.ndarray]:
    def compute(call: LayerCall) -> np.ndarray:
        alone = len(call.inputs) == 1 and not hasattr(call.params, "alpha")
        operands = call.inputs if alone else _operands(call)
        return np.asarray(reduce(lambda one, other: elementwise.binary(name, one, other), operands))

    return compute


def average(call: LayerCall) -> np.ndarray:
    total = reduce(lambda one, other: elementwise.binary("add", one, other), call.inputs)
    return np.asarray(total / call.dtype.type(len(call.inputs)))


def _function(name: str) -> Callable[[LayerCall], np.ndarray]:
    return lambda call: elementwise.unary(name, call.x)


def clamped_relu(call: LayerCall) -> np.ndarray:
    """min(beta, x where it is not negative, else alpha * x)."""
    rectified = activations.leaky_relu(call.x, call.params.alpha)
    return np.asarray(np.minimum(rectified, call.dtype.type(call.params.beta)))


def where(call: LayerCall) -> np.ndarray:
    condition, first, second = call.inputs
    return elementwise.choose(condition, first, second)


_BINARY = {
    "add": "add", "multiply": "mul", "max": "maximum", "min": "minimum",
    "addBroadcastable": "add", "subtractBroadcastable": "sub", "multiplyBroadcastable": "mul",
    "divideBroadcastable": "real_div", "floorDivBroadcastable": "floor_div",
    "modBroadcastable": "mod", "powBroadcastable": "pow", "maxBroadcastable": "maximum",
    "minBroadcastable": "minimum", "equal": "equal", "notEqual": "not_equal", "lessThan": "less",
    "lessEqual": "less_equal", "greaterThan": "greater", "greaterEqual": "greater_equal",
    "logicalAnd": "logical_and", "logicalOr": "logical_or", "logicalXor": "logical_xor",
}  # fmt: skip
_UNARY = {
    "acos": "acos", "acosh": "acosh", "asin": "asin", "asinh": "asinh", "atan": "atan",
    "atanh": "atanh", "ceil": "ceil", "copy": "identity", "cos": "cos", "cosh": "cosh",
    "erf": "erf", "exp2": "exp2", "floor": "floor", "logicalNot": "logical_not", "round": "round",
    "sign": "sign", "sin": "sin", "sinh": "sinh", "tan": "tan", "tanh": "tanh",
}  # fmt: skip

KINDS: Kinds = {
    **{kind: _folded(name) for kind, name in _BINARY.items()},
    **{kind: _function(name) for kind, name in _UNARY.items()},
    "activation": activation,
    "average": average,
    "clampedReLU": clamped_relu,
    "clip": lambda call: elementwise.clip(call.x, call.params.minVal, call.params.maxVal),
    "gelu": lambda call: activations.gelu(call.x, enum_name(call.params, "mode")),
    "unary": unary,
    "whereBroadcastable": where,
}
