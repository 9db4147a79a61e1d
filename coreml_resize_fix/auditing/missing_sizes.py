"""Find the size of a resize whose intent names none, where the file contradicts its layer.

Converters cut a factor of 1.9 to 1. An intent without a size keeps the size that the layer makes,
but the declared output, or the other operand of an add or a concat, has another one. The original
factor was at least f and less than f + 1. If exactly one of those sizes makes everything fit, it is
the size. Shape inference tries the sizes, so any layer with a shape rule may stand in between.
"""

from dataclasses import replace
from functools import partial
from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.matching import Matching
from coreml_resize_fix.auditing.size_trials import UNDECIDED, Sizes, SizeTrials, TooManyError
from coreml_resize_fix.formats.model import Model
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import Overrides, PartialSize, Size
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.words import size_text

_MOST_SHOWN = 4


class _Answer(NamedTuple):
    """The only size that fits a layer whose own size is contradicted, or why there is none."""

    layer: ResizeLayer
    contradiction: str
    input_size: PartialSize
    size: Optional[Size]
    reason: str = ""


def fill_in(matching: Matching, model: Model) -> None:
    """Give intents without a size the size that fits, where the layer's own is contradicted.

    If no size or several sizes fit, the match records the contradiction instead.
    """
    layers = [layer for layer in model.resizes(model.shapes({})) if not layer.params.is_chain]
    intents = {layer.address: matching.by_address[layer.address].intent for layer in layers}
    without_size = {
        layer.address: layer for layer in layers if _names_no_size(intents[layer.address])
    }
    if not without_size:
        return
    given: Overrides = {
        address: partial(_intended_size, intent)
        for address, intent in intents.items()
        if address not in without_size
    }
    for answer in _answers(SizeTrials(model, model.declared_sizes, without_size, given)):
        address, match = answer.layer.address, matching.by_address[answer.layer.address]
        matching.by_address[address] = replace(
            match,
            intent=_with_size(match.intent, answer),
            against=f"{answer.contradiction}; {answer.reason}" if answer.reason else "",
        )
        if answer.size is not None and not _is_layers_own(answer):
            matching.notices.append(
                f"`{answer.layer.name}` was given no size, and {_show([answer.size])} is the only "
                f"one that fits: with that of the file, {answer.contradiction}"
            )


def _intended_size(intent: Optional[Intent], input_size: Optional[Size]) -> PartialSize:
    """The output size assumed for a layer that has no intent or whose intent names a size."""
    if intent is None or (input_size is None and intent.size is None):
        return UNDECIDED
    return intent.target_size(input_size) or UNDECIDED


def _names_no_size(intent: Optional[Intent]) -> bool:
    return intent is not None and intent.law is None and intent.target_size((1, 1)) is None


def _with_size(intent: Optional[Intent], answer: _Answer) -> Optional[Intent]:
    if intent is None or answer.size is None:
        return intent
    if not answer.layer.input.is_flexible:
        return replace(intent, size=answer.size)
    return replace(intent, size=answer.size, input_size=_known_size(answer.input_size))


def _is_layers_own(answer: _Answer) -> bool:
    before = _known_size(answer.input_size)
    return before is not None and answer.layer.params.output_size(before) == answer.size


def _known_size(size: PartialSize) -> Optional[Size]:
    height, width = size
    return None if height is None or width is None else (height, width)


def _answers(trials: SizeTrials) -> Iterator[_Answer]:
    """Solve one contradiction after the other, in order: later ones depend on the solution."""
    sizes: Sizes = {}
    what = ""
    try:
        while True:
            found = _first(trials, sizes)
            if found is None:
                return
            what, layers = found
            choices = trials.fitting(layers, sizes)
            chosen = choices[0] if len(choices) == 1 else (None,) * len(layers)
            sizes.update(zip(layers, (size or UNDECIDED for size in chosen)))
            shapes = trials.shapes(sizes)
            for index, (address, size) in enumerate(zip(layers, chosen)):
                reason = "" if size else _reason([choice[index] for choice in choices])
                before = trials.input_size(address, shapes)
                yield _Answer(trials.free[address], what, before, size, reason)
    except TooManyError:
        for address, layer in trials.free.items():
            if address not in sizes:
                yield _Answer(layer, what, UNDECIDED, None, "there are too many sizes to try")


def _first(trials: SizeTrials, sizes: Sizes) -> Optional[Tuple[str, List[str]]]:
    """The first contradiction that depends on layers without a size, and those layers."""
    for spot, what in trials.contradictions(trials.shapes(sizes)).items():
        layers = trials.deciding(spot, sizes)
        if layers:
            return what, layers
    return None


def _reason(fitting: Sequence[Size]) -> str:
    sizes = list(dict.fromkeys(fitting))
    if not sizes:
        return "no size that its factor may have been cut from fits; give `size` in the manifest"
    if len(sizes) == 1:
        return f"{_show(sizes)} fits, and another layer may have several sizes; give their `size`"
    return f"several sizes fit ({_show(sizes)}); give `size` in the manifest"


def _show(sizes: Sequence[Size]) -> str:
    shown = [size_text(size) for size in sizes[:_MOST_SHOWN]]
    return ", ".join(shown + ["…"] * (len(sizes) > _MOST_SHOWN))
