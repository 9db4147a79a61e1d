"""The result of an audit: verdicts, shapes before and after, and what cannot run."""

from dataclasses import dataclass, field
from typing import Callable, Dict, List, Mapping, Optional, Tuple

from coreml_resize_fix.auditing import findings
from coreml_resize_fix.auditing.findings import Finding, Verdict
from coreml_resize_fix.auditing.matching import Matching
from coreml_resize_fix.formats.shapes import (
    Conflict,
    ModelShapes,
    Shape,
    Unknown,
    UsableSizes,
)

# With one of these verdicts nothing is written, unless `--partial` allows it.
BLOCKING = (
    findings.NEEDS_OPTION,
    findings.UNMATCHABLE,
    findings.NO_INTENT,
    findings.AMBIGUOUS,
)


def is_as_planned(planned: Verdict, found: Verdict, partial: bool) -> bool:
    """Whether the audit of a result finds what was planned of a layer.

    In a `partial` result a layer that was left wrong may be wrong in another way: sizes behind a
    loop may be known there that were not before.
    """
    if planned == findings.FIXABLE:
        return found == findings.MATCH
    left = partial and planned in BLOCKING and found in (*BLOCKING, findings.FIXABLE)
    return found == planned or left


@dataclass(frozen=True)
class Audit:
    """What was found in one file.

    Shapes are by network: `before` as the file is, `after` as the fix is planned, `intended` if
    every resize computed its intent. `findings` are the verdicts on the result as planned,
    `as_intended` those at the intended sizes. `usable` finds the sizes at which the result runs; it
    takes longer than the rest.
    """

    findings: Tuple[Finding, ...]
    matching: Matching
    before: Dict[str, ModelShapes]
    after: Dict[str, ModelShapes]
    conflicts_before: Tuple[Conflict, ...]
    conflicts_after: Tuple[Conflict, ...]
    usable: Callable[[], Optional[UsableSizes]] = lambda: None
    partial: bool = False  # the others are written even if some stay wrong
    intended: Mapping[str, ModelShapes] = field(default_factory=dict)
    as_intended: Tuple[Finding, ...] = ()

    @property
    def fixable(self) -> List[Finding]:
        return [finding for finding in self.findings if finding.verdict == findings.FIXABLE]

    @property
    def complete(self) -> bool:
        """Whether every layer matches or can be fixed, and every intent has a layer."""
        return self.lacks_layers_alone and not self.matching.unused

    @property
    def lacks_layers_alone(self) -> bool:
        """Whether every layer matches or can be fixed, so that only calls may be without one."""
        return not any(finding.verdict in BLOCKING for finding in self.findings)

    @property
    def new_conflicts(self) -> List[Conflict]:
        """Conflicts after the planned changes that were not there before them.

        In a partial result, places that could not run before may still not run: they are not new.
        """
        known = {(conflict.address, conflict.message) for conflict in self.conflicts_before}
        ran = [found for found in self.conflicts_after if not self.partial or self._ran(found)]
        return [found for found in ran if (found.address, found.message) not in known]

    def _ran(self, conflict: Conflict) -> bool:
        """Whether this place was reached and could run before the planned changes."""
        failed = any(found.address == conflict.address for found in self.conflicts_before)
        return not failed and _reached(conflict, self.before)

    @property
    def repaired(self) -> List[Conflict]:
        """Conflicts that the planned changes remove."""
        left = {conflict.address for conflict in self.conflicts_after}
        return [
            found
            for found in self.conflicts_before
            if found.address not in left and _reached(found, self.after)
        ]


def _reached(conflict: Conflict, by_prefix: Dict[str, ModelShapes]) -> bool:
    """Whether the inputs at a conflict are known, so that it could be evaluated."""
    layers = [
        shapes.layers[conflict.address]
        for shapes in by_prefix.values()
        if conflict.address in shapes.layers
    ]
    return all(_is_known(shape) for layer in layers for shape in layer.inputs)


def _is_known(shape: Shape) -> bool:
    """Whether a shape is known at the default size of the input."""
    return not isinstance(shape, Unknown) or (shape.dims is not None and None not in shape.dims)
