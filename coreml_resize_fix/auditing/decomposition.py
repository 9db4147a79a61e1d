"""Exact replacements of several layers: the cheapest for an intent, and whether layers are one.

Imported when an audit first asks: NumPy, with which they are worked out, costs as much as the rest
of a small audit.
"""

from typing import Any, NamedTuple, Optional

import numpy as np

from coreml_resize_fix.auditing.comparison import comparable
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import SizePairs
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.replacements.case import PROBES, Case
from coreml_resize_fix.replacements.choose import cheapest
from coreml_resize_fix.replacements.format import SMALLEST
from coreml_resize_fix.replacements.maps import LinearMap
from coreml_resize_fix.replacements.steps import AXES, computed
from coreml_resize_fix.sampling import TOLERANCE, AxisSpec


class Offer(NamedTuple):
    """Layers that compute an intent, and the specification version that they need."""

    params: Any
    spec_version: int


def offer(
    layer: ResizeLayer, intent: Intent, sizes: SizePairs, spec_version: int
) -> Optional[Offer]:
    """The cheapest exact layers up to that version, else those of any version."""
    case = _case(layer, intent, sizes)
    if case is None or layer.place is None:
        return None
    choice = cheapest(case, layer.place, spec_version) or cheapest(case, layer.place)
    return None if choice is None else Offer(choice.params, choice.spec_version)


def computes(layer: ResizeLayer, intent: Intent, sizes: SizePairs) -> bool:
    """Whether the layers in the file make up the intent's map, but for the rounding of weights."""
    case = _case(layer, intent, sizes)
    read = layer.params.steps()
    if case is None or read is None:
        return False

    def equals(axis: int, asked: AxisSpec) -> bool:
        wanted = LinearMap.of(asked)
        try:
            held = computed(read.steps, axis, asked.input_size)
            if read.by_weight:
                return held.equals(wanted, SMALLEST if read.in_half else TOLERANCE, read.rounding)
            tolerance = read.box + read.rounding * float(np.abs(wanted.weight).max())
            return held.equals(wanted, max(TOLERANCE, tolerance))
        except ValueError:  # the layers do not take that size
            return False

    return all(equals(axis, asked) for axis in AXES for asked in case.samples()[axis])


def _case(layer: ResizeLayer, intent: Intent, sizes: SizePairs) -> Optional[Case]:
    if layer.place is None or not sizes or layer.input.is_unknown or not layer.blobs:
        return None
    if layer.input.is_flexible and intent.scale_factor is None:
        return None  # a plain size, which no layers make of every input
    axes = [intent.axes(before, after) for before, after in _probed(layer, intent, sizes)]
    return Case(
        rows=axes[0][0],
        columns=axes[0][1],
        channels=layer.channels,
        factors=intent.scale_factor if layer.input.is_flexible else None,
        others=tuple(axes[1:]) if layer.input.is_flexible else (),
    )


def _probed(layer: ResizeLayer, intent: Intent, sizes: SizePairs) -> SizePairs:
    """Those sizes; for an input that varies also small ones, which show most differences."""
    if not layer.input.is_flexible or layer.input.listed:
        return sizes
    pairs = [((side, side), intent.target_size((side, side))) for side in PROBES]
    made = [
        (size, target) for size, target in pairs if target is not None and comparable(size, target)
    ]
    return list(dict.fromkeys([*sizes, *made]))
