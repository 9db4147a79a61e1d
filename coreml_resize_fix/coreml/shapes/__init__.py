"""Shapes of all blobs of a NeuralNetwork model, computed from its structure without its weights."""

from .infer import infer
from .rules import RULES
from .spatial import scaled_size
from .values import (
    Conflict,
    Dims,
    Flexible,
    Known,
    LayerShapes,
    ModelShapes,
    Overrides,
    Shape,
    Unknown,
)

__all__ = [
    "RULES",
    "Conflict",
    "Dims",
    "Flexible",
    "Known",
    "LayerShapes",
    "ModelShapes",
    "Overrides",
    "Shape",
    "Unknown",
    "infer",
    "scaled_size",
]
