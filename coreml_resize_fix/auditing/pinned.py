"""Match intents that name their layer: by address, by layer name, by blob name."""

from typing import Callable, List, Sequence, Tuple

from coreml_resize_fix.auditing.area import by_pooling
from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.matching import (
    Match,
    MatchDraft,
    Matching,
    describe_difference,
)
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent


def by_pin(
    intents: Sequence[Intent],
    draft: MatchDraft,
    poolings: Sequence[ResizeLayer],
    result: Matching,
) -> None:
    """Match the intents that name their layer, which may be a pooling layer for `area`."""
    for intent in intents:
        if intent.layer is None:
            continue
        named = _named(intent.layer, draft.layers)
        if len(named) != 1:
            pooled = by_pooling([intent], _named(intent.layer, poolings))
            result.pooled.update({layer.address: Match(intent, "layer") for _, layer in pooled})
            if not pooled:
                draft.note_without_layer(intent, result)
            if not pooled and draft.needs_layer(intent):
                result.notices.append(
                    f"`{intent.layer}` names {len(named)} resize layers; "
                    "use an address to say which"
                    if named
                    else f"`{intent.layer}` names no resize layers of this model"
                )
            continue
        address = named[0].address
        at_place = [layer for layer in draft.layers if layer.address == intent.layer]
        if at_place and at_place[0] is not named[0]:
            result.notices.append(
                f"`{intent.layer}` names `{named[0].name}`, which had that address before this "
                f"file was fixed; `{at_place[0].name}` has it now"
            )
        other = draft.found.get(address)
        if (
            other is not None
            and other.intent is not None
            and other.intent.request != intent.request
        ):
            draft.found[address] = Match(
                code=Code.MERGED_CALLS, reason=describe_difference([other.intent, intent])
            )
        elif other is None:
            draft.found[address] = Match(intent, "layer")


def _named(key: str, layers: Sequence[ResizeLayer]) -> List[ResizeLayer]:
    """Layers that a key names. Addresses go first, then names of layers, then names of blobs."""
    readings: Tuple[Callable[[ResizeLayer], bool], ...] = (
        # A manifest with addresses was written before a fix added layers or operations.
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
