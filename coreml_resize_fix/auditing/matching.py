"""Intents matched to layers: the result, and the draft that the ways of matching work on."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.evidence import contradiction, same_call
from coreml_resize_fix.auditing.without_layer import COPIES, WithoutLayer
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent

Pairs = List[Tuple[Intent, ResizeLayer]]


@dataclass
class Match:
    """The intent of one layer and how it was found, or the code and the reason why it has none.

    `against`: the rest of the file contradicts whatever size the layer makes, in words.
    """

    intent: Optional[Intent] = None
    how: str = ""
    code: Optional[Code] = None
    reason: str = ""
    against: str = ""


@dataclass
class Matching:
    """The matches of all layers and of `pooled` pooling layers, by address, and notices.

    `unused` are intents whose layer is missing, `need_no_layer` those that need none. `agrees` is
    False if the evidence contradicts the order of execution.
    """

    by_address: Dict[str, Match] = field(default_factory=dict)
    pooled: Dict[str, Match] = field(default_factory=dict)
    unused: List[Intent] = field(default_factory=list)
    need_no_layer: List[WithoutLayer] = field(default_factory=list)
    notices: List[str] = field(default_factory=list)
    agrees: bool = True


class MatchDraft:
    """The matches found so far, by address.

    `reasons` say by the id of an intent why it needs no layer; None: it needs one.
    """

    def __init__(self, layers: Sequence[ResizeLayer], reasons: Dict[int, Optional[str]]) -> None:
        self.layers = layers
        self.reasons = reasons
        self.found: Dict[str, Match] = {}

    @property
    def unmatched(self) -> List[ResizeLayer]:
        return [layer for layer in self.layers if layer.address not in self.found]

    def needs_layer(self, intent: Intent) -> bool:
        """Whether this intent needs a layer."""
        return self.reasons[id(intent)] is None

    def agreeing(self, group: Sequence[Intent], readings: Sequence[Sequence[ResizeLayer]]) -> Pairs:
        """Pairs of the calls of one origin and the layers that may be theirs, both in order.

        The first of the `readings` counts whose layers are as many as the calls, with no other
        evidence against a pair. Calls that need no layer are paired all or not at all.
        """
        needing = [intent for intent in group if self.needs_layer(intent)]
        for calls in (group, needing):
            for candidates in readings:
                pairs = _agreeing(calls, candidates)
                if pairs:
                    return pairs
        return []

    def equal(self, one: Intent, other: Intent, layer: ResizeLayer) -> bool:
        """Whether two intents ask a layer for the same map."""
        return self.request(one) == self.request(other) or same_call(one, other, layer)

    def request(self, intent: Intent) -> Tuple[Any, ...]:
        """A key that is equal for intents that ask for the same; all calls that copy are alike."""
        if self.reasons[id(intent)] == COPIES:
            return (COPIES, intent.input_size)
        return intent.request

    def note_without_layer(self, intent: Intent, result: Matching) -> None:
        """Note that an intent has no layer."""
        reason = self.reasons[id(intent)]
        if reason is None:
            result.unused.append(intent)
        else:
            result.need_no_layer.append(WithoutLayer(intent, reason))

    def pair_by_name(self, named: Pairs, intents: List[Intent], how: str = "name") -> None:
        """Record pairs found by name, and remove their intents from `intents`."""
        self.found.update({layer.address: Match(intent, how) for intent, layer in named})
        remove_matched(intents, named)


def _agreeing(group: Sequence[Intent], candidates: Sequence[ResizeLayer]) -> Pairs:
    calls = group
    if 0 < len(candidates) < len(group):  # a call too many: its size may exclude it
        fits = (any(not contradiction(call, one) for one in candidates) for call in group)
        calls = [call for call, fit in zip(group, fits) if fit]
    pairs = list(zip(calls, candidates))
    agree = len(candidates) == len(calls) and not any(contradiction(*pair) for pair in pairs)
    return pairs if agree else []


def describe_difference(intents: Sequence[Intent]) -> str:
    """Why a layer that several different intents fit is matched to none of them."""
    asked: List[str] = []
    for intent in intents:
        text = f"`{intent.label}` asks for {intent}"
        if text not in asked:
            asked.append(text)
    return "intents that differ fit it: " + ", ".join(asked[:4])


def remove_matched(intents: List[Intent], pairs: Pairs) -> None:
    """Drop the intents of pairs from a list."""
    taken = {id(intent) for intent, _ in pairs}
    intents[:] = [intent for intent in intents if id(intent) not in taken]
