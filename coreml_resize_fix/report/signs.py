"""The sign, the kind of color and the words of each verdict, so that color is never alone."""

from typing import Dict, NamedTuple

from coreml_resize_fix.auditing import findings


class Sign(NamedTuple):
    """`kind` names a color: good, open, bad or unknown; `meaning` completes "this layer …"."""

    sign: str
    kind: str
    meaning: str


_DIFFERS = "does not compute what was asked for"

SIGNS: Dict[str, Sign] = {
    findings.MATCH: Sign("=", "good", "computes what was asked for"),
    findings.FIXED: Sign("✓", "good", "was rewritten and now computes what was asked for"),
    findings.FIXABLE: Sign("→", "open", _DIFFERS + "; a run without `--dry-run` rewrites it"),
    findings.NEEDS_OPTION: Sign("?", "open", _DIFFERS + "; an option allows an exact fix"),
    findings.UNMATCHABLE: Sign("×", "bad", _DIFFERS + ", and no layer that may be used does"),
    findings.NO_INTENT: Sign("–", "unknown", "has no call to be compared with"),
    findings.AMBIGUOUS: Sign("≠", "unknown", "fits several calls that differ"),
}
LISTED = Sign("·", "unknown", "was listed; no call was given to compare it with")
