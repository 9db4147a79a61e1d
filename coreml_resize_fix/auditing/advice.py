"""Advice where no layer can follow a varying size: alternatives that were tried on the layer."""

from dataclasses import replace
from typing import Iterator, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.assessment import SAME, Assessment, assess
from coreml_resize_fix.auditing.remedy import ABOVE, LAYERS_ABOVE, LAYERS_ASKED, WITHIN, Allowed
from coreml_resize_fix.formats.input_sizes import InputSizes
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.spec_versions import MINIMUM_IOS
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.words import quoted

_EXACT_RANKS = (
    "convert with exact ranks, EXACT_ARRAY_MAPPING (`minimum_ios_deployment_target='13'` in "
    "onnx-coreml and tfcoreml)"
)
_ONE_SIZE = "convert once per input size that you need"


def advise(layer: ResizeLayer, intent: Intent, allowed: Allowed) -> str:
    """A clause on what allows an exact fix of the layer, or that nothing does."""
    why = why_no_target(layer, intent, allowed)
    found = []
    for what, other in _alternatives(layer, intent):
        trial = assess(other, intent, allowed._replace(rewrite_downscales=False))
        remedy = other.params if trial.current == SAME else trial.remedy
        if remedy is not None:
            found.append(f"{what}: then `{remedy}` is the same{_options(trial)}")
    if found:
        ways = "; or ".join(found)
        return f"{why}; {ways}" if why else ways
    if layer.input.why_unknown:
        return f"its input size is not known: {layer.input.why_unknown}"
    return "no layer computes it at one input size either"


def why_no_target(
    layer: ResizeLayer,
    intent: Intent,
    allowed: Allowed,
    ways: Sequence[str] = (WITHIN, ABOVE),
) -> str:
    """Why no target allows the one newer layer that would compute the intent; or nothing."""
    if layer.modern:
        return ""
    trial = assess(replace(layer, modern=True), intent, Allowed(allowed.spec_version))
    if trial.availability not in ways or trial.freezes:
        return ""
    return (
        f"`--deployment-target iOS{MINIMUM_IOS[trial.needs_version]}` does not help here: its "
        "modes need exact ranks, and the blobs of this network have rank 5"
    )


def options(found: Assessment) -> Tuple[str, ...]:
    """The command-line options that the fix needs."""
    needs: Tuple[str, ...] = ()
    if found.availability in (LAYERS_ASKED, LAYERS_ABOVE):
        needs += ("--decompose",)
    if found.availability in (ABOVE, LAYERS_ABOVE):
        needs += ("--deployment-target iOS" + MINIMUM_IOS[found.needs_version],)
    return needs


def _options(found: Assessment) -> str:
    needs = options(found)
    return ", but needs " + quoted(needs, " and ") if needs else ""


def _alternatives(layer: ResizeLayer, intent: Intent) -> Iterator[Tuple[str, ResizeLayer]]:
    """Changes of the model that a user can make, and the layer after each, mildest first."""
    if not layer.modern:
        place = layer.place and layer.place.with_exact_ranks()
        yield _EXACT_RANKS, replace(layer, modern=True, place=place)
    size: Optional[Tuple[int, int]] = intent.input_size or layer.input.default
    if size is None or layer.input.why_unknown:
        return
    yield _ONE_SIZE, replace(layer, input=InputSizes.static(size))
