"""Which intent belongs to which layer: by `layer`, by name, by order with evidence.

Nothing is guessed: a layer that several intents fit equally well, which ask for different things,
is ambiguous.
"""

from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.area import by_pooling, is_made_of_windows
from coreml_resize_fix.auditing.evidence import contradiction
from coreml_resize_fix.auditing.matching import NO_INTENT, Match, MatchDraft, Matching, remove
from coreml_resize_fix.auditing.names import by_name
from coreml_resize_fix.auditing.order import by_order
from coreml_resize_fix.auditing.pinned import by_pin
from coreml_resize_fix.auditing.without_layer import ELSEWHERE, no_layer_needed
from coreml_resize_fix.formats.model import POOLING, Averaged
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import Overrides, PartialSize
from coreml_resize_fix.intents.model import Intent

LayersFor = Callable[[Overrides], Sequence[ResizeLayer]]

_MOST_STEPS = 4 * 1000 * 1000  # of alignment: rounds times pairs of an intent and a layer


def match(
    intents: Sequence[Intent],
    layers_for: LayersFor,
    assume: Optional[Intent] = None,
    averaged: Sequence[Averaged] = (),
) -> Matching:
    """Match intents to the layers that `layers_for` gives, in file order, pooling layers too.

    What a layer gets depends on what the resizes before it make, and those may be wrong in the
    file. So sizes behind an undecided resize are no evidence, and each round decides more of them.
    `averaged` are maps that other layers make.
    """
    reasons = {
        id(intent): ELSEWHERE if is_made_of_windows(intent, averaged) else no_layer_needed(intent)
        for intent in intents
    }
    matching = _in_rounds(intents, reasons, layers_for, careful=False)
    if not matching.agrees:
        # A layer of unknown size may have got a call that belongs further on. If the order agrees
        # when such layers wait for those before them, that was why it did not.
        again = _in_rounds(intents, reasons, layers_for, careful=True)
        matching = again if again.agrees else matching
    if assume is not None:
        for found in matching.by_address.values():
            if found.code == NO_INTENT:
                found.intent, found.how, found.code, found.reason = assume, "assumed", "", ""
    return matching


def _in_rounds(
    intents: Sequence[Intent],
    reasons: Dict[int, Optional[str]],
    layers_for: LayersFor,
    careful: bool,
) -> Matching:
    """Match again and again, until nothing more is known of sizes.

    `careful` says that what the order gives a layer of unknown size tells nothing of its size.
    """
    layers, _ = _apart(layers_for({}))
    previous: Optional[Dict[str, _Assumption]] = None
    assumed = {layer.address: _Assumption() for layer in layers}
    matching = Matching()
    # Each round decides at least one more layer, or is the last. Of hundreds in a chain whose sizes
    # are all wrong, not every one is waited for.
    rounds = min(len(layers) + 2, max(8, _MOST_STEPS // (len(layers) * len(intents) + 1)))
    while assumed != previous and rounds:
        rounds -= 1
        layers, poolings = _apart(layers_for(assumed))
        matching = _match_once(intents, MatchDraft(layers, reasons), poolings)
        previous = assumed
        assumed = {
            layer.address: assumed[layer.address]
            if careful and not layer.sizes and matching.by_address[layer.address].how == "order"
            else _assumption(layer, matching, assumed[layer.address])
            for layer in layers
        }
    return matching


@dataclass(frozen=True)
class _Assumption:
    """What a layer is to be assumed to make: what its intent makes of the input, or a size."""

    intent: Optional[Intent] = None
    size: PartialSize = (None, None)  # None: not decided

    def __call__(self, input_size: Optional[Tuple[int, int]]) -> PartialSize:
        return (self.intent.target_size(input_size) if self.intent else None) or self.size


def _assumption(layer: ResizeLayer, matching: Matching, before: _Assumption) -> _Assumption:
    intent = matching.by_address[layer.address].intent
    if intent is not None and layer.follows:
        return _Assumption(intent, before.size)
    # A size that was decided stays decided: rounds then end.
    made = intent.target_size(layer.input_size) if intent else None
    return _Assumption(size=made or before(layer.input_size))


def _apart(layers: Sequence[ResizeLayer]) -> Tuple[List[ResizeLayer], List[ResizeLayer]]:
    """Resize layers, and pooling layers."""
    poolings = [layer for layer in layers if layer.kind == POOLING]
    return [layer for layer in layers if layer.kind != POOLING], poolings


def _match_once(
    intents: Sequence[Intent], draft: MatchDraft, poolings: Sequence[ResizeLayer]
) -> Matching:
    result = Matching()
    by_pin(intents, draft, poolings, result)
    rest = [intent for intent in intents if intent.layer is None]
    draft.take(by_name(rest, draft.open, contradiction, draft.owes), rest)
    pooled = by_pooling(rest, poolings)
    result.pooled.update({layer.address: Match(intent, "pooling") for intent, layer in pooled})
    remove(rest, pooled)
    by_order(rest, draft, result)
    return result
