"""The sentence about a layer: what it is, what was asked for, how far it is off, what to do."""

from dataclasses import replace
from itertools import product
from typing import Optional

from coreml_resize_fix.auditing import assessment, closest
from coreml_resize_fix.auditing.assessment import Assessment
from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.comparison import comparable, pair
from coreml_resize_fix.auditing.findings import FIXABLE, MATCH, NEEDS_OPTION
from coreml_resize_fix.auditing.remedy import ABOVE, LAYERS_ABOVE, LAYERS_ASKED
from coreml_resize_fix.auditing.rules import RULES
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import Size
from coreml_resize_fix.formats.spec_versions import minimum_ios
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.words import size_text

NO_MODE = "Core ML refuses it, as a fractional factor needs a `linearUpsampleMode`"

_TORCH = "PyTorch"
_TINY = 0.0005  # source pixels

CALLS = (
    ("PyTorch bilinear align_corners=True", Intent(align_corners=True)),
    ("PyTorch bilinear align_corners=False", Intent()),
    ("PyTorch nearest", Intent(mode="nearest")),
    ("TensorFlow 1 resize_bilinear", Intent(framework="tensorflow1")),
)
# Of a model of TensorFlow and Keras; by whole factors their `nearest` is one call.
CALLS_OF_TENSORFLOW = (
    (
        "TensorFlow 1 resize_bilinear align_corners=True",
        Intent(framework="tensorflow1", align_corners=True),
    ),
    ("TensorFlow 1 resize_bilinear", Intent(framework="tensorflow1")),
    ("TensorFlow 2 or Keras bilinear", Intent(framework="tensorflow2")),
    ("TensorFlow 1 resize_nearest_neighbor", Intent(framework="tensorflow1", mode="nearest")),
    ("TensorFlow 2 or Keras nearest", Intent(framework="tensorflow2", mode="nearest")),
)

# By where the layers are that compute an intent: what a user has to allow.
_OPTIONS = (
    ((LAYERS_ASKED, LAYERS_ABOVE), "`--decompose`"),
    ((ABOVE, LAYERS_ABOVE), "a higher deployment target"),
)


def describe(
    layer: ResizeLayer,
    found: Assessment,
    verdict: str,
    reason: Optional[Code],
    against: Optional[str],
    spec_version: int,
) -> str:
    """One lower-case sentence about a layer that has an intent."""
    summary = "" if reason is None else RULES[reason].summary
    intent = found.intent
    start = f"`{layer.name}` is `{layer.params}` and `{intent.label}` asks for `{intent}`"
    if not found.pairings:
        return f"{start}: {against or summary}"
    if verdict == MATCH:
        return start + ": they are the same"
    if found.current == assessment.SAME:
        return f"{start}: {against}"
    text = f"{start}: {_difference(layer, found)}"
    if against:
        return f"{text}; {against}"
    if found.open_size and found.current != assessment.OPEN_SIZE:
        text += f", and {_rounding(layer, found.open_size)}"
    if verdict == FIXABLE:
        return f"{text}; `{found.remedy}` is the same"
    if verdict == NEEDS_OPTION:
        options = " and ".join(what for where, what in _OPTIONS if found.availability in where)
        return f"{text}; `{found.remedy}` is the same, but needs {options}"
    return f"{text}; {summary}{_closest(layer, found, spec_version)}"


def _difference(layer: ResizeLayer, found: Assessment) -> str:
    first = found.pairings[0]
    if found.current == assessment.REFUSED:
        return NO_MODE
    if found.current == assessment.OPEN_SIZE:
        return (
            f"{_rounding(layer, found.open_size)}; the intent asks for {size_text(_meant(found))}"
        )
    if (
        found.current == assessment.WRONG_SIZE
        and not layer.input.samples
        and found.intent.input_size is None
    ):
        made = (
            size_text(layer.output_size) if layer.output_size else "a size that follows its input"
        )
        return f"it makes {made} instead of {size_text(first.intended)}"
    if found.current == assessment.WRONG_SIZE:
        wrong = next(p for p in found.pairings if p.intended != p.actual)
        becomes = f"{size_text(wrong.input_size)} becomes {size_text(wrong.actual)}"
        another = _of_another_tensor(layer, found.intent)
        return f"{becomes} instead of {size_text(wrong.intended)}{another}"
    if layer.params.is_chain:
        return "these layers do not compute it"
    shift = found.worst.max_shift or 0.0 if found.worst else 0.0
    step = _other_step(layer, found)
    is_right = found.current in (assessment.OPEN_PIXEL, assessment.TOO_NEW, assessment.DOUBTED)
    if found.intent.is_nearest and layer.params.copies_nearest and not is_right:
        return f"it copies other pixels, up to {_pixels(shift)} away{step}"
    bilinear = not layer.params.copies_nearest and found.intent.mode == "bicubic"
    names = {
        assessment.NEAREST_AS_BILINEAR: "it interpolates where the nearest pixel was copied",
        assessment.ANTIALIAS_DROPPED: "antialias is dropped: it does not filter before it samples",
        assessment.TOO_NEW: "it computes the same, but needs iOS "
        + minimum_ios(layer.params.min_spec_version),
        assessment.OTHER_KERNEL: "it is bilinear where bicubic was asked for"
        if bilinear
        else "it interpolates with another kernel",
        assessment.OPEN_PIXEL: "some points lie midway between two pixels, and it is not "
        "documented which one it copies",
        assessment.DOUBTED: f"it computes the same, but {layer.params.caveat}",
        assessment.WRONG_GRID: f"it reads up to {_pixels(shift)} away{step}",
    }
    return names[found.current]


def _rounding(layer: ResizeLayer, input_size: Optional[Size]) -> str:
    """What a layer makes of a size where single and double precision round to other sizes."""
    text = (
        f"what it makes of {size_text(input_size)} depends on whether Core ML computes input × "
        "factor in single or in double precision"
    )
    if input_size is None:
        return text
    rows, columns = ([side - 1, side, side + 1] for side in layer.params.output_size(input_size))
    either = [one for one in product(rows, columns) if layer.params.may_make(input_size, one)]
    ends = dict.fromkeys([either[0], either[-1]]) if either else ()
    return f"{text}: {' or '.join(map(size_text, ends))}"


def _meant(found: Assessment) -> Optional[Size]:
    pairs = [(one.input_size, one.intended) for one in found.pairings]
    return next((after for before, after in pairs if before == found.open_size), found.intended)


def _other_step(layer: ResizeLayer, found: Assessment) -> str:
    """A clause if all that differs is the step: by input / output size or by 1 / scale_factor."""
    intent = replace(found.intent, recompute_scale_factor=True)
    if intent.scale_factor is None or intent.framework != "torch":
        return ""
    pairings = (pair(intent, layer.params, one.input_size, one.intended) for one in found.pairings)
    if not all(pairing.equal for pairing in pairings):
        return ""
    return (
        ", as it steps by input / output size and the call by 1 / scale_factor (with "
        "`recompute_scale_factor=True` the call would do the same)"
    )


def _of_another_tensor(layer: ResizeLayer, intent: Intent) -> str:
    """A clause if a layer follows its own input, and the call may have followed another one."""
    if not layer.input.is_flexible or intent.size is None or layer.params.fixed_size is not None:
        return ""
    if intent.law is not None:  # it was seen at several sizes
        return ""
    return ", as it multiplies its own size, and the call may have taken that of another tensor"


def _closest(layer: ResizeLayer, found: Assessment, spec_version: int) -> str:
    """The native setting of the right size with the smallest largest shift, as a clause."""
    ranked = closest.settings(layer, found.comparisons, spec_version)
    if not ranked:
        return ""
    params, shift = ranked[0]
    what = "the file's own setting" if params == layer.params else f"`{params}`"
    if not shift:
        return f"; closest is {what}, which reads at the same positions and weighs pixels otherwise"
    return f"; closest is {what}, up to {_pixels(shift)} off"


def _pixels(shift: float) -> str:
    """A distance in source pixels, as text; a tiny one has one digit and an exponent."""
    return f"{shift:.3f} source pixels" if shift >= _TINY else f"{shift:.1g} source pixels"


def inventory(layer: ResizeLayer, by_tensorflow: bool = False) -> str:
    """What a layer computes and which framework call equals it, for a model without intents.

    The calls are those of PyTorch and TensorFlow 1, or of TensorFlow where the converter says so.
    """
    start = f"`{layer.name}` is `{layer.params}`"
    if layer.params.unjudged:
        return f"{start}; it is not judged: {layer.params.unjudged}"
    if not layer.input.samples:
        return f"{start}; its input size is not known: {layer.input.why_unknown}"
    input_size = layer.input.samples[0]
    output_size = layer.params.output_size(input_size)
    start += f": {size_text(input_size)} → {size_text(output_size)}"
    if layer.params.lacks_its_mode:
        return f"{start}; {NO_MODE}"
    sizes = [at for at in layer.input.samples if comparable(at, layer.params.output_size(at))]
    if not sizes:
        return start + ", which is not the size of an image"
    if layer.params.is_chain:
        return start + ", which these layers compute together"
    if any(layer.params.left_open(at, layer.params.output_size(at)) for at in sizes):
        return start + ", which depends on what Core ML does not document (rounding, or ties)"
    equal = [
        call
        for call, intent in (CALLS_OF_TENSORFLOW if by_tensorflow else CALLS)
        if all(pair(intent, layer.params, at, layer.params.output_size(at)).equal for at in sizes)
    ]
    if not equal:
        return start + ", which equals no call of PyTorch or TensorFlow"
    torch = any(call.startswith(_TORCH) for call in equal)
    more = "" if torch or by_tensorflow else f", and no call of {_TORCH}"
    return f"{start}, which equals {' and '.join(equal)}{more}"
