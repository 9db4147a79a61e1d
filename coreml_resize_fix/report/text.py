"""The report for people: a table, then what to know, then one sentence of what was done."""

import textwrap
from typing import Dict, Iterable, List, Sequence, Tuple, Union

from coreml_resize_fix.auditing import findings
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.auditing.rules import RULES
from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.formats.spec_versions import minimum_ios
from coreml_resize_fix.report import models, network, problems
from coreml_resize_fix.report.lists import SHOWN, shortened
from coreml_resize_fix.report.plain import visible
from coreml_resize_fix.report.summary import closing
from coreml_resize_fix.report.table import WIDTH, Style, table, table_of_models
from coreml_resize_fix.run.results import Failure, ModelReport, Run
from coreml_resize_fix.words import count

_CLOSEST = 44  # columns


def plain(text: str, color: str) -> str:
    """A style without color."""
    return text


def render(run: Run, style: Style = plain) -> str:
    """A model in full; of several a table with a line for each, and each in full with `-v`."""
    if len(run.models) == 1:
        return _block(run.models[0], run, style)
    blocks = [_block(result, run, style) for result in run.models if run.verbose]
    lines = [f"help: {step}" for step in models.next_steps(run)]
    if not run.verbose and any(report.findings for report in run.reports):
        lines.append("help: `-v`, or one model alone, tells of each layer")
    together = "\n".join([models.together(run), *map(_wrapped, lines)])
    return "\n\n".join([*blocks, "\n".join(table_of_models(run.models, style)), together])


def _block(result: Union[ModelReport, Failure], run: Run, style: Style) -> str:
    if isinstance(result, Failure):
        return _failure(result, style)
    return _model(result, run, style)


def _failure(failure: Failure, style: Style) -> str:
    lines = [visible(str(failure.path)), style("  error: ", "red") + visible(failure.message)]
    return "\n".join(lines + ["    " + visible(detail) for detail in shortened(failure.details)])


def _model(report: ModelReport, run: Run, style: Style) -> str:
    version = f"specification version {report.spec_before}, iOS {minimum_ios(report.spec_before)}"
    lines = [f"{visible(report.path)}  ({version})"]
    if report.findings and report.asked:
        lines += ["", *table(report.findings, style), *_details(report.findings, run.verbose)]
    elif report.findings:
        lines += ["", *map(_wrapped, shortened([f.message for f in report.findings]))]
    without = [_wrapped(line) for line in without_layer(report)]
    lines += without if report.findings or not without else ["", *without]
    lines += _helps((problem.code, problem.help) for problem in problems.without_layer(report))
    if report.notices:
        lines += ["", *map(_wrapped, shortened(report.notices, " remarks"))]
        lines += _helps((code, RULES[code].help) for code in report.codes)
    measured = network.lines(report, run.verbose)
    lines += ["", *map(_wrapped, measured)] if measured else []
    return "\n".join([*lines, "", closing(report, run.dry_run)])


def without_layer(report: ModelReport) -> List[str]:
    """A line for each intent that lacks a layer, and one for all that need none."""
    lines = [problem.message for problem in problems.without_layer(report)]
    labels: Dict[str, List[str]] = {}
    for found in report.need_no_layer:
        labels.setdefault(found.reason, []).append(f"`{found.intent.label}`")
    calls = [
        f"{', '.join(shortened(list(dict.fromkeys(found))))} ({reason})"
        for reason, found in labels.items()
    ]
    return lines + [f"no layer is needed for {', '.join(calls)}"] if calls else lines


def _details(found: Sequence[Finding], verbose: bool) -> List[str]:
    """One paragraph for each layer that does not simply match, and what to do for each code."""
    differing = [finding for finding in found if finding.verdict != findings.MATCH]
    lines = [""] if differing else []
    shown = differing if verbose else differing[:SHOWN]
    for finding in shown:
        codes = " ".join(finding.codes)
        lines.append(_wrapped(f"{finding.layer.address} {codes}: {finding.message}"))
        lines += _change(finding)
        if finding.after is not None and finding.after.is_chain:
            lines.append(_wrapped("  costs " + cost(finding.after)))
        if verbose or finding.verdict == findings.UNMATCHABLE:
            lines += _closest(finding)
    more = len(differing) - len(shown)
    if more:
        lines.append(_wrapped(f"and {more} more layers that differ; `-v` tells of all"))
    left = [f for f in differing if f.verdict not in (findings.FIXED, findings.FIXABLE) and f.codes]
    return lines + _helps(sorted((f.codes[-1], problems.help_for(f)) for f in left))


def _helps(found: "Iterable[Tuple[object, str]]") -> List[str]:
    """What to do next, each sentence once with all of its codes."""
    by_help: Dict[str, List[str]] = {}
    for code, text in dict.fromkeys(found):
        if text:
            by_help.setdefault(text, []).append(str(code))
    return [_wrapped(f"help for {', '.join(codes)}: {text}") for text, codes in by_help.items()]


def _change(finding: Finding) -> List[str]:
    """The layer before and after, each with its largest error on test images."""
    if finding.after is None or finding.verdict not in (findings.FIXED, findings.FIXABLE):
        return []
    sides = (
        ("before", finding.layer.params, finding.max_abs_error_before),
        ("after", finding.after, finding.max_abs_error_after),
    )
    return [
        f"    {side:6}  {params}" + ("" if error is None else f", error {error:.2g}")
        for side, params, error in sides
    ]


def cost(after: ResizeOp) -> str:
    """What several layers cost beside the one that they replace."""
    work = "" if after.multiply_adds is None else f"{after.multiply_adds:,} multiply-adds and "
    return f"{count(after.added_layers, 'more layer')}, {work}{after.bytes:,} bytes"


def _closest(finding: Finding) -> List[str]:
    """What a user could fall back to, the closest first."""
    if not finding.closest:
        return []
    width = max([_CLOSEST, *(len(str(near.params)) for near in finding.closest)])
    rows = [
        f"      {str(near.params).ljust(width)}  {near.max_shift_px:.3f}  {error:.2g}"
        for near, error in ((near, near.mean_abs_error) for near in finding.closest)
    ]
    head = f"      {'not exact, the closest first'.ljust(width)}  shift  error"
    return [head] + rows


def _wrapped(text: str) -> str:
    return textwrap.fill(
        visible(text),
        WIDTH,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
