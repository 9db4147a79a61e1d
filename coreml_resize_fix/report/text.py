"""The report for people: a table, then what to know, then one sentence of what was done."""

import textwrap
from collections import Counter
from typing import Callable, Dict, List, Optional, Sequence, Tuple, Union

from coreml_resize_fix.auditing import findings
from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.auditing.messages import size
from coreml_resize_fix.auditing.rules import RULES
from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.formats.spec_versions import minimum_ios
from coreml_resize_fix.report import network
from coreml_resize_fix.report.plain import columns, cut, padded, visible
from coreml_resize_fix.run.results import Failure, ModelReport, Run

Style = Callable[[str, str], str]  # (text, color) → text

WIDTH = 80
_LONGEST_NAME, _LEAST, _CLOSEST = 28, 12, 44  # columns
_HEADS = ("verdict", "layer", "size", "shift", "asked for")

COLORS: Dict[str, str] = {
    findings.MATCH: "green",
    findings.FIXED: "green",
    findings.FIXABLE: "yellow",
    findings.NEEDS_OPTION: "yellow",
    findings.UNMATCHABLE: "red",
    findings.NO_INTENT: "magenta",
    findings.AMBIGUOUS: "magenta",
}


def plain(text: str, color: str) -> str:
    """A style without color."""
    return text


def render(run: Run, style: Style = plain) -> str:
    """All models of a run, and one line about all where there are several."""
    if len(run.models) == 1:
        return _block(run.models[0], run.dry_run, style)
    # Of many models, those with nothing to report take a line each.
    right = [report for report in run.reports if _is_right(report)]
    lines = [f"{visible(report.path)}: {closing(report, run.dry_run)}" for report in right]
    blocks = [_block(result, run.dry_run, style) for result in run.models if result not in right]
    return "\n\n".join((["\n".join(lines)] if lines else []) + blocks + [_all(run)])


def _block(result: Union[ModelReport, Failure], dry_run: bool, style: Style) -> str:
    if isinstance(result, Failure):
        return _failure(result, style)
    return _model(result, dry_run, style)


def _is_right(report: ModelReport) -> bool:
    return report.exit_code == 0 and report.output is None


def _failure(failure: Failure, style: Style) -> str:
    lines = [visible(str(failure.path)), style("  error: ", "red") + visible(failure.message)]
    return "\n".join(lines + ["    " + visible(detail) for detail in failure.details])


def _all(run: Run) -> str:
    """How many models ended how."""
    codes = Counter(report.exit_code for report in run.reports)
    ended = [
        (codes[0], "right"),
        (codes[1], "not as asked for"),
        (codes[3], "with nothing to compare"),
        (len(run.models) - len(run.reports), "failed"),
    ]
    counts = [f"{count} {what}" for count, what in ended if count]
    return f"{len(run.models)} models: {', '.join(counts)}."


def _model(report: ModelReport, dry_run: bool, style: Style) -> str:
    version = f"specification version {report.spec_before}, iOS {minimum_ios(report.spec_before)}"
    lines = [f"{visible(report.path)}  ({version})"]
    if report.findings and report.asked:
        lines += [""] + _table(report.findings, style) + _details(report.findings)
    elif report.findings:
        lines += [""] + [_wrapped(finding.message) for finding in report.findings]
    without = [_wrapped(line) for line in without_layer(report)]
    lines += without if report.findings or not without else ["", *without]
    if report.unused:
        lines.append(_help(Code.CALL_WITHOUT_LAYER))
    if report.notices:
        lines += [""] + [_wrapped(notice) for notice in report.notices]
        lines += [_help(code) for code in report.codes]
    measured = network.lines(report)
    lines += ["", *map(_wrapped, measured)] if measured else []
    return "\n".join(lines + ["", closing(report, dry_run)])


def without_layer(report: ModelReport) -> List[str]:
    """A line for each intent that lacks a layer, and one for all that need none."""
    lines = [found.message for found in report.without_layer if found.fails]
    labels: Dict[str, List[str]] = {}
    for found in report.need_no_layer:
        labels.setdefault(found.reason, []).append(f"`{found.intent.label}`")
    calls = [f"{', '.join(dict.fromkeys(found))} ({reason})" for reason, found in labels.items()]
    return lines + [f"no layer is needed for {', '.join(calls)}"] if calls else lines


def _table(found: Sequence[Finding], style: Style) -> List[str]:
    rows = [_row(finding) for finding in found]
    widths = _fitted([max(columns(row[i]) for row in rows + [_HEADS]) for i in range(len(_HEADS))])
    lines = ["  " + "  ".join(h.ljust(w) for h, w in zip(_HEADS, widths)).rstrip()]
    for finding, row in zip(found, rows):
        cells = [
            padded(cut(cell, width, keep_end=head == "layer"), width)
            for head, cell, width in zip(_HEADS, row, widths)
        ]
        cells[0] = style(cells[0], COLORS[finding.verdict])
        lines.append("  " + "  ".join(cells).rstrip())
    return lines


def _fitted(widths: List[int]) -> List[int]:
    """Column widths that fit a line: names give way first, then what was asked for."""
    fitted = list(widths)
    fitted[1] = min(fitted[1], _LONGEST_NAME)
    for column, least in ((1, _LEAST), (4, _LEAST)):
        excess = sum(fitted) + 2 * len(fitted) - WIDTH
        if excess > 0:
            fitted[column] = max(min(fitted[column], least), fitted[column] - excess)
    return fitted


def sizes(finding: Finding) -> str:
    """What a layer makes of what it gets, and what it should make if that is another size."""
    layer = finding.layer
    if layer.input.is_flexible and layer.output_size is None:
        return "varies"
    made = f"{size(layer.input.size)} → {size(layer.output_size)}"
    if finding.intended_size and finding.intended_size != layer.output_size:
        made += ", not " + size(finding.intended_size)
    return made


def _row(finding: Finding) -> Tuple[str, ...]:
    layer = finding.layer
    shift = "-" if finding.max_shift_px is None else f"{finding.max_shift_px:.3f}"
    asked = (
        "-" if finding.intent is None else str(finding.intent).split(" size=")[0].split(" by ")[0]
    )
    return (
        finding.verdict,
        visible(layer.name or layer.address),
        sizes(finding),
        shift,
        asked.split(" scale_factor=")[0],
    )


def _details(found: Sequence[Finding]) -> List[str]:
    """One paragraph for each layer that does not simply match, and what to do for each code."""
    differing = [finding for finding in found if finding.verdict != findings.MATCH]
    lines = [""] if differing else []
    for finding in differing:
        codes = " ".join(finding.codes)
        lines.append(_wrapped(f"{finding.layer.address} {codes}: {finding.message}"))
        lines += _change(finding)
        if finding.after is not None and finding.after.is_chain:
            lines.append(_wrapped("  costs " + cost(finding.after)))
        lines += _closest(finding)
    left = [f for f in differing if f.verdict not in (findings.FIXED, findings.FIXABLE)]
    for code in sorted({finding.codes[-1] for finding in left if finding.codes}):
        lines.append(_help(code))
    for needs in sorted({need for finding in left for need in finding.needs}):
        lines.append(_wrapped(f"help: pass `{needs}`"))
    return lines


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
    return f"{_count(after.added_layers, 'more layer')}, {work}{after.bytes:,} bytes"


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


def _help(code: Code) -> str:
    return _wrapped(f"help for {code}: {RULES[code].help}")


def _wrapped(text: str) -> str:
    return textwrap.fill(
        visible(text),
        WIDTH,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def closing(report: ModelReport, dry_run: bool) -> str:
    """What was done and what to do next, in one sentence, and one on the network if it was run."""
    resizes = _closing_on_resizes(report, dry_run)
    if report.network is None:
        return resizes
    what = "is as the reference has it" if report.network.holds else "is not what it should be"
    return f"{resizes} What the network computes {what}."


def _closing_on_resizes(report: ModelReport, dry_run: bool) -> str:
    counts = dict.fromkeys(findings.VERDICTS, 0)
    for finding in report.findings:
        counts[finding.verdict] += 1
    layers = _count(len(report.findings), "resize layer")
    if not report.findings and not report.unused:
        stuck = "" if report.runs else f", and {_stuck(report)}"
        compared = report.need_no_layer and report.asked
        needed = ", and none is needed" if compared else ": nothing was compared"
        return f"no resize layer{'' if report.network is not None else needed}{stuck}."
    if not report.asked and report.network is not None:
        return f"{layers} without an intent."
    if not report.asked:
        return f"{layers}, nothing to compare with: pass `--manifest` or `--assume`."
    left = len(report.findings) - counts[findings.MATCH] - counts[findings.FIXED]
    if report.output is not None:
        done = [_count(counts[findings.FIXED], "layer") + " fixed"]
        done.append(f"{counts[findings.MATCH]} right already")
        if left:
            done.append(f"{left} not matched")
        if report.unused:
            done.append(_count(len(report.unused), "intent") + " without a layer")
        if not report.runs:
            done.append(_stuck(report))
        return f"{', '.join(done)}; wrote {visible(report.output)}."
    if not left and not report.unused and report.runs:
        return f"{layers}: all compute their intent; nothing to change."
    fixable = counts[findings.FIXABLE]
    if not left and not report.unused:
        return f"{layers}: all compute their intent, but {_stuck(report)}."
    if fixable == left and not report.unused:
        return f"{_count(fixable, 'layer')} would be fixed: run without `--dry-run`."
    counted = f"{_count(fixable, 'layer')} fixable, {left - fixable} not"
    unused = f"{_count(len(report.unused), 'intent')} without a layer"
    hint = _partial_hint(fixable, dry_run) or ""
    return f"{counted}, {unused}; nothing written{hint}."


def _stuck(report: ModelReport) -> str:
    return "the model cannot run" + ("" if report.cannot_run else " at any other size")


def _partial_hint(fixable: int, dry_run: bool) -> Optional[str]:
    return "; pass `--partial` to write the fixable ones" if fixable and not dry_run else None


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
