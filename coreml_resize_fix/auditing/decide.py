"""The verdict on one layer: its facts, the row of the decision table, and the words for it."""

from dataclasses import replace
from typing import Dict, List, Optional, Tuple

from coreml_resize_fix.auditing import assessment
from coreml_resize_fix.auditing.advice import advise, options, why_no_target
from coreml_resize_fix.auditing.assessment import (
    CONTRADICTED,
    EVIDENCE_OK,
    UNDECIDED,
    UNFIT,
    UNJUDGED,
    Assessment,
    assess,
)
from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.decision_table import CURRENT_CODES, row_for
from coreml_resize_fix.auditing.evidence import contradiction, refused
from coreml_resize_fix.auditing.findings import (
    AMBIGUOUS,
    FIXABLE,
    NEEDS_OPTION,
    NO_INTENT,
    Finding,
)
from coreml_resize_fix.auditing.matching import Match
from coreml_resize_fix.auditing.messages import NO_MODE, describe
from coreml_resize_fix.auditing.remedy import (
    ABOVE,
    WITHIN,
    Allowed,
)
from coreml_resize_fix.auditing.size_sources import follows_another, undecided, why_none
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent

# Where a user may try a higher target, or has tried it in vain.
_TARGET_MAY_BE_TRIED: Dict[Code, Tuple[str, ...]] = {
    Code.HALF_PIXEL_UNAVAILABLE: (WITHIN, ABOVE),
    Code.SEVERAL_LAYERS_NEEDED: (WITHIN,),
}


def decide(layer: ResizeLayer, match: Match, allowed: Allowed, moved: bool = False) -> Finding:
    """The verdict on one layer.

    `moved`: it gets another size than it should, which does not speak against its intent.
    """
    intent = match.intent
    if intent is None:
        verdict = NO_INTENT if match.code == Code.NO_INTENT else AMBIGUOUS
        message = f"`{layer.name}` ({layer.params}): {match.reason}"
        if layer.params.lacks_its_mode:
            message += f"; {NO_MODE}"
        return Finding(layer, verdict, (match.code,) if match.code else (), message)
    evidence, against = _evidence(layer, intent, match.against, moved)
    found = assess(layer, intent, allowed, evidence)
    row = row_for(found)
    reasons = [row.reason] if row.reason else []
    message = describe(layer, found, row.verdict, row.reason, against, allowed.spec_version)
    advice = _advice(layer, found, row.reason, allowed)
    fixes = row.verdict in (FIXABLE, NEEDS_OPTION)
    return Finding(
        layer,
        row.verdict,
        tuple(dict.fromkeys([*_codes_of_current(found), *reasons])),
        f"{message}; {advice}" if advice else message,
        intent=intent,
        comparisons=found.comparisons,
        after=found.remedy if fixes else None,
        intended_size=found.intended,
        max_shift_px=_max_shift(layer, found),
        needs=options(found) if row.verdict == NEEDS_OPTION else (),
        spec_version=found.needs_version if fixes else 1,
    )


def _evidence(
    layer: ResizeLayer, intent: Intent, unfit: str, moved: bool
) -> Tuple[str, Optional[str]]:
    """What keeps a layer from being compared with its intent, as a fact and in words."""
    if layer.params.unjudged:
        return UNJUDGED, layer.params.unjudged
    if unfit:
        return UNFIT, unfit
    recorded = replace(intent, input_size=None) if moved else intent
    against = contradiction(recorded, layer, pinned=True) or refused(intent, layer)
    if against:
        return CONTRADICTED, against
    several = undecided(layer, intent)
    return (UNDECIDED, several) if several else (EVIDENCE_OK, None)


def _codes_of_current(found: Assessment) -> List[Code]:
    """The codes of what is wrong with the layer in the file; a size left to rounding counts."""
    if not found.pairings or found.current == assessment.SAME:
        return []
    rounding = [Code.WRONG_SIZE, Code.SIZE_DEPENDS_ON_ROUNDING] if found.open_size else []
    return [CURRENT_CODES[found.current], *rounding]


def _advice(layer: ResizeLayer, found: Assessment, reason: Optional[Code], allowed: Allowed) -> str:
    """What to change in the model where nothing computes the intent, as a clause, or nothing."""
    if reason == Code.FLEXIBLE_INPUT and follows_another(found.intent):
        return why_none(layer, found.intent)
    if reason == Code.FLEXIBLE_INPUT:
        return advise(layer, found.intent, allowed)
    if found.pairings and reason in _TARGET_MAY_BE_TRIED:
        return why_no_target(layer, found.intent, allowed, _TARGET_MAY_BE_TRIED[reason])
    return ""


def _max_shift(layer: ResizeLayer, found: Assessment) -> Optional[float]:
    """How far the layer reads from where it should, in source pixels, if that is known."""
    if found.current in (assessment.REFUSED, assessment.OPEN_SIZE):
        return None
    # The shift at a size that only stands in for an unknown one is not that of the layer.
    is_known = layer.input.samples or found.intent.input_size
    return found.worst.max_shift if found.worst and is_known else None
