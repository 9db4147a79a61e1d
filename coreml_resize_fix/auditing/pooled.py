"""Calls of `area` that a pooling layer computes, found by what it averages at its real size."""

from typing import Dict, List, Sequence, Tuple

from coreml_resize_fix.auditing.evidence import computes, contradiction
from coreml_resize_fix.auditing.layers import ResizeLayer
from coreml_resize_fix.intents.model import Intent

Pairs = List[Tuple[Intent, ResizeLayer]]


def by_pooling(intents: Sequence[Intent], poolings: Sequence[ResizeLayer]) -> Pairs:
    """Each intent that some pooling layer computes, and the layer, in order of execution.

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
