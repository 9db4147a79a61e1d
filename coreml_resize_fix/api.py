"""Load → audit → plan → apply → prove → save: the only place where the parts meet."""

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Iterator, List, Optional, Sequence, Tuple

from coreml_resize_fix import output
from coreml_resize_fix.audit import findings
from coreml_resize_fix.audit.findings import Finding
from coreml_resize_fix.audit.messages import inventory
from coreml_resize_fix.audit.notices import notices
from coreml_resize_fix.audit.run import Audit, run
from coreml_resize_fix.coreml import schema, skeleton, sniff, splice, versions, walk
from coreml_resize_fix.coreml.walk import ModelRef
from coreml_resize_fix.coreml.wire import Source
from coreml_resize_fix.errors import ModelError, ProofError, SchemaError, UsageError
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.rewrite.plan import plan
from coreml_resize_fix.verify import prove
from coreml_resize_fix.verify.prove import Tensors

_REPORT_THIS = "nothing was written; please report this with the model's structure"


@dataclass(frozen=True)
class Request:
    """What to compare with and what to do.

    Without any intent (`manifest` None and `assume` None) the run is an inventory. `target` is the
    highest specification version allowed; None is the model's own, or 3 for ResizeBilinear.
    `fingerprint` asks for the file's SHA-256 even if it is not copied, which reads its weights.
    `tensors` are recorded ones, by place in the manifest; `verify` compares them and probes.
    """

    manifest: Optional[Sequence[Intent]] = None
    assume: Optional[Intent] = None
    dry_run: bool = False
    output: Optional[str] = None
    in_place: bool = False
    force: bool = False
    partial: bool = False
    verify: bool = True
    target: Optional[int] = None
    fingerprint: bool = False
    tensors: Tensors = field(default_factory=dict)

    @property
    def asks(self) -> bool:
        return self.manifest is not None or self.assume is not None


@dataclass(frozen=True)
class ModelReport:
    """What was found in one model, and what was done. `sha256` is the input's, if known."""

    path: str
    output: Optional[str]
    sha256: Optional[str]
    spec_before: int
    spec_after: int
    findings: Tuple[Finding, ...]
    unused: Tuple[Intent, ...]
    notices: Tuple[str, ...]
    asked: bool

    @property
    def exit_code(self) -> int:
        """0 all layers match, 1 something does not, 3 nothing was compared."""
        if not self.asked:
            return 3
        done = (findings.MATCH, findings.FIXED)
        if self.unused or any(finding.verdict not in done for finding in self.findings):
            return 1
        return 0 if self.findings else 3


class _Opened:
    """A model file that was read; its source stays open."""

    def __init__(self, path: str, file_path: str, source: Source) -> None:
        self.path, self.file_path, self.source = path, file_path, source
        try:
            self.models: List[ModelRef] = walk.models(skeleton.read(source))
        except SchemaError:
            raise
        except ModelError as error:
            raise sniff.explain(path, source, error) from error
        self.spec_version = max(int(m.message.specificationVersion) for m in self.models)
        if self.spec_version >= versions.UPSAMPLE_MODES and not schema.knows_ios14():
            raise SchemaError(
                "`{}` has specification version {}, and the installed coremltools is too old to "
                "describe it".format(path, self.spec_version),
                "install coremltools 4 or newer, in another virtual environment if this one must "
                "keep its version",
            )


@contextmanager
def _open(path: str) -> Iterator[_Opened]:
    file_path = sniff.model_file(path)
    try:
        file = open(file_path, "rb", buffering=0)  # noqa: SIM115 (closed below)
    except OSError as error:
        raise ModelError(
            "cannot read `{}`: {}".format(path, (error.strerror or "").lower()),
            "check the path and its permissions",
        ) from error
    with file:
        yield _Opened(path, file_path, Source(file))


def process(path: str, request: Request) -> ModelReport:
    """Audit one model and, unless it is a dry run, write the result.

    Raises:
        ResizeFixError: the model cannot be read, the result not written, or a proof failed.
    """
    with _open(path) as opened:
        allowed = _allowed_version(opened, request.target)
        audit = run(opened.models, request.manifest or (), request.assume, allowed)
        proposal = plan(opened.source, opened.models, audit.fixable, audit.before, audit.after)
        examined = _examined(path, request, audit)
        target, sha256 = None, None
        if request.asks and not request.dry_run and (audit.complete or request.partial):
            target = _target(path, request, changes=bool(proposal.edits))
        if target is not None:
            _refuse_new_conflicts(path, audit)

            def stand(result: str) -> None:
                _stand_again(path, result, request, audit, allowed)

            patches = splice.patches(proposal.edits)
            into = None if request.in_place else target
            sha256 = output.save(path, opened.file_path, into, patches, request.force, stand)
        elif request.fingerprint:
            sha256 = output.fingerprint(opened.file_path)
        remarks = notices(opened.models, audit, proposal.spec_version, request.asks)
        return ModelReport(
            path,
            target,
            sha256,
            int(opened.models[0].message.specificationVersion),
            proposal.spec_version,
            tuple(_settled(finding, request, target) for finding in examined),
            tuple(audit.matching.unused),
            tuple(remarks),
            request.asks,
        )


def _allowed_version(opened: _Opened, target: Optional[int]) -> int:
    if target is None:
        return max(opened.spec_version, versions.RESIZE_BILINEAR)
    if target < opened.spec_version:
        raise UsageError(
            "`{}` needs iOS {} already (specification version {}), above the deployment "
            "target".format(
                opened.path, versions.minimum_ios(opened.spec_version), opened.spec_version
            ),
            "convert it for the lower target, or leave `--deployment-target` out",
        )
    return target


def _target(path: str, request: Request, changes: bool) -> Optional[str]:
    """Where to write. Nothing is written when nothing changes, unless `-o` asks for a file."""
    if not changes and request.output is None:
        return None
    if request.in_place:
        return path
    target = request.output or output.default_output(path)
    output.check_target(path, target, request.force)
    return target


def _settled(finding: Finding, request: Request, target: Optional[str]) -> Finding:
    if not request.asks:
        return replace(finding, codes=(), message=inventory(finding.layer))
    if target is not None and finding.verdict == findings.FIXABLE:
        return replace(finding, verdict=findings.FIXED)
    return finding


def _examined(path: str, request: Request, audit: Audit) -> Tuple[Finding, ...]:
    """The findings with their errors in values.

    Raises:
        ProofError: a layer that was found or planned to be right is not, in values.
    """
    if not (request.asks and request.verify):
        return audit.findings
    results = [prove.examine(finding, request.tensors) for finding in audit.findings]
    for _, wrong in results:
        if wrong is not None:
            raise ProofError(
                "`{}` failed its numerical proof: {}".format(path, wrong),
                "nothing was written; check the manifest and the tensors recorded beside it",
            )
    return tuple(finding for finding, _ in results)


def _refuse_new_conflicts(path: str, audit: Audit) -> None:
    if audit.new_conflicts:
        found = audit.new_conflicts[0]
        raise ProofError(
            "the fix of `{}` would break `{}` (`{}`): {}".format(
                path, found.address, found.layer, found.message
            ),
            "nothing was written; check the sizes in the manifest",
        )


def _stand_again(path: str, result: str, request: Request, audit: Audit, allowed: int) -> None:
    """Read the complete result again and audit it again: it must be what was planned.

    Raises:
        ProofError: it is not.
    """
    with _open(result) as opened:
        again = run(opened.models, request.manifest or (), request.assume, allowed)
    planned = {finding.layer.address: finding for finding in audit.findings}
    for finding in again.findings:
        before = planned.pop(finding.layer.address, None)
        expected = None if before is None else before.verdict
        if finding.verdict != (findings.MATCH if expected == findings.FIXABLE else expected):
            raise ProofError(
                "the result of `{}` did not stand its second audit: {}".format(
                    path, finding.message
                ),
                _REPORT_THIS,
            )
        if request.verify and before is not None:
            wrong = prove.failure(before, finding.layer.params, request.tensors)
            if wrong is not None:
                raise ProofError(
                    "the result of `{}` failed its numerical proof: {}".format(path, wrong),
                    _REPORT_THIS,
                )
    if planned or again.conflicts_before != audit.conflicts_after:
        raise ProofError(
            "the result of `{}` has another structure than was planned".format(path), _REPORT_THIS
        )
