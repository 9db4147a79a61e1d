"""What a run decides on one model before it writes; the network is run for it where asked."""

from typing import TYPE_CHECKING, NamedTuple, Optional, Tuple

from coreml_resize_fix.auditing.audit import Audit
from coreml_resize_fix.auditing.findings import RIGHT, Finding
from coreml_resize_fix.auditing.without_layer import ELSEWHERE, WithoutLayer
from coreml_resize_fix.formats.model import Model, Plan
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.progress import ShowProgress
from coreml_resize_fix.run.options import Request
from coreml_resize_fix.verify.agreement import Effects

if TYPE_CHECKING:
    from coreml_resize_fix.run.check_reference import Check


class Work(NamedTuple):
    """What was decided on one model, before anything is written.

    `check` has compared the whole network with a reference, where there is one. `effects` are what
    wrong resizes do to the outputs, where that was asked for.
    """

    model: Model
    request: Request
    allowed: int
    audit: Audit
    proposal: Plan
    findings: Tuple[Finding, ...]
    check: "Optional[Check]" = None
    effects: Optional[Effects] = None

    @property
    def may_write(self) -> bool:
        """Whether the request and the verdicts allow a result."""
        request = self.request
        return request.has_intents and not request.dry_run and (request.partial or self.is_complete)

    @property
    def is_complete(self) -> bool:
        """Whether every resize is right or can be fixed, and every call has a layer.

        With a reference, a call without one may be computed by other layers: the outputs tell.
        """
        audit = self.audit
        if audit.complete or self.check is None:
            return audit.complete
        return audit.lacks_layers_alone and not audit.new_conflicts

    @property
    def is_final(self) -> bool:
        """Whether a result was asked for, and is the file as it is."""
        return self.may_write and not self.proposal.edits

    @property
    def without_layer(self) -> Tuple[Tuple[Intent, ...], Tuple[WithoutLayer, ...]]:
        """The intents whose layer is missing, and those that need none.

        If the outputs are as the reference has them, other layers compute what has none.
        """
        unused, need_no_layer = (
            tuple(self.audit.matching.unused),
            tuple(self.audit.matching.need_no_layer),
        )
        if self.check is None or not self.check.holds:
            return unused, need_no_layer
        return (), (*need_no_layer, *(WithoutLayer(intent, ELSEWHERE) for intent in unused))

    @property
    def may_be_elsewhere(self) -> bool:
        """Whether the result may only be written if the outputs show that all calls are in it."""
        return not self.audit.complete and not self.request.partial


def run_network(work: Work, tell: ShowProgress) -> Work:
    """Run the network as it is: against a reference, or on a test image if that was asked for.

    Raises:
        BadReferenceError: the reference cannot be read, or is none of this model.
        UsageError: the runtime does not run here.
    """
    request = work.request
    # Imported where a network is run: NumPy costs as much as the rest of a small audit.
    if request.reference is not None:
        from coreml_resize_fix.run.check_reference import Check

        check = Check(work.model, request, work.findings, tell)
        return work._replace(check=check, effects=check.effects)
    wrong = [one for one in work.findings if one.intent is not None and one.verdict not in RIGHT]
    if request.measures_effects and wrong:
        from coreml_resize_fix.verify import effects

        return work._replace(effects=effects.on_test_image(work.model, work.findings, tell))
    return work
