"""Match intents that name their layer: by address, by layer name, by blob name."""

from typing import Sequence

from coreml_resize_fix.auditing.area import by_pooling
from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.layer_names import LayerNames
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
    names, pools = LayerNames(draft.layers), LayerNames(poolings)
    at_address = {layer.address: layer for layer in draft.layers}
    for intent in intents:
        if intent.layer is None:
            continue
        named = names.named(intent.layer)
        if len(named) != 1:
            pooled = by_pooling([intent], pools.named(intent.layer))
            result.pooled.update({layer.address: Match(intent, "layer") for _, layer in pooled})
            if not pooled:
                draft.note_without_layer(intent, result)
            continue
        address = named[0].address
        at_place = at_address.get(intent.layer)
        if at_place is not None and at_place is not named[0]:
            result.notices.append(
                f"`{intent.layer}` names `{named[0].name}`, which had that address before this "
                f"file was fixed; `{at_place.name}` has it now"
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
