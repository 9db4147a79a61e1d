"""Match intents to layers: by `layer`, by name, by a converter's memory, by order with evidence.

Nothing is guessed: a layer is ambiguous if intents that ask for different things fit it equally
well.
"""

from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.area import by_pooling, is_made_of_windows
from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.matching import (
    Match,
    MatchDraft,
    Matching,
    remove_matched,
)
from coreml_resize_fix.auditing.names import by_name
from coreml_resize_fix.auditing.order import by_order
from coreml_resize_fix.auditing.origins import Origins, by_origin
from coreml_resize_fix.auditing.pinned import by_pin
from coreml_resize_fix.auditing.summed import is_made_of_sums
from coreml_resize_fix.auditing.without_layer import ELSEWHERE, no_layer_needed
from coreml_resize_fix.formats.model import POOLING, Averaged, Summed
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import Overrides, PartialSize
from coreml_resize_fix.intents.model import Intent

LayersFor = Callable[[Overrides], Sequence[ResizeLayer]]

MOST_STEPS = 4 * 1000 * 1000  # of alignment: rounds times pairs of an intent and a layer


def match(
    intents: Sequence[Intent],
    layers_for: LayersFor,
    assume: Optional[Intent] = None,
    averaged: Sequence[Averaged] = (),
    summed: Sequence[Summed] = (),
    origins: Optional[Origins] = None,
    varies: bool = False,
) -> Matching:
    """Match intents to the layers that `layers_for` returns in file order, pooling layers too.

    The input of a layer depends on the resizes before it, which may be wrong in the file. So sizes
    behind an undecided resize do not count as evidence, and each round decides more of them.
    `averaged` and `summed` are maps that other layers assemble; `origins` is what a converter
    remembers of the calls; `varies`: the model takes inputs of several sizes.
    """
    remembered = origins or {}
    reasons = {
        id(intent): ELSEWHERE
        if is_made_of_windows(intent, averaged) or is_made_of_sums(intent, summed)
        else no_layer_needed(intent, varies)
        for intent in intents
    }
    matching = _in_rounds(intents, reasons, layers_for, remembered, careful=False)
    if not matching.agrees:
        # A layer of unknown size may have taken the call of a later one. Try again with such
        # layers waiting for those before them.
        again = _in_rounds(intents, reasons, layers_for, remembered, careful=True)
        matching = again if again.agrees else matching
    if assume is not None:
        for found in matching.by_address.values():
            if found.code == Code.NO_INTENT:
                found.intent, found.how, found.code, found.reason = assume, "assumed", None, ""
    return matching


def _in_rounds(
    intents: Sequence[Intent],
    reasons: Dict[int, Optional[str]],
    layers_for: LayersFor,
    origins: Origins,
    careful: bool,
) -> Matching:
    """Match in rounds until no further size becomes known.

    `careful`: a match by order does not make the size of a layer of unknown size known.
    """
    layers, poolings = _split_poolings(layers_for({}))
    if not intents:  # then no size is evidence of anything, and none needs to be left open
        return _match_once(intents, MatchDraft(layers, reasons), poolings, origins)
    previous: Optional[Dict[str, _Assumption]] = None
    assumed = {layer.address: _Assumption() for layer in layers}
    matching = Matching()
    # Each round decides at least one more layer, or is the last. The limit is for chains of
    # hundreds of layers whose sizes are all wrong.
    rounds = min(len(layers) + 2, max(8, MOST_STEPS // (len(layers) * len(intents) + 1)))
    while assumed != previous and rounds:
        rounds -= 1
        layers, poolings = _split_poolings(layers_for(_but_computed(assumed, layers)))
        matching = _match_once(intents, MatchDraft(layers, reasons), poolings, origins)
        previous = assumed
        assumed = {
            layer.address: assumed[layer.address]
            if careful
            and not layer.input.samples
            and matching.by_address[layer.address].how == "order"
            else _assumption(layer, matching, assumed[layer.address])
            for layer in layers
        }
    return matching


def _but_computed(
    assumed: "Dict[str, _Assumption]", layers: Sequence[ResizeLayer]
) -> "Dict[str, _Assumption]":
    """Without those whose size the file itself computes at run time."""
    computed = {layer.address for layer in layers if layer.params.computes_size}
    return {address: one for address, one in assumed.items() if address not in computed}


@dataclass(frozen=True)
class _Assumption:
    """The assumed output of a layer: what its intent makes of the input, or a fixed size."""

    intent: Optional[Intent] = None
    size: PartialSize = (None, None)  # None: not decided

    def __call__(self, input_size: Optional[Tuple[int, int]]) -> PartialSize:
        return (self.intent.target_size(input_size) if self.intent else None) or self.size


def _assumption(layer: ResizeLayer, matching: Matching, before: _Assumption) -> _Assumption:
    intent = matching.by_address[layer.address].intent
    if intent is not None and layer.follows:
        return _Assumption(intent, before.size)
    # A size that was decided stays decided: rounds then end.
    made = intent.target_size(layer.input.size) if intent else None
    return _Assumption(size=made or before(layer.input.size))


def _split_poolings(layers: Sequence[ResizeLayer]) -> Tuple[List[ResizeLayer], List[ResizeLayer]]:
    """The resize layers, and the pooling layers."""
    poolings = [layer for layer in layers if layer.kind == POOLING]
    return [layer for layer in layers if layer.kind != POOLING], poolings


def _match_once(
    intents: Sequence[Intent],
    draft: MatchDraft,
    poolings: Sequence[ResizeLayer],
    origins: Origins,
) -> Matching:
    result = Matching()
    by_pin(intents, draft, poolings, result)
    rest = [intent for intent in intents if intent.layer is None]
    draft.pair_by_name(by_name(rest, draft), rest)
    while True:
        remembered = by_origin(rest, origins, draft)
        if not remembered:
            break
        draft.pair_by_name(remembered, rest, "origin")  # the rest may be of fewer modules now
    pooled = by_pooling(rest, poolings)
    result.pooled.update({layer.address: Match(intent, "pooling") for intent, layer in pooled})
    remove_matched(rest, pooled)
    by_order(rest, draft, result)
    return result
