"""The report as GitHub-flavored Markdown, for a pull request's comment or a step's summary."""

import re
from typing import List, Sequence

from coreml_resize_fix.auditing import findings
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.report import network
from coreml_resize_fix.report.plain import visible
from coreml_resize_fix.report.signs import SIGNS
from coreml_resize_fix.report.text import closing, sizes, without_layer
from coreml_resize_fix.run.results import Failure, ModelReport, Run

MARK = "<!-- coreml-resize-fix -->"  # by which a report of an earlier run is known
LONGEST = 60000  # characters; a comment may have 65,536

_ROOM_FOR_THE_END = 300
_SPECIAL = re.compile(r"([\\`*_{}\[\]#|<>~@&])")


def render(run: Run) -> str:
    """All models of a run; details beyond what a comment holds are left out, and counted."""
    head = [MARK, f"### Resize layers: {_outcome(run)}", ""]
    for failure in run.failures:
        head += _failure(failure)
    for report in run.reports:
        head += [f"**{code(report.path)}**: {prose(closing(report, run.dry_run))}", ""]
    details: List[str] = []
    for report in run.reports:
        if report.findings:
            details += _table(report)
        details += _left(report)
        details += [
            _detail(finding) for finding in report.findings if finding.verdict != findings.MATCH
        ]
    return _limited("\n".join(head), details)


def code(text: str) -> str:
    """A code span that holds any text, in a table, too."""
    inside = visible(text).replace("|", "\\|") or " "
    fence = "`" * (max([len(run) for run in re.findall("`+", inside)], default=0) + 1)
    space = " " if inside[0] == "`" or inside[-1] == "`" else ""
    return fence + space + inside + space + fence


def prose(text: str) -> str:
    """Text in which `names` are code spans and nothing else means anything."""
    parts = visible(text).split("`")
    if len(parts) % 2 == 0:  # a name that holds a backtick itself
        return _SPECIAL.sub(r"\\\1", visible(text))
    return "".join(
        code(part) if index % 2 else _SPECIAL.sub(r"\\\1", part) for index, part in enumerate(parts)
    )


def _outcome(run: Run) -> str:
    found = [str(f.verdict) for report in run.reports for f in report.findings]
    counts = [f"{found.count(verdict)} {verdict}" for verdict in SIGNS if verdict in found]
    if run.failures:
        counts.append(f"{len(run.failures)} failed")
    none_needed = any(report.asked and report.need_no_layer for report in run.reports)
    return ", ".join(counts) or ("none is needed" if none_needed else "nothing was compared")


def _failure(failure: Failure) -> List[str]:
    where = f"**{code(failure.path)}**: " if failure.path is not None else ""
    lines = [f"{where}**error:** {prose(failure.message)}. {prose(failure.hint)}"]
    return lines + ["- " + prose(detail) for detail in failure.details] + [""]


def _table(report: ModelReport) -> List[str]:
    lines = ["| layer | verdict | size | shift | asked for |", "|---|---|---|---:|---|"]
    for finding in report.findings:
        layer = finding.layer
        cells = (
            code(layer.name or layer.address),
            f"{SIGNS[finding.verdict].sign} {finding.verdict}",
            sizes(finding),
            "–" if finding.max_shift_px is None else f"{finding.max_shift_px:.3f} px",
            "–" if finding.intent is None else code(str(finding.intent)),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return ["\n".join(lines) + "\n"]


def _left(report: ModelReport) -> List[str]:
    lines = ["- " + prose(line) for line in without_layer(report)]
    lines += ["- " + prose(line) for line in network.lines(report)]
    lines += ["- " + prose(notice) for notice in report.notices]
    return ["\n".join(lines) + "\n"] if lines else []


def _detail(finding: Finding) -> str:
    name = visible(finding.layer.name or finding.layer.address)
    summary = f"{SIGNS[finding.verdict].sign} <code>{_html(name)}</code>: {finding.verdict}"
    lines = [
        f"<details><summary>{summary}</summary>",
        "",
        f"{prose(finding.message)}.",
        "",
    ]
    sides = [("before", finding.layer.params, finding.max_abs_error_before)]
    if finding.after is not None:
        sides.append(("after", finding.after, finding.max_abs_error_after))
    for side, params, error in sides:
        largest = "" if error is None else f", largest error {error:.2g}"
        lines.append(f"- {side}: {code(str(params))}{largest}")
    lines += [f"- needs {code(need)}" for need in finding.needs]
    lines += [f"- {' '.join(finding.codes)}"] if finding.codes else []
    return "\n".join(lines + ["", "</details>", ""])


def _html(text: str) -> str:
    for character, name in (("&", "amp"), ("<", "lt"), (">", "gt"), ("@", "#64"), ("`", "#96")):
        text = text.replace(character, f"&{name};")
    return text


def _limited(head: str, details: Sequence[str]) -> str:
    kept: List[str] = []
    room = LONGEST - len(head) - _ROOM_FOR_THE_END
    for detail in details:
        room -= len(detail) + 1
        if room < 0:
            break
        kept.append(detail)
    left = len(details) - len(kept)
    if left:
        kept.append(f"{left} more parts are left out here; the text and JSON reports have them.")
    whole = "\n".join([head] + kept)
    return whole if len(whole) <= LONGEST else whole[: LONGEST - 2] + "…\n"
