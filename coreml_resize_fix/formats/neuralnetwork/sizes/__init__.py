"""The size of every blob of a NeuralNetwork, computed from its structure without its weights.

infer       a network at every size that its inputs allow → ModelShapes
evaluate    one walk at one size of the inputs
structure   layers and their nested bodies, read once
rules       the rule of each kind of layer
usable      at which sizes of its inputs the network runs
"""

from .infer import ShapeInference, infer
from .rules import RULES

__all__ = ["RULES", "ShapeInference", "infer"]
