"""The JSON report, version 1: a frozen format, never a dump of internal types (docs/report.md)."""

import json
from collections import Counter
from typing import Any, Dict, List, Optional, Sequence

from coreml_resize_fix import __version__
from coreml_resize_fix.auditing.findings import VERDICTS, Finding
from coreml_resize_fix.auditing.without_layer import WithoutLayer
from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.formats.shapes import Conflict, UsableSizes
from coreml_resize_fix.formats.spec_versions import minimum_ios
from coreml_resize_fix.intents.size_law import SizeLaw
from coreml_resize_fix.run.results import Failure, ModelReport, Run
from coreml_resize_fix.verify.agreement import Agreement, Effect, Effects

FORMAT, VERSION = "coreml-resize-fix/report", 1


def document(run: Run) -> Dict[str, Any]:
    """All results of a run as JSON values."""
    counts = Counter(finding.verdict for report in run.reports for finding in report.findings)
    return {
        "format": FORMAT,
        "version": VERSION,
        "tool_version": __version__,
        "exit_code": run.exit_code,
        "models": [_model(report) for report in run.reports],
        "errors": [_error(failure) for failure in run.failures],
        "summary": {verdict: counts[verdict] for verdict in VERDICTS if counts[verdict]},
    }


def render(run: Run) -> str:
    """The document as text; every character beyond ASCII is escaped, so any terminal prints it."""
    return json.dumps(document(run), indent=2, allow_nan=False)


def _error(failure: Failure) -> Dict[str, Any]:
    return {
        "path": failure.path,
        "message": failure.message,
        "details": list(failure.details),
        "help": failure.hint,
        "exit_code": failure.exit_code,
    }


def _model(report: ModelReport) -> Dict[str, Any]:
    return {
        "path": report.path,
        "model_kind": report.model_kind,
        "output": report.output,
        "sha256": report.sha256,
        "spec_version": {"before": report.spec_before, "after": report.spec_after},
        "minimum_ios": {
            "before": minimum_ios(report.spec_before),
            "after": minimum_ios(report.spec_after),
        },
        "layers": [_layer(finding) for finding in report.findings],
        "unused_intents": [intent.label for intent in report.unused],
        "intents_without_layer": [_without_layer(found) for found in report.without_layer],
        "notices": list(report.notices),
        "codes": list(report.codes),
        "cannot_run": [_conflict(conflict) for conflict in report.cannot_run],
        "usable_sizes": _usable(report.usable) if report.usable else None,
        "network": _network(report.network) if report.network else None,
        "network_details": _details(report.network, report.effects) if report.network else None,
        "effects": _effects(report.effects) if report.effects else None,
    }


def _network(found: Agreement) -> Dict[str, Any]:
    return {
        "runtime": found.runtime,
        "tolerance": found.tolerance,
        "outputs": [
            {
                "name": output.name,
                "max_abs_error_before": output.before,
                "max_abs_error_after": output.after,
                "magnitude": output.magnitude,
                "within_tolerance": output.within,
            }
            for output in found.outputs
        ],
        "first_drift": found.first_drift._asdict() if found.first_drift else None,
        "not_run": found.not_run._asdict() if found.not_run else None,
    }


def _details(found: Agreement, effects: Optional[Effects]) -> Dict[str, Any]:
    """What a network says of its resizes."""
    return {
        "message": found.message,
        "with_intended_resizes": [
            {"name": output.name, "max_abs_error": output.intended} for output in found.outputs
        ],
        "wrong_resizes": _alone(effects) if effects else [],
    }


def _effects(found: Effects) -> Dict[str, Any]:
    return {
        "inputs": "test-image" if found.on_test_image else "reference",
        "outputs": [
            {**_effect(effect), "magnitude": effect.magnitude} for effect in found.together
        ],
        "wrong_resizes": _alone(found),
        "not_run": found.not_run._asdict() if found.not_run else None,
    }


def _alone(found: Effects) -> List[Dict[str, Any]]:
    return [
        {
            "address": one.address,
            "name": one.name,
            "outputs": [_effect(each) for each in one.outputs],
        }
        for one in found.alone
    ]


def _effect(effect: Effect) -> Dict[str, Any]:
    return {
        "name": effect.output,
        "max_abs_error": effect.max_abs_error,
        "changed_pixels": effect.changed_pixels,
        "pixels": effect.pixels,
    }


def _conflict(conflict: Conflict) -> Dict[str, Any]:
    return {
        "address": conflict.address,
        "name": conflict.layer,
        "kind": conflict.kind,
        "message": conflict.message,
    }


def _usable(usable: UsableSizes) -> Dict[str, Any]:
    return {
        "all": usable.everywhere,
        "multiple_of": list(usable.multiple_of) if usable.multiple_of else None,
        "list": None if usable.sizes is None else [list(size) for size in usable.sizes],
    }


def _without_layer(found: WithoutLayer) -> Dict[str, Any]:
    return {"intent": found.intent.label, "reason": found.reason, "message": found.message}


def _layer(finding: Finding) -> Dict[str, Any]:
    layer, intent, after = finding.layer, finding.intent, finding.after
    return {
        "address": layer.address,
        "name": layer.name,
        "kind": layer.kind,
        "verdict": finding.verdict,
        "codes": list(finding.codes),
        "message": finding.message,
        "intent": intent.as_dict() if intent else None,
        "intent_name": intent.label if intent else None,
        "size_law": _law(intent.law) if intent and intent.law else None,
        "input_size": list(layer.input.size) if layer.input.size else None,
        "before": _params(layer.params, layer.output_size),
        "after": _params(after, finding.intended_size) if after else None,
        "max_shift_px": finding.max_shift_px,
        "max_abs_error_before": finding.max_abs_error_before,
        "max_abs_error_after": finding.max_abs_error_after,
        "needs": list(finding.needs),
        "replacement": _replacement(after),
        "added_layers": after.added_layers if after else 0,
    }


def _law(law: SizeLaw) -> Dict[str, Any]:
    return {"kind": law.kind.value, "text": str(law)}


def _replacement(after: Optional[ResizeOp]) -> Optional[str]:
    if after is None:
        return None
    return "decomposed" if after.is_chain else "native"


def _params(params: ResizeOp, size: Optional[Sequence[int]]) -> Dict[str, Any]:
    values = params.as_dict()
    values["output_size"] = list(size) if size else None
    return values
