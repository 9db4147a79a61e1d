"""Audit one file: match, decide, and infer shapes before and after the planned changes."""

from dataclasses import replace
from functools import partial
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from coreml_resize_fix.auditing import findings, missing_sizes, partial_fix, repeated, size_sources
from coreml_resize_fix.auditing.audit import BLOCKING, Audit
from coreml_resize_fix.auditing.comparison import comparisons
from coreml_resize_fix.auditing.decide import decide
from coreml_resize_fix.auditing.evidence import computes, contradiction
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.auditing.match import match
from coreml_resize_fix.auditing.matching import Matching
from coreml_resize_fix.auditing.origins import Origins
from coreml_resize_fix.auditing.remedy import Allowed
from coreml_resize_fix.formats.input_sizes import UNKNOWN, InputSizes
from coreml_resize_fix.formats.model import Model, ResizeOp
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import (
    Conflict,
    ModelShapes,
    Overrides,
    PartialSize,
    Size,
    SizeOf,
)
from coreml_resize_fix.intents.model import Intent

PlannedSize = Union[SizeOf, Callable[[Optional[Size]], Optional[PartialSize]]]


def _intended_size(
    layer: ResizeLayer, intent: Optional[Intent], input_size: Optional[Size]
) -> Optional[Size]:
    """The output size intended for a layer whose input does not vary, if it is known."""
    if intent is None:
        return None
    # The sizes of the file as it is do not apply here.
    sizes = InputSizes(UNKNOWN) if input_size is None else InputSizes.static(input_size)
    placed = replace(layer, input=sizes)
    _, known = comparisons(intent, placed)
    if not known or contradiction(intent, placed, pinned=True) is not None:
        return None
    return known[0][1]


def _size_of_layer(params: ResizeOp, input_size: Optional[Size]) -> PartialSize:
    """The output size of a layer for an input that may be of unknown size."""
    if input_size is not None:
        return params.output_size(input_size)
    return params.fixed_size or (None, None)


def _size_of_chain(finding: Finding, read: Optional[Size]) -> PartialSize:
    """The output size of what replaces several layers; the blob that the last read is gone."""
    return finding.intended_size or (None, None)


def _keeps_sizes(finding: Finding) -> bool:
    """Whether what replaces several layers makes the sizes that they made."""
    layer, after = finding.layer, finding.after
    if after is not None and after.computes_size and layer.params.computes_size:
        return True
    if not layer.params.is_chain or after is None or not layer.input.is_flexible:
        return False
    return all(
        after.output_size(size) == layer.params.output_size(size) for size in layer.input.samples
    )


def _intents_of_varying(found: Sequence[Finding]) -> Dict[str, Intent]:
    """By address, the intents of layers of varying size, as they apply there."""
    return {
        finding.layer.address: finding.comparisons.asked
        for finding in found
        # The last of several layers reads what the others made, not the input; a computed size
        # follows by itself.
        if finding.layer.input.is_flexible
        and not finding.layer.params.is_chain
        and not finding.layer.params.computes_size
        if finding.comparisons is not None
    }


def _size_that_varies(asked: Intent, input_size: Optional[Size]) -> Optional[PartialSize]:
    """The size intended for a layer that varies; unknown if it depends on an unknown input."""
    if input_size is None and (asked.size is None or asked.law is not None):
        return None, None
    return asked.target_size(input_size) or (None if asked.law is None else (None, None))


def _sources(found: Sequence[Finding]) -> Dict[str, SizeOf]:
    """By address, the tensors that say the size of what takes a layer's place."""
    return {
        finding.layer.address: finding.after.size_source
        for finding in found
        if finding.after is not None and finding.after.size_source is not None
    }


def _resizes(
    model: Model, matching: Matching, shapes: Mapping[str, ModelShapes]
) -> List[ResizeLayer]:
    """Every resize, with the tensors beside it where its size may be that of one."""
    return size_sources.with_sources(model, shapes, model.resizes(shapes), matching)


def _known_sizes(sizes: Dict[str, Optional[Size]]) -> Dict[str, Size]:
    return {address: size for address, size in sizes.items() if size is not None}


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

    found, intended_shapes = _as_intended(model, matching, judge)
    as_intended = tuple(found)
    if partial_result and any(finding.verdict in BLOCKING for finding in found):
        found = partial_fix.judge_written(
            model.networks,
            found,
            lambda found: _resizes(model, matching, model.shapes(_planned(found))),
            judge,
        )
    found = _with_free_names(model, found)
    # The sizes of the new layers for their real inputs: some layers before them may stay wrong.
    planned = _planned(found)
    after = model.shapes(planned)
    poolings = model.poolings(intended_shapes) if matching.pooled else []
    found += _pooling_findings(poolings, matching, allowed)
    if poolings:
        nodes = (node.address for network in model.networks for node in network.nodes)
        order = {address: place for place, address in enumerate(nodes)}
        found.sort(key=lambda finding: order[finding.layer.address])
    return Audit(
        tuple(found),
        matching,
        before,
        after,
        model.conflicts(before),
        _remaining_conflicts(model, found, model.conflicts(after)),
        partial(model.usable, planned),
        partial_result,
        intended_shapes,
        as_intended,
    )


def _as_intended(
    model: Model, matching: Matching, judge: Callable[[ResizeLayer], Finding]
) -> Tuple[List[Finding], Mapping[str, ModelShapes]]:
    """The verdict on each layer as if those before it were right, and the intended shapes.

    The input of a layer depends on the intended output of the resizes before it, so this takes
    several rounds.
    """
    by_intent: Overrides = {
        layer.address: partial(_intended_size, layer, matching.by_address[layer.address].intent)
        for layer in model.resizes(model.shapes({}))
        if layer.follows
    }
    # The intended size of these is not known.
    undecided = {address: (None, None) for address, m in matching.by_address.items() if m.against}
    intended_shapes = model.shapes({**by_intent, **undecided})
    layers = _resizes(model, matching, intended_shapes)
    intended = {
        layer.address: _intended_size(
            layer, matching.by_address[layer.address].intent, layer.input.size
        )
        for layer in layers
        if not layer.input.is_flexible and not layer.params.computes_size
    }
    varying: Mapping[str, Union[Intent, SizeOf]] = {}
    found: List[Finding] = []
    for _ in range(len(layers) + 2):
        previous = found
        found = [judge(layer) for layer in layers]
        asked: Dict[str, Union[Intent, SizeOf]] = {**_intents_of_varying(found)}
        asked.update(_sources(found))
        sizes = {
            finding.layer.address: finding.intended_size
            for finding in found
            if not finding.layer.input.is_flexible and not finding.layer.params.computes_size
        }
        if (sizes, asked) == (intended, varying):
            return found, intended_shapes
        intended, varying = sizes, asked
        varying_sizes = {
            address: partial(_size_that_varies, said) if isinstance(said, Intent) else said
            for address, said in varying.items()
        }
        intended_shapes = model.shapes({**_known_sizes(intended), **varying_sizes, **undecided})
        layers = _resizes(model, matching, intended_shapes)
    return partial_fix.least_change(previous, found), intended_shapes


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
            found.append(decide(layer, match, Allowed(allowed.spec_version)))
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


def _planned(found: Sequence[Finding]) -> Overrides:
    """The output sizes of the layers that are changed."""
    return {
        finding.layer.address: _planned_size(finding, finding.after)
        for finding in found
        if finding.verdict == findings.FIXABLE
        and finding.after is not None
        and not _keeps_sizes(finding)
    }


def _planned_size(finding: Finding, after: ResizeOp) -> PlannedSize:
    if after.size_source is not None:
        return after.size_source
    if finding.layer.params.is_chain:
        return partial(_size_of_chain, finding)
    return partial(_size_of_layer, after)


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
