"""The report as GitHub-flavored Markdown, for a pull request's comment or a step's summary."""

import re
from dataclasses import replace
from typing import List, Optional, Sequence

from coreml_resize_fix.auditing import findings
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.report import models, network
from coreml_resize_fix.report.limited import LimitedText
from coreml_resize_fix.report.lists import SHOWN, shortened
from coreml_resize_fix.report.plain import visible
from coreml_resize_fix.report.signs import SIGNS
from coreml_resize_fix.report.summary import closing
from coreml_resize_fix.report.table import sizes
from coreml_resize_fix.report.text import without_layer
from coreml_resize_fix.run.results import Failure, ModelReport, Result, Run

MARK = "<!-- coreml-resize-fix -->"  # by which a report of an earlier run is known
# Characters; a comment may have 65,536, and the summary of a step 1 MiB, which is more.
LONGEST = 60000

_SPECIAL = re.compile(r"([\\`*_{}\[\]#|<>~@&])")
_ELSEWHERE = "left out here; the text and JSON reports have them"


def render(run: Run) -> str:
    """All models of a run. What a comment does not hold is left out, and counted."""
    page = LimitedText(LONGEST)
    page.add([MARK, f"### Resize layers: {_outcome(run)}", ""], lambda more: "")
    several = len(run.models) > 1
    errors = [failure for failure in run.failures if failure.path is None or not several]
    page.add(list(map(_failure, errors)), lambda more: f"{more} more errors are {_ELSEWHERE}.")
    if several:
        _add_models(run, page)
    else:
        for report in run.reports:
            _add_model(report, run, page)
    return page.text().rstrip("\n") + "\n"


def _add_models(run: Run, page: LimitedText) -> None:
    """What all are together, a table with a row for each, the worst first, then the layers."""
    lines = [models.together(run), *(f"- {prose(step)}" for step in models.next_steps(run)), ""]
    results = models.worst_first(run)
    shared = models.shared_notices(run)
    rows = ["| model | shift | outcome |", "|---|---:|---|", *map(_row_of_model, results)]
    page.add(lines, lambda more: "")
    page.add(rows, lambda more: f"| and {more} more models | | |", share=0.7)
    page.add(["", *map(prose, shared)], lambda more: "")
    wrong = [r for r in results if isinstance(r, ModelReport) and r.exit_code]
    page.add(
        [
            _in_short(_without(shared, report), run)
            for report in wrong
            if report.findings or report.exit_code == 1
        ],
        lambda more: f"\nThe layers of {more} more models are {_ELSEWHERE}.",
    )


def _row_of_model(result: Result) -> str:
    name = code(str(result.path))
    if isinstance(result, Failure):
        return f"| {name} | – | **failed:** {prose(models.reason(result))}. {prose(result.hint)} |"
    return f"| {name} | {_pixels(models.largest_shift(result))} | {prose(models.outcome(result))} |"


def _without(notices: Sequence[str], report: ModelReport) -> ModelReport:
    return replace(report, notices=tuple(n for n in report.notices if n not in notices))


def _in_short(report: ModelReport, run: Run) -> str:
    """The first layers of one of several models, folded."""
    lines = ["", f"<details><summary><code>{_html(visible(report.path))}</code></summary>", ""]
    lines += [prose(closing(report, run.dry_run)), ""]
    if report.findings:
        lines += [*_HEAD, *map(_row, report.findings[:SHOWN])]
    more = len(report.findings) - SHOWN
    lines += [_more_layers(more)] if more > 0 else []
    return "\n".join([*lines, "", *_left(report, run), "</details>"])


def _add_model(report: ModelReport, run: Run, page: LimitedText) -> None:
    """All layers of the only model, as far as there is room."""
    page.add([f"**{code(report.path)}**: {prose(closing(report, run.dry_run))}", ""], lambda _: "")
    if report.findings:
        page.add([*_HEAD, *map(_row, report.findings)], _more_layers, share=0.5)
        page.add([""], lambda more: "")
    parts = _left(report, run)
    parts += [_detail(found) for found in report.findings if found.verdict != findings.MATCH]
    page.add(parts, lambda more: f"{more} more parts are {_ELSEWHERE}.")


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
    verdicts = models.verdicts(run.reports)
    counts = [verdicts] if verdicts else []
    if run.failures:
        counts.append(f"{len(run.failures)} failed")
    none_needed = any(report.asked and report.need_no_layer for report in run.reports)
    return ", ".join(counts) or ("none is needed" if none_needed else "nothing was compared")


def _failure(failure: Failure) -> str:
    where = f"**{code(failure.path)}**: " if failure.path is not None else ""
    lines = [f"{where}**error:** {prose(failure.message)}. {prose(failure.hint)}"]
    details = [f"- {prose(detail)}" for detail in shortened(failure.details)]
    return "\n".join([*lines, *details, ""])


_HEAD = ("| layer | verdict | size | shift | asked for |", "|---|---|---|---:|---|")


def _row(finding: Finding) -> str:
    cells = (
        code(finding.layer.name or finding.layer.address),
        f"{SIGNS[finding.verdict].sign} {finding.verdict}",
        sizes(finding),
        _pixels(finding.max_shift_px),
        "–" if finding.intent is None else code(str(finding.intent)),
    )
    return f"| {' | '.join(cells)} |"


def _more_layers(more: int) -> str:
    return f"| and {more} more layers | | | | |"


def _pixels(shift: Optional[float]) -> str:
    return "–" if shift is None else f"{shift:.3f} px"


def _left(report: ModelReport, run: Run) -> List[str]:
    lines = ["- " + prose(line) for line in without_layer(report)]
    lines += ["- " + prose(line) for line in network.lines(report, run.verbose)]
    lines += ["- " + prose(notice) for notice in shortened(report.notices, " remarks")]
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
