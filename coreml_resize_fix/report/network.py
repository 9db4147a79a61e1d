"""The comparison of a whole network in words: what it means, and the numbers of each output."""

from typing import List, Optional

from coreml_resize_fix.report import effects
from coreml_resize_fix.run.results import ModelReport
from coreml_resize_fix.verify.agreement import ComparedOutput


def lines(report: ModelReport, verbose: bool) -> List[str]:
    """A sentence, then a line with the errors of each output, and one with what makes them.

    If it is `verbose`, what makes them follows with a line for each resize instead.
    """
    found, measured = report.network, report.effects
    listed: List[str] = []
    if found is not None:
        listed.append(found.message)
        if found.not_run is None or any(_is_known(one) for one in found.outputs):
            for output in found.outputs:
                listed.append(errors(output, found.tolerance))
                if measured is not None and not verbose:
                    listed += effects.summary(measured, output.name)
    return listed + (effects.lines(measured) if measured is not None and verbose else [])


def _is_known(output: ComparedOutput) -> bool:
    return output.before is not None or output.intended is not None


def errors(output: ComparedOutput, tolerance: float) -> str:
    """The errors of one output before and after, and what they are compared with."""
    told = [f"{error(output.before)} as it is"]
    if output.after is not None:
        told.append(f"{error(output.after)} in the result")
    elif output.intended is not None:
        told.append(f"{error(output.intended)} with every resize right")
    allowed = tolerance * (output.magnitude or 1.0)
    return f"`{output.name}`: error {', '.join(told)}; {allowed:.2g} is tolerated"


def error(value: Optional[float]) -> str:
    """An error as a number; None is that of another shape, of no finite number, or of nothing."""
    return "not comparable" if value is None else "0" if value == 0 else f"{value:.2g}"
