"""The answer of a run in one line, as the title of a page."""

from collections import Counter
from typing import List, Optional

from coreml_resize_fix.auditing import findings
from coreml_resize_fix.report import models, network
from coreml_resize_fix.report.plain import cut, visible
from coreml_resize_fix.report.summary import cannot_run, kinds, listed
from coreml_resize_fix.run.results import Failure, ModelReport, Run
from coreml_resize_fix.words import count, size_text

_LONGEST_NAME = 40  # columns


def headline(run: Run) -> str:
    """What became of a model, or how many of several ended how."""
    if len(run.models) != 1:
        failed = "; ".join(failure.message for failure in run.failures)
        told = models.together(run) if run.models else failed
    elif isinstance(run.models[0], Failure):
        told = run.models[0].message
    else:
        told = of(run.models[0])
    return told[:1].upper() + told[1:].rstrip(".")


def of(report: ModelReport) -> str:
    """What became of the resizes of a model, then what that means for its outputs."""
    told = [_resizes(report)]
    if not report.runs:
        told.append(cannot_run(report))
    effect = _effect(report)
    return "; ".join(told + ([effect] if effect else []))


def _resizes(report: ModelReport) -> str:
    found = report.findings
    if not report.asked and found:
        return f"{count(len(found), 'layer')} listed{'' if report.network else ', none compared'}"
    wrong = Counter(f.verdict for f in found if f.verdict != findings.MATCH)
    told = [listed(kinds(report, wrong, "can be fixed"))] if wrong else []
    if report.unused:
        lost = len(report.unused)
        told.append(f"{lost} {'call has' if lost == 1 else 'calls have'} no layer")
    if told:
        return ", ".join(told)
    if not found:
        return "no resize layer" + (", and none is needed" if report.need_no_layer else "")
    return "the resize layer is right" if len(found) == 1 else f"all {len(found)} layers are right"


def _effect(report: ModelReport) -> Optional[str]:
    """How far the outputs are off, or were before the fix."""
    compared = report.network
    if compared is not None and compared.not_run is not None:
        return "the network could not be run"
    if compared is not None and not compared.holds:
        wrong = [one.name for one in compared.outputs if not one.within]
        return f"{_listed(wrong)} not what the reference has"
    was = "was" if any(one.verdict == findings.FIXED for one in report.findings) else "is"
    moved = max(report.displacements, key=lambda one: max(one.largest), default=None)
    if moved is not None:
        return f"{_name(moved.output)} {was} off by {_pixels(max(moved.largest))} pixels"
    if compared is None:
        return _wrong_size(report, was)
    off = [
        (one.before, one.name)
        for one in compared.outputs
        if one.before is not None and one.before > compared.tolerance * (one.magnitude or 1.0)
    ]
    if off:
        error, name = max(off)
        return f"{_name(name)} {was} off by {network.error(error)}"
    return f"{_listed([one.name for one in compared.outputs])} as the reference has it"


def _wrong_size(report: ModelReport, was: str) -> Optional[str]:
    """The first layer that makes another size than was asked for."""
    for finding in report.findings:
        made, meant = finding.layer.output_size, finding.intended_size
        if made is not None and meant is not None and made != meant:
            makes = "made" if was == "was" else "makes"
            name = _name(finding.layer.name or finding.layer.address)
            return f"{name} {makes} {size_text(made)} instead of {size_text(meant)}"
    return None


def _listed(names: List[str]) -> str:
    """The subject of a sentence, with its verb."""
    told = list(map(_name, names[:2]))
    if len(names) == 1:
        return f"{told[0]} is"
    return f"{', '.join(told)}{f' and {len(names) - 2} more' if names[2:] else ''} are"


def _name(text: str) -> str:
    return f"`{cut(visible(text), _LONGEST_NAME, keep_end=True)}`"


def _pixels(value: float) -> str:
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"
