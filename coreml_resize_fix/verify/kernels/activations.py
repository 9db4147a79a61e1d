"""Activations; `alpha` and `beta` are numbers, or arrays that broadcast (one number a channel).

All keep the dtype of the array.

Sources: the documentation of MIL's activation operations, and the comments of ActivationParams in
NeuralNetwork.proto.
"""

import math
from typing import Union

import numpy as np

from coreml_resize_fix.verify.kernels.checks import KernelError
from coreml_resize_fix.verify.kernels.elementwise import broadcast_shape, clip, erf

Number = Union[float, np.ndarray]


def relu(x: np.ndarray) -> np.ndarray:
    """max(0, x)."""
    return np.asarray(np.maximum(x, x.dtype.type(0)))


def linear(x: np.ndarray, alpha: Number, beta: Number) -> np.ndarray:
    """alpha * x + beta."""
    made: np.ndarray = x * _of(x, alpha)
    made += _of(x, beta)
    return made


def leaky_relu(x: np.ndarray, alpha: Number) -> np.ndarray:
    """x where it is not negative, else alpha * x; with one alpha a channel it is PReLU."""
    return np.where(x >= 0, x, x * _of(x, alpha))


def thresholded_relu(x: np.ndarray, alpha: Number) -> np.ndarray:
    """x where it is at least alpha, else 0."""
    return np.where(x >= _of(x, alpha), x, x.dtype.type(0))


def elu(x: np.ndarray, alpha: Number) -> np.ndarray:
    """x where it is not negative, else alpha * (exp(x) - 1)."""
    return np.where(x >= 0, x, _of(x, alpha) * np.expm1(np.minimum(x, x.dtype.type(0))))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x))."""
    made: np.ndarray = np.negative(x)
    np.exp(made, out=made)
    made += x.dtype.type(1)
    return np.asarray(np.reciprocal(made, out=made))


def hard_sigmoid(x: np.ndarray, alpha: Number, beta: Number) -> np.ndarray:
    """alpha * x + beta, kept between 0 and 1."""
    return clip(linear(x, alpha, beta), 0, 1)


def silu(x: np.ndarray) -> np.ndarray:
    """x * sigmoid(x)."""
    made = sigmoid(x)
    made *= x
    return made


def scaled_tanh(x: np.ndarray, alpha: Number, beta: Number) -> np.ndarray:
    """alpha * tanh(beta * x)."""
    return np.asarray(_of(x, alpha) * np.tanh(_of(x, beta) * x))


def softplus(x: np.ndarray, alpha: Number = 1.0, beta: Number = 1.0) -> np.ndarray:
    """alpha * log(1 + exp(beta * x))."""
    return np.asarray(_of(x, alpha) * np.logaddexp(x.dtype.type(0), _of(x, beta) * x))


def softsign(x: np.ndarray) -> np.ndarray:
    """x / (1 + |x|)."""
    return np.asarray(x / (1 + np.abs(x)))


def gelu(x: np.ndarray, mode: str) -> np.ndarray:
    """x times the share of a normal distribution below it: EXACT, or as one of two formulas.

    TANH_APPROXIMATION: x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)));
    SIGMOID_APPROXIMATION: x * sigmoid(1.702 x).
    """
    kind = x.dtype.type
    if mode == "SIGMOID_APPROXIMATION":
        return np.asarray(x * sigmoid(x * kind(1.702)))
    if mode == "TANH_APPROXIMATION":
        inner = np.tanh(kind(math.sqrt(2 / math.pi)) * (x + kind(0.044715) * x * x * x))
    else:
        inner = erf(x * kind(math.sqrt(0.5)))
    return np.asarray(x * (inner + kind(1)) * kind(0.5))


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """exp(x), divided by its sum along the axis."""
    made: np.ndarray = np.exp(x - x.max(axis=axis, keepdims=True))
    made /= made.sum(axis=axis, keepdims=True)
    return made


def _of(x: np.ndarray, number: Number) -> np.ndarray:
    """The number in the dtype of the array; of several, those of its channels."""
    found = np.asarray(number, x.dtype)
    if found.ndim and broadcast_shape(found.shape, x.shape) != x.shape:
        raise KernelError(f"has numbers of {found.shape} for {x.shape}")
    return found
