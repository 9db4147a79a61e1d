"""Audit one file: match, decide, and infer shapes before and after the planned changes."""

from dataclasses import replace
from functools import partial
from typing import List, Optional, Sequence, Tuple

from coreml_resize_fix.auditing import findings, missing_sizes, partial_fix, repeated, size_sources
from coreml_resize_fix.auditing.as_intended import judge_as_intended
from coreml_resize_fix.auditing.audit import BLOCKING, Audit
from coreml_resize_fix.auditing.decide import decide
from coreml_resize_fix.auditing.evidence import computes
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.auditing.match import match
from coreml_resize_fix.auditing.matching import Matching
from coreml_resize_fix.auditing.origins import Origins
from coreml_resize_fix.auditing.planned_sizes import planned_sizes
from coreml_resize_fix.auditing.remedy import Allowed
from coreml_resize_fix.formats.model import Model
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import Conflict, Overrides
from coreml_resize_fix.intents.model import Intent


def audit_model(
    model: Model,
    intents: Sequence[Intent],
    assume: Optional[Intent],
    allowed: Allowed,
    partial_result: bool = False,
    origins: Optional[Origins] = None,
) -> Audit:
    """Audit a model: match the intents to its resizes, and decide on each one.

    `assume` is the intent of resizes that none of `intents` fits. `partial_result` allows a result
    in which some layers stay wrong: layers behind those are judged by the input that they really
    get. `origins` is what the converter of the model remembers of the calls.
    """
    before = model.shapes({})
    varies = any(shapes.flexible_inputs for shapes in before.values())
    if not varies:
        intents = size_sources.of_one_size(intents)
    averages = any(intent.mode == "area" for intent in intents)

    def layers_for(assumed: Overrides) -> Sequence[ResizeLayer]:
        shapes = model.shapes(assumed)
        return model.resizes(shapes) + (model.poolings(shapes) if averages else [])

    averaged = model.averaged() if averages else []
    summed = model.summed() + repeated.find(model.networks, before) if intents else []
    matching = match(intents, layers_for, assume, averaged, summed, origins, varies)
    missing_sizes.fill_in(matching, model)
    asked = size_sources.looked_at(model, model.resizes(before), matching)
    if asked is not model:
        model, before = asked, asked.shapes({})

    def judge(layer: ResizeLayer, moved: bool = False) -> Finding:
        return decide(layer, matching.by_address[layer.address], allowed, moved)

    found, intended_shapes = judge_as_intended(model, matching, judge)
    as_intended = tuple(found)
    if partial_result and any(finding.verdict in BLOCKING for finding in found):
        found = partial_fix.judge_written(
            model.networks,
            found,
            lambda found: size_sources.resizes(model, matching, model.shapes(planned_sizes(found))),
            judge,
        )
    found = _with_free_names(model, found)
    # The sizes of the new layers for their real inputs: some layers before them may stay wrong.
    planned = planned_sizes(found)
    after = model.shapes(planned)
    poolings = model.poolings(intended_shapes) if matching.pooled else []
    found += _pooling_findings(poolings, matching, allowed)
    if poolings:
        nodes = (node.address for network in model.networks for node in network.nodes)
        order = {address: place for place, address in enumerate(nodes)}
        found.sort(key=lambda finding: order[finding.layer.address])
    return Audit(
        findings=tuple(found),
        matching=matching,
        before=before,
        after=after,
        conflicts_before=model.conflicts(before),
        conflicts_after=_remaining_conflicts(model, found, model.conflicts(after)),
        usable=partial(model.usable, planned),
        partial=partial_result,
        intended=intended_shapes,
        as_intended=as_intended,
    )


def _pooling_findings(
    layers: Sequence[ResizeLayer], matching: Matching, allowed: Allowed
) -> List[Finding]:
    """The verdicts on pooling layers that compute a call, at their final sizes."""
    found = []
    for layer in layers:
        match = matching.pooled.get(layer.address)
        if match is None or match.intent is None:
            continue
        if computes(match.intent, layer):
            found.append(decide(layer, match, allowed))
        else:
            matching.unused.append(match.intent)
    return found


def _remaining_conflicts(
    model: Model, found: Sequence[Finding], conflicts: Sequence[Conflict]
) -> Tuple[Conflict, ...]:
    """The conflicts, without those inside of layers that are replaced."""
    replaced = {
        finding.layer.address
        for finding in found
        if finding.verdict == findings.FIXABLE and finding.layer.params.is_chain
    }
    gone = model.parts(replaced) if replaced else set()
    return tuple(conflict for conflict in conflicts if conflict.address not in gone)


def _with_free_names(model: Model, found: Sequence[Finding]) -> List[Finding]:
    """The findings, with free names for the layers that are added."""
    added = {
        finding.layer.address: finding.after
        for finding in found
        if finding.verdict == findings.FIXABLE
        and finding.after is not None
        and finding.after.is_chain
    }
    named = model.with_free_names(added) if added else {}
    return [
        replace(finding, after=named.get(finding.layer.address, finding.after)) for finding in found
    ]
