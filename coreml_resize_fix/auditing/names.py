"""Match intents by name: the name of a layer or blob, or the module path in it."""

from collections import Counter
from typing import Dict, List, Sequence, Set

from coreml_resize_fix.auditing.matching import MatchDraft, Pairs
from coreml_resize_fix.auditing.module_paths import module_paths
from coreml_resize_fix.auditing.scopes import by_scope, is_scoped
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent


def by_name(intents: Sequence[Intent], draft: MatchDraft) -> Pairs:
    """The pairs of intents and unmatched layers that names decide.

    A module that runs several times has as many layers, in the order of its calls. PyTorch's
    exporter names the second run of the module `up` `up_1`, like a module of that name. A layer
    that may be either is left to matching by order if one of the two finds no layers.
    """
    layers = draft.unmatched
    groups: Dict[str, List[Intent]] = {}
    for intent in intents:
        if intent.name:
            groups.setdefault(intent.name, []).append(intent)
    found: Dict[str, Pairs] = {}
    for name, group in groups.items():
        found[name] = draft.agreeing(group, _readings(name, layers))
    contested = {
        layer.address
        for name, pairs in found.items()
        if not pairs and any(draft.needs_layer(intent) for intent in groups[name])
        for layer in layers
        if name in module_paths(layer.name)
    }
    decided: Pairs = []
    taken: Set[str] = set()
    for name, pairs in found.items():
        addresses = {layer.address for _, layer in pairs}
        is_own_name = all(name in (layer.name,) + layer.blobs for _, layer in pairs)
        if not addresses & taken and (is_own_name or not addresses & contested):
            decided += pairs
            taken |= addresses
    scoped = {
        name: group
        for name, group in groups.items()
        if is_scoped(group[0]) and not any(intent.name == name for intent, _ in decided)
    }
    free = [layer for layer in layers if layer.address not in taken]
    return decided + by_scope(scoped, free, draft)


def _readings(name: str, layers: Sequence[ResizeLayer]) -> List[List[ResizeLayer]]:
    """Layers that a name may mean: by own name, by exact module path, by the path of a repeat."""
    paths = [(layer, module_paths(layer.name)) for layer in layers]
    return [
        [layer for layer in layers if name == layer.name or name in layer.blobs],
        [layer for layer, stands_for in paths if name == max(stands_for, key=len, default="")],
        [layer for layer, stands_for in paths if name in stands_for],
    ]


def by_own_name(intents: Sequence[Intent], layers: Sequence[ResizeLayer]) -> Pairs:
    """Pairs of an intent and a layer with the same unique name, even if other evidence contradicts
    them."""
    called = Counter(intent.name for intent in intents)
    counts = Counter(layer.name for layer in layers)
    own = {layer.name: layer for layer in layers if counts[layer.name] == 1}
    return [
        (intent, own[intent.name])
        for intent in intents
        if intent.name and intent.name in own and called[intent.name] == 1
    ]
