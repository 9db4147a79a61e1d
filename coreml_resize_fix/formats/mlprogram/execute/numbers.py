"""Operations on each number: arithmetic, comparisons, activations, casts.

Source: the documentation of MIL's elementwise and activation operations. Numbers of float16 are
computed in single precision, and casts between the two do not round.
"""

from typing import Callable, Dict

import numpy as np

from coreml_resize_fix.formats.mlprogram.execute.call import Call, Kinds
from coreml_resize_fix.verify.kernels import activations, elementwise
from coreml_resize_fix.verify.kernels.checks import KernelError

_CASTS = {
    "bool": np.bool_,
    "int8": np.int8,
    "uint8": np.uint8,
    "int16": np.int16,
    "uint16": np.uint16,
    "int32": np.int32,
    "int64": np.int64,
}


def cast(call: Call) -> np.ndarray:
    """Whole numbers are what stays of a fraction that is cut."""
    x, wanted = call.array(), call.word("dtype")
    if wanted in ("fp16", "fp32", "fp64"):
        return x.astype(call.dtype)
    if wanted not in _CASTS:
        raise KernelError(f"casts to `{wanted}`, which is not known here")
    return x.astype(_CASTS[wanted])


def unary(call: Call) -> np.ndarray:
    return elementwise.unary(call.kind, call.array())


def binary(call: Call) -> np.ndarray:
    x, y = call.array("x"), call.array("y")
    return elementwise.binary(call.kind, x, y)


def inverse(call: Call) -> np.ndarray:
    """1 / (x + epsilon)."""
    x = call.array()
    return np.asarray(np.reciprocal(x + x.dtype.type(call.number("epsilon", 1e-4))))


def logarithm(call: Call) -> np.ndarray:
    """log(x + epsilon)."""
    x = call.array()
    return np.asarray(np.log(x + x.dtype.type(call.number("epsilon", 1e-45))))


def reciprocal_root(call: Call) -> np.ndarray:
    """1 / sqrt(x + epsilon)."""
    x = call.array()
    return np.asarray(np.reciprocal(np.sqrt(x + x.dtype.type(call.number("epsilon", 1e-12)))))


def clip(call: Call) -> np.ndarray:
    return elementwise.clip(call.array(), call.number("alpha"), call.number("beta"))


def threshold(call: Call) -> np.ndarray:
    """max(x, alpha)."""
    x = call.array()
    return np.asarray(np.maximum(x, x.dtype.type(call.number("alpha"))))


def select(call: Call) -> np.ndarray:
    return elementwise.choose(call.array("cond"), call.array("a"), call.array("b"))


def by_channel(call: Call) -> np.ndarray:
    """prelu and softplus_parametric: one number for each channel, axis 1."""
    x = call.array()

    def of(name: str) -> np.ndarray:
        numbers = call.array(name)
        return numbers.reshape((-1,) + (1,) * (x.ndim - 2)) if x.ndim > 2 else numbers

    if call.kind == "prelu":
        return activations.leaky_relu(x, of("alpha"))
    return activations.softplus(x, of("alpha"), of("beta"))


_ACTIVATIONS: Dict[str, Callable[[Call], np.ndarray]] = {
    "clamped_relu": lambda call: np.minimum(
        activations.leaky_relu(call.array(), call.number("alpha")),
        call.array().dtype.type(call.number("beta")),
    ),
    "elu": lambda call: activations.elu(call.array(), call.number("alpha", 1.0)),
    "gelu": lambda call: activations.gelu(call.array(), call.word("mode", "EXACT")),
    "leaky_relu": lambda call: activations.leaky_relu(call.array(), call.number("alpha", 0.01)),
    "linear_activation": lambda call: activations.linear(
        call.array(), call.number("alpha"), call.number("beta", 0.0)
    ),
    "relu": lambda call: activations.relu(call.array()),
    "relu6": lambda call: elementwise.clip(call.array(), 0.0, 6.0),
    "scaled_tanh": lambda call: activations.scaled_tanh(
        call.array(), call.number("alpha", 1.0), call.number("beta", 1.0)
    ),
    "sigmoid": lambda call: activations.sigmoid(call.array()),
    "sigmoid_hard": lambda call: activations.hard_sigmoid(
        call.array(), call.number("alpha", 0.2), call.number("beta", 0.5)
    ),
    "silu": lambda call: activations.silu(call.array()),
    "softmax": lambda call: activations.softmax(call.array(), call.size("axis", -1)),
    "softplus": lambda call: activations.softplus(call.array()),
    "softsign": lambda call: activations.softsign(call.array()),
    "thresholded_relu": lambda call: activations.thresholded_relu(
        call.array(), call.number("alpha", 1.0)
    ),
}

_UNARY = (
    "abs", "acos", "asin", "atan", "atanh", "ceil", "cos", "cosh", "erf", "exp", "exp2", "floor",
    "identity", "logical_not", "round", "sign", "sin", "sinh", "sqrt", "square", "tan", "tanh",
)  # fmt: skip
_BINARY = (
    "add", "sub", "mul", "real_div", "floor_div", "mod", "pow", "maximum", "minimum", "equal",
    "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or",
    "logical_xor",
)  # fmt: skip

KINDS: Kinds = {
    **_ACTIVATIONS,
    **dict.fromkeys(_UNARY, unary),
    **dict.fromkeys(_BINARY, binary),
    "cast": cast,
    "clip": clip,
    "inverse": inverse,
    "log": logarithm,
    "prelu": by_channel,
    "rsqrt": reciprocal_root,
    "select": select,
    "softplus_parametric": by_channel,
    "threshold": threshold,
}
