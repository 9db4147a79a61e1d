"""Find out from recorded tensors which of its two ways of `nearest` PyTorch used."""

from dataclasses import replace
from typing import Iterable, List, Optional

from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.tensors import Recorded, Tensors


def resolve_nearest(intents: Iterable[Intent], tensors: Tensors) -> List[Intent]:
    """The intents, with `nearest_copies` set where the recorded tensors show it.

    It depends on the memory layout of the tensor, which manifests do not have: see
    `conventions.torch.nearest_copies`.
    """
    return [
        intent if intent.index is None else _resolve(intent, tensors.get(intent.index))
        for intent in intents
    ]


def _resolve(intent: Intent, recorded: Optional[Recorded]) -> Intent:
    if intent.framework != "torch" or intent.mode != "nearest" or intent.scale_factor is None:
        return intent
    if recorded is None:
        return intent
    from coreml_resize_fix.sampling.reference import resize

    before, after = recorded.input.shape[-2:], recorded.output.shape[-2:]
    if intent.input_size not in (None, before):
        return intent
    readings = [replace(intent, nearest_copies=copies) for copies in (True, False)]
    copied, read = (reading.axes(before, after) for reading in readings)
    if copied == read:
        return intent
    agree = [(resize(recorded.input, *axes) == recorded.output).all() for axes in (copied, read)]
    return readings[agree.index(True)] if agree.count(True) == 1 else intent
