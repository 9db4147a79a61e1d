"""Calls by `size=` where sizes vary: which tensor says the size, and whether the recording tells.

What converters write of such a call is a factor. Some take the factor of a multiplication and
forget whose size was multiplied (`size=(2 * h, 2 * w)` of another tensor becomes a factor of 2), so
the factor in the file is evidence of what it was a factor of.
"""

from dataclasses import replace
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.comparison import comparisons
from coreml_resize_fix.auditing.matching import Matching
from coreml_resize_fix.formats import other_tensors
from coreml_resize_fix.formats.model import ML_PROGRAM, Model, Network
from coreml_resize_fix.formats.other_tensors import OtherTensors
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import ModelShapes, Size, SizeOf
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.words import size_text

_ITSELF = (1.0, 1.0)
_MULTIPLES = (2, 3, 4, 8, 16, 32, 0.5, 0.25)
_MOST_TRIED = 4  # sources that fit the recording, and differ elsewhere


def looked_at(model: Model, layers: Sequence[ResizeLayer], matching: Matching) -> Model:
    """The model, looked at where its resizes get the recorded sizes, too, where that matters."""
    wanted = {}
    for layer, intent in _open(model, layers, matching):
        before, after = intent.input_size, intent.target_size(None)
        one = ((before, after),) if before is not None and after is not None else ()
        wanted[layer.address] = intent.sizes or one
    return model.reaching(wanted) if any(wanted.values()) else model


def _open(
    model: Model, layers: Sequence[ResizeLayer], matching: Matching
) -> Iterator[Tuple[ResizeLayer, Intent]]:
    """The layers whose call may have taken its size from another tensor."""
    for layer in layers:
        intent = matching.by_address[layer.address].intent
        if intent is None or layer.params.is_chain or intent.scale_factor is not None:
            continue
        # What neural networks hold was mostly converted at one size, and made flexible afterwards.
        by_one = model.kind == ML_PROGRAM and layer.input.is_flexible
        if follows_another(intent) or (by_one and intent.target_size(None) is not None):
            yield layer, intent


def of_one_size(intents: Sequence[Intent]) -> List[Intent]:
    """The intents for a model whose inputs do not vary: it has the size of one example.

    Where a call made several sizes of one, what the first example made counts.
    """
    found = []
    for intent in intents:
        first: Dict[Size, Size] = {}
        for before, after in intent.sizes or ():
            first.setdefault(before, after)
        found.append(replace(intent, sizes=tuple(first.items())) if first else intent)
    return found


def resizes(
    model: Model, matching: Matching, shapes: Mapping[str, ModelShapes]
) -> List[ResizeLayer]:
    """Every resize, with the other tensors whose size its call may have taken."""
    layers = model.resizes(shapes)
    found: Dict[str, OtherTensors] = {}
    for layer, intent in _open(model, layers, matching):
        own = next((one for one in shapes.values() if layer.address in one.layers), None)
        network = _network_of(model, layer)
        if own is None or network is None or not own.flexible_inputs:
            continue
        near = other_tensors.of(network, own, layer.address)
        if near is not None:
            said = _said(model, near, layer, intent)
            found[layer.address] = replace(near, said=tuple(said))
    return [replace(one, others=found.get(one.address)) for one in layers]


def _network_of(model: Model, layer: ResizeLayer) -> Optional[Network]:
    for network in model.networks:
        if any(node.address == layer.address for node in network.nodes):
            return network
    return None


def _said(model: Model, near: OtherTensors, layer: ResizeLayer, intent: Intent) -> List[SizeOf]:
    """The sources that fit a call whose size is another tensor's."""
    law = intent.law
    if law is None or not law.follows_another:
        return []
    for factors in (_ITSELF, layer.params.factors, *((n, n) for n in _MULTIPLES)):
        fitting = near.sources(law.observed, factors) if factors else []
        distinct = list(near.distinct(fitting))[:_MOST_TRIED]
        if distinct:
            return distinct if len(distinct) == 1 else _running(model, near, layer, distinct)
    return []


def _running(
    model: Model, near: OtherTensors, layer: ResizeLayer, sources: Sequence[SizeOf]
) -> List[SizeOf]:
    """Those with which the network runs wherever it runs with another one."""
    runs = []
    for source in sources:
        shapes = model.shapes({layer.address: source})
        inside = [own.runs for own in shapes.values() if layer.address in own.layers]
        runs.append(inside[0] if inside else near.runs)
    every = [any(ran) for ran in zip(*runs)]
    best = [source for source, ran in zip(sources, runs) if list(ran) == every]
    return list(replace(near, runs=tuple(every)).distinct(best or sources))


def follows_another(intent: Intent) -> bool:
    """Whether the recorded sizes show that a call took its size from another tensor."""
    return intent.law is not None and intent.law.follows_another


def why_none(layer: ResizeLayer, intent: Intent) -> str:
    """Why nothing computes a call whose size is that of another tensor, and what to do."""
    if intent.is_nearest:
        why = (
            "the size is another tensor's, and no operation copies the pixels that the call copies "
            "at a size that is computed when it runs"
        )
    elif intent.mode != "bilinear" or intent.antialias:
        why = "the size is another tensor's, and only bilinear resizes can compute theirs"
    elif layer.others is None or not layer.others.said:
        why = "the size is another tensor's, and none in the file has the sizes that were recorded"
    else:
        why = (
            f"the call takes {layer.others.said[0]}, and no layer here can; an ML Program can, "
            "from iOS 17 on"
        )
    return f"{why}; convert once per input size that you need"


def undecided(layer: ResizeLayer, intent: Intent) -> Optional[str]:
    """Why the recording leaves open which size is meant of another input, or None."""
    near = layer.others
    if near is None:
        return None
    if len(near.said) > 1:
        one, other = near.said[:2]
        at = near.differ(near.sizes_of(one), near.sizes_of(other))
        return f"{one} and {other} both fit what was recorded{_elsewhere(at, intent)}"
    law = intent.law
    if not layer.input.is_flexible or (law is not None and law.follows_another):
        return None
    asked, known = comparisons(intent, layer)
    own = tuple(None if size is None else asked.target_size(size) for size in near.own)
    observed = (
        law.observed if law is not None else [one for one in known if one[0] == intent.input_size]
    )
    if not observed or (law is None and asked.size is not None):
        return None  # no factor of its own input fits
    if layer.params.computes_size:
        at = near.differ(own, near.made) if near.fits(near.made, observed) else None
        return None if at is None else _either(intent, "what the file computes", at)
    # A converter's factor may be that of another tensor's size.
    for source in near.sources(observed, layer.params.factors or ()):
        at = near.differ(own, near.sizes_of(source))
        if at is not None:
            return _either(intent, str(source), at)
    return None


def _either(intent: Intent, source: str, at: Size) -> str:
    before, after = intent.input_size, intent.target_size(intent.input_size)
    factors = " and ".join(dict.fromkeys(f"{n / x:g}" for x, n in zip(before or (), after or ())))
    return f"{factors} times its own input and {source} both fit what was recorded" + _elsewhere(
        at, intent
    )


def _elsewhere(at: Optional[Size], intent: Intent) -> str:
    shown = "another size" if at is None else size_text(at)
    return (
        f", and differ at an input of {shown}: record more examples, that one among them and the "
        "smallest that is allowed"
    )
