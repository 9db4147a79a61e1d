"""How much speaks for each pair of an intent and a layer, as numbers whose sums can be compared.

What goes before what: intents that are owed a layer have one, then layers compute their intents,
then many pairs, then calls that copy have layers that keep the size.
"""

from typing import Dict, List, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.evidence import computes, fitting
from coreml_resize_fix.auditing.layers import ResizeLayer
from coreml_resize_fix.auditing.owed import COPIES
from coreml_resize_fix.intents.model import Intent

Weights = List[List[int]]


class Scale:
    """Weights of four kinds in one number, for alignments of at most so many pairs."""

    def __init__(self, most_pairs: int) -> None:
        self._base = most_pairs + 1

    def weight(self, owed: bool, exact: bool, fits: bool, keeps: bool) -> int:
        base = self._base
        return ((owed * base + exact) * base + fits) * base + keeps

    def owed(self, total: int) -> int:
        """How many of the pairs of an alignment are of intents that are owed a layer."""
        return total // self._base**3

    def pairs(self, total: int) -> int:
        """How many pairs an alignment has."""
        return total // self._base % self._base


def weigh(
    intents: Sequence[Intent],
    layers: Sequence[ResizeLayer],
    reasons: Sequence[Optional[str]],
    scale: Scale,
) -> Weights:
    """Of each intent with each layer: 0 if something speaks against it, else what speaks for it.

    `reasons` say of each intent why it owes no layer, None if it does.
    """
    exact = _Exact()

    def weight(intent: Intent, layer: ResizeLayer, reason: Optional[str]) -> int:
        keeps = reason != COPIES or _keeps_size(layer, intent)
        return scale.weight(reason is None, exact(intent, layer), True, keeps)

    return [
        [weight(intent, layer, reason) if fits else 0 for layer, fits in zip(layers, row)]
        for intent, reason, row in zip(intents, reasons, fitting(intents, layers))
    ]


def _keeps_size(layer: ResizeLayer, intent: Intent) -> bool:
    size = layer.input_size or intent.input_size
    return size is not None and layer.params.output_size(size) == size


class _Exact:
    """Whether layers compute intents; those that ask for or get the same are asked once."""

    def __init__(self) -> None:
        self._known: Dict[Tuple[object, ...], bool] = {}
        self._asks: Dict[int, Tuple[object, ...]] = {}

    def __call__(self, intent: Intent, layer: ResizeLayer) -> bool:
        if not layer.sizes:
            return False
        if id(intent) not in self._asks:
            self._asks[id(intent)] = intent.ask + (intent.input_size, intent.framework_version)
        key = self._asks[id(intent)] + (layer.params, layer.shape, layer.sizes)
        if key not in self._known:
            self._known[key] = computes(intent, layer)
        return self._known[key]
