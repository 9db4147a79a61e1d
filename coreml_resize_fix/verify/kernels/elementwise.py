"""Number by number: functions of one array, and of two that are broadcast as NumPy broadcasts.

Floating arrays keep their dtype; comparisons and logic give truth values.

Sources: the documentation of MIL's elementwise operations, and of UnaryFunctionLayerParams and the
layers of iOS 13 in NeuralNetwork.proto.
"""

import math
from typing import Callable, Dict, Tuple

import numpy as np

from coreml_resize_fix.verify.kernels.checks import KernelError, need_room

Shape = Tuple[int, ...]


def unary(name: str, array: np.ndarray) -> np.ndarray:
    """The function of that name (a key of UNARY) of every number.

    Raises:
        KernelError: no such function.
    """
    if name not in UNARY:
        raise KernelError(f"has no function `{name}`")
    return np.asarray(UNARY[name](array), _dtype_of(name, array))


def binary(name: str, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The function of that name (a key of BINARY) of the numbers of two arrays, broadcast.

    Raises:
        KernelError: no such function, or the shapes do not fit.
    """
    if name not in BINARY:
        raise KernelError(f"has no function `{name}`")
    if left.shape != right.shape:
        need_room(broadcast_shape(left.shape, right.shape))
    return np.asarray(BINARY[name](left, right))


def broadcast_shape(left: Shape, right: Shape) -> Shape:
    """The shape that two arrays have when they are broadcast.

    Raises:
        KernelError: they do not fit.
    """
    rank = max(len(left), len(right))
    pairs = zip((1,) * (rank - len(left)) + left, (1,) * (rank - len(right)) + right)
    found = []
    for one, other in pairs:
        if one != other and 1 not in (one, other):
            raise KernelError(f"shapes {left} and {right} do not broadcast")
        found.append(other if one == 1 else one)
    return tuple(found)


def choose(condition: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Numbers of the first where the condition is not 0, else of the second; all are broadcast.

    Raises:
        KernelError: the shapes do not fit.
    """
    need_room(broadcast_shape(broadcast_shape(condition.shape, first.shape), second.shape))
    return np.where(condition != 0, first, second)


def clip(array: np.ndarray, low: float, high: float) -> np.ndarray:
    """Numbers below `low` become `low`, those above `high` become `high`."""
    made = np.asarray(np.maximum(array, array.dtype.type(low)))
    return np.asarray(np.minimum(made, made.dtype.type(high), out=made))


def erf(array: np.ndarray) -> np.ndarray:
    """The error function, to 1.2e-7 in absolute value and better: a table of its Taylor series.

    Around each multiple h of 1/16: erf(h + d) = erf(h) + erf'(h) (d - h d^2 + (2 h^2 - 1) d^3 / 3
    - (2 h^3 - 3 h) d^4 / 6), where erf'(h) = 2 exp(-h^2) / sqrt(pi). The next term is below 1e-8.
    """
    near = np.clip(array, -6, 6).astype(np.float64)
    index = np.rint(near * 16)
    h, whole = index / 16, (index + 96).astype(np.int64)
    d = near - h
    series = d * (1 + d * (-h + d * ((2 * h * h - 1) / 3 - d * (2 * h * h - 3) * h / 6)))
    return np.asarray(_ERF[whole] + _SLOPE[whole] * series, array.dtype)


_POINTS = [number / 16 for number in range(-96, 97)]
_ERF = np.array([math.erf(point) for point in _POINTS])
_SLOPE = np.array([2 / math.sqrt(math.pi) * math.exp(-point * point) for point in _POINTS])


def _dtype_of(name: str, array: np.ndarray) -> np.dtype:
    return np.dtype(bool) if name == "logical_not" else array.dtype


def _divide(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Of whole numbers the quotient is cut, as in the integers of C."""
    if np.issubdtype(np.result_type(left, right), np.floating):
        return np.asarray(np.divide(left, right))
    return np.asarray(np.trunc(np.true_divide(left, right)).astype(np.result_type(left, right)))


def _truth(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    return lambda *arrays: function(*(array.astype(bool) for array in arrays))


UNARY: Dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "erf": erf,
    "exp": np.exp,
    "exp2": np.exp2,
    "floor": np.floor,
    "identity": np.asarray,
    "logical_not": lambda array: ~array.astype(bool),
    "negative": np.negative,
    "round": np.rint,
    "sign": np.sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "square": np.square,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
}
BINARY: Dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "real_div": _divide,
    "floor_div": np.floor_divide,
    "mod": np.mod,
    "pow": np.power,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "logical_and": _truth(np.logical_and),
    "logical_or": _truth(np.logical_or),
    "logical_xor": _truth(np.logical_xor),
}
