"""Match intents by what a converter remembers of the calls, in the process that converted them."""

from typing import Callable, Dict, List, Mapping, Optional, Sequence

from coreml_resize_fix.auditing.matching import MatchDraft, Pairs
from coreml_resize_fix.formats.origin import Origin
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent

Origins = Mapping[str, Origin]  # by the name of a blob


def by_origin(
    intents: Sequence[Intent],
    origins: Origins,
    draft: MatchDraft,
) -> Pairs:
    """The pairs of calls and layers of one module, or else of one line, in their order.

    They decide only where their numbers are equal and no other evidence is against them: then it
    does not matter in which order the modules ran. A layer that may come from several of the
    modules that were recorded decides nothing.
    """
    layers = draft.unmatched
    known = {layer.address: _origin(layer, origins) for layer in layers}
    if not any(known.values()):
        return []
    modules = _grouped(intents, _module)
    sites = _grouped(intents, lambda intent: intent.site)
    groups = [*modules.values(), *sites.values()]
    ends: List[List[ResizeLayer]] = [[] for _ in groups]
    for layer in layers:
        origin = known[layer.address]
        if origin is None:
            continue
        fitting = [
            index
            for index, key in enumerate([*modules, *sites])
            if (origin.may_be_of(key) if index < len(modules) else origin.site == key)
        ]
        if len(fitting) == 1:
            ends[fitting[0]].append(layer)
    return [
        pair
        for group, candidates in zip(groups, ends)
        for pair in draft.agreeing(group, [candidates])
    ]


def _origin(layer: ResizeLayer, origins: Origins) -> Optional[Origin]:
    return next((origins[name] for name in (*layer.blobs, layer.name) if name in origins), None)


def _module(intent: Intent) -> Optional[str]:
    """The module whose call it is: "" if recorded as the model's own, None if nothing says it."""
    return intent.name or ("" if intent.site else None)


def _grouped(
    intents: Sequence[Intent], key: Callable[[Intent], Optional[str]]
) -> Dict[str, List[Intent]]:
    found: Dict[str, List[Intent]] = {}
    for intent in intents:
        name = key(intent)
        if name is not None:
            found.setdefault(name, []).append(intent)
    return found
