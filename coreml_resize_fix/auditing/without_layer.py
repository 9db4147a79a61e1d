"""Intents without a layer: those that need none and why, and those whose layer is missing."""

from typing import List, NamedTuple, Optional, Tuple

from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.comparison import ANY_SIZES, comparable
from coreml_resize_fix.formats.shapes import Size
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.sampling import AxisSpec, difference
from coreml_resize_fix.words import size_text

COPIES, UNUSED, ELSEWHERE, MISSING = "copies", "unused", "computed-elsewhere", "missing"

_WHY = {
    COPIES: "keeps the map as it is",
    UNUSED: "reaches no output",
    ELSEWHERE: "is computed by other layers",
    MISSING: "has no layer",
}


# Converters compute what no input decides; some of them with another grid than the framework's.
_FOLDED = (
    "; what it resizes is a parameter, so the converter computed the result itself, with numbers "
    "that may be wrong and that the file does not name: resize the parameter in Python before the "
    "export, store it in that size, and record again"
)


class WithoutLayer(NamedTuple):
    """An intent without a layer; `reason` is one of the four constants above.

    `misnamed` says why its `layer` names none.
    """

    intent: Intent
    reason: str
    misnamed: str = ""

    @property
    def fails(self) -> bool:
        """Whether the intent needs a layer."""
        return self.reason == MISSING

    @property
    def why(self) -> str:
        """The reason in words."""
        return _WHY[self.reason]

    @property
    def message(self) -> str:
        """A lower-case sentence for messages."""
        intent = self.intent
        facts = [f"`{intent.label}`", str(intent)] + _recorded_sizes(intent) + _call_site(intent)
        call = ", ".join(facts)
        if self.fails:
            why = f"; {self.misnamed}" if self.misnamed else ""
            what = _FOLDED if intent.input_is_parameter and not why else why
            return f"intent without a layer: {call} ({Code.CALL_WITHOUT_LAYER}){what}"
        return f"{call}: needs no layer, as it {self.why}"


def _call_site(intent: Intent) -> List[str]:
    return [f"called at `{intent.site}`"] if intent.site not in (None, intent.label) else []


def _recorded_sizes(intent: Intent) -> List[str]:
    made = intent.target_size(intent.input_size)
    if intent.input_size is None or made is None:
        return []
    return [f"{size_text(intent.input_size)} → {size_text(made)}"]


def no_layer_needed(intent: Intent, varies: bool = False) -> Optional[str]:
    """Why this call needs no layer, judged from the intent alone; None if it needs one.

    `varies`: the model takes inputs of several sizes.
    """
    if copies(intent, varies):
        return COPIES
    return UNUSED if intent.used is False else None


def _identity(pixels: int) -> AxisSpec:
    """The axis that copies every pixel."""
    return AxisSpec("nearest_floor", "asymmetric", pixels, pixels)


def copies(intent: Intent, varies: bool = False) -> bool:
    """Whether the call is the identity at the size that it was recorded with, the first of several.

    In a model that `varies` it has to be at all of them. A call without a recorded size is the
    identity only if its factor is 1.
    """
    if intent.input_size is not None:
        sizes: Tuple[Size, ...] = intent.input_sizes if varies else (intent.input_size,)
    elif intent.scale_factor == (1.0, 1.0):
        sizes = ANY_SIZES
    else:
        return False
    return all(
        intent.target_size(size) == size
        and comparable(size)
        and all(
            difference(asked, kept).equal
            for asked, kept in zip(intent.axes(size, size), map(_identity, size))
        )
        for size in sizes
    )
