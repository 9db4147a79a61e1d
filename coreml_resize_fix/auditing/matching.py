"""The result of matching: the intent of each layer, or why it has none."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.evidence import same_call
from coreml_resize_fix.auditing.without_layer import COPIES, WithoutLayer
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent

Pairs = List[Tuple[Intent, ResizeLayer]]


@dataclass
class Match:
    """The intent of one layer, or the code and the reason why it has none.

    `against` is the contradiction in the file that no size of the layer can remove.
    """

    intent: Optional[Intent] = None
    how: str = ""
    code: Optional[Code] = None
    reason: str = ""
    against: str = ""


@dataclass
class Matching:
    """One match per layer address, the intents without a layer, and notices.

    `unused` are intents whose layer is missing, `need_no_layer` those that need none. `pooled` has
    the matches of pooling layers. `agrees` is False if the evidence contradicts the order.
    """

    by_address: Dict[str, Match] = field(default_factory=dict)
    pooled: Dict[str, Match] = field(default_factory=dict)
    unused: List[Intent] = field(default_factory=list)
    need_no_layer: List[WithoutLayer] = field(default_factory=list)
    notices: List[str] = field(default_factory=list)
    agrees: bool = True


class MatchDraft:
    """The matches found so far; `reasons`: why an intent needs no layer, by its id."""

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

    def equal(self, one: Intent, other: Intent, layer: ResizeLayer) -> bool:
        """Whether two intents ask a layer for the same map."""
        return self.request(one) == self.request(other) or same_call(one, other, layer)

    def request(self, intent: Intent) -> Tuple[Any, ...]:
        """A key of what an intent asks for: all calls that copy have the same."""
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
