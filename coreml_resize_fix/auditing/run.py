"""The audit of one file: match, decide, and the shapes before and after the planned changes."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from coreml_resize_fix.auditing import facts, findings, unsaid
from coreml_resize_fix.auditing.decide import decide
from coreml_resize_fix.auditing.evidence import contradiction
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.auditing.layers import FLEXIBLE, STATIC, UNKNOWN, ResizeLayer
from coreml_resize_fix.auditing.match import Matching, match
from coreml_resize_fix.auditing.pairing import Size, comparisons
from coreml_resize_fix.auditing.workshop import NO_WORKSHOP, Workshop
from coreml_resize_fix.coreml import flow
from coreml_resize_fix.coreml.resize_params import Composite, ResizeParams
from coreml_resize_fix.coreml.shapes import Conflict, ModelShapes, Overrides, PartialSize
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
    """Shapes of each network: `before` as the file is, `after` as planned.

    `intended` are those if every resize made what its intent asks for, whatever can be done.
    """

    findings: Tuple[Finding, ...]
    matching: Matching
    before: Dict[str, ModelShapes]
    after: Dict[str, ModelShapes]
    conflicts_before: Tuple[Conflict, ...]
    conflicts_after: Tuple[Conflict, ...]
    freezing: Tuple[Finding, ...] = ()  # fixed at a size that varies as a layer before stays
    intended: Mapping[str, ModelShapes] = field(default_factory=dict)

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


def _intended(
    layer: ResizeLayer, intent: Optional[Intent], input_size: Optional[Size]
) -> Optional[Size]:
    """What a layer that does not vary should make of an input of that size, if that is known."""
    if intent is None:
        return None
    # What is known of the size in the file as it is does not count: it is another one here.
    placed = replace(layer, shape=UNKNOWN, input_size=None, sizes=(), partial_size=(None, None))
    if input_size is not None:
        placed = replace(placed, shape=STATIC, input_size=input_size, sizes=(input_size,))
    _, known = comparisons(intent, placed)
    if not known or contradiction(intent, placed, pinned=True) is not None:
        return None
    return known[0][1]


def _made(params: ResizeParams, input_size: Optional[Size]) -> PartialSize:
    """What a layer makes of an input, which may be of unknown size."""
    if input_size is not None:
        return params.output_size(input_size)
    return params.fixed_size or (None, None)


def _asked(layers: Sequence[ResizeLayer], matching: Matching) -> Dict[str, Intent]:
    """By address, what layers of varying size are asked for, as it reads there."""
    found = {}
    for layer in layers:
        intent = matching.by_address[layer.address].intent
        # Of several layers, the last reads what those before it made.
        if (
            layer.shape == FLEXIBLE
            and intent is not None
            and not isinstance(layer.params, Composite)
        ):
            found[layer.address], _ = comparisons(intent, layer)
    return found


def _varying(asked: Intent, input_size: Optional[Size]) -> Optional[Size]:
    return asked.target_size(input_size) if input_size or asked.size else None


def _decided(sizes: Dict[str, Optional[Size]]) -> Dict[str, Size]:
    return {address: size for address, size in sizes.items() if size is not None}


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

    file = facts.File(models, content)

    def layers_for(assumed: Overrides) -> Sequence[ResizeLayer]:
        return file.layers(file.shapes(assumed))

    matching = match(intents, layers_for, assume)
    unsaid.say(matching, file, models)
    before = file.shapes({})
    found: List[Finding] = []
    # What a layer gets depends on what the resizes before it should make: each layer is judged as
    # if those before it were right.
    asks: Dict[str, Callable[[Optional[Size]], Optional[Size]]] = {
        layer.address: partial(_intended, layer, matching.by_address[layer.address].intent)
        for layer in file.layers(before)
        if layer.follows
    }
    # Nobody knows what these should make; what is known behind them does not depend on it.
    unfit = {address: (None, None) for address, m in matching.by_address.items() if m.against}
    meant = file.shapes({**asks, **unfit})
    layers = file.layers(meant)
    intended = {
        layer.address: _intended(layer, matching.by_address[layer.address].intent, layer.input_size)
        for layer in layers
        if layer.shape != FLEXIBLE
    }
    varying: Dict[str, Intent] = {}
    for _ in range(len(layers) + 2):
        found = [
            decide(layer, matching.by_address[layer.address], spec_version, workshop)
            for layer in layers
        ]
        asked = _asked(layers, matching)
        sizes = {
            finding.layer.address: finding.intended_size
            for finding in found
            if finding.layer.shape != FLEXIBLE
        }
        if (sizes, asked) == (intended, varying):
            break
        intended, varying = sizes, asked
        follow = {address: partial(_varying, ask) for address, ask in varying.items()}
        meant = file.shapes({**_decided(intended), **follow, **unfit})
        layers = file.layers(meant)
    # What the new layers make of what they really get: some before them may stay as they are.
    planned = {
        finding.layer.address: partial(_made, finding.after)
        for finding in found
        if finding.verdict == findings.FIXABLE and finding.after is not None
    }
    after = file.shapes(planned)
    varies = {layer.address for layer in file.layers(after) if layer.shape == FLEXIBLE}
    return Audit(
        tuple(found),
        matching,
        before,
        after,
        _conflicts(models, before),
        _conflicts(models, after),
        tuple(
            finding for finding in found if finding.layer.address in varies and _freezes(finding)
        ),
        meant,
    )


def _freezes(finding: Finding) -> bool:
    """Whether a fix makes one size of an input that was taken to have one."""
    return (
        finding.after is not None
        and finding.verdict == findings.FIXABLE
        and finding.layer.shape == STATIC
        and finding.after.fixed_size is not None
        and finding.layer.params.fixed_size is None
    )
