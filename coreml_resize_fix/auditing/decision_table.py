"""The decision table: situation → verdict, as rows that a test enumerates.

Every combination of the assessment's facts hits exactly one row.
"""

from typing import Dict, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.auditing import assessment
from coreml_resize_fix.auditing.assessment import (
    CONTRADICTED,
    EVIDENCE_OK,
    SIZELESS,
    UNDECIDED,
    UNFIT,
    UNJUDGED,
    Assessment,
)
from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.findings import (
    FIXABLE,
    MATCH,
    NEEDS_OPTION,
    UNMATCHABLE,
    Verdict,
)
from coreml_resize_fix.auditing.remedy import (
    ABOVE,
    LAYERS,
    LAYERS_ABOVE,
    LAYERS_ASKED,
    NONE,
    WITHIN,
)
from coreml_resize_fix.formats.input_sizes import FLEXIBLE, STATIC, UNKNOWN

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
    """The row for an intent that cannot be compared with its layer."""
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
    """A row for layers that compute something else than their intent."""
    current = [one for one in assessment.CURRENT if one != assessment.SAME]
    return Row(
        name, verdict, reason, (EVIDENCE_OK,), current, shape, availability, intent_kind, freezes
    )


def _no_layer(intent_kind: str, name: str, reason: Code) -> Row:
    """The row for intents that no layer computes, at a size that does not vary."""
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
    _wrong("native follows a flexible size", FIXABLE, None, (WITHIN,), (FLEXIBLE,), freezes=False),
    _wrong(
        "native follows, above the target",
        NEEDS_OPTION,
        Code.TARGET_TOO_LOW,
        (ABOVE,),
        (FLEXIBLE,),
        freezes=False,
    ),
    _wrong(
        "native would freeze the model",
        UNMATCHABLE,
        Code.FLEXIBLE_INPUT,
        (WITHIN, ABOVE),
        (FLEXIBLE,),
        freezes=True,
    ),
    _wrong("flexible, no layer", UNMATCHABLE, Code.FLEXIBLE_INPUT, (NONE,), (FLEXIBLE,)),
)

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
