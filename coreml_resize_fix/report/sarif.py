"""SARIF 2.1.0, for code scanning: rules are the finding codes, logical locations are addresses.

Section numbers are those of the standard (OASIS, Static Analysis Results Interchange Format).
"""

import hashlib
import json
import os
from collections import Counter
from typing import Any, Dict, Optional
from urllib.parse import quote

from coreml_resize_fix import __version__
from coreml_resize_fix.auditing import findings
from coreml_resize_fix.auditing.rules import RULES, Rule
from coreml_resize_fix.report.lists import shortened
from coreml_resize_fix.report.plain import visible
from coreml_resize_fix.report.problems import Problem, problems
from coreml_resize_fix.report.summary import closing
from coreml_resize_fix.run.results import Failure, Run

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
NAME = "coreml-resize-fix"

# Nothing says that the values of these are wrong.
_UNKNOWN = (findings.NO_INTENT, findings.AMBIGUOUS)
_RULE_INDEX = {code: index for index, code in enumerate(RULES)}


def render(run: Run) -> str:
    """The log as text; every character beyond ASCII is escaped, so any terminal prints it."""
    return json.dumps(document(run), indent=2, allow_nan=False)


def document(run: Run) -> Dict[str, Any]:
    """All results of a run as one SARIF log."""
    found = [problem for report in run.reports for problem in problems(report)]
    seen: Counter[str] = Counter()
    driver = {
        "name": NAME,
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_rule(rule) for rule in RULES.values()],
    }
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "invocations": [_invocation(run)],
                "results": [_result(problem, seen) for problem in found],
                "columnKind": "unicodeCodePoints",
            }
        ],
    }


def _rule(rule: Rule) -> Dict[str, Any]:
    explain = f"`{NAME} --explain {rule.code}` says more."
    return {
        "id": str(rule.code),
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": _message(rule.summary),
        "fullDescription": _message(rule.summary),
        "help": _message(f"{rule.help}. {explain}" if rule.help else explain),
        "defaultConfiguration": {"level": rule.severity},
    }


def _invocation(run: Run) -> Dict[str, Any]:
    """How the run ended: what was not read or compared is no result (3.20.21)."""
    told = [_of_failure(failure) for failure in run.failures]
    told += [
        _notification("warning", report.path, closing(report, run.dry_run))
        for report in run.reports
        if report.exit_code == 3 and not run.allow_nothing
    ]
    return {
        "executionSuccessful": not run.failures,
        "exitCode": run.exit_code,
        "toolExecutionNotifications": told,
    }


def _of_failure(failure: Failure) -> Dict[str, Any]:
    hint = [f"help: {failure.hint}"] if failure.hint else []
    return _notification("error", failure.path, failure.message, *shortened(failure.details), *hint)


def _notification(level: str, path: Optional[str], *lines: str) -> Dict[str, Any]:
    told: Dict[str, Any] = {"level": level, "message": _message(*lines)}
    if path is not None:
        told["locations"] = [{"physicalLocation": {"artifactLocation": {"uri": uri(path)}}}]
    return told


def _result(problem: Problem, seen: "Counter[str]") -> Dict[str, Any]:
    result: Dict[str, Any] = {"level": _level(problem), "message": _message(problem.message)}
    if problem.code is not None:
        result["ruleId"] = str(problem.code)
        result["ruleIndex"] = _RULE_INDEX[problem.code]
    fingerprint = _fingerprint(problem)
    seen[fingerprint] += 1
    # Code scanning reads the first key alone, and would hash a line of the file without it.
    fingerprint = f"{fingerprint}:{seen[fingerprint]}"
    result["partialFingerprints"] = {
        "primaryLocationLineHash": fingerprint,
        "resizeAddress/v1": fingerprint,
    }
    result["locations"] = [_location(problem)]
    result["properties"] = _properties(problem)
    return result


def _level(problem: Problem) -> str:
    if problem.finding is not None and problem.finding.verdict in _UNKNOWN:
        return "warning"
    return "error" if problem.fails else "warning"


def _location(problem: Problem) -> Dict[str, Any]:
    # A model has no lines, and code scanning shows no result without one.
    place = {"artifactLocation": {"uri": uri(problem.path)}, "region": {"startLine": 1}}
    location: Dict[str, Any] = {"physicalLocation": place}
    if problem.address is not None:
        logical = {"fullyQualifiedName": visible(problem.address)}
        if problem.name:
            logical["name"] = visible(problem.name)
        location["logicalLocations"] = [logical]
    return location


def _properties(problem: Problem) -> Dict[str, Any]:
    properties: Dict[str, Any] = {"subject": visible(problem.subject), "help": problem.help}
    finding = problem.finding
    if finding is not None:
        properties["verdict"] = str(finding.verdict)
        properties["codes"] = [str(code) for code in finding.codes]
        properties["needs"] = list(finding.needs)
        properties["maxShiftPx"] = finding.max_shift_px
    return properties


def _fingerprint(problem: Problem) -> str:
    """The same in every run: by the model's path, the address and the code."""
    parts = (uri(problem.path), problem.subject, problem.code or "")
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def uri(path: str) -> str:
    """A path as a URI (3.10): relative as it was given, or of the scheme `file`."""
    path = os.path.normpath(path) if path else path
    quoted = quote(path.replace(os.sep, "/").encode("utf-8", "surrogatepass"), safe="/~")
    if not os.path.isabs(path):
        return quoted
    return "file://" + ("" if quoted.startswith("/") else "/") + quoted


def _message(*lines: str) -> Dict[str, str]:
    """Plain text, in which no name is a placeholder (3.11.5) or a link (3.11.6)."""
    text = "\n".join(map(visible, lines))
    return {"text": text.replace("{", "{{").replace("}", "}}").replace("](", "\\](")}
