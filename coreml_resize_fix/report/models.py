"""Several models: what is said of each in a line, and of all of them together."""

from collections import Counter
from typing import Iterator, List, Optional, Tuple

from coreml_resize_fix.auditing import findings
from coreml_resize_fix.report.plain import visible
from coreml_resize_fix.report.signs import SIGNS
from coreml_resize_fix.run.results import Failure, ModelReport, Result, Run
from coreml_resize_fix.words import count, quoted


def verdicts(reports: List[ModelReport]) -> str:
    """How many layers got each verdict that there is."""
    found = Counter(str(finding.verdict) for report in reports for finding in report.findings)
    return ", ".join(f"{found[verdict]} {verdict}" for verdict in SIGNS if verdict in found)


def outcome(report: ModelReport) -> str:
    """How one model ended, in a few words."""
    return ", ".join(_parts(report))


def _parts(report: ModelReport) -> Iterator[str]:
    if report.findings and report.asked:
        yield verdicts([report])
    elif report.findings:
        yield f"{count(len(report.findings), 'resize')} not compared"
    elif not report.unused:
        yield "no resize" + (", none needed" if report.asked and report.need_no_layer else "")
    if report.unused:
        yield f"{count(len(report.unused), 'intent')} without a layer"
    if not report.runs:
        yield "cannot run"
    if report.network is not None and report.network.not_run is not None:
        yield "network not compared"
    elif report.network is not None:
        yield "outputs as in the reference" if report.network.holds else "outputs differ"


def reason(failure: Failure) -> str:
    """Why a model failed, without its path: that stands beside it."""
    path = f"`{failure.path}` "
    return failure.message[len(path) :] if failure.message.startswith(path) else failure.message


def largest_shift(report: ModelReport) -> Optional[float]:
    """In source pixels, over the layers that read elsewhere than asked for."""
    shifts = [finding.max_shift_px for finding in report.findings if report.asked]
    return max((shift for shift in shifts if shift is not None), default=None)


def worst_first(run: Run) -> List[Result]:
    """Failures, what is not as asked for, what was not compared, what is right."""
    order = {code: place for place, code in enumerate((2, 1, 3, 0))}
    return sorted(run.models, key=lambda result: order[result.exit_code])


def shared_notices(run: Run) -> List[str]:
    """Remarks that are true of every model, in the order in which they are made."""
    reports = run.reports
    return [
        notice
        for notice in (reports[0].notices if reports else ())
        if all(notice in report.notices for report in reports)
    ]


def together(run: Run) -> str:
    """How many models ended how."""
    codes = Counter(report.exit_code for report in run.reports)
    ended = [
        (codes[0], "right"),
        (codes[1], "not as asked for"),
        (codes[3], "with nothing to compare"),
        (len(run.models) - len(run.reports), "failed"),
    ]
    counts = [f"{number} {what}" for number, what in ended if number]
    written = [report.output for report in run.reports if report.output is not None]
    wrote = [f"; wrote {len(written)}, the first is {visible(path)}" for path in written[:1]]
    return f"{len(run.models)} models: {', '.join(counts)}{''.join(wrote)}."


def next_steps(run: Run) -> List[str]:
    """What to do about models that are not right, a sentence for each way."""
    wrong = [report for report in run.reports if report.exit_code == 1 and not report.unused]
    needs = [_needs(report) for report in wrong]
    ways = Counter(found for found in needs if found is not None)
    lines = []
    for options, number in sorted(ways.items()):
        named = quoted(options, " and ")
        steps = ["run without `--dry-run`"] if run.dry_run else []
        steps += [f"pass {named}"] if named else []
        if steps:
            lines.append(f"{count(number, 'model')} can be fixed: {' and '.join(steps)}")
    if any(report.exit_code == 3 and report.findings for report in run.reports):
        lines.append("nothing to compare with: pass `--manifest` or `--assume`")
    return lines


def _needs(report: ModelReport) -> Optional[Tuple[str, ...]]:
    """The options with which all of its layers can be fixed; None if no option does that."""
    left = [finding for finding in report.findings if finding.verdict not in findings.RIGHT]
    if not left or any(f.verdict not in (findings.FIXABLE, findings.NEEDS_OPTION) for f in left):
        return None
    return tuple(sorted({need for finding in left for need in finding.needs}))
