"""Which intent belongs to which layer: by `layer`, by name, by order with evidence.

Nothing is guessed: a layer that several intents fit equally well, which ask for different things,
is ambiguous.
"""

from dataclasses import dataclass, field
from typing import Callable, Dict, List, Optional, Sequence, Set, Tuple

from coreml_resize_fix.auditing.align import Alignment, align
from coreml_resize_fix.auditing.evidence import contradiction, fitting, may_equal
from coreml_resize_fix.auditing.layers import ResizeLayer
from coreml_resize_fix.auditing.names import by_name
from coreml_resize_fix.coreml.shapes import Overrides, PartialSize
from coreml_resize_fix.intents.model import Intent

LayersFor = Callable[[Overrides], Sequence[ResizeLayer]]

NO_INTENT, AMBIGUOUS, MERGED = "RSZ201", "RSZ202", "RSZ203"

_MOST_STEPS = 4 * 1000 * 1000  # of alignment: rounds times pairs of an intent and a layer


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
    """One match per layer address; intents that no layer stands for; remarks."""

    by_address: Dict[str, Match] = field(default_factory=dict)
    unused: List[Intent] = field(default_factory=list)
    notices: List[str] = field(default_factory=list)


def match(
    intents: Sequence[Intent], layers_for: LayersFor, assume: Optional[Intent] = None
) -> Matching:
    """Match intents to the layers that `layers_for` gives, in file order.

    What a layer gets depends on what the resizes before it make, and those may be wrong in the
    file. So sizes behind an undecided resize are no evidence, and each round decides more of them.
    """
    layers = layers_for({})
    previous: Optional[Dict[str, _Assumption]] = None
    assumed = {layer.address: _Assumption() for layer in layers}
    matching = Matching()
    # Each round decides at least one more layer, or is the last. Of hundreds in a chain whose sizes
    # are all wrong, not every one is waited for.
    rounds = min(len(layers) + 2, max(8, _MOST_STEPS // (len(layers) * len(intents) + 1)))
    while assumed != previous and rounds:
        rounds -= 1
        layers = layers_for(assumed)
        matching = _match_once(intents, layers)
        previous = assumed
        assumed = {
            layer.address: _assumption(layer, matching, assumed[layer.address]) for layer in layers
        }
    if assume is not None:
        for found in matching.by_address.values():
            if found.code == NO_INTENT:
                found.intent, found.how, found.code, found.reason = assume, "assumed", "", ""
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


def _match_once(intents: Sequence[Intent], layers: Sequence[ResizeLayer]) -> Matching:
    result = Matching()
    by_layer = _Pairs(layers)
    _by_pin(intents, by_layer, result)
    rest = [intent for intent in intents if intent.layer is None]
    named = by_name(rest, by_layer.open, contradiction)
    by_layer.found.update({layer.address: Match(intent, "name") for intent, layer in named})
    taken = {id(intent) for intent, _ in named}
    rest = [intent for intent in rest if id(intent) not in taken]
    _by_order(rest, by_layer, result)
    return result


class _Pairs:
    """Layers and what was found for each so far."""

    def __init__(self, layers: Sequence[ResizeLayer]) -> None:
        self.layers = layers
        self.found: Dict[str, Match] = {}

    @property
    def open(self) -> List[ResizeLayer]:
        return [layer for layer in self.layers if layer.address not in self.found]


def _by_pin(intents: Sequence[Intent], pairs: _Pairs, result: Matching) -> None:
    for intent in intents:
        if intent.layer is None:
            continue
        named = _named(intent.layer, pairs.layers)
        if len(named) != 1:
            result.unused.append(intent)
            result.notices.append(
                "`{}` names {} resize layers{}".format(
                    intent.layer,
                    len(named) or "no",
                    "; use an address to say which" if named else " of this model",
                )
            )
            continue
        address = named[0].address
        at_place = [layer for layer in pairs.layers if layer.address == intent.layer]
        if at_place and at_place[0] is not named[0]:
            result.notices.append(
                "`{}` names `{}`, which had that address before several layers stood in for one; "
                "`{}` has it now".format(intent.layer, named[0].name, at_place[0].name)
            )
        other = pairs.found.get(address)
        if other is not None and other.intent is not None and other.intent.ask != intent.ask:
            pairs.found[address] = Match(code=MERGED, reason=_differ([other.intent, intent]))
        elif other is None:
            pairs.found[address] = Match(intent, "layer")


def _named(key: str, layers: Sequence[ResizeLayer]) -> List[ResizeLayer]:
    """Layers that a key names: an address is exact, a layer's name goes before a blob's."""
    readings: Tuple[Callable[[ResizeLayer], bool], ...] = (
        # A manifest that pins by address was written before several layers stood in for one.
        lambda layer: key == (layer.original_address or layer.address),
        lambda layer: key == layer.address,
        lambda layer: key == layer.name,
        lambda layer: key in layer.blobs,
    )
    for reading in readings:
        named = [layer for layer in layers if reading(layer)]
        if named:
            return named
    return []


def _by_order(intents: Sequence[Intent], pairs: _Pairs, result: Matching) -> None:
    layers = pairs.open
    fits = fitting(intents, layers)
    alignment = align(len(intents), len(layers), fits)
    agrees = alignment.size == min(len(intents), len(layers))
    for index, layer in enumerate(layers):
        candidates = [intents[i] for i in alignment.partners(index)] if agrees else []
        pairs.found[layer.address] = _ordered(layer, candidates, alignment, index, intents, agrees)
    for layer in pairs.layers:
        result.by_address[layer.address] = pairs.found[layer.address]
    _settle_leftovers(intents, alignment if agrees else None, pairs, result)


def _ordered(
    layer: ResizeLayer,
    candidates: Sequence[Intent],
    alignment: Alignment,
    index: int,
    intents: Sequence[Intent],
    agrees: bool,
) -> Match:
    if not candidates:
        reason = "the manifest has no intent for it"
        contradictions = [contradiction(intent, layer) for intent in intents]
        if intents and not agrees:
            reason = "matching by order is contradicted: {}".format(
                next((text for text in contradictions if text), "the counts differ")
            )
        return Match(code=NO_INTENT, reason=reason)
    if len({intent.ask for intent in candidates}) > 1:
        merged = len(intents) > alignment.size
        return Match(code=MERGED if merged else AMBIGUOUS, reason=_differ(candidates))
    if alignment.can_skip(index):
        return Match(
            code=AMBIGUOUS,
            reason="there are fewer intents than layers that they fit, such as `{}`".format(
                candidates[0].label
            ),
        )
    return Match(candidates[0], "order")


def _settle_leftovers(
    intents: Sequence[Intent], alignment: Optional[Alignment], pairs: _Pairs, result: Matching
) -> None:
    """Intents without a layer of their own: merged into another's layer, or unused."""
    asks = [intent.ask for intent in intents]
    partners: Dict[int, Set[Tuple[object, ...]]] = {}  # of a column, what they ask for
    for index, intent in enumerate(intents):
        if alignment is not None and (not alignment.can_skip_intent(index)):
            continue
        if alignment is not None and _is_ambiguous(index, alignment, asks, partners):
            continue
        shared = False
        for layer in pairs.layers:
            found = pairs.found[layer.address]
            if found.intent is None or contradiction(intent, layer):
                continue
            if found.intent.ask == asks[index]:
                shared = True
            elif found.how != "layer" and _exports_equal(found.intent, intent):
                result.by_address[layer.address] = Match(
                    code=MERGED, reason=_differ([found.intent, intent])
                )
                shared = True
        if not shared:
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


def _differ(intents: Sequence[Intent]) -> str:
    asked: List[str] = []
    for intent in intents:
        text = "`{}` asks for {}".format(intent.label, intent)
        if text not in asked:
            asked.append(text)
    return "intents that differ fit it: " + ", ".join(asked[:4])
