"""What is not right in one model, one value each: for annotations, SARIF and `-q`."""

from typing import Iterator, NamedTuple, Optional

from coreml_resize_fix.auditing import findings
from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.auditing.notices import cannot_run, sizes_that_run
from coreml_resize_fix.auditing.rules import RULES
from coreml_resize_fix.report import network
from coreml_resize_fix.report.lists import SHOWN
from coreml_resize_fix.run.results import ModelReport
from coreml_resize_fix.words import quoted


class Problem(NamedTuple):
    """One thing that is not right.

    `subject` is what it is about: the address of a layer, the label of an intent, or the name of an
    input or output. `address` and `name` are those of the layer, where it is about one.
    `fails` is whether it alone makes an audit fail.
    """

    path: str
    code: Optional[Code]
    subject: str
    message: str
    address: Optional[str] = None
    name: str = ""
    finding: Optional[Finding] = None
    fails: bool = True

    advice: str = ""  # what to do, where the code alone does not say it

    @property
    def help(self) -> str:
        """What to do next; empty where no code says it."""
        if self.advice:
            return self.advice
        if self.finding is not None and self.finding.codes:
            return help_for(self.finding)
        return "" if self.code is None else RULES[self.code].help


def help_for(finding: Finding) -> str:
    """What to do about a layer that has codes; the options that fix it, if options do."""
    if not finding.needs:
        return RULES[finding.codes[-1]].help
    named = quoted(finding.needs, " and ")
    if "--decompose" in finding.needs:
        return f"pass {named}; several layers cost more at run time than one"
    return f"pass {named}"


def problems(report: ModelReport) -> Iterator[Problem]:
    """Everything that is not right in one model; layers of an inventory have nothing to be."""
    path = report.path
    for finding in report.findings if report.asked else ():
        if finding.verdict not in findings.RIGHT:
            yield _of_layer(path, finding)
    yield from without_layer(report)
    for one in report.cannot_run:
        yield Problem(path, Code.CANNOT_RUN, one.address, cannot_run(one), one.address, one.layer)
    if report.usable is not None and Code.SIZES_THAT_CANNOT_RUN in report.codes:
        what, stuck = sizes_that_run(report.usable), report.usable.only_default
        code = Code.SIZES_THAT_CANNOT_RUN
        yield Problem(path, code, report.usable.name, what, fails=stuck)
    yield from _of_network(report)


def without_layer(report: ModelReport) -> Iterator[Problem]:
    """The first calls that no layer stands for, and how many more there are."""
    code = Code.CALL_WITHOUT_LAYER
    missing = [found for found in report.without_layer if found.fails]
    named = report.layer_names.listed(SHOWN) if missing else ""
    advice = ""
    for found in missing[:SHOWN]:
        advice = named if found.misnamed else ""
        yield Problem(report.path, code, found.intent.label, found.message, advice=advice)
    more = len(missing) - SHOWN
    if more > 0:
        what = f"and {more} more intents without a layer"
        yield Problem(report.path, code, "intents", what, advice=advice)


def _of_layer(path: str, finding: Finding) -> Problem:
    layer = finding.layer
    code = finding.codes[0] if finding.codes else None
    return Problem(path, code, layer.address, finding.message, layer.address, layer.name, finding)


def _of_network(report: ModelReport) -> Iterator[Problem]:
    """Outputs that differ from the reference, and what was in the way of computing them."""
    found, code = report.network, Code.OUTPUT_DIFFERS
    if found is None:
        return
    stopped = found.not_run
    if stopped is not None:
        where = ""
        if stopped.address:
            where = f"`{stopped.address}` (`{stopped.name}`) was not computed: "
        message = f"the network was not compared: {where}{stopped.reason}"
        subject = stopped.address or "network"
        yield Problem(report.path, code, subject, message, stopped.address or None, stopped.name)
    for output in found.outputs:
        if not output.within and (stopped is None or output.before is not None):
            message = network.errors(output, found.tolerance)
            yield Problem(report.path, code, output.name, message)
