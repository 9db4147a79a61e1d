"""Match calls of mode `area` to the pooling layers that compute them."""

from typing import Dict, Sequence, Tuple

from coreml_resize_fix.auditing.evidence import computes, contradiction, may_equal
from coreml_resize_fix.auditing.matching import Pairs
from coreml_resize_fix.formats.model import Averaged
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent


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
        and found.windows == _windows(intent.input_size, found.size)
        for found in averaged
    )


def _windows(before: Tuple[int, int], after: Tuple[int, int]) -> Tuple[Tuple[int, ...], ...]:
    """Adaptive average pooling reads from floor(i X / N) to ceil((i + 1) X / N)."""
    rows, columns = (
        [(i * x // n, -(-(i + 1) * x // n)) for i in range(n)] for x, n in zip(before, after)
    )
    return tuple(row + column for row in rows for column in columns)
