"""The card of a resize on the page: its finding, and what is drawn for it."""

from typing import List, NamedTuple, Optional, Tuple

from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.auditing.rules import RULES
from coreml_resize_fix.formats.spec_versions import minimum_ios
from coreml_resize_fix.report import drawing, images
from coreml_resize_fix.report.signs import LISTED, SIGNS, Sign
from coreml_resize_fix.report.table import sizes
from coreml_resize_fix.report.text import cost


class Card(NamedTuple):
    """A finding and what is drawn for it; `anchor` is made of numbers, never of names."""

    anchor: str
    finding: Finding
    sign: Sign
    sizes: str
    shift: str
    after: Optional[str]
    cost: Optional[str]
    ios: Optional[str]
    drawings: List[drawing.Drawing]
    strip: Optional[images.Strip]
    codes: List[Tuple[str, str]]
    entry: str


def of(anchor: str, finding: Finding, asked: bool, entry: str) -> Card:
    """The card of a finding; `asked`: the run had intents to compare with."""
    sign = SIGNS[finding.verdict] if asked else LISTED
    after = finding.after
    return Card(
        anchor,
        finding,
        sign,
        sizes(finding),
        "–" if finding.max_shift_px is None else f"{finding.max_shift_px:.3f}",
        str(after) if after is not None else None,
        cost(after) if after is not None and after.is_chain else None,
        minimum_ios(finding.spec_version) if after is not None else None,
        drawing.drawings(finding),
        images.strip(finding.picture) if finding.picture is not None else None,
        [(code, RULES[code].summary) for code in finding.codes],
        entry,
    )
