"""Sizes that an input of varying size may have: a few are compared in full, all in what they give.

Grids of one formula that are equal at a few sizes are so at any. What they make of a size is not:
⌊X · s⌋ of two factors that differ in the sixth digit is the same for most X, and one off for some.
"""

from typing import Optional, Tuple

from coreml_resize_fix.formats.input_sizes import sizes_in
from coreml_resize_fix.formats.model import ROUNDING, ResizeOp
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import Size
from coreml_resize_fix.intents.model import Intent


def misfit(intent: Intent, params: ResizeOp, layer: ResizeLayer) -> Optional[Tuple[Size, Size]]:
    """A size in the layer's ranges, and its intended output, that `params` do not make; or None."""
    if _scales_by_whole_factors(intent, params):
        return None
    for size in sizes_in(layer.input.ranges):
        target = intent.target_size(size)
        if target is not None and min(target) > 0 and not params.may_make(size, target):
            return size, target
    return None


def rounded_apart(params: ResizeOp, layer: ResizeLayer) -> Optional[Size]:
    """An input size in the layer's ranges at which rounding decides the output size; or None."""
    if all(float(factor).is_integer() for factor in params.fractions):
        return None
    sizes = (*layer.input.samples, *sizes_in(layer.input.ranges))
    return next((at for at in sizes if params.left_open(at, at) == ROUNDING), None)


def _scales_by_whole_factors(intent: Intent, params: ResizeOp) -> bool:
    """Whether all factors are whole, so that comparing at a few sizes is enough."""
    law = intent.law
    if law is None and (intent.size is not None or params.fixed_size is not None):
        return True
    factors = tuple(intent.scale_factor or ()) + params.fractions
    factors += tuple(law.factors if law is not None else ())
    return all(float(factor).is_integer() for factor in factors)
