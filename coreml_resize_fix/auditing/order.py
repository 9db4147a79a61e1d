"""Matching by order of execution, accepted only where every pair agrees with all other evidence."""

from typing import Dict, List, Optional, Sequence, Set, Tuple

from coreml_resize_fix.auditing.alignment import Alignment, align
from coreml_resize_fix.auditing.evidence import contradiction, may_equal
from coreml_resize_fix.auditing.evidence_weights import Scale, weigh
from coreml_resize_fix.auditing.matching import (
    AMBIGUOUS,
    MERGED,
    NO_INTENT,
    Match,
    MatchDraft,
    Matching,
    differ,
)
from coreml_resize_fix.auditing.names import by_own_name
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent


def by_order(intents: List[Intent], draft: MatchDraft, result: Matching) -> None:
    """Match what is left of intents and layers, and note the intents that no layer stands for."""
    layers = draft.open
    scale = Scale(min(len(intents), len(layers)))
    reasons = [draft.reasons[id(intent)] for intent in intents]
    alignment = align(len(intents), len(layers), weigh(intents, layers, reasons, scale))
    count = scale.count(alignment.size)
    missing = reasons.count(None) - count.owed
    agrees = not missing or count.pairs == len(layers)
    own = [] if agrees else by_own_name(intents, layers)
    if own:
        draft.take(own, intents)
        by_order(intents, draft, result)
        return
    result.agrees = agrees
    for index, layer in enumerate(layers):
        candidates = [intents[i] for i in alignment.partners(index)]
        draft.found[layer.address] = (
            _ordered(layer, candidates, draft, alignment.can_skip(index), missing > 0)
            if agrees and candidates
            else Match(code=NO_INTENT, reason=_why_none(layer, intents, agrees))
        )
    for layer in draft.layers:
        result.by_address[layer.address] = draft.found[layer.address]
    _settle_leftovers(intents, alignment if agrees else None, draft, result)


def _ordered(
    layer: ResizeLayer,
    candidates: Sequence[Intent],
    draft: MatchDraft,
    can_skip: bool,
    missing: bool,
) -> Match:
    """What a layer gets that these intents fit; `missing` tells that some have no layer."""
    if not all(draft.equal(candidates[0], intent, layer) for intent in candidates):
        return Match(code=MERGED if missing else AMBIGUOUS, reason=differ(candidates))
    if can_skip:
        return Match(
            code=AMBIGUOUS,
            reason="there are fewer intents than layers that they fit, such as "
            f"`{candidates[0].label}`",
        )
    return Match(candidates[0], "order")


def _why_none(layer: ResizeLayer, intents: Sequence[Intent], agrees: bool) -> str:
    if agrees or not intents:
        return "the manifest has no intent for it"
    contradictions = (contradiction(intent, layer) for intent in intents)
    why = next((text for text in contradictions if text), "the counts differ")
    return f"matching by order is contradicted: {why}"


def _settle_leftovers(
    intents: Sequence[Intent], alignment: Optional[Alignment], draft: MatchDraft, result: Matching
) -> None:
    """Intents without a layer of their own: merged into another's layer, or unused."""
    asks = [draft.ask(intent) for intent in intents]
    partners: Dict[int, Set[Tuple[object, ...]]] = {}  # of a column, what they ask for
    for index, intent in enumerate(intents):
        if alignment is not None and (not alignment.can_skip_intent(index)):
            continue
        if alignment is not None and _is_ambiguous(index, alignment, asks, partners):
            continue
        if not draft.owes(intent):
            draft.leave(intent, result)
            continue
        fitting = [
            (layer, found)
            for layer, found in ((layer, draft.found[layer.address]) for layer in draft.layers)
            if found.intent is not None and contradiction(intent, layer) is None
        ]
        if any(
            found.intent and draft.equal(found.intent, intent, layer) for layer, found in fitting
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
