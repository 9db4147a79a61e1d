"""Audit a model, and measure what is wrong with it in values, as far as a run asks for that."""

from dataclasses import replace
from typing import Tuple

from coreml_resize_fix.auditing import findings
from coreml_resize_fix.auditing.audit import Audit
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.auditing.messages import inventory
from coreml_resize_fix.auditing.remedy import Allowed
from coreml_resize_fix.auditing.run import audit_model
from coreml_resize_fix.formats.model import Model
from coreml_resize_fix.intents.nearest_layout import resolve_nearest
from coreml_resize_fix.progress import ShowProgress
from coreml_resize_fix.run.options import Request


def audit_as_asked(model: Model, request: Request, spec_version: int) -> Audit:
    """The audit of a model; a fix may need at most that specification version."""
    model.float32_replacements = request.float32_replacements
    audit = audit_model(
        model,
        resolve_nearest(request.manifest or (), request.tensors),
        request.assume,
        Allowed(spec_version, request.decompose, request.rewrite_downscales),
        request.partial,
        request.origins,
    )
    if request.tensors and any(intent.input_is_parameter for intent in audit.matching.unused):
        from coreml_resize_fix.verify import folded

        folded.settle(audit.matching, model, request.tensors)
    return audit


def measure(
    label: str, request: Request, audit: Audit, allowed: int, tell: ShowProgress
) -> Tuple[Finding, ...]:
    """The findings with their errors in values, and what comes closest where nothing is exact.

    Raises:
        ProofError: a layer that was found or planned to be right is not, in values.
    """
    found = audit.findings
    if not request.has_intents:
        return found
    # Imported where values are computed: NumPy costs as much as the rest of a small audit.
    if request.measures:
        from coreml_resize_fix.verify import prove

        found = prove.examine_all(label, found, request.tensors, tell)
    if request.verify is not False and any(f.verdict in findings.INEXACT for f in found):
        from coreml_resize_fix.verify import rank

        found = tuple(rank.with_closest(finding, allowed, request.tensors) for finding in found)
    if request.pictures:
        from coreml_resize_fix.verify import pictures

        found = tuple(pictures.with_picture(finding, request.tensors) for finding in found)
    return found


def finish(finding: Finding, model: Model, request: Request, written: bool) -> Finding:
    """The finding as a report has it: fixed if the fix was written, unjudged in an inventory."""
    if not request.has_intents:
        return replace(finding, codes=(), message=inventory(finding.layer, model.is_of_tensorflow))
    if written and finding.verdict == findings.FIXABLE:
        return replace(finding, verdict=findings.FIXED)
    return finding
