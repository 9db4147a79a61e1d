"""Measure the errors of findings in values, as far as a run asks for that."""

from dataclasses import replace
from typing import Tuple

from coreml_resize_fix.auditing import findings
from coreml_resize_fix.auditing.audit import Audit
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.auditing.messages import inventory
from coreml_resize_fix.formats.model import Model
from coreml_resize_fix.progress import ShowProgress
from coreml_resize_fix.run.options import Request


def settled(finding: Finding, model: Model, request: Request, written: bool) -> Finding:
    """A finding as it stands at the end of a run; an inventory judges nothing."""
    if not request.has_intents:
        return replace(finding, codes=(), message=inventory(finding.layer, model.is_of_tensorflow))
    if written and finding.verdict == findings.FIXABLE:
        return replace(finding, verdict=findings.FIXED)
    return finding


def examined(
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
