"""The audit of one file: match, decide, and the shapes before and after the planned changes."""

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

from coreml_resize_fix.auditing import facts, findings
from coreml_resize_fix.auditing.decide import decide
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.auditing.layers import FLEXIBLE, ResizeLayer
from coreml_resize_fix.auditing.match import Matching, match
from coreml_resize_fix.auditing.workshop import NO_WORKSHOP, Workshop
from coreml_resize_fix.coreml import flow
from coreml_resize_fix.coreml.shapes import Conflict, ModelShapes
from coreml_resize_fix.coreml.walk import ModelRef
from coreml_resize_fix.intents.model import Intent

# A run may only be written if no layer has one of these verdicts, unless `--partial` allows it.
BLOCKING = (
    findings.NEEDS_OPTION,
    findings.UNMATCHABLE,
    findings.NO_INTENT,
    findings.AMBIGUOUS,
)


@dataclass(frozen=True)
class Audit:
    """`before` and `after` are the shapes of each network as the file is, and as planned."""

    findings: Tuple[Finding, ...]
    matching: Matching
    before: Dict[str, ModelShapes]
    after: Dict[str, ModelShapes]
    conflicts_before: Tuple[Conflict, ...]
    conflicts_after: Tuple[Conflict, ...]

    @property
    def fixable(self) -> List[Finding]:
        return [finding for finding in self.findings if finding.verdict == findings.FIXABLE]

    @property
    def complete(self) -> bool:
        """Whether every layer matches or can be fixed, and every intent has a layer."""
        blocked = any(finding.verdict in BLOCKING for finding in self.findings)
        return not blocked and not self.matching.unused

    @property
    def new_conflicts(self) -> List[Conflict]:
        """Shapes that do not fit after the planned changes, and were not as wrong before them."""
        known = {(conflict.address, conflict.message) for conflict in self.conflicts_before}
        return [
            found for found in self.conflicts_after if (found.address, found.message) not in known
        ]

    @property
    def mended(self) -> List[Conflict]:
        """Places where shapes did not fit before the planned changes and do after them."""
        left = {conflict.address for conflict in self.conflicts_after}
        return [found for found in self.conflicts_before if found.address not in left]


def _conflicts(
    models: Sequence[ModelRef], by_prefix: Dict[str, ModelShapes]
) -> Tuple[Conflict, ...]:
    """Shape conflicts inside all networks of a file, and between the models of a pipeline."""
    # Sizes that a flexible input may have but was not made for are no reason to refuse a fix.
    inside = [
        conflict
        for shapes in by_prefix.values()
        for conflict in shapes.conflicts
        if conflict.at_default
    ]
    return tuple(inside + flow.conflicts(models, by_prefix))


def run(
    models: Sequence[ModelRef],
    intents: Sequence[Intent],
    assume: Optional[Intent],
    spec_version: int,
    workshop: Workshop = NO_WORKSHOP,
    content: facts.Content = facts.structure_only,
) -> Audit:
    """Audit a walked file; `spec_version` is the highest one that the target allows.

    `workshop` offers replacements of several layers, `content` gives a layer's bytes in the file.
    """

    def layers_for(assumed: facts.Assumed) -> Sequence[ResizeLayer]:
        return facts.resize_layers(models, facts.shapes_of(models, assumed), content)

    matching = match(intents, layers_for, assume)
    before = facts.shapes_of(models, {})
    found: List[Finding] = []
    intended: Dict[str, Tuple[int, int]] = {}
    # What a layer gets depends on what the resizes before it should make, so repeat until nothing
    # moves: each layer is judged as if those before it were right.
    for _ in range(len(matching.by_address) + 2):
        found = [
            decide(layer, matching.by_address[layer.address], spec_version, workshop)
            for layer in layers_for(intended)
        ]
        sizes = {
            finding.layer.address: finding.intended_size
            for finding in found
            if finding.intended_size is not None and finding.layer.shape != FLEXIBLE
        }
        if sizes == intended:
            break
        intended = sizes
    planned = {
        finding.layer.address: intended[finding.layer.address]
        for finding in found
        if finding.verdict == findings.FIXABLE and finding.layer.address in intended
    }
    after = facts.shapes_of(models, planned)
    return Audit(
        tuple(found),
        matching,
        before,
        after,
        _conflicts(models, before),
        _conflicts(models, after),
    )
