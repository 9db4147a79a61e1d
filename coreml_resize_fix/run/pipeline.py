"""Load → audit → plan → apply → prove → save: the only place where the parts meet."""

import io
import os
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Callable, List, Mapping, Optional, Tuple

from coreml_resize_fix.auditing.audit import Audit, is_as_planned
from coreml_resize_fix.auditing.displacement import displacements
from coreml_resize_fix.auditing.notices import notices
from coreml_resize_fix.auditing.remedy import Allowed
from coreml_resize_fix.auditing.run import audit_model
from coreml_resize_fix.errors import ModelError, ProofError, translate_os_errors
from coreml_resize_fix.formats import sniff
from coreml_resize_fix.formats.model import Change, Model
from coreml_resize_fix.formats.model_folder import ModelFolder
from coreml_resize_fix.formats.open import open_bytes, open_file
from coreml_resize_fix.formats.protobuf import splice
from coreml_resize_fix.formats.protobuf.splice import Patch
from coreml_resize_fix.formats.shapes import Conflict
from coreml_resize_fix.intents.nearest_layout import resolve_nearest
from coreml_resize_fix.progress import ShowProgress, silent
from coreml_resize_fix.run import outputs
from coreml_resize_fix.run.examine import examined, settled
from coreml_resize_fix.run.jobs import Job, resolve
from coreml_resize_fix.run.options import Request
from coreml_resize_fix.run.results import ModelReport
from coreml_resize_fix.run.work import NotExplainedError, Work, prove_network, run_network

__all__ = ["ModelReport", "Request", "process", "process_bytes", "process_job", "process_packaged"]

_REPORT = "nothing was written; please report this with the model's structure"


def process(path: str, request: Request, tell: ShowProgress = silent) -> ModelReport:
    """Audit one model and, unless it is a dry run, write the result; `tell` hears how far it is.

    Raises:
        ResizeFixError: the model cannot be read, the result not written, or a proof failed.
    """
    return process_job(resolve(path, request.output), request, tell)


def process_job(job: Job, request: Request, tell: ShowProgress = silent) -> ModelReport:
    """The same for a job: its output is used instead of the request's, and its refusal raised."""
    if job.refusal is not None:
        raise job.refusal
    with translate_os_errors(f"`{job.model}`"):
        reference = job.reference or request.reference
        return _process(job, replace(request, output=job.output, reference=reference), tell)


def _process(job: Job, request: Request, tell: ShowProgress) -> ModelReport:
    with open_file(job.model_file, job.model) as model:
        work = run_network(_decide(model, request, tell), tell)
        changes = _changes(work)
        outputs.refuse_appended(job.model, job.model_file, work.proposal.appended)
        target = _target(job, model, request, bool(work.proposal.edits)) if work.may_write else None
        sha256 = None
        if target is not None:
            try:
                sha256 = outputs.save(
                    job.model,
                    job.model_file,
                    None if request.in_place else target,
                    changes,
                    request.force,
                    partial(_prove_written, work),
                    request.fingerprint,
                    tell,
                    model.source.stamp,
                    work.proposal.appended,
                )
            except NotExplainedError:
                target = None
        if target is None and request.fingerprint:
            sha256 = outputs.fingerprint(job.model_file)
        report = _report(work, target, sha256, written=target is not None)
        if target is None or not request.pictures:  # only a page shows the hash of a result
            return report
        return replace(report, output_sha256=outputs.fingerprint_whole(sniff.model_file(target)))


def process_bytes(data: bytes, label: str, request: Request) -> Tuple[ModelReport, bytes]:
    """The same for a serialized model in memory: the report and the result, no file is touched.

    The result is `data` itself where nothing was changed.

    Raises:
        ResizeFixError: the model cannot be read, or a proof failed.
    """
    work = run_network(_decide(open_bytes(data, label), request), silent)
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
    return _report_of_memory(work, data, result is not data), result


def process_packaged(
    data: bytes, package: str, target: Callable[[], str], label: str, request: Request
) -> Tuple[ModelReport, Optional[str]]:
    """The same for a model in memory whose other files are in a package, which stays as it is.

    Where something changes, the result is a package like that one at `target`, and its path comes
    back.

    Raises:
        ResizeFixError: the model or the package cannot be read, the result not written, or a
            proof failed.
    """
    model_file = sniff.model_file(package)
    model = open_bytes(data, label, ModelFolder(os.path.dirname(model_file)))
    work = run_network(_decide(model, request), silent)
    changes, result = _changes(work), None
    if work.may_write and changes:
        place = target()
        with suppress(NotExplainedError):
            outputs.save(
                package,
                model_file,
                place,
                changes,
                True,
                partial(_prove_written, work),
                appended=work.proposal.appended,
                data=data,
            )
            result = place
    return _report_of_memory(work, data, result is not None), result


def _report_of_memory(work: Work, data: bytes, written: bool) -> ModelReport:
    sha256 = outputs.fingerprint_of(data) if work.request.fingerprint else None
    return _report(work, None, sha256, written)


def _decide(model: Model, request: Request, tell: ShowProgress = silent) -> Work:
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
        examined(model.label, request, audit, allowed, tell),
    )


def _audit(model: Model, request: Request, allowed: int) -> Audit:
    model.float32_replacements = request.float32_replacements
    audit = audit_model(
        model,
        resolve_nearest(request.manifest or (), request.tensors),
        request.assume,
        Allowed(allowed, request.decompose, request.rewrite_downscales),
        request.partial,
        request.origins,
    )
    if request.tensors and any(intent.input_is_parameter for intent in audit.matching.unused):
        from coreml_resize_fix.verify import folded

        folded.settle(audit.matching, model, request.tensors)
    return audit


def _report(work: Work, target: Optional[str], sha256: Optional[str], written: bool) -> ModelReport:
    model, request, check = work.model, work.request, work.check
    moved = displacements(model, work.audit.as_intended, work.audit.intended)
    measured = work.effects is not None and work.effects.not_run is None
    # Of what was measured, and is told in full, it is an estimate.
    estimated = [] if measured and request.verbose else moved
    usable = work.audit.usable()
    says_less = request.has_intents and check is None  # than a run of the whole network
    found = tuple(settled(finding, request, written) for finding in work.findings)
    unused, need_no_layer = work.without_layer
    network = check.agreement(found, bool(unused), work.is_final) if check is not None else None
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
            notices(model, work.audit, estimated, work.proposal.spec_version, says_less, usable)
        )
        + tuple(check.notices if check is not None else ()),
        request.has_intents,
        tuple(moved),
        need_no_layer,
        work.audit.conflicts_after,
        usable,
        model.kind,
        network,
        check.overview(found) if check is not None and request.pictures else None,
        work.effects,
    )


def _target(job: Job, model: Model, request: Request, changes: bool) -> Optional[str]:
    """Where to write. Nothing is written when nothing changes, unless `-o` asks for a file."""
    if not changes and job.output is None:
        return None
    if request.in_place:
        return job.model
    outputs.check_target(job.model, job.target, request.force, model.lacks_weights)
    return job.target


def _changes(work: Work) -> List[Patch]:
    """The bytes to replace. A plan that cannot be carried out is refused, in a dry run too.

    Raises:
        ProofError: shapes would not fit in the result.
        OutputError: the result would be larger than any reader takes.
    """
    if work.request.has_intents and (work.audit.complete or work.request.partial):
        for found in work.audit.new_conflicts:
            raise _breaks(work.model.label, found)
    changes = splice.patches(work.proposal.edits)
    if changes or work.request.output is not None:
        splice.size_after(work.model.source.size, changes)
    return changes


def _breaks(label: str, found: Conflict) -> ProofError:
    return ProofError(
        f"the fix of `{label}` would break `{found.address}` (`{found.layer}`): {found.message}",
        f"nothing was written; {found.advice or 'check the sizes in the manifest'}",
    )


def _prove_written(work: Work, result: str, *unfinished: Mapping[str, str]) -> None:
    """Prove the model file at `result`, with other files of it that are not in their place yet.

    Raises:
        ProofError: it is not a model, or another one than was planned.
    """
    try:
        with open_file(result, result, *unfinished) as again:
            verify_written(work, again)
            prove_network(work, again)
    except ModelError as error:
        if isinstance(error.__cause__, OSError):
            raise  # the disk failed, not the result
        raise ProofError(
            f"the result of `{work.model.label}` is not a readable model: {error.message}", _REPORT
        ) from error


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
        if verdict is None or not is_as_planned(verdict, finding.verdict, request.partial):
            raise ProofError(
                f"the result of `{label}` did not stand its second audit: {finding.message}",
                _REPORT,
            )
        if request.measures and before is not None:
            from coreml_resize_fix.verify import prove

            wrong = prove.find_failure(before, finding.layer.params, request.tensors)
            if wrong is not None:
                raise ProofError(
                    f"the result of `{label}` failed its numerical proof: {wrong}", _REPORT
                )
    if planned:
        raise ProofError(f"the result of `{label}` has another structure than was planned", _REPORT)
    known = {found.layer for found in work.audit.conflicts_before + work.audit.conflicts_after}
    for found in again.conflicts_before:
        if work.model.stands_for(found.layer) not in known:
            raise _breaks(label, found)
