"""Judge each layer as if those before it were right: by the sizes that the intents make.

The input of a layer depends on the resizes before it, which may be wrong themselves, so the audit
repeats with intended sizes until they no longer change.
"""

from dataclasses import replace
from functools import partial
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from coreml_resize_fix.auditing import partial_fix, size_sources
from coreml_resize_fix.auditing.comparison import comparisons
from coreml_resize_fix.auditing.evidence import contradiction
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.auditing.matching import Matching
from coreml_resize_fix.formats.input_sizes import UNKNOWN, InputSizes
from coreml_resize_fix.formats.model import Model
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import ModelShapes, Overrides, PartialSize, Size, SizeOf
from coreml_resize_fix.intents.model import Intent


def judge_as_intended(
    model: Model, matching: Matching, judge: Callable[[ResizeLayer], Finding]
) -> Tuple[List[Finding], Mapping[str, ModelShapes]]:
    """The verdict on each layer, and the shapes of all blobs if every resize made its intent."""
    by_intent: Overrides = {
        layer.address: partial(_intended_size, layer, matching.by_address[layer.address].intent)
        for layer in model.resizes(model.shapes({}))
        if layer.follows
    }
    # The intended size of these is not known.
    undecided = {address: (None, None) for address, m in matching.by_address.items() if m.against}
    intended_shapes = model.shapes({**by_intent, **undecided})
    layers = size_sources.resizes(model, matching, intended_shapes)
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
        asked: Mapping[str, Union[Intent, SizeOf]] = {
            **_intents_of_varying(found),
            **_sources(found),
        }
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
        layers = size_sources.resizes(model, matching, intended_shapes)
    return partial_fix.least_change(previous, found), intended_shapes


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
    """The intended output size of a layer whose input varies, for one size of its input."""
    if input_size is None and (asked.size is None or asked.law is not None):
        return None, None
    return asked.target_size(input_size) or (None if asked.law is None else (None, None))


def _sources(found: Sequence[Finding]) -> Dict[str, SizeOf]:
    """The tensor that says the size of a replacement, by the address of the layer; few have one."""
    return {
        finding.layer.address: finding.after.size_source
        for finding in found
        if finding.after is not None and finding.after.size_source is not None
    }


def _known_sizes(sizes: Dict[str, Optional[Size]]) -> Dict[str, Size]:
    return {address: size for address, size in sizes.items() if size is not None}
