"""How the operators of TensorFlow make one side of a shape, in frozen graphs and in Keras's layers.

A side is None where it is not known. Source of the rules: the documentation of `tf.nn`.
"""

from typing import Optional, Sequence

Side = Optional[int]


def windows(side: Side, size: Side, stride: int, dilation: int, is_padded: bool) -> Side:
    """How many windows of a convolution or pooling fit along a side; `is_padded` is `SAME`."""
    if side is None or size is None or stride <= 0:
        return None
    lost = 0 if is_padded else (size - 1) * dilation
    return -(-(side - lost) // stride) if side > lost else None


def broadcast(sides: Sequence[Side]) -> Side:
    """The side that elementwise operators make of several: the one that is not 1."""
    others = {side for side in sides if side != 1}
    if not others:
        return 1
    return others.pop() if len(others) == 1 else None
