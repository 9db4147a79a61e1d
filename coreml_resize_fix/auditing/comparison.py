"""Compare what an intent asks for with what a layer computes, at each input size."""

from dataclasses import replace
from typing import NamedTuple, Optional, Tuple

from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import Size, SizePairs
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.size_law import SizeLaw
from coreml_resize_fix.sampling import LARGEST_SIDE, Difference, difference

# They stand for an unknown input size: what holds at all of them does not depend on one size.
ANY_SIZES: Tuple[Size, ...] = ((2, 3), (7, 5), (64, 33))

EQUAL = Difference(True, True, True, 0.0, 0.0, 0.0, 0.0)
UNEQUAL = Difference(equal=False, same_size=False, same_positions=False)


class Comparisons(NamedTuple):
    """The intent as it applies to a layer, and the sizes, (input, intended), to compare at."""

    asked: Intent
    sizes: Tuple[Tuple[Size, Size], ...]


class Pairing(NamedTuple):
    """The comparison of both axes at one input size."""

    input_size: Size
    intended: Size
    actual: Size
    rows: Difference
    columns: Difference

    @property
    def equal(self) -> bool:
        return self.rows.equal and self.columns.equal

    @property
    def max_shift(self) -> Optional[float]:
        """Largest distance in source pixels between the two grids; None if the sizes differ."""
        shifts = (self.rows.max_shift, self.columns.max_shift)
        return None if None in shifts else max(shift for shift in shifts if shift is not None)


def pair(intent: Intent, params: ResizeOp, input_size: Size, intended: Size) -> Pairing:
    """Compare what an intent asks for with what a layer computes."""
    if not params.may_make(input_size, intended):  # also a size of 0, which has no grid
        actual = params.output_size(input_size)
        return Pairing(input_size, intended, actual, UNEQUAL, UNEQUAL)
    rows, columns = (
        difference(asked, computed)
        for asked, computed in zip(
            intent.axes(input_size, intended), params.axes(input_size, intended)
        )
    )
    return Pairing(input_size, intended, intended, rows, columns)


def comparable(*sizes: Size) -> bool:
    """Whether all of these are sizes of images, which have a grid."""
    return all(1 <= side <= LARGEST_SIDE for size in sizes for side in size)


def comparisons(intent: Intent, layer: ResizeLayer) -> Comparisons:
    """At which sizes an intent and a layer are compared.

    At none if neither of them says the size of the input, or if a size is not that of an image.
    """
    if intent.law is not None:
        return _by_law(intent, intent.law, layer)
    asked = _as_factor(intent, layer)
    sizes = layer.input.samples
    if layer.input.is_flexible and intent.input_size is not None:
        sizes = (intent.input_size,) + sizes  # the recorded size is shown first
    if layer.input.is_unknown and intent.input_size is not None:
        sizes = (intent.input_size,)
    elif layer.input.is_unknown:
        sizes = ANY_SIZES if intent.size is not None else ()
    pairs = [(size, meant(asked, layer, size)) for size in sizes]
    return Comparisons(asked, _images(pairs))


def meant(asked: Intent, layer: ResizeLayer, size: Size) -> Size:
    """What a call without a law makes of a size; one that names no size keeps the layer's own."""
    return asked.target_size(size) or layer.params.output_size(size)


def _by_law(intent: Intent, law: SizeLaw, layer: ResizeLayer) -> Comparisons:
    """What was observed at sizes that the layer may get, and what the law says of the others."""
    pairs = [sizes for sizes in law.observed if layer.input.allows(sizes[0])]
    said = ((size, law.target(size)) for size in layer.input.samples)
    pairs += [(size, target) for size, target in said if target is not None]
    return Comparisons(intent, _images(list(dict.fromkeys(pairs))))


def _images(pairs: SizePairs) -> Tuple[Tuple[Size, Size], ...]:
    """The pairs whose sizes have pixels; () if one of them is larger than any image."""
    images = tuple((size, target) for size, target in pairs if min(size + target) > 0)
    return images if all(comparable(*image) for image in images) else ()


def _as_factor(intent: Intent, layer: ResizeLayer) -> Intent:
    """Read a size that was recorded on a flexible model as the whole factor that made it.

    The call took the size from the shape of another tensor, or the layer would have it fixed.
    """
    before, after = intent.input_size, intent.target_size(None)
    if not layer.input.is_flexible or intent.size is None or before is None or after is None:
        return intent
    if layer.params.fixed_size is not None:
        return intent
    if any(n % x for x, n in zip(before, after)):
        return intent
    factor = (float(after[0] // before[0]), float(after[1] // before[1]))
    return replace(intent, size=None, scale_factor=factor, recompute_scale_factor=True)
