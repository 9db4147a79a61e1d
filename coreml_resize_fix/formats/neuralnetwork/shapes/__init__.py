"""Shapes of all blobs of a NeuralNetwork model, computed from its structure without its weights."""

from coreml_resize_fix.formats.shapes import (
    Conflict,
    Dims,
    Flexible,
    Known,
    LayerShapes,
    ModelShapes,
    Overrides,
    PartialSize,
    Shape,
    Unknown,
    UsableSizes,
)

from .infer import ShapeInference, infer
from .rules import RULES
from .spatial import scaled_size

__all__ = [
    "RULES",
    "Conflict",
    "Dims",
    "Flexible",
    "Known",
    "LayerShapes",
    "ModelShapes",
    "ShapeInference",
    "Overrides",
    "PartialSize",
    "Shape",
    "Unknown",
    "UsableSizes",
    "infer",
    "scaled_size",
]
