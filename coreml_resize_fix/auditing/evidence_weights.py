"""Weigh the evidence for each pair of an intent and a layer, in numbers that can be added."""

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.evidence import computes, fitting
from coreml_resize_fix.auditing.without_layer import COPIES, UNUSED
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent

Weights = List[List[int]]


class Count(NamedTuple):
    """The evidence for a pair, or its sum over an alignment; earlier fields outweigh later ones.

    If every intent needs a layer, most `pairs` win. If some calls may have none, `certain` goes
    first: the layer computes the call, and the call may be used. `needed` counts intents that need
    a layer, `exact` layers that compute their intent, `sized` layers that make the intended size.
    """

    certain: int
    pairs: int
    needed: int
    exact: int
    sized: int


class Scale:
    """Encodes counts as one number, for alignments of at most `most_pairs` pairs."""

    def __init__(self, most_pairs: int) -> None:
        self._base = most_pairs + 1

    def weight(self, count: Count) -> int:
        """The counts as a number of the same order."""
        total = 0
        for digit in count:
            total = total * self._base + digit
        return total

    def count(self, weight: int) -> Count:
        """The counts in a sum of weights."""
        digits = []
        for _ in Count._fields:
            weight, digit = divmod(weight, self._base)
            digits.append(digit)
        return Count(*reversed(digits))


def weigh(
    intents: Sequence[Intent],
    layers: Sequence[ResizeLayer],
    reasons: Sequence[Optional[str]],
    scale: Scale,
) -> Weights:
    """The weight of each intent with each layer: 0 if the evidence contradicts the pair.

    `reasons` has for each intent why it needs no layer, None if it needs one.
    """
    computed = _Computed()
    all_need_layers = not any(reasons)

    def weight(intent: Intent, layer: ResizeLayer, reason: Optional[str]) -> int:
        sized = all_need_layers or _makes_size(layer, intent)
        if reason == COPIES and not sized:
            return 0  # the layer of such a call, if there is one, copies
        exact = computed(intent, layer)
        certain = exact and not all_need_layers and reason != UNUSED
        return scale.weight(Count(certain, True, reason is None, exact, sized))

    return [
        [weight(intent, layer, reason) if fits else 0 for layer, fits in zip(layers, row)]
        for intent, reason, row in zip(intents, reasons, fitting(intents, layers))
    ]


def _makes_size(layer: ResizeLayer, intent: Intent) -> bool:
    size = layer.input.size or intent.input_size
    return size is not None and layer.params.output_size(size) == intent.target_size(size)


class _Computed:
    """Whether layers compute intents; equal questions are answered once."""

    def __init__(self) -> None:
        self._known: Dict[Tuple[object, ...], bool] = {}
        self._requests: Dict[int, Tuple[object, ...]] = {}

    def __call__(self, intent: Intent, layer: ResizeLayer) -> bool:
        if not layer.input.samples:
            return False
        if id(intent) not in self._requests:
            self._requests[id(intent)] = intent.request + (
                intent.input_size,
                intent.framework_version,
            )
        key = self._requests[id(intent)] + (layer.params, layer.input.kind, layer.input.samples)
        if key not in self._known:
            self._known[key] = computes(intent, layer)
        return self._known[key]
