"""Exact replacements of several layers: the cheapest for an intent, and telling one's own again."""

from dataclasses import replace
from itertools import product
from typing import Any, Callable, List, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.layers import FLEXIBLE, UNKNOWN, ResizeLayer
from coreml_resize_fix.auditing.pairing import comparable
from coreml_resize_fix.auditing.workshop import Offer, Sizes
from coreml_resize_fix.coreml import schema
from coreml_resize_fix.coreml.composite import part_name
from coreml_resize_fix.coreml.resize_params import Composite
from coreml_resize_fix.coreml.versions import MINIMUM_IOS
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.rewrite.decompose import REPLACEMENTS, Choice, Context, cheapest
from coreml_resize_fix.rewrite.decompose.context import PROBES

_NEWEST = max(MINIMUM_IOS)


def best(
    layer: ResizeLayer,
    intent: Intent,
    sizes: Sizes,
    spec_version: int,
    in_half: Callable[[], bool],
) -> Optional[Offer]:
    """The cheapest exact layers up to that version, else those of the lowest version."""
    context = _context(layer, intent, sizes)
    if context is None:
        return None
    context = replace(context, float16=in_half())
    choice = cheapest(context, spec_version)
    if isinstance(choice, str):
        choice = cheapest(context, _NEWEST)
    if isinstance(choice, str):
        return None
    return Offer(_params(choice, context, sizes), choice.spec_version)


def computes(layer: ResizeLayer, intent: Intent, sizes: Sizes) -> bool:
    """Whether the layers in the file are, byte for byte, those made for this intent."""
    context = _context(layer, intent, sizes)
    if context is None or not isinstance(layer.params, Composite):
        return False
    kinds = [message.WhichOneof("layer") for message in layer.params.messages()]
    # What the network's other weights are may have changed since these layers were made.
    precisions = [replace(context, float16=half) for half in (False, True)]
    for row, context in product(REPLACEMENTS, precisions):
        choice = row.choose(context)
        if choice is None:
            continue
        made = _layers(choice, context)
        same_kinds = [message.WhichOneof("layer") for message in made] == kinds
        if same_kinds and _serialized(made) == layer.params.layers:
            return True
    return False


def _context(layer: ResizeLayer, intent: Intent, sizes: Sizes) -> Optional[Context]:
    place = layer.place
    if place is None or not sizes or layer.shape == UNKNOWN or not layer.blobs:
        return None
    if layer.shape == FLEXIBLE and intent.scale_factor is None:
        return None  # a plain size, which no layers make of every input
    axes = [intent.axes(before, after) for before, after in _probed(layer, intent, sizes)]
    own = (
        frozenset(message.name for message in layer.params.messages())
        if isinstance(layer.params, Composite)
        else frozenset()
    )
    return Context(
        rows=axes[0][0],
        columns=axes[0][1],
        name=layer.name,
        input=place.blob,
        output=layer.blobs[0],
        channels=layer.channels,
        rank=place.rank,
        exact_mapping=place.exact_mapping,
        sequence=place.sequence,
        factors=intent.scale_factor if layer.shape == FLEXIBLE else None,
        enumerated=True,  # the sizes that stand for all are among the others
        others=tuple(axes[1:]) if layer.shape == FLEXIBLE else (),
        # Its own parts are no names that are taken when the same layers are made again.
        taken_names=place.names - own,
        taken_blobs=place.blobs - own,
    )


def _probed(layer: ResizeLayer, intent: Intent, sizes: Sizes) -> Sizes:
    """Those sizes, and of an input that varies others that stand for all: small ones tell most."""
    if layer.shape != FLEXIBLE or layer.listed:
        return sizes
    pairs = [((side, side), intent.target_size((side, side))) for side in PROBES]
    made = [
        (size, target) for size, target in pairs if target is not None and comparable(size, target)
    ]
    return list(dict.fromkeys([*sizes, *made]))


def _params(choice: Choice, context: Context, sizes: Sizes) -> Composite:
    follows = context.factors if choice.replacement.follows_flexible else None
    return Composite(
        choice.replacement.name,
        _serialized(_layers(choice, context)),
        size=None if context.is_flexible else sizes[0][1],
        factor=follows if context.is_flexible else None,
        multiply_adds=choice.cost.multiply_adds,
        rank=context.rank or 5,
        channels=context.channels,
    )


def _layers(choice: Choice, context: Context) -> List[Any]:
    """The layers of a choice. One alone gets a part beside it that changes nothing: it could not be
    told from a layer of the network when the result is audited again."""
    if len(choice.layers) > 1:
        return choice.layers
    (only,) = choice.layers
    part = schema.layer_class()()
    part.name = part_name(context.name, "activation")
    part.input.append(context.input)
    part.output.append(part.name)
    part.activation.linear.alpha = 1.0
    only.input[list(only.input).index(context.input)] = part.name
    return [part, only]


def _serialized(layers: Sequence[Any]) -> Tuple[bytes, ...]:
    return tuple(layer.SerializeToString(deterministic=True) for layer in layers)
