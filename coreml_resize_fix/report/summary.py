"""One sentence on a model: what was done, what is left, and what to do next."""

from collections import Counter
from typing import Iterator, List, Tuple

from coreml_resize_fix.auditing import findings
from coreml_resize_fix.report.plain import visible
from coreml_resize_fix.run.results import ModelReport
from coreml_resize_fix.words import count, quoted

# verdict → what is said of one such layer, and of several
_LEFT = (
    (findings.UNMATCHABLE, "cannot be fixed", "cannot be fixed"),
    (findings.NO_INTENT, "has no intent", "have no intent"),
    (findings.AMBIGUOUS, "is ambiguous", "are ambiguous"),
)


def closing(report: ModelReport, dry_run: bool) -> str:
    """What was done and what to do next, in one sentence, and one on the network if it was run."""
    resizes = _on_resizes(report, dry_run)
    if report.network is None:
        return resizes
    if report.network.not_run is not None:
        return f"{resizes} The whole network was not compared."
    what = "is as the reference has it" if report.network.holds else "is not what it should be"
    return f"{resizes} What the network computes {what}."


def _on_resizes(report: ModelReport, dry_run: bool) -> str:
    layers = count(len(report.findings), "resize layer")
    if not report.findings and not report.unused:
        compared = report.need_no_layer and report.asked
        needed = ", and none is needed" if compared else ": nothing was compared"
        stuck = "" if report.runs else f", and {cannot_run(report)}"
        return f"no resize layer{'' if report.network is not None else needed}{stuck}."
    if not report.asked and report.network is not None:
        return f"{layers} without an intent."
    if not report.asked:
        return f"{layers}, nothing to compare with: pass `--manifest` or `--assume`."
    counts = Counter(finding.verdict for finding in report.findings)
    if counts[findings.MATCH] == len(report.findings) and not report.unused and not report.output:
        end = "; nothing to change" if report.runs else f", but {cannot_run(report)}"
        return f"{layers}: all compute their intent{end}."
    return f"{'; '.join(_parts(report, counts, dry_run))}."


def _parts(report: ModelReport, counts: "Counter[findings.Verdict]", dry_run: bool) -> List[str]:
    """Every layer once; then calls without a layer, whether it runs, and what was done."""
    done = counts[findings.MATCH] + counts[findings.FIXED]
    will = done + counts[findings.FIXABLE] == len(report.findings) and not report.unused
    told = kinds(report, counts, "would be fixed" if will and dry_run else "fixable")
    if will and dry_run and counts[findings.FIXABLE]:
        return [f"{listed(told)}: run without `--dry-run`"]
    parts = [listed(told)]
    if report.unused:
        parts.append(f"{count(len(report.unused), 'intent')} without a layer")
    if not report.runs and report.output is not None:
        parts.append(cannot_run(report))
    if report.output is not None:
        copy = "" if counts[findings.FIXED] else ", an unchanged copy"
        parts.append(f"wrote {visible(report.output)}{copy}")
    elif not counts[findings.FIXED]:
        parts.append("nothing written")
        if counts[findings.FIXABLE] and not dry_run and not will:
            parts.append("pass `--partial` to write the fixable ones")
    return parts


def kinds(
    report: ModelReport, counts: "Counter[findings.Verdict]", fixable: str
) -> Iterator[Tuple[int, str]]:
    """How many layers there are of each kind that there is."""
    yield counts[findings.FIXED], "fixed"
    yield counts[findings.FIXABLE], fixable
    yield counts[findings.MATCH], "right already"
    options = Counter(f.needs for f in report.findings if f.verdict == findings.NEEDS_OPTION)
    for needs, number in sorted(options.items()):
        named = quoted(needs, " and ") or "an option"
        yield number, f"{'needs' if number == 1 else 'need'} {named}"
    for verdict, of_one, of_several in _LEFT:
        yield counts[verdict], of_one if counts[verdict] == 1 else of_several


def listed(told: Iterator[Tuple[int, str]]) -> str:
    """The kinds that there are in one list, its first number with the noun."""
    found = [(number, what) for number, what in told if number]
    if not found:
        return "no resize layer"
    (number, what), rest = found[0], found[1:]
    return ", ".join([f"{count(number, 'layer')} {what}", *(f"{n} {what}" for n, what in rest)])


def cannot_run(report: ModelReport) -> str:
    """Of a model that does not: at which sizes."""
    return "the model cannot run" + ("" if report.cannot_run else " at any other size")
