"""Load → audit → plan → apply → prove → save: the only place where the parts meet."""

import io
from contextlib import suppress
from dataclasses import replace
from typing import List, Optional, Tuple

from coreml_resize_fix.auditing import findings
from coreml_resize_fix.auditing.audit import Audit
from coreml_resize_fix.auditing.displacement import displacements
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.auditing.messages import inventory
from coreml_resize_fix.auditing.notices import notices
from coreml_resize_fix.auditing.run import run
from coreml_resize_fix.auditing.without_layer import ELSEWHERE, WithoutLayer
from coreml_resize_fix.errors import ModelError, ProofError, translate_os_errors
from coreml_resize_fix.formats.model import Change, Model
from coreml_resize_fix.formats.open import open_bytes, open_file
from coreml_resize_fix.formats.protobuf import splice
from coreml_resize_fix.formats.protobuf.splice import Patch
from coreml_resize_fix.formats.shapes import Conflict
from coreml_resize_fix.intents.nearest_layout import resolve_nearest
from coreml_resize_fix.progress import Tell, silent
from coreml_resize_fix.run import outputs
from coreml_resize_fix.run.jobs import Job, resolve
from coreml_resize_fix.run.options import Request
from coreml_resize_fix.run.results import ModelReport
from coreml_resize_fix.run.work import NotExplainedError, Work, compare_network, prove_network

__all__ = ["ModelReport", "Request", "process", "process_bytes", "process_job"]

_REPORT_THIS = "nothing was written; please report this with the model's structure"


def process(path: str, request: Request, tell: Tell = silent) -> ModelReport:
    """Audit one model and, unless it is a dry run, write the result; `tell` hears how far it is.

    Raises:
        ResizeFixError: the model cannot be read, the result not written, or a proof failed.
    """
    return process_job(resolve(path, request.output), request, tell)


def process_job(job: Job, request: Request, tell: Tell = silent) -> ModelReport:
    """Do the same with a job, whose output and refusal count instead of the request's."""
    if job.refusal is not None:
        raise job.refusal
    with translate_os_errors(f"`{job.model}`"):
        reference = job.reference or request.reference
        return _process(job, replace(request, output=job.output, reference=reference), tell)


def _process(job: Job, request: Request, tell: Tell) -> ModelReport:
    with open_file(job.model_file, job.model) as model:
        work = compare_network(_decide(model, request, tell), tell)
        changes = _changes(work)
        target = _target(job, request, bool(work.proposal.edits)) if work.may_write else None
        sha256 = None
        if target is not None:

            def prove_written(result: str) -> None:
                try:
                    with open_file(result, result) as again:
                        verify_written(work, again)
                        prove_network(work, again)
                except ModelError as error:
                    if isinstance(error.__cause__, OSError):
                        raise  # the disk failed, not the result
                    raise ProofError(
                        f"the result of `{job.model}` is no readable model: {error}",
                        _REPORT_THIS,
                    ) from error

            try:
                sha256 = outputs.save(
                    job.model,
                    job.model_file,
                    None if request.in_place else target,
                    changes,
                    request.force,
                    prove_written,
                    request.fingerprint,
                    tell,
                    model.source.stamp,
                )
            except NotExplainedError:
                target = None
        if target is None and request.fingerprint:
            sha256 = outputs.fingerprint(job.model_file)
        return _report(work, target, sha256, written=target is not None)


def process_bytes(data: bytes, label: str, request: Request) -> Tuple[ModelReport, bytes]:
    """The same for a serialized model in memory: the report and the result, no file is touched.

    The result is `data` itself where nothing was changed.

    Raises:
        ResizeFixError: the model cannot be read, or a proof failed.
    """
    work = compare_network(_decide(open_bytes(data, label), request), silent)
    changes = _changes(work)
    result = data
    if work.may_write and changes:
        target = io.BytesIO()
        splice.write(io.BytesIO(data), len(data), target, changes)
        again = open_bytes(target.getvalue(), label)
        verify_written(work, again)
        with suppress(NotExplainedError):
            prove_network(work, again)
            result = target.getvalue()
    sha256 = outputs.fingerprint_of(data) if request.fingerprint else None
    return _report(work, None, sha256, written=result is not data), result


def _decide(model: Model, request: Request, tell: Tell = silent) -> Work:
    allowed = model.allowed_version(request.target)
    audit = _audit(model, request, allowed)
    changes = [
        Change(finding.layer.address, finding.after, finding.spec_version)
        for finding in audit.fixable
        if finding.after is not None
    ]
    return Work(
        model,
        request,
        allowed,
        audit,
        model.plan(changes, audit.before, audit.after, allowed),
        _examined(model.label, request, audit, allowed, tell),
    )


def _audit(model: Model, request: Request, allowed: int) -> Audit:
    return run(
        model,
        resolve_nearest(request.manifest or (), request.tensors),
        request.assume,
        allowed,
        request.decompose,
        request.partial,
    )


def _report(work: Work, target: Optional[str], sha256: Optional[str], written: bool) -> ModelReport:
    model, request, check = work.model, work.request, work.check
    moved = displacements(model, work.audit.as_intended, work.audit.intended)
    usable = work.audit.usable()
    found = tuple(_settled(finding, request, written) for finding in work.findings)
    unused, not_owed = tuple(work.audit.matching.unused), tuple(work.audit.matching.not_owed)
    if check is not None and check.holds:
        not_owed += tuple(WithoutLayer(intent, ELSEWHERE) for intent in unused)
        unused = ()
    final = work.may_write and not work.proposal.edits
    network = check.agreement(found, bool(unused), final) if check is not None else None
    return ModelReport(
        model.label,
        target,
        sha256,
        model.spec_version,
        work.proposal.spec_version,
        found,
        unused,
        request.notices
        + tuple(
            notices(
                model,
                work.audit,
                moved,
                work.proposal.spec_version,
                request.has_intents and check is None,
                usable,
            )
        )
        + tuple(check.notices if check is not None else ()),
        request.has_intents,
        tuple(moved),
        not_owed,
        work.audit.conflicts_after,
        usable,
        model.kind,
        network,
    )


def _target(job: Job, request: Request, changes: bool) -> Optional[str]:
    """Where to write. Nothing is written when nothing changes, unless `-o` asks for a file."""
    if not changes and job.output is None:
        return None
    if request.in_place:
        return job.model
    outputs.check_target(job.model, job.target, request.force)
    return job.target


def _settled(finding: Finding, request: Request, written: bool) -> Finding:
    if not request.has_intents:
        return replace(finding, codes=(), message=inventory(finding.layer))
    if written and finding.verdict == findings.FIXABLE:
        return replace(finding, verdict=findings.FIXED)
    return finding


def _examined(
    label: str, request: Request, audit: Audit, allowed: int, tell: Tell
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


def _changes(work: Work) -> List[Patch]:
    """The bytes to replace. A plan that cannot be carried out is refused, in a dry run too.

    Raises:
        ProofError: shapes would not fit in the result.
        OutputError: the result would be larger than any reader takes.
    """
    if work.request.has_intents and (work.is_complete or work.request.partial):
        for found in work.audit.new_conflicts:
            raise _breaks(work.model.label, found)
        for finding in work.audit.freezing:
            raise ProofError(
                f"the fix of `{finding.layer.name}` is for one size, and what it gets varies as "
                "long as a layer before it stays as it is",
                "nothing was written; fix the layers before it, too, or leave its intent out",
            )
    changes = splice.patches(work.proposal.edits)
    if changes or work.request.output is not None:
        splice.size_after(work.model.source.size, changes)
    return changes


def _breaks(label: str, found: Conflict) -> ProofError:
    return ProofError(
        f"the fix of `{label}` would break `{found.address}` (`{found.layer}`): {found.message}",
        "nothing was written; check the sizes in the manifest",
    )


def verify_written(work: Work, result: Model) -> None:
    """Audit the complete result: it must be what was planned.

    Raises:
        ProofError: it is not.
    """
    request, label = work.request, work.model.label
    again = _audit(result, request, work.allowed)
    # Several layers in the place of one move the addresses behind them, but not the order.
    planned = list(work.audit.findings)
    for finding in again.findings:
        before = planned.pop(0) if planned else None
        verdict = None if before is None else before.verdict
        if finding.verdict != (findings.MATCH if verdict == findings.FIXABLE else verdict):
            raise ProofError(
                f"the result of `{label}` did not stand its second audit: {finding.message}",
                _REPORT_THIS,
            )
        if request.measures and before is not None:
            from coreml_resize_fix.verify import prove

            wrong = prove.find_failure(before, finding.layer.params, request.tensors)
            if wrong is not None:
                raise ProofError(
                    f"the result of `{label}` failed its numerical proof: {wrong}", _REPORT_THIS
                )
    if planned:
        raise ProofError(
            f"the result of `{label}` has another structure than was planned", _REPORT_THIS
        )
    known = {found.layer for found in work.audit.conflicts_before + work.audit.conflicts_after}
    for found in again.conflicts_before:
        if work.model.stands_for(found.layer) not in known:
            raise _breaks(label, found)
