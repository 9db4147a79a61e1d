"""What matching finds: the intent of each layer, or why it has none."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.evidence import same_call
from coreml_resize_fix.auditing.without_layer import COPIES, WithoutLayer
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent

Pairs = List[Tuple[Intent, ResizeLayer]]

NO_INTENT, AMBIGUOUS, MERGED = "RSZ201", "RSZ202", "RSZ203"


@dataclass
class Match:
    """The intent of one layer, or the code and reason why it has none.

    `against` is what in the file contradicts every size that the layer may make.
    """

    intent: Optional[Intent] = None
    how: str = ""
    code: str = ""
    reason: str = ""
    against: str = ""


@dataclass
class Matching:
    """One match per layer address; intents that no layer stands for; remarks.

    `unused` are the intents that are owed a layer and have none, `not_owed` those that owe none.
    `pooled` are the matches of pooling layers. `agrees` is false where something speaks against the
    order.
    """

    by_address: Dict[str, Match] = field(default_factory=dict)
    pooled: Dict[str, Match] = field(default_factory=dict)
    unused: List[Intent] = field(default_factory=list)
    not_owed: List[WithoutLayer] = field(default_factory=list)
    notices: List[str] = field(default_factory=list)
    agrees: bool = True


class MatchDraft:
    """Layers and what was found for each so far; why intents owe no layer, by id."""

    def __init__(self, layers: Sequence[ResizeLayer], reasons: Dict[int, Optional[str]]) -> None:
        self.layers = layers
        self.reasons = reasons
        self.found: Dict[str, Match] = {}

    @property
    def open(self) -> List[ResizeLayer]:
        return [layer for layer in self.layers if layer.address not in self.found]

    def owes(self, intent: Intent) -> bool:
        """Whether a layer is owed for this intent."""
        return self.reasons[id(intent)] is None

    def equal(self, one: Intent, other: Intent, layer: ResizeLayer) -> bool:
        """Whether two intents ask for the same of a layer."""
        return self.ask(one) == self.ask(other) or same_call(one, other, layer)

    def ask(self, intent: Intent) -> Tuple[Any, ...]:
        """What an intent asks for: calls that copy all ask for the same."""
        if self.reasons[id(intent)] == COPIES:
            return (COPIES, intent.input_size)
        return intent.ask

    def leave(self, intent: Intent, result: Matching) -> None:
        """Note that no layer stands for an intent."""
        reason = self.reasons[id(intent)]
        if reason is None:
            result.unused.append(intent)
        else:
            result.not_owed.append(WithoutLayer(intent, reason))

    def take(self, named: Pairs, intents: List[Intent]) -> None:
        """Pair by name, and leave the others in `intents`."""
        self.found.update({layer.address: Match(intent, "name") for intent, layer in named})
        remove(intents, named)


def differ(intents: Sequence[Intent]) -> str:
    """The reason that several intents give for a layer to have none."""
    asked: List[str] = []
    for intent in intents:
        text = f"`{intent.label}` asks for {intent}"
        if text not in asked:
            asked.append(text)
    return "intents that differ fit it: " + ", ".join(asked[:4])


def remove(intents: List[Intent], pairs: Pairs) -> None:
    """Drop the intents of pairs from a list."""
    taken = {id(intent) for intent, _ in pairs}
    intents[:] = [intent for intent in intents if id(intent) not in taken]
