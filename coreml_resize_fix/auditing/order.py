"""Matching by order of execution, accepted only where every pair agrees with all other evidence."""

from typing import Dict, List, Optional, Sequence, Set, Tuple

from coreml_resize_fix.auditing.alignment import Alignment, align
from coreml_resize_fix.auditing.evidence import contradiction, may_equal
from coreml_resize_fix.auditing.matching import (
    AMBIGUOUS,
    MERGED,
    NO_INTENT,
    Match,
    Matching,
    Pairs,
    differ,
)
from coreml_resize_fix.auditing.names import by_own_name
from coreml_resize_fix.auditing.weights import Scale, weigh
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent


def by_order(intents: List[Intent], pairs: Pairs, result: Matching) -> None:
    """Match what is left of intents and layers, and note the intents that no layer stands for."""
    layers = pairs.open
    scale = Scale(min(len(intents), len(layers)))
    reasons = [pairs.reasons[id(intent)] for intent in intents]
    alignment = align(len(intents), len(layers), weigh(intents, layers, reasons, scale))
    count = scale.count(alignment.size)
    missing = reasons.count(None) - count.owed
    agrees = not missing or count.pairs == len(layers)
    own = [] if agrees else by_own_name(intents, layers)
    if own:
        pairs.take(own, intents)
        by_order(intents, pairs, result)
        return
    result.agrees = agrees
    for index, layer in enumerate(layers):
        candidates = [intents[i] for i in alignment.partners(index)]
        pairs.found[layer.address] = (
            _ordered(layer, candidates, pairs, alignment.can_skip(index), missing > 0)
            if agrees and candidates
            else Match(code=NO_INTENT, reason=_why_none(layer, intents, agrees))
        )
    for layer in pairs.layers:
        result.by_address[layer.address] = pairs.found[layer.address]
    _settle_leftovers(intents, alignment if agrees else None, pairs, result)


def _ordered(
    layer: ResizeLayer,
    candidates: Sequence[Intent],
    pairs: Pairs,
    can_skip: bool,
    missing: bool,
) -> Match:
    """What a layer gets that these intents fit; `missing` tells that some have no layer."""
    if not all(pairs.equal(candidates[0], intent, layer) for intent in candidates):
        return Match(code=MERGED if missing else AMBIGUOUS, reason=differ(candidates))
    if can_skip:
        return Match(
            code=AMBIGUOUS,
            reason="there are fewer intents than layers that they fit, such as `{}`".format(
                candidates[0].label
            ),
        )
    return Match(candidates[0], "order")


def _why_none(layer: ResizeLayer, intents: Sequence[Intent], agrees: bool) -> str:
    if agrees or not intents:
        return "the manifest has no intent for it"
    contradictions = (contradiction(intent, layer) for intent in intents)
    return "matching by order is contradicted: {}".format(
        next((text for text in contradictions if text), "the counts differ")
    )


def _settle_leftovers(
    intents: Sequence[Intent], alignment: Optional[Alignment], pairs: Pairs, result: Matching
) -> None:
    """Intents without a layer of their own: merged into another's layer, or unused."""
    asks = [pairs.ask(intent) for intent in intents]
    partners: Dict[int, Set[Tuple[object, ...]]] = {}  # of a column, what they ask for
    for index, intent in enumerate(intents):
        if alignment is not None and (not alignment.can_skip_intent(index)):
            continue
        if alignment is not None and _is_ambiguous(index, alignment, asks, partners):
            continue
        if not pairs.owes(intent):
            pairs.leave(intent, result)
            continue
        fitting = [
            (layer, found)
            for layer, found in ((layer, pairs.found[layer.address]) for layer in pairs.layers)
            if found.intent is not None and contradiction(intent, layer) is None
        ]
        if any(
            found.intent and pairs.equal(found.intent, intent, layer) for layer, found in fitting
        ):
            continue  # merged with an equal call
        merged = [
            (layer, found.intent)
            for layer, found in fitting
            if found.intent and found.how != "layer" and _exports_equal(found.intent, intent)
        ]
        for layer, other in merged:
            result.by_address[layer.address] = Match(code=MERGED, reason=differ([other, intent]))
        if not merged:
            result.unused.append(intent)


def _is_ambiguous(
    index: int,
    alignment: Alignment,
    asks: Sequence[Tuple[object, ...]],
    partners: Dict[int, Set[Tuple[object, ...]]],
) -> bool:
    """Whether some layer is reported as ambiguous because this intent may be its own.

    `partners` remembers, by column, what all that may be its own ask for.
    """
    for column in alignment.columns(index):
        if column not in partners:
            partners[column] = {asks[row] for row in alignment.partners(column)}
        if partners[column] - {asks[index]}:
            return True
    return False


def _exports_equal(one: Intent, other: Intent) -> bool:
    """Whether an exporter that drops align_corners writes the same node for both calls."""
    return (
        one.is_nearest == other.is_nearest
        and one.target_size(one.input_size) == other.target_size(other.input_size)
        and may_equal(one.input_size, other.input_size)
        and may_equal(one.channels, other.channels)
    )
