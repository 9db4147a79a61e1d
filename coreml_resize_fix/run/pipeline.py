"""Load → audit → plan → apply → prove → save: the only place where the parts meet."""

import io
import os
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Callable, List, Mapping, Optional, Tuple

from coreml_resize_fix.auditing.displacement import displacements
from coreml_resize_fix.auditing.notices import notices
from coreml_resize_fix.errors import ModelError, ProofError, translate_os_errors
from coreml_resize_fix.formats import sniff
from coreml_resize_fix.formats.model import Change, Model
from coreml_resize_fix.formats.model_folder import ModelFolder
from coreml_resize_fix.formats.open import open_bytes, open_file
from coreml_resize_fix.formats.protobuf import splice
from coreml_resize_fix.formats.protobuf.splice import Patch
from coreml_resize_fix.progress import ShowProgress, silent
from coreml_resize_fix.run import outputs, proof
from coreml_resize_fix.run.examine import audit_as_asked, finish, measure
from coreml_resize_fix.run.jobs import Job, resolve
from coreml_resize_fix.run.options import Request
from coreml_resize_fix.run.results import ModelReport
from coreml_resize_fix.run.work import Work, run_network


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
        work, changes = _plan(model, request, tell)
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
                    force=request.force,
                    prove=partial(_prove_written, work),
                    hashed=request.fingerprint,
                    tell=tell,
                    read=model.source.stamp,
                    appended=work.proposal.appended,
                )
            except proof.NotExplainedError:
                target = None
        if target is None and request.fingerprint:
            sha256 = outputs.sha256_if_small(job.model_file)
        report = _report(work, target, sha256, written=target is not None)
        if target is None or not request.pictures:  # only a page shows the hash of a result
            return report
        return replace(report, output_sha256=outputs.sha256_of_file(sniff.model_file(target)))


def process_bytes(data: bytes, label: str, request: Request) -> Tuple[ModelReport, bytes]:
    """The same for a serialized model in memory: the report and the result, no file is touched.

    The result is `data` itself where nothing was changed.

    Raises:
        ResizeFixError: the model cannot be read, or a proof failed.
    """
    work, changes = _plan(open_bytes(data, label), request)
    result = data
    if work.may_write and changes:
        target = io.BytesIO()
        splice.write(io.BytesIO(data), len(data), target, changes)
        again = open_bytes(target.getvalue(), label)
        proof.verify_written(work, again)
        with suppress(proof.NotExplainedError):
            proof.prove_network(work, again)
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
    work, changes = _plan(model, request)
    result = None
    if work.may_write and changes:
        place = target()
        with suppress(proof.NotExplainedError):
            outputs.save(
                package,
                model_file,
                place,
                changes,
                force=True,
                prove=partial(_prove_written, work),
                appended=work.proposal.appended,
                data=data,
            )
            result = place
    return _report_of_memory(work, data, result is not None), result


def _report_of_memory(work: Work, data: bytes, written: bool) -> ModelReport:
    sha256 = outputs.sha256_of_bytes(data) if work.request.fingerprint else None
    return _report(work, None, sha256, written)


def _plan(model: Model, request: Request, tell: ShowProgress = silent) -> Tuple[Work, List[Patch]]:
    """Audit a model and plan its fix, run it if that was asked for; and the bytes to replace.

    Raises:
        ProofError: the fix would break the model.
        ResizeFixError: the network cannot be run as it was asked for.
    """
    allowed = model.allowed_version(request.target)
    audit = audit_as_asked(model, request, allowed)
    changes = [
        Change(finding.layer.address, finding.after, finding.spec_version)
        for finding in audit.fixable
        if finding.after is not None
    ]
    proposal = model.plan(changes, audit.before, audit.after, allowed)
    findings = measure(model.label, request, audit, allowed, tell)
    work = run_network(Work(model, request, allowed, audit, proposal, findings), tell)
    return work, _changes(work)


def _report(work: Work, target: Optional[str], sha256: Optional[str], written: bool) -> ModelReport:
    model, request, check = work.model, work.request, work.check
    moved = displacements(model, work.audit.as_intended, work.audit.intended)
    measured = work.effects is not None and work.effects.not_run is None
    # Of what was measured, and is told in full, it is an estimate.
    estimated = [] if measured and request.verbose else moved
    usable = work.audit.usable()
    says_less = request.has_intents and check is None  # than a run of the whole network
    remarks = notices(model, work.audit, estimated, work.proposal.spec_version, says_less, usable)
    found = tuple(finish(finding, model, request, written) for finding in work.findings)
    unused, need_no_layer = work.without_layer
    return ModelReport(
        path=model.label,
        output=target,
        sha256=sha256,
        spec_before=model.spec_version,
        spec_after=work.proposal.spec_version,
        findings=found,
        unused=unused,
        notices=(*request.notices, *remarks, *(check.notices if check else ())),
        asked=request.has_intents,
        displacements=tuple(moved),
        need_no_layer=need_no_layer,
        cannot_run=work.audit.conflicts_after,
        usable=usable,
        model_kind=model.kind,
        network=check.agreement(found, bool(unused), work.is_final) if check else None,
        overview=check.overview(found) if check and request.pictures else None,
        effects=work.effects,
        by_tensorflow=model.is_of_tensorflow,
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
            raise proof.conflict_error(work.model.label, found)
    changes = splice.patches(work.proposal.edits)
    if changes or work.request.output is not None:
        splice.size_after(work.model.source.size, changes)
    return changes


def _prove_written(work: Work, result: str, *unfinished: Mapping[str, str]) -> None:
    """Prove the model file at `result`, with other files of it that are not in their place yet.

    Raises:
        ProofError: it is not a model, or another one than was planned.
    """
    try:
        with open_file(result, result, *unfinished) as again:
            proof.verify_written(work, again)
            proof.prove_network(work, again)
    except ModelError as error:
        if isinstance(error.__cause__, OSError):
            raise  # the disk failed, not the result
        raise ProofError(
            f"the result of `{work.model.label}` is not a readable model: {error.message}",
            proof.REPORT_IT,
        ) from error
