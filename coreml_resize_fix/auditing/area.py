"""Match calls of mode `area` to the pooling layers that compute them."""

from typing import Dict, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.evidence import computes, contradiction, may_equal
from coreml_resize_fix.auditing.matching import Pairs
from coreml_resize_fix.formats.model import Averaged
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.sampling import TOLERANCE, AxisSpec, taps


def by_pooling(intents: Sequence[Intent], poolings: Sequence[ResizeLayer]) -> Pairs:
    """Pairs of an intent and the pooling layer that computes it, in order of execution.

    Two calls share a layer only if there are fewer layers than calls: converters merge equal ones.
    """
    found: Pairs = []
    taken: Dict[str, int] = {}
    for intent in intents:
        if intent.mode != "area":
            continue
        fitting = [
            layer
            for layer in poolings
            if contradiction(intent, layer) is None and computes(intent, layer)
        ]
        if fitting:
            layer = min(fitting, key=lambda one: taken.get(one.address, 0))
            taken[layer.address] = taken.get(layer.address, 0) + 1
            found.append((intent, layer))
    return found


def is_made_of_windows(intent: Intent, averaged: Sequence[Averaged]) -> bool:
    """Whether a map assembled from window means has the windows of this call of `area`."""
    if intent.mode != "area" or intent.input_size is None:
        return False
    size = intent.target_size(intent.input_size)
    return any(
        found.size == size
        and may_equal(intent.channels, found.channels)
        and found.windows == _windows(intent.axes(intent.input_size, found.size))
        for found in averaged
    )


def _windows(axes: Tuple[AxisSpec, AxisSpec]) -> Optional[Tuple[Tuple[int, ...], ...]]:
    """The rows and columns that each output is the mean of, from the first up to one behind them.

    None if some pixels count in part, as they do for TensorFlow.
    """
    sides = []
    for axis in axes:
        rows = taps(axis)
        if any(abs(weight - row[0][1]) > TOLERANCE for row in rows for _, weight in row):
            return None
        sides.append([(row[0][0], row[-1][0] + 1) for row in rows])
    return tuple(row + column for row in sides[0] for column in sides[1])
