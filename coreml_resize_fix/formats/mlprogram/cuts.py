"""Find cuts along an axis that a fix makes shorter or longer.

Where a network of one size cuts before the last pixel, a converter writes down the position. It
does not say whether PyTorch counted it from the start or from the end.
"""

from typing import Iterator, List, Optional, Tuple

from coreml_resize_fix.formats.mlprogram import constants, scopes
from coreml_resize_fix.formats.mlprogram.program import Function, Operation
from coreml_resize_fix.formats.mlprogram.scopes import Scope
from coreml_resize_fix.formats.shapes import Known, ModelShapes


def doubts(function: Function, before: ModelShapes, after: ModelShapes) -> List[str]:
    """A sentence on each cut behind a changed size that may be another one in PyTorch."""
    found: List[str] = []
    if before is after:  # as in most audits: nothing to look for
        return found
    for operation, scope in scopes.walk(function):
        if operation.kind != "slice_by_index":
            continue
        old, new = before.layers.get(operation.address), after.layers.get(operation.address)
        if old is None or new is None or old == new:
            continue
        one, other = old.inputs[0], new.inputs[0]
        if isinstance(one, Known) and isinstance(other, Known):
            for axis, at in _cuts(operation, scope, one.dims):
                if one.dims[axis] != other.dims[axis]:
                    found.append(
                        f"`{operation.address}` (`{operation.name}`) cuts an axis at {at}, which "
                        f"was {one.dims[axis]} long and becomes {other.dims[axis]}: if the "
                        "network counts from its end, another position is right; compare the "
                        "outputs"
                    )
    return found


def _cuts(operation: Operation, scope: Scope, dims: Tuple[int, ...]) -> Iterator[Tuple[int, int]]:
    """The axes that are cut, and where, if that may be counted from the end."""
    begin, end = (_numbers(operation, scope, name, len(dims)) for name in ("begin", "end"))
    masks = [
        _numbers(operation, scope, name, len(dims)) or (0,) * len(dims)
        for name in ("begin_mask", "end_mask", "squeeze_mask")
    ]
    for axis, size in enumerate(dims):
        is_open, is_endless, is_single = (bool(mask[axis]) for mask in masks)
        if is_single:
            continue
        if end is not None and not is_endless and 0 < end[axis] < size:
            yield axis, end[axis]
        elif begin is not None and not is_open and size < 2 * begin[axis]:
            yield axis, begin[axis]


def _numbers(
    operation: Operation, scope: Scope, name: str, count: int
) -> Optional[Tuple[int, ...]]:
    value = scope.parameter(operation, name)
    found = None if value is None else constants.numbers(value)
    return None if found is None or len(found) != count else tuple(int(one) for one in found)
