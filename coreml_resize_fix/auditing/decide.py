"""The decision table: situation → verdict, as rows that a test enumerates.

Every combination of the assessment's fields hits exactly one row; None stands for any value.
"""

from dataclasses import replace
from typing import Dict, FrozenSet, List, NamedTuple, Optional, Tuple

from coreml_resize_fix.auditing import assessment
from coreml_resize_fix.auditing.advice import advise, options
from coreml_resize_fix.auditing.assessment import Assessment, assess
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
from coreml_resize_fix.auditing.matching import NO_INTENT as NO_INTENT_CODE
from coreml_resize_fix.auditing.matching import Match
from coreml_resize_fix.auditing.messages import NO_MODE, describe
from coreml_resize_fix.formats.input_sizes import FLEXIBLE, STATIC, UNKNOWN
from coreml_resize_fix.formats.resize_layer import ResizeLayer

Values = Optional[FrozenSet[str]]

VARIES = "RSZ305"


class Row(NamedTuple):
    """One decision. `reason` is the code that explains why nothing can be done, if so."""

    name: str
    verdict: Verdict
    reason: str = ""
    evidence: Values = frozenset([assessment.EVIDENCE_OK])
    current: Values = None
    shape: Values = None
    availability: Values = None
    intent_kind: Values = None
    freezes: Optional[bool] = None

    def holds(self, found: Assessment) -> bool:
        """Whether this row decides that situation."""
        named = (
            (self.evidence, found.evidence),
            (self.current, found.current),
            (self.shape, found.shape),
            (self.availability, found.availability),
            (self.intent_kind, found.intent_kind),
        )
        return all(values is None or value in values for values, value in named) and (
            self.freezes is None or self.freezes == found.freezes
        )


_WRONG = frozenset(assessment.CURRENT) - {assessment.SAME}
_FIXED_SIZE = frozenset([STATIC, UNKNOWN])


def _none(name: str, reason: str, intent_kind: str) -> Row:
    return Row(
        name,
        UNMATCHABLE,
        reason,
        current=_WRONG,
        shape=_FIXED_SIZE,
        availability=frozenset([assessment.NONE]),
        intent_kind=frozenset([intent_kind]),
    )


TABLE: Tuple[Row, ...] = (
    Row("sizes unknown", UNMATCHABLE, "RSZ307", frozenset([assessment.SIZELESS])),
    Row("sizes contradict", UNMATCHABLE, "RSZ204", frozenset([assessment.CONTRADICTED])),
    Row("the file contradicts itself", UNMATCHABLE, "RSZ206", frozenset([assessment.UNFIT])),
    Row("not judged", UNMATCHABLE, "RSZ207", frozenset([assessment.UNJUDGED])),
    Row("computes the intent", MATCH, current=frozenset([assessment.SAME])),
    Row(
        "native, static",
        FIXABLE,
        current=_WRONG,
        shape=_FIXED_SIZE,
        availability=frozenset([assessment.WITHIN]),
    ),
    Row(
        "native above the target, static",
        NEEDS_OPTION,
        "RSZ306",
        current=_WRONG,
        shape=_FIXED_SIZE,
        availability=frozenset([assessment.ABOVE]),
    ),
    Row("several layers", FIXABLE, current=_WRONG, availability=frozenset([assessment.LAYERS])),
    Row(
        "several layers, when asked",
        NEEDS_OPTION,
        "RSZ309",
        current=_WRONG,
        availability=frozenset([assessment.LAYERS_ASKED]),
    ),
    Row(
        "several layers above the target",
        NEEDS_OPTION,
        "RSZ306",
        current=_WRONG,
        availability=frozenset([assessment.LAYERS_ABOVE]),
    ),
    _none("no half-pixel layer", "RSZ301", assessment.HALF_PIXEL),
    _none("no 1/scale_factor layer", "RSZ302", assessment.SCALE_RATIO),
    _none("no fractional nearest layer", "RSZ303", assessment.NEAREST),
    _none("no layer with this kernel", "RSZ304", assessment.KERNEL),
    # STRICT and UPSAMPLE compute these at every known size, so only a size that varies is left.
    _none("align_corners at a size that varies", VARIES, assessment.ALIGN_CORNERS),
    _none("asymmetric at a size that varies", VARIES, assessment.ASYMMETRIC),
    Row(
        "native follows a flexible size",
        FIXABLE,
        current=_WRONG,
        shape=frozenset([FLEXIBLE]),
        availability=frozenset([assessment.WITHIN]),
        freezes=False,
    ),
    Row(
        "native follows, above the target",
        NEEDS_OPTION,
        "RSZ306",
        current=_WRONG,
        shape=frozenset([FLEXIBLE]),
        availability=frozenset([assessment.ABOVE]),
        freezes=False,
    ),
    Row(
        "native would freeze the model",
        UNMATCHABLE,
        VARIES,
        current=_WRONG,
        shape=frozenset([FLEXIBLE]),
        availability=frozenset([assessment.WITHIN, assessment.ABOVE]),
        freezes=True,
    ),
    Row(
        "flexible, no layer",
        UNMATCHABLE,
        VARIES,
        current=_WRONG,
        shape=frozenset([FLEXIBLE]),
        availability=frozenset([assessment.NONE]),
    ),
)

# What is wrong with the file as it is.
CURRENT_CODES: Dict[str, str] = {
    assessment.WRONG_GRID: "RSZ101",
    assessment.WRONG_SIZE: "RSZ102",
    assessment.NEAREST_AS_BILINEAR: "RSZ103",
    assessment.ANTIALIAS_DROPPED: "RSZ104",
    assessment.OTHER_KERNEL: "RSZ105",
    assessment.TOO_NEW: "RSZ106",
    assessment.REFUSED: "RSZ107",
    assessment.OPEN_SIZE: "RSZ102",
    assessment.OPEN_PIXEL: "RSZ109",
}


def row_for(found: Assessment) -> Row:
    """The one row that decides a situation."""
    rows = [row for row in TABLE if row.holds(found)]
    if len(rows) != 1:
        raise LookupError("{} rows decide {}".format(len(rows), found))
    return rows[0]


def _of_current(found: Assessment) -> List[str]:
    """Codes of what is wrong now. Of a size that rounding decides, one reading is a wrong one."""
    if not found.pairings or found.current == assessment.SAME:
        return []
    return [CURRENT_CODES[found.current]] + (["RSZ102", "RSZ108"] if found.open_size else [])


def decide(
    layer: ResizeLayer,
    match: Match,
    spec_version: int,
    decompose: bool = False,
    moved: bool = False,
) -> Finding:
    """The verdict on one layer. `spec_version` is the highest one that the target allows.

    `decompose` says whether several layers may be used without being asked for;
    `moved` tells that it gets another size than it should: that is not its intent's fault.
    """
    if match.intent is None:
        verdict = NO_INTENT if match.code == NO_INTENT_CODE else AMBIGUOUS
        message = f"`{layer.name}` ({layer.params}): {match.reason}"
        if layer.params.lacks_its_mode:
            message += f"; {NO_MODE}"
        return Finding(layer, verdict, (match.code,), message)
    recorded = replace(match.intent, input_size=None) if moved else match.intent
    against = (
        layer.params.unjudged
        or match.against
        or contradiction(recorded, layer, pinned=True)
        or refused(match.intent, layer)
    )
    unfit = bool(match.against)
    found = assess(layer, match.intent, bool(against), spec_version, decompose, unfit)
    row = row_for(found)
    codes = tuple(dict.fromkeys(filter(None, [*_of_current(found), row.reason])))
    fixes = row.verdict in (FIXABLE, NEEDS_OPTION)
    message = describe(layer, found, row.verdict, row.reason, against, spec_version)
    if row.reason == VARIES:
        message += "; " + advise(layer, match.intent, spec_version, decompose)
    return Finding(
        layer,
        row.verdict,
        codes,
        message,
        intent=match.intent,
        after=found.remedy if fixes else None,
        intended_size=found.intended,
        # A stand-in for a size that nobody knows has a shift of its own, which is no one's.
        max_shift_px=found.worst.max_shift
        if found.worst
        and found.current not in (assessment.REFUSED, assessment.OPEN_SIZE)
        and (layer.input.samples or match.intent.input_size)
        else None,
        needs=options(found) if row.verdict == NEEDS_OPTION else (),
        spec_version=found.needs_version if fixes else 1,
    )
