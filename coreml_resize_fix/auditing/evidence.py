"""What speaks against an intent's being a layer's: another kind, other channels, another size."""

from typing import List, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.layers import ResizeLayer
from coreml_resize_fix.intents.model import Intent


def contradiction(intent: Intent, layer: ResizeLayer, pinned: bool = False) -> Optional[str]:
    """Why this intent cannot be this layer's, or None if nothing speaks against it.

    A pinned intent may meet another mode than its own, and its factor applies at any size.
    """
    # Averages of areas that are smaller than a pixel are that pixel.
    copies = intent.is_nearest or intent.mode == "area"
    if layer.params.copies_nearest and not copies and not pinned:
        return "`{}` is {}, and `{}` samples the nearest pixel".format(
            intent.label, intent.mode, layer.name
        )
    facts: List[Tuple[str, object, object]] = [("channels", intent.channels, layer.channels)]
    if not (pinned and intent.size is None):
        facts.append(("input size", intent.input_size, layer.input_size))
        sides = zip(("height", "width"), intent.input_size or (None, None), layer.partial_size)
        facts += [("an input " + name, said, seen) for name, said, seen in sides]
    for what, said, seen in facts:
        if not may_equal(said, seen):
            return "`{}` was recorded with {} {}, and `{}` gets {}".format(
                intent.label, what, _show(said), layer.name, _show(seen)
            )
    return None


def _show(value: object) -> str:
    return "×".join(str(n) for n in value) if isinstance(value, tuple) else str(value)


def fitting(intents: Sequence[Intent], layers: Sequence[ResizeLayer]) -> List[List[bool]]:
    """Of each intent, which layers nothing speaks against; layers of equal evidence are one."""
    kinds = [
        (layer.params.copies_nearest, layer.channels, layer.input_size, layer.partial_size)
        for layer in layers
    ]
    distinct = dict(zip(kinds, layers))
    found = []
    for intent in intents:
        fits = {kind: contradiction(intent, layer) is None for kind, layer in distinct.items()}
        found.append([fits[kind] for kind in kinds])
    return found


def may_equal(one: object, other: object) -> bool:
    """Whether two facts may be the same, where None is not known."""
    return one is None or other is None or one == other
