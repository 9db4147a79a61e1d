"""What `--quiet` leaves of the text: one line for each thing that is not right."""

from coreml_resize_fix.report.plain import visible
from coreml_resize_fix.report.problems import Problem, problems
from coreml_resize_fix.run.results import Run


def render(run: Run) -> str:
    """A line for each problem that makes an audit fail; failures are on stderr."""
    found = [problem for report in run.reports for problem in problems(report) if problem.fails]
    return "\n".join(visible(_line(problem)) for problem in found)


def _line(problem: Problem) -> str:
    what = str(problem.code or "")
    if problem.finding is not None:
        what = " ".join([str(problem.finding.verdict), *map(str, problem.finding.codes)])
    return ": ".join([problem.path, problem.subject, what, problem.message])
