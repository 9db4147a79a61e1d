"""How much speaks for each pair of an intent and a layer, as numbers whose sums can be compared."""

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.evidence import computes, fitting
from coreml_resize_fix.auditing.without_layer import COPIES, UNUSED
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent

Weights = List[List[int]]


class Count(NamedTuple):
    """What speaks for a pair, or how often it does in an alignment; what comes first goes first.

    Where every intent is owed a layer, counts are evidence: most `pairs` go first. Where calls may
    have none, values go before them: `certain` is a layer that computes a call that may be used.
    `owed` is an intent that is owed a layer, `exact` a layer that computes its intent, and `sized`
    one that makes the size that is asked for.
    """

    certain: int
    pairs: int
    owed: int
    exact: int
    sized: int


class Scale:
    """Counts as one number, for alignments of at most so many pairs."""

    def __init__(self, most_pairs: int) -> None:
        self._base = most_pairs + 1

    def weight(self, count: Count) -> int:
        """The number, which orders as the counts do."""
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
    """Of each intent with each layer: 0 if something speaks against it, else what speaks for it.

    `reasons` say of each intent why it owes no layer, None if it does.
    """
    computed = _Computed()
    all_owed = not any(reasons)

    def weight(intent: Intent, layer: ResizeLayer, reason: Optional[str]) -> int:
        sized = all_owed or _makes_size(layer, intent)
        if reason == COPIES and not sized:
            return 0  # its layer, if it has one, copies
        exact = computed(intent, layer)
        certain = exact and not all_owed and reason != UNUSED
        return scale.weight(Count(certain, True, reason is None, exact, sized))

    return [
        [weight(intent, layer, reason) if fits else 0 for layer, fits in zip(layers, row)]
        for intent, reason, row in zip(intents, reasons, fitting(intents, layers))
    ]


def _makes_size(layer: ResizeLayer, intent: Intent) -> bool:
    size = layer.input_size or intent.input_size
    return size is not None and layer.params.output_size(size) == intent.target_size(size)


class _Computed:
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
