"""Match by order of execution, where every pair agrees with all other evidence."""

from typing import Dict, List, Optional, Sequence, Set, Tuple

from coreml_resize_fix.auditing.alignment import Alignment
from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.evidence import contradiction, may_equal
from coreml_resize_fix.auditing.evidence_weights import Scale, weigh
from coreml_resize_fix.auditing.matching import (
    Match,
    MatchDraft,
    Matching,
    describe_difference,
)
from coreml_resize_fix.auditing.names import by_own_name
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent

# How a layer was matched that stands for no other call which a simplifier may have merged with it.
_CERTAIN = ("layer", "origin")

NOT_ONE_BY_ONE = "the calls that are left do not fit the layers one by one"


def by_order(intents: List[Intent], draft: MatchDraft, result: Matching) -> None:
    """Match the remaining intents and layers, and note the intents without a layer."""
    layers = draft.unmatched
    scale = Scale(min(len(intents), len(layers)))
    reasons = [draft.reasons[id(intent)] for intent in intents]
    alignment = Alignment(len(intents), len(layers), weigh(intents, layers, reasons, scale))
    count = scale.count(alignment.size)
    missing = reasons.count(None) - count.needed
    agrees = not missing or count.pairs == len(layers)
    by_name = [] if agrees else by_own_name(intents, layers)
    if by_name:
        draft.pair_by_name(by_name, intents)
        by_order(intents, draft, result)
        return
    result.agrees = agrees
    for index, layer in enumerate(layers):
        candidates = [intents[i] for i in alignment.partners(index)]
        draft.found[layer.address] = (
            _match_by_order(layer, candidates, draft, alignment.can_skip(index), missing > 0)
            if agrees and candidates
            else Match(code=Code.NO_INTENT, reason=_why_none(layer, intents, agrees))
        )
    for layer in draft.layers:
        result.by_address[layer.address] = draft.found[layer.address]
    _note_unmatched_intents(intents, alignment if agrees else None, draft, result)


def _match_by_order(
    layer: ResizeLayer,
    candidates: Sequence[Intent],
    draft: MatchDraft,
    can_skip: bool,
    missing: bool,
) -> Match:
    """The match of a layer that these intents fit; `missing`: some intents have no layer."""
    if not all(draft.equal(candidates[0], intent, layer) for intent in candidates):
        return Match(
            code=Code.MERGED_CALLS if missing else Code.AMBIGUOUS_INTENT,
            reason=describe_difference(candidates),
        )
    if can_skip:
        return Match(
            code=Code.AMBIGUOUS_INTENT,
            reason="there are fewer intents than layers that they fit, such as "
            f"`{candidates[0].label}`",
        )
    return Match(candidates[0], "order")


def _why_none(layer: ResizeLayer, intents: Sequence[Intent], agrees: bool) -> str:
    if agrees or not intents:
        return "the manifest has no intent for it"
    contradictions = (contradiction(intent, layer) for intent in intents)
    why = next((text for text in contradictions if text), NOT_ONE_BY_ONE)
    return f"matching by order is contradicted: {why}"


def _note_unmatched_intents(
    intents: Sequence[Intent], alignment: Optional[Alignment], draft: MatchDraft, result: Matching
) -> None:
    """Intents without a layer of their own: merged into another's layer, or unused."""
    requests = [draft.request(intent) for intent in intents]
    partners: Dict[int, Set[Tuple[object, ...]]] = {}  # column → requests that fit it
    for index, intent in enumerate(intents):
        if alignment is not None and (not alignment.can_skip_intent(index)):
            continue
        if alignment is not None and _is_ambiguous(index, alignment, requests, partners):
            continue
        if not draft.needs_layer(intent):
            draft.note_without_layer(intent, result)
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
            if found.intent and found.how not in _CERTAIN and _exports_equal(found.intent, intent)
        ]
        for layer, other in merged:
            result.by_address[layer.address] = Match(
                code=Code.MERGED_CALLS, reason=describe_difference([other, intent])
            )
        if not merged:
            result.unused.append(intent)


def _is_ambiguous(
    index: int,
    alignment: Alignment,
    requests: Sequence[Tuple[object, ...]],
    partners: Dict[int, Set[Tuple[object, ...]]],
) -> bool:
    """Whether some layer is ambiguous because this intent and a different one fit it.

    `partners` caches the requests that fit each column.
    """
    for column in alignment.columns(index):
        if column not in partners:
            partners[column] = {requests[row] for row in alignment.partners(column)}
        if partners[column] - {requests[index]}:
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
