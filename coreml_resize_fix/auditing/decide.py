"""The decision table: situation → verdict, as rows that a test enumerates.

Every combination of the assessment's fields hits exactly one row; None stands for any value.
"""

from dataclasses import replace
from typing import Dict, FrozenSet, List, NamedTuple, Optional, Tuple

from coreml_resize_fix.auditing import assessment
from coreml_resize_fix.auditing.advice import advise, options, why_no_target
from coreml_resize_fix.auditing.assessment import Assessment, assess
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
from coreml_resize_fix.auditing.size_sources import follows_another, undecided, why_none
from coreml_resize_fix.formats.input_sizes import FLEXIBLE, STATIC, UNKNOWN
from coreml_resize_fix.formats.resize_layer import ResizeLayer

Values = Optional[FrozenSet[str]]


class Row(NamedTuple):
    """One decision. `reason` is the code that explains why nothing can be done, if so."""

    name: str
    verdict: Verdict
    reason: Optional[Code] = None
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


def _none(name: str, reason: Code, intent_kind: str) -> Row:
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
    Row("sizes unknown", UNMATCHABLE, Code.SIZE_UNKNOWN, frozenset([assessment.SIZELESS])),
    Row(
        "sizes contradict",
        UNMATCHABLE,
        Code.CONTRADICTING_SIZES,
        frozenset([assessment.CONTRADICTED]),
    ),
    Row(
        "the file contradicts itself",
        UNMATCHABLE,
        Code.SIZE_DOES_NOT_FIT,
        frozenset([assessment.UNFIT]),
    ),
    Row("sizes undecided", UNMATCHABLE, Code.SIZE_UNDECIDED, frozenset([assessment.UNDECIDED])),
    Row("not judged", UNMATCHABLE, Code.NOT_JUDGED, frozenset([assessment.UNJUDGED])),
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
        Code.TARGET_TOO_LOW,
        current=_WRONG,
        shape=_FIXED_SIZE,
        availability=frozenset([assessment.ABOVE]),
    ),
    Row("several layers", FIXABLE, current=_WRONG, availability=frozenset([assessment.LAYERS])),
    Row(
        "several layers, when asked",
        NEEDS_OPTION,
        Code.SEVERAL_LAYERS_NEEDED,
        current=_WRONG,
        availability=frozenset([assessment.LAYERS_ASKED]),
    ),
    Row(
        "several layers above the target",
        NEEDS_OPTION,
        Code.TARGET_TOO_LOW,
        current=_WRONG,
        availability=frozenset([assessment.LAYERS_ABOVE]),
    ),
    _none("no half-pixel layer", Code.HALF_PIXEL_UNAVAILABLE, assessment.HALF_PIXEL),
    _none("no 1/scale_factor layer", Code.SCALE_FACTOR_GRID, assessment.SCALE_RATIO),
    _none("no fractional nearest layer", Code.NEAREST_NOT_INTEGER, assessment.NEAREST),
    _none("no layer with this kernel", Code.KERNEL_UNAVAILABLE, assessment.KERNEL),
    # STRICT and UPSAMPLE compute these at every known size, so only a size that varies is left.
    _none("align_corners at a size that varies", Code.FLEXIBLE_INPUT, assessment.ALIGN_CORNERS),
    _none("asymmetric at a size that varies", Code.FLEXIBLE_INPUT, assessment.ASYMMETRIC),
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
        Code.TARGET_TOO_LOW,
        current=_WRONG,
        shape=frozenset([FLEXIBLE]),
        availability=frozenset([assessment.ABOVE]),
        freezes=False,
    ),
    Row(
        "native would freeze the model",
        UNMATCHABLE,
        Code.FLEXIBLE_INPUT,
        current=_WRONG,
        shape=frozenset([FLEXIBLE]),
        availability=frozenset([assessment.WITHIN, assessment.ABOVE]),
        freezes=True,
    ),
    Row(
        "flexible, no layer",
        UNMATCHABLE,
        Code.FLEXIBLE_INPUT,
        current=_WRONG,
        shape=frozenset([FLEXIBLE]),
        availability=frozenset([assessment.NONE]),
    ),
)

# Where a user may try a higher target, or has tried it in vain.
_TARGET_MAY_BE_TRIED: Dict[Code, Tuple[str, ...]] = {
    Code.HALF_PIXEL_UNAVAILABLE: (assessment.WITHIN, assessment.ABOVE),
    Code.SEVERAL_LAYERS_NEEDED: (assessment.WITHIN,),
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


def _of_current(found: Assessment) -> List[Code]:
    """Codes of what is wrong now. Of a size that rounding decides, one reading is a wrong one."""
    if not found.pairings or found.current == assessment.SAME:
        return []
    rounding = [Code.WRONG_SIZE, Code.SIZE_DEPENDS_ON_ROUNDING] if found.open_size else []
    return [CURRENT_CODES[found.current], *rounding]


def decide(
    layer: ResizeLayer,
    match: Match,
    spec_version: int,
    decompose: bool = False,
    moved: bool = False,
    rewrite_downscales: bool = False,
) -> Finding:
    """The verdict on one layer. `spec_version` is the highest one that the target allows.

    `decompose` says whether several layers may be used without being asked for;
    `moved`: it gets another size than it should, which does not speak against its intent.
    `rewrite_downscales` asks for another operation where the one that is right is in doubt.
    """
    if match.intent is None:
        verdict = NO_INTENT if match.code == Code.NO_INTENT else AMBIGUOUS
        message = f"`{layer.name}` ({layer.params}): {match.reason}"
        if layer.params.lacks_its_mode:
            message += f"; {NO_MODE}"
        return Finding(layer, verdict, (match.code,) if match.code else (), message)
    recorded = replace(match.intent, input_size=None) if moved else match.intent
    against = (
        layer.params.unjudged
        or match.against
        or contradiction(recorded, layer, pinned=True)
        or refused(match.intent, layer)
    )
    unfit = bool(match.against)
    open_size = None if against else undecided(layer, match.intent)
    found = assess(
        layer,
        match.intent,
        bool(against),
        spec_version,
        decompose,
        unfit,
        rewrite_downscales,
        bool(open_size),
    )
    row = row_for(found)
    reasons = [row.reason] if row.reason else []
    codes = tuple(dict.fromkeys([*_of_current(found), *reasons]))
    fixes = row.verdict in (FIXABLE, NEEDS_OPTION)
    message = describe(layer, found, row.verdict, row.reason, against or open_size, spec_version)
    if row.reason == Code.FLEXIBLE_INPUT and follows_another(match.intent):
        message += "; " + why_none(layer, match.intent)
    elif row.reason == Code.FLEXIBLE_INPUT:
        message += "; " + advise(layer, match.intent, spec_version, decompose)
    elif found.pairings and row.reason in _TARGET_MAY_BE_TRIED:
        ways = _TARGET_MAY_BE_TRIED[row.reason]
        why = why_no_target(layer, match.intent, spec_version, ways)
        message += f"; {why}" if why else ""
    return Finding(
        layer,
        row.verdict,
        codes,
        message,
        intent=match.intent,
        comparisons=found.comparisons,
        after=found.remedy if fixes else None,
        intended_size=found.intended,
        # The shift at a size that only stands in for an unknown one is not that of the layer.
        max_shift_px=found.worst.max_shift
        if found.worst
        and found.current not in (assessment.REFUSED, assessment.OPEN_SIZE)
        and (layer.input.samples or match.intent.input_size)
        else None,
        needs=options(found) if row.verdict == NEEDS_OPTION else (),
        spec_version=found.needs_version if fixes else 1,
    )
