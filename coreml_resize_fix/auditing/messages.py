"""What is said of a layer: the layer, its intent, what the file does, by how much, what follows."""

from typing import Optional, Tuple

from coreml_resize_fix.auditing import assessment, closest
from coreml_resize_fix.auditing.assessment import Assessment
from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.comparison import comparable, pair
from coreml_resize_fix.auditing.findings import FIXABLE, MATCH, NEEDS_OPTION
from coreml_resize_fix.auditing.rules import RULES
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent

Size = Tuple[int, int]

NO_MODE = "Core ML refuses it, as a fractional factor needs a `linearUpsampleMode`"

CALLS = (
    ("PyTorch bilinear align_corners=True", Intent(align_corners=True)),
    ("PyTorch bilinear align_corners=False", Intent()),
    ("PyTorch nearest", Intent(mode="nearest")),
    ("TensorFlow 1 resize_bilinear", Intent(framework="tensorflow1")),
)


def size(value: Optional[Size]) -> str:
    """A size as people write it: 25×31."""
    return "{}×{}".format(*value) if value else "?"


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
    text = "{}: {}".format(start, _difference(layer, found))
    if found.open_size and found.current != assessment.OPEN_SIZE:
        text += f", and {_rounding(found.open_size)}"
    if verdict == FIXABLE:
        return "{}; `{}` is the same".format(text, found.remedy)
    if verdict == NEEDS_OPTION:
        return "{}; `{}` is the same, and needs {}".format(
            text,
            found.remedy,
            " and ".join(
                what
                for availability, what in (
                    ((assessment.LAYERS_ASKED, assessment.LAYERS_ABOVE), "`--decompose`"),
                    ((assessment.ABOVE, assessment.LAYERS_ABOVE), "a higher deployment target"),
                )
                if found.availability in availability
            ),
        )
    return f"{text}; {summary}{_closest(layer, found, spec_version)}"


def _difference(layer: ResizeLayer, found: Assessment) -> str:
    first = found.pairings[0]
    if found.current == assessment.REFUSED:
        return NO_MODE
    if found.current == assessment.OPEN_SIZE:
        return _rounding(found.open_size)
    if (
        found.current == assessment.WRONG_SIZE
        and not layer.input.samples
        and found.intent.input_size is None
    ):
        made = size(layer.output_size) if layer.output_size else "a size that follows its input"
        return "it makes {} instead of {}".format(made, size(first.intended))
    if found.current == assessment.WRONG_SIZE:
        wrong = next(p for p in found.pairings if p.intended != p.actual)
        return "{} becomes {} instead of {}".format(
            size(wrong.input_size), size(wrong.actual), size(wrong.intended)
        )
    if layer.params.is_chain:
        return "these layers are not those that compute it"
    shift = found.worst.max_shift or 0.0 if found.worst else 0.0
    if found.intent.is_nearest and layer.params.copies_nearest:
        return "it copies other pixels, up to {:.3f} source pixels away".format(shift)
    names = {
        assessment.NEAREST_AS_BILINEAR: "it interpolates where the nearest pixel was copied",
        assessment.ANTIALIAS_DROPPED: "it does not filter before it samples down",
        assessment.TOO_NEW: "it is the same, and needs iOS 14",
        assessment.OTHER_KERNEL: "it interpolates with another kernel",
        assessment.OPEN_PIXEL: "some points lie midway between two pixels, of which it copies one "
        "that nothing documents",
        assessment.WRONG_GRID: "it reads up to {:.3f} source pixels away".format(shift),
    }
    return names[found.current]


def _rounding(input_size: Optional[Size]) -> str:
    return (
        f"what it makes of {size(input_size)} depends on whether Core ML computes input × factor "
        "in single or in double precision"
    )


def _closest(layer: ResizeLayer, found: Assessment, spec_version: int) -> str:
    """The native setting of the right size with the smallest largest shift, as a clause."""
    ranked = closest.settings(layer, found.comparisons, spec_version)
    if not ranked:
        return ""
    params, shift = ranked[0]
    what = "the file's own setting" if params == layer.params else f"`{params}`"
    return f"; closest is {what}, up to {shift:.3f} source pixels off"


def inventory(layer: ResizeLayer) -> str:
    """What a layer computes and which framework call equals it, for a model without intents."""
    start = "`{}` is `{}`".format(layer.name, layer.params)
    if layer.params.unjudged:
        return f"{start}; it is not judged: {layer.params.unjudged}"
    if not layer.input.samples:
        return "{}; the size that it gets is not known: {}".format(start, layer.input.why_unknown)
    input_size = layer.input.samples[0]
    output_size = layer.params.output_size(input_size)
    start += ": {} → {}".format(size(input_size), size(output_size))
    if layer.params.lacks_its_mode:
        return f"{start}; {NO_MODE}"
    sizes = [at for at in layer.input.samples if comparable(at, layer.params.output_size(at))]
    if not sizes:
        return start + ", which is no image"
    if layer.params.is_chain:
        return start + ", which these layers compute together"
    if any(layer.params.left_open(at, layer.params.output_size(at)) for at in sizes):
        return start + ", which depends on what Core ML does not document (rounding, or ties)"
    equal = [
        call
        for call, intent in CALLS
        if all(pair(intent, layer.params, at, layer.params.output_size(at)).equal for at in sizes)
    ]
    if not equal:
        return start + ", which equals no call of PyTorch or TensorFlow"
    return "{}, which equals {}".format(start, " and ".join(equal))
