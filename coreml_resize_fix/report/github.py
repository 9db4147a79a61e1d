"""Workflow commands of GitHub Actions: an annotation for each thing that is not right."""

import os
from typing import Optional, Sequence, Tuple

from coreml_resize_fix.auditing.rules import RULES
from coreml_resize_fix.report.lists import shortened
from coreml_resize_fix.report.plain import visible
from coreml_resize_fix.report.problems import Problem, problems
from coreml_resize_fix.report.summary import closing
from coreml_resize_fix.run.results import Failure, Run

# A command ends with its line, a property with `,` or `:`, and `%` begins an escape.
_DATA = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"))
_PROPERTY = (*_DATA, (":", "%3A"), (",", "%2C"))


def render(run: Run) -> str:
    """A line for each problem and failure, and for each model of which nothing was compared."""
    lines = [_of_failure(failure) for failure in run.failures]
    for report in run.reports:
        lines += [_of_problem(problem) for problem in problems(report)]
        if report.exit_code == 3 and not run.allow_nothing:
            text = closing(report, run.dry_run)
            lines.append(_command("warning", report.path, "nothing was compared", text))
    return "\n".join(lines)


def _of_problem(problem: Problem) -> str:
    title = f"{problem.name} ({problem.subject})" if problem.name else problem.subject
    if problem.code is not None:
        title = f"{problem.code} {RULES[problem.code].name}: {title}"
    level = "error" if problem.fails else "warning"
    return _command(level, problem.path, title, _sentences(problem.message, problem.help))


def _of_failure(failure: Failure) -> str:
    text = _sentences(failure.message, failure.hint, failure.details)
    return _command("error", failure.path, "coreml-resize-fix", text)


def _sentences(message: str, hint: str, details: Sequence[str] = ()) -> str:
    lines = [message, *shortened(details)]
    if hint:
        lines.append(f"help: {hint}")
    return "\n".join(lines)


def _command(level: str, path: Optional[str], title: str, message: str) -> str:
    properties = [] if path is None else [f"file={_property(path.replace(os.sep, '/'))}"]
    properties.append(f"title={_property(title)}")
    # What is hidden besides ends of lines has no escape of GitHub's.
    return visible(f"::{level} {','.join(properties)}::{_escaped(message, _DATA)}")


def _property(text: str) -> str:
    return _escaped(text, _PROPERTY)


def _escaped(text: str, table: Sequence[Tuple[str, str]]) -> str:
    for character, escape in table:
        text = text.replace(character, escape)
    return text
