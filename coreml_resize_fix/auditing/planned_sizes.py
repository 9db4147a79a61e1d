"""The sizes that resizes make after the planned changes, for the shapes of the result."""

from functools import partial
from typing import Callable, Optional, Sequence, Union

from coreml_resize_fix.auditing.findings import FIXABLE, Finding
from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.formats.shapes import Overrides, PartialSize, Size, SizeOf

PlannedSize = Union[SizeOf, Callable[[Optional[Size]], Optional[PartialSize]]]


def planned_sizes(found: Sequence[Finding]) -> Overrides:
    """The output sizes of the layers that will be changed, by address."""
    return {
        finding.layer.address: _planned_size(finding, finding.after)
        for finding in found
        if finding.verdict == FIXABLE and finding.after is not None and not _keeps_sizes(finding)
    }


def _planned_size(finding: Finding, after: ResizeOp) -> PlannedSize:
    if after.size_source is not None:
        return after.size_source
    if finding.layer.params.is_chain:
        return partial(_size_of_chain, finding)
    return partial(_size_of_layer, after)


def _size_of_layer(params: ResizeOp, input_size: Optional[Size]) -> PartialSize:
    """The output size of a layer for an input that may be of unknown size."""
    if input_size is not None:
        return params.output_size(input_size)
    return params.fixed_size or (None, None)


def _size_of_chain(finding: Finding, read: Optional[Size]) -> PartialSize:
    """The output size of a single layer in the place of several, whatever their last one read."""
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
