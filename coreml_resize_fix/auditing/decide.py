"""The decision table: situation → verdict, as rows that a test enumerates.

Every combination of the assessment's fields hits exactly one row; None stands for any value.
"""

from dataclasses import replace
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.auditing import assessment
from coreml_resize_fix.auditing.advice import advise, options, why_no_target
from coreml_resize_fix.auditing.assessment import (
    CONTRADICTED,
    EVIDENCE_OK,
    SIZELESS,
    UNDECIDED,
    UNFIT,
    UNJUDGED,
    Assessment,
    assess,
)
from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.evidence import contradiction, refused
from coreml_resize_fix.auditing.findings import (
    AMBIGUOUS,
    FIXABLE,
    MATCH,
    NEEDS_OPTION,
    NO_INTENT,
    UNMATCHABLE,
    Finding,
    Verdict,
)
from coreml_resize_fix.auditing.matching import Match
from coreml_resize_fix.auditing.messages import NO_MODE, describe
from coreml_resize_fix.auditing.remedy import (
    ABOVE,
    LAYERS,
    LAYERS_ABOVE,
    LAYERS_ASKED,
    NONE,
    WITHIN,
    Allowed,
)
from coreml_resize_fix.auditing.size_sources import follows_another, undecided, why_none
from coreml_resize_fix.formats.input_sizes import FLEXIBLE, STATIC, UNKNOWN
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent

Values = Sequence[str]


class Row(NamedTuple):
    """One decision, and the situations that it decides; a fact of () may have any value.

    `reason` is the code that explains why nothing can be done, if so.
    """

    name: str
    verdict: Verdict
    reason: Optional[Code] = None
    evidence: Values = (EVIDENCE_OK,)
    current: Values = ()
    shape: Values = ()
    availability: Values = ()
    intent_kind: Values = ()
    freezes: Optional[bool] = None

    def holds(self, found: Assessment) -> bool:
        """Whether this row decides that situation."""
        facts = (
            (self.evidence, found.evidence),
            (self.current, found.current),
            (self.shape, found.shape),
            (self.availability, found.availability),
            (self.intent_kind, found.intent_kind),
        )
        return all(not values or value in values for values, value in facts) and (
            self.freezes is None or self.freezes == found.freezes
        )


_FIXED_SIZE = (STATIC, UNKNOWN)


def _not_compared(evidence: str, name: str, reason: Code) -> Row:
    """Where the intent and the layer cannot be compared."""
    return Row(name, UNMATCHABLE, reason, (evidence,))


def _wrong(
    name: str,
    verdict: Verdict,
    reason: Optional[Code],
    availability: Values,
    shape: Values = (),
    freezes: Optional[bool] = None,
    intent_kind: Values = (),
) -> Row:
    """Where the layer computes something else."""
    current = [one for one in assessment.CURRENT if one != assessment.SAME]
    return Row(
        name, verdict, reason, (EVIDENCE_OK,), current, shape, availability, intent_kind, freezes
    )


def _no_layer(intent_kind: str, name: str, reason: Code) -> Row:
    """Where nothing computes such an intent, at a size that does not vary."""
    return _wrong(name, UNMATCHABLE, reason, (NONE,), _FIXED_SIZE, intent_kind=(intent_kind,))


TABLE: Tuple[Row, ...] = (
    _not_compared(SIZELESS, "sizes unknown", Code.SIZE_UNKNOWN),
    _not_compared(CONTRADICTED, "sizes contradict", Code.CONTRADICTING_SIZES),
    _not_compared(UNFIT, "the file contradicts itself", Code.SIZE_DOES_NOT_FIT),
    _not_compared(UNDECIDED, "sizes undecided", Code.SIZE_UNDECIDED),
    _not_compared(UNJUDGED, "not judged", Code.NOT_JUDGED),
    Row("computes the intent", MATCH, current=(assessment.SAME,)),
    _wrong("native, static", FIXABLE, None, (WITHIN,), _FIXED_SIZE),
    _wrong(
        "native above the target, static",
        NEEDS_OPTION,
        Code.TARGET_TOO_LOW,
        (ABOVE,),
        _FIXED_SIZE,
    ),
    _wrong("several layers", FIXABLE, None, (LAYERS,)),
    _wrong("several layers, when asked", NEEDS_OPTION, Code.SEVERAL_LAYERS_NEEDED, (LAYERS_ASKED,)),
    _wrong("several layers above the target", NEEDS_OPTION, Code.TARGET_TOO_LOW, (LAYERS_ABOVE,)),
    _no_layer(assessment.HALF_PIXEL, "no half-pixel layer", Code.HALF_PIXEL_UNAVAILABLE),
    _no_layer(assessment.SCALE_RATIO, "no 1/scale_factor layer", Code.SCALE_FACTOR_GRID),
    _no_layer(assessment.NEAREST, "no fractional nearest layer", Code.NEAREST_NOT_INTEGER),
    _no_layer(assessment.KERNEL, "no layer with this kernel", Code.KERNEL_UNAVAILABLE),
    # STRICT and UPSAMPLE compute these at every known size, so only a size that varies is left.
    _no_layer(assessment.ALIGN_CORNERS, "align_corners at a size that varies", Code.FLEXIBLE_INPUT),
    _no_layer(assessment.ASYMMETRIC, "asymmetric at a size that varies", Code.FLEXIBLE_INPUT),
    _wrong("native follows a flexible size", FIXABLE, None, (WITHIN,), (FLEXIBLE,), False),
    _wrong(
        "native follows, above the target",
        NEEDS_OPTION,
        Code.TARGET_TOO_LOW,
        (ABOVE,),
        (FLEXIBLE,),
        False,
    ),
    _wrong(
        "native would freeze the model",
        UNMATCHABLE,
        Code.FLEXIBLE_INPUT,
        (WITHIN, ABOVE),
        (FLEXIBLE,),
        True,
    ),
    _wrong("flexible, no layer", UNMATCHABLE, Code.FLEXIBLE_INPUT, (NONE,), (FLEXIBLE,)),
)

# Where a user may try a higher target, or has tried it in vain.
_TARGET_MAY_BE_TRIED: Dict[Code, Tuple[str, ...]] = {
    Code.HALF_PIXEL_UNAVAILABLE: (WITHIN, ABOVE),
    Code.SEVERAL_LAYERS_NEEDED: (WITHIN,),
}

# What is wrong with the file as it is.
CURRENT_CODES: Dict[str, Code] = {
    assessment.WRONG_GRID: Code.SHIFTED_GRID,
    assessment.WRONG_SIZE: Code.WRONG_SIZE,
    assessment.NEAREST_AS_BILINEAR: Code.NEAREST_BECAME_BILINEAR,
    assessment.ANTIALIAS_DROPPED: Code.ANTIALIAS_DROPPED,
    assessment.OTHER_KERNEL: Code.OTHER_KERNEL,
    assessment.TOO_NEW: Code.LAYER_ABOVE_TARGET,
    assessment.REFUSED: Code.MODE_MISSING,
    assessment.OPEN_SIZE: Code.WRONG_SIZE,
    assessment.OPEN_PIXEL: Code.PIXEL_LEFT_OPEN,
    assessment.DOUBTED: Code.DIFFERS_BETWEEN_SYSTEMS,
}


def row_for(found: Assessment) -> Row:
    """The one row that decides a situation."""
    rows = [row for row in TABLE if row.holds(found)]
    if len(rows) != 1:
        raise LookupError(f"{len(rows)} rows decide {found}")
    return rows[0]


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
    """What is wrong now. Of a size that rounding decides, one of two readings is wrong."""
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
