"""What an audit finds in one file: verdicts, shapes before and after, and what cannot run."""

from dataclasses import dataclass, field
from typing import Callable, Dict, List, Mapping, Optional, Tuple

from coreml_resize_fix.auditing import findings
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.auditing.matching import Matching
from coreml_resize_fix.formats.shapes import (
    Conflict,
    ModelShapes,
    Shape,
    Unknown,
    UsableSizes,
)

# A run may only be written if no layer has one of these verdicts, unless `--partial` allows it.
BLOCKING = (
    findings.NEEDS_OPTION,
    findings.UNMATCHABLE,
    findings.NO_INTENT,
    findings.AMBIGUOUS,
)


@dataclass(frozen=True)
class Audit:
    """Shapes of each network: `before` as the file is, `after` as planned.

    `intended` are those if every resize made what its intent asks for, whatever can be done, and
    `as_intended` are the verdicts at those sizes.
    `usable` says at which sizes the result runs; that takes longer than the rest of an audit.
    """

    findings: Tuple[Finding, ...]
    matching: Matching
    before: Dict[str, ModelShapes]
    after: Dict[str, ModelShapes]
    conflicts_before: Tuple[Conflict, ...]
    conflicts_after: Tuple[Conflict, ...]
    freezing: Tuple[Finding, ...] = ()  # fixed at a size that varies as a layer before stays
    usable: Callable[[], Optional[UsableSizes]] = lambda: None
    partial: bool = False  # layers that stay wrong do not keep the others from being written
    intended: Mapping[str, ModelShapes] = field(default_factory=dict)
    as_intended: Tuple[Finding, ...] = ()

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
        """Shapes that do not fit after the planned changes, and were not as wrong before them.

        Where some layers stay wrong, so may others that could not run before: they are not new.
        """
        known = {(conflict.address, conflict.message) for conflict in self.conflicts_before}
        ran = [found for found in self.conflicts_after if not self.partial or self._ran(found)]
        return [found for found in ran if (found.address, found.message) not in known]

    def _ran(self, conflict: Conflict) -> bool:
        """Whether this place could run before the planned changes, and was reached."""
        failed = any(found.address == conflict.address for found in self.conflicts_before)
        return not failed and _reached(conflict, self.before)

    @property
    def mended(self) -> List[Conflict]:
        """Places where shapes did not fit before the planned changes and do after them."""
        left = {conflict.address for conflict in self.conflicts_after}
        return [
            found
            for found in self.conflicts_before
            if found.address not in left and _reached(found, self.after)
        ]


def _reached(conflict: Conflict, by_prefix: Dict[str, ModelShapes]) -> bool:
    """Whether what the conflict is about is known: nothing before it keeps it from being made."""
    layers = [
        shapes.layers[conflict.address]
        for shapes in by_prefix.values()
        if conflict.address in shapes.layers
    ]
    return all(_is_known(shape) for layer in layers for shape in layer.inputs)


def _is_known(shape: Shape) -> bool:
    """Whether a shape is known at the default size of the input."""
    return not isinstance(shape, Unknown) or (shape.dims is not None and None not in shape.dims)
