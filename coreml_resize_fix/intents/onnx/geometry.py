"""Work out the sizes of one ONNX resize node: input, output, and the size or factor."""

from fractions import Fraction
from typing import Any, List, NamedTuple, Optional, Tuple, Union

import numpy as np

from coreml_resize_fix.conventions import torch
from coreml_resize_fix.intents.fields import LARGEST_SIDE
from coreml_resize_fix.intents.node_notices import LeftOut
from coreml_resize_fix.intents.onnx.fold import attribute
from coreml_resize_fix.intents.onnx.shapes import Numbers, ResizeNode, made_shape
from coreml_resize_fix.intents.size_law import Size

_RANK = 4


class Geometry(NamedTuple):
    """(height, width) before and after; the node is given `size` or `factor`, the other is None."""

    input_size: Optional[Size]
    output_size: Optional[Size]
    channels: Optional[int]
    size: Optional[Size]
    factor: Optional[Tuple[float, float]]


def geometry_of(resize: ResizeNode, exactly: bool) -> Union[Geometry, LeftOut]:
    """The sizes of a node, or why it has no intent.

    `exactly`: a factor makes the size that ONNX defines; PyTorch may round differently.
    """
    resize = _over_all_axes(resize)
    ranks = [len(r) for r in (resize.input_shape, resize.sizes or resize.scales) if r is not None]
    if any(rank != _RANK for rank in ranks):
        return LeftOut(f"it resizes a tensor of rank {max(ranks)}, not an image")
    before = resize.input_shape or (None,) * _RANK
    scales, sizes = (None if resize.sizes else resize.scales), resize.sizes
    if (scales and scales[:2] != [1, 1]) or any(
        n and after and n != after for n, after in zip(before[:2], (sizes or [])[:2])
    ):
        return LeftOut("it resizes other axes than height and width")
    size = _size(sizes)
    factor = _factor(scales)
    if not resize.runtime and ((sizes and not size) or (scales and not factor)):
        return LeftOut(f"its size or factor is beyond 1 to {LARGEST_SIDE}")
    input_size = _size(before)
    output_size = size or _size(made_shape(resize)) or _size(resize.output_shape)
    if factor and input_size:
        called = tuple(torch.output_size(n, f) for n, f in zip(input_size, factor))
        if exactly and output_size not in (None, called):
            size, factor = output_size, None
        else:
            output_size = _size((None, None) + called)
    if factor and input_size and not output_size:
        return LeftOut(f"it makes an empty image, or one beyond {LARGEST_SIDE}")
    return Geometry(input_size, output_size, before[1], size, factor)


def _over_all_axes(resize: ResizeNode) -> ResizeNode:
    """The same node without `axes` (opset 18): axes that it does not name keep their size."""
    axes: List[int] = attribute(resize.node, "axes", [])
    shape = resize.input_shape
    if not axes or shape is None or any(not -len(shape) <= axis < len(shape) for axis in axes):
        return resize

    def spread(given: Numbers, others: List[Any]) -> Numbers:
        if given is None or len(given) != len(axes):
            return given
        for axis, number in zip(axes, given):
            others[axis] = number
        return others

    return resize._replace(
        scales=spread(resize.scales, [1.0] * len(shape)), sizes=spread(resize.sizes, list(shape))
    )


def _size(shape: Any) -> Optional[Size]:
    """Height and width of a shape, if both are known and those of an image."""
    height, width = shape[-2:] if shape is not None and len(shape) > 1 else (None, None)
    if height is None or width is None:
        return None
    known = all(1 <= n <= LARGEST_SIDE for n in (height, width))
    return (int(height), int(width)) if known else None


def _factor(scales: Numbers) -> Optional[Tuple[float, float]]:
    if scales is None or len(scales) < 2:
        return None
    if any(f is None or not 0 < f <= LARGEST_SIDE for f in scales[-2:]):
        return None
    return exact_factor(scales[-2]), exact_factor(scales[-1])


def exact_factor(stored: float) -> float:
    """The factor that was exported: ONNX keeps it as float32.

    The simplest fraction that float32 rounds to the stored number: 1.1 is 11/10, not
    1.10000002384, and 0.33333334327 is 1/3. If that is wrong, it is off by 6e-8 of itself.
    """
    for exponent in range(24):
        fraction = float(Fraction(stored).limit_denominator(2**exponent))
        if np.float32(fraction) == np.float32(stored):
            return fraction
    return stored
