"""Prove the result of a fix before it takes its place: read, audited, measured and run again."""

from coreml_resize_fix.auditing.audit import is_as_planned
from coreml_resize_fix.errors import ProofError
from coreml_resize_fix.formats.model import Model
from coreml_resize_fix.formats.part_names import replaced_name
from coreml_resize_fix.formats.shapes import Conflict
from coreml_resize_fix.run.examine import audit_as_asked
from coreml_resize_fix.run.work import Work

REPORT_IT = "nothing was written; please report this with the model's structure"


class NotExplainedError(Exception):
    """A call without a layer, and outputs that do not show that other layers compute it."""


def conflict_error(label: str, found: Conflict) -> ProofError:
    """The error of a fix after which shapes would not fit."""
    return ProofError(
        f"the fix of `{label}` would break `{found.address}` (`{found.layer}`): {found.message}",
        f"nothing was written; {found.advice or 'check the sizes in the manifest'}",
    )


def verify_written(work: Work, result: Model) -> None:
    """Audit the complete result: it must be what was planned.

    Raises:
        ProofError: it is not.
    """
    request, label = work.request, work.model.label
    again = audit_as_asked(result, request, work.allowed)
    # Several layers in the place of one move the addresses behind them, but not the order.
    planned = list(work.audit.findings)
    for finding in again.findings:
        before = planned.pop(0) if planned else None
        verdict = None if before is None else before.verdict
        if verdict is None or not is_as_planned(verdict, finding.verdict, request.partial):
            raise ProofError(
                f"the result of `{label}` did not stand its second audit: {finding.message}",
                REPORT_IT,
            )
        if request.measures and before is not None:
            from coreml_resize_fix.verify import prove

            wrong = prove.find_failure(before, finding.layer.params, request.tensors)
            if wrong is not None:
                raise ProofError(
                    f"the result of `{label}` failed its numerical proof: {wrong}", REPORT_IT
                )
    if planned:
        raise ProofError(
            f"the result of `{label}` has another structure than was planned", REPORT_IT
        )
    known = {found.layer for found in work.audit.conflicts_before + work.audit.conflicts_after}
    for found in again.conflicts_before:
        if replaced_name(found.layer) not in known:
            raise conflict_error(label, found)


def prove_network(work: Work, result: Model) -> None:
    """Run the result, which must not be farther from the reference than the file is.

    Raises:
        ProofError: it is.
        NotExplainedError: calls have no layer, and the outputs do not show that they need none.
    """
    if work.check is None:
        return
    work.check.add_result(result)
    if work.may_be_elsewhere and not work.check.holds:
        work.check.drop_result()
        raise NotExplainedError
