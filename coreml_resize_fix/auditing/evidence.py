"""Evidence for and against a pair of an intent and a layer: kind, channels, size, name, values."""

from typing import List, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.comparison import comparable, comparisons, pair
from coreml_resize_fix.auditing.module_paths import may_be_of_module
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.sampling import difference
from coreml_resize_fix.words import size_text

_KIND = 4  # of `Intent.request`: framework, mode, align_corners, antialias


def contradiction(intent: Intent, layer: ResizeLayer, pinned: bool = False) -> Optional[str]:
    """Why this intent cannot belong to this layer, or None.

    A pinned intent may differ in mode from its layer, and its factor applies at any size.
    """
    # An average over an area smaller than a pixel is that pixel.
    copies = intent.is_nearest or intent.mode == "area"
    if layer.params.copies_nearest and not copies and not pinned:
        return f"`{intent.label}` is {intent.mode}, and `{layer.name}` samples the nearest pixel"
    facts: List[Tuple[str, Sequence[object], object]] = [
        ("channels", _given(intent.channels), layer.channels)
    ]
    if not (pinned and intent.size is None):
        facts.append(("input size", intent.input_sizes, layer.input.size))
        for axis, name in enumerate(("height", "width")):
            sides = tuple(dict.fromkeys(size[axis] for size in intent.input_sizes))
            facts.append((f"an input {name}", sides, layer.input.known_sides[axis]))
    for what, recorded, seen in facts:
        if not may_be_among(recorded, seen):
            recorded_with = f"`{intent.label}` was recorded with {what} {_shown(recorded)}"
            return f"{recorded_with}, and `{layer.name}` gets {_show(seen)}"
    if not pinned and layer.call not in (None, (intent.mode, intent.antialias)):
        return f"`{layer.name}` is named after another call than `{intent.label}`, {intent}"
    if not pinned and not _may_be_named(intent, layer):
        return f"`{intent.name}` is another module's call than `{layer.name}`"
    return None


def _given(value: object) -> Sequence[object]:
    return () if value is None else (value,)


def may_be_among(recorded: Sequence[object], seen: object) -> bool:
    """Whether a fact agrees with what was recorded; if either is unknown (None, ()), it may."""
    return not recorded or seen is None or seen in recorded


def _shown(recorded: Sequence[object]) -> str:
    return " or ".join(map(_show, recorded))


def _may_be_named(intent: Intent, layer: ResizeLayer) -> bool:
    if intent.name is None or intent.name in (layer.name,) + layer.blobs:
        return True
    return may_be_of_module(intent.name, layer.name)


def computes(intent: Intent, layer: ResizeLayer) -> bool:
    """Whether a layer computes the intent at its sizes, or the intent's if its own are unknown."""
    if layer.params.is_chain:
        return False
    asked, known = comparisons(intent, layer)
    return bool(known) and all(pair(asked, layer.params, *sizes).equal for sizes in known)


def same_call(one: Intent, other: Intent, layer: ResizeLayer) -> bool:
    """Whether two calls of the same kind compute the same at the layer's only input size.

    At 8×8, `size=(16, 16)` and `scale_factor=2` do.
    """
    if (one.request[:_KIND], one.request[-1]) != (other.request[:_KIND], other.request[-1]):
        return False
    size = layer.input.size
    if size is None:
        return False
    made = one.target_size(size)
    if made is None or made != other.target_size(size) or not comparable(size, made):
        return False
    axes = zip(one.axes(size, made), other.axes(size, made))
    return all(difference(asked, also).equal for asked, also in axes)


def refused(intent: Intent, layer: ResizeLayer) -> Optional[str]:
    """Why this call cannot belong to this layer of varying size, or None.

    At the default size it would make no pixel, which PyTorch refuses.
    """
    size = layer.input.default
    target = intent.target_size(size) if size is not None else None
    if size is None or target is None or min(target) > 0:
        return None
    return (
        f"`{intent.label}` makes no image of {_show(size)}, which `{layer.name}` gets at the "
        "default size of the input"
    )


def _show(value: object) -> str:
    return size_text(value) if isinstance(value, tuple) else str(value)


def fitting(intents: Sequence[Intent], layers: Sequence[ResizeLayer]) -> List[List[bool]]:
    """For each intent, which layers it may belong to; layers of equal evidence are checked once."""
    kinds = [
        (
            layer.params.copies_nearest,
            layer.channels,
            layer.input.size,
            layer.input.known_sides,
            layer.call,
            (layer.name, layer.blobs) if layer.name.startswith("/") else None,
        )
        for layer in layers
    ]
    distinct = dict(zip(kinds, layers))
    found = []
    for intent in intents:
        fits = {kind: contradiction(intent, layer) is None for kind, layer in distinct.items()}
        found.append([fits[kind] for kind in kinds])
    return found


def may_equal(one: object, other: object) -> bool:
    """Whether two facts may be equal, where None means unknown."""
    return one is None or other is None or one == other
