"""What a notebook shows of one report: a table, and what to know of each layer that is not right.

A notebook has styles of its own, light or dark: there is no style sheet and no script here, text
keeps its color, and drawings are images with a ground of their own. However many layers a model
has and whatever their names are, it stays small.
"""

import base64
import html
import re
from typing import List, Tuple

from coreml_resize_fix.auditing import findings
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.report import drawing
from coreml_resize_fix.report.plain import cut, visible
from coreml_resize_fix.report.signs import LISTED, SIGNS
from coreml_resize_fix.report.summary import closing
from coreml_resize_fix.report.table import sizes
from coreml_resize_fix.run.results import ModelReport
from coreml_resize_fix.words import count

_MOST_LAYERS, _MOST_REMARKS, _MOST_DRAWINGS = 20, 10, 5
_NAME, _MESSAGE = 80, 800  # characters
_HEADS = ("layer", "verdict", "size", "shift", "asked for")
_LEFT = "text-align:left"
# The colors of the page's light scheme.
STYLE = (
    "svg{background:#fff} text{font:11px system-ui,sans-serif;fill:#1c1f23} .faint{fill:#59616d} "
    ".pixel{fill:#f6f7f9;stroke:#d5d9df} .link{stroke:#59616d;stroke-width:.8} "
    ".asked{fill:#0b5cad} .before{fill:#a63a00} .after{fill:#17663a}"
)


def render(report: ModelReport, dry_run: bool) -> str:
    """One `div` for a cell of a notebook."""
    told = report.findings[:_MOST_LAYERS]
    parts = [
        f"<strong>{_text(report.path, _NAME)}</strong>",
        _sentence(closing(report, dry_run)),
        _table(told, report.asked) if told else "",
        *_more(len(report.findings) - len(told), "resize layer"),
        *_details(told),
        *map(_sentence, report.notices[:_MOST_REMARKS]),
        *_more(len(report.notices) - _MOST_REMARKS, "remark"),
    ]
    return f"<div>{''.join(parts)}</div>"


def _table(told: Tuple[Finding, ...], asked: bool) -> str:
    heads = "".join(f'<th style="{_LEFT}">{head}</th>' for head in _HEADS)
    rows = "".join(_row(finding, asked) for finding in told)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _row(finding: Finding, asked: bool) -> str:
    sign = SIGNS[finding.verdict] if asked else LISTED
    cells = (
        finding.layer.name or finding.layer.address,
        f"{sign.sign} {finding.verdict if asked else 'listed'}",
        sizes(finding),
        "–" if finding.max_shift_px is None else f"{finding.max_shift_px:.3f}",
        "–" if finding.intent is None else str(finding.intent),
    )
    shown = "".join(f'<td style="{_LEFT}">{_text(cell, _NAME)}</td>' for cell in cells)
    return f"<tr>{shown}</tr>"


def _details(told: Tuple[Finding, ...]) -> List[str]:
    wrong = [finding for finding in told if finding.verdict != findings.MATCH]
    return [_detail(finding, number < _MOST_DRAWINGS) for number, finding in enumerate(wrong)]


def _detail(finding: Finding, drawn: bool) -> str:
    layer = finding.layer
    head = " ".join([_text(layer.name or layer.address, _NAME), *finding.codes])
    image = "".join(map(_image, drawing.drawings(finding)[:1])) if drawn else ""
    return f"<details><summary>{head}</summary>{_sentence(finding.message)}{image}</details>"


def _image(drawn: drawing.Drawing) -> str:
    from coreml_resize_fix.report.html import picture  # loads the templates of the page

    data = base64.b64encode(picture(drawn, STYLE).encode("utf-8")).decode("ascii")
    alt = _text(drawn.caption, _MESSAGE)
    return f'<img src="data:image/svg+xml;base64,{data}" alt="{alt}" style="max-width:100%">'


def _more(number: int, what: str) -> List[str]:
    named = count(number, f"more {what}")
    return [f"<p>{named}: print the report to see all.</p>"] if number > 0 else []


def _text(text: str, room: int) -> str:
    return html.escape(cut(visible(text[: 2 * room]), room))


def _sentence(text: str) -> str:
    """A paragraph in which `names` are set as code."""
    shown = re.sub("`([^`]*)`", r"<code>\1</code>", _text(text, _MESSAGE))
    return f"<p>{shown}</p>"
