"""Compare the sizes that a program declares with those it should declare after a fix."""

from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple

from coreml_resize_fix.formats.mlprogram import locate, messages
from coreml_resize_fix.formats.mlprogram.locate import Place
from coreml_resize_fix.formats.mlprogram.program import Block, Function, Operation, operations
from coreml_resize_fix.formats.protobuf import wire
from coreml_resize_fix.formats.protobuf.splice import Edit
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.formats.shapes import (
    Conflict,
    Dims,
    Flexible,
    LayerShapes,
    ModelShapes,
    Shape,
    Unknown,
)

_TYPE, _TENSOR, _DIMENSIONS = 2, 1, 3  # NamedValueType, ValueType, TensorType
_CONVERT_AGAIN = (
    "convert the model again with the sizes that the framework makes, or leave the resize out of "
    "the manifest"
)


class Redeclared(NamedTuple):
    """The dimensions to declare for outputs of an operation, and for what its blocks get.

    Both are by their index.
    """

    operation: Operation
    outputs: Mapping[int, Dims]
    block_inputs: Mapping[int, Dims]


def changes(function: Function, before: ModelShapes, after: ModelShapes) -> List[Redeclared]:
    """What must be declared anew when the sizes of a function go from one to the other.

    A value whose new size is not known keeps its declaration: nothing better is known.
    """
    return _changes(function.block, before, after)


def unfollowed(function: Function, before: ModelShapes, after: ModelShapes) -> List[Conflict]:
    """Operations that declare a size which becomes another, unless nobody can say which.

    Of those that read one another only the first is told. Where shapes do not fit there are none:
    what is behind a conflict is not known for that reason.
    """
    found: Dict[str, Conflict] = {}
    if before is after:
        return []
    for operation in operations(function.block):
        old, new = before.layers.get(operation.address), after.layers.get(operation.address)
        if old is None or new is None or old == new:
            continue
        for variable, one, other in zip(operation.outputs, old.outputs, new.outputs):
            dims = variable.type.dims if variable.type else None
            if isinstance(other, Unknown) and one != other and _loses(dims, other):
                message = f"its size would change, and how is not known: {other.reason}"
                conflict = Conflict(
                    operation.address, operation.name, operation.kind, message, True, _CONVERT_AGAIN
                )
                found.setdefault(other.reason, conflict)
    return [] if any(one.at_default for one in after.conflicts) else list(found.values())


def _loses(dims: Optional[Dims], new: Unknown) -> bool:
    """Whether a declared size is no longer known."""
    if dims is None or new.dims is None or len(dims) != len(new.dims):
        return bool(dims) and any(size is not None for size in dims or ())
    return any(size is not None and now is None for size, now in zip(dims, new.dims))


def _changes(block: Block, before: ModelShapes, after: ModelShapes) -> List[Redeclared]:
    found: List[Redeclared] = []
    for operation in block.operations:
        old, new = before.layers.get(operation.address), after.layers.get(operation.address)
        if old is not None and new is not None and old != new:
            outputs = _new_outputs(operation, old, new)
            inner = outputs if operation.kind == "while_loop" else {}
            if outputs:
                found.append(Redeclared(operation, outputs, inner))
        for inside in operation.blocks:
            found += _changes(inside, before, after)
    return found


def _new_outputs(operation: Operation, old: LayerShapes, new: LayerShapes) -> Mapping[int, Dims]:
    found = {}
    for index, (variable, one, other) in enumerate(
        zip(operation.outputs, old.outputs, new.outputs)
    ):
        dims = variable.type.dims if variable.type else None
        wanted = new_dims(dims, one, other) if dims is not None else None
        if wanted is not None:
            found[index] = wanted
    return found


def new_dims(declared: Optional[Dims], old: Shape, new: Shape) -> Optional[Dims]:
    """What to declare of a value whose size changes, or None where the declaration stays."""
    was, becomes = _limits(old), _limits(new)
    if declared is None or was is None or becomes is None or was == becomes:
        return None
    if not len(declared) == len(was) == len(becomes):
        return None
    dims: List[Optional[int]] = []
    for size, one, other in zip(declared, was, becomes):
        is_open = size is None and isinstance(new, Unknown)  # what is known is one size of several
        if one == other or other is None or is_open:
            dims.append(size)
        else:
            dims.append(other[0] if other[0] == other[1] else None)
    return tuple(dims) if tuple(dims) != declared else None


def _limits(shape: Shape) -> Optional[Tuple[Optional[Tuple[int, Optional[int]]], ...]]:
    """The smallest and the largest size along each axis; None where it is not known."""
    if isinstance(shape, Flexible):
        return shape.dims
    dims = shape.dims
    return None if dims is None else tuple(None if n is None else (n, n) for n in dims)


def type_edits(source: Source, place: Place, number: int, wanted: Mapping[int, Dims]) -> List[Edit]:
    """New dimensions of the NamedValueTypes in one repeated field of a message, by their index."""
    found: List[Edit] = []
    for index, named in enumerate(place.all(source, number)):
        if index not in wanted:
            continue
        tensor = named.only(source, _TYPE).only(source, _TENSOR)
        for size, dimension in zip(wanted[index], tensor.all(source, _DIMENSIONS)):
            node = dimension.node
            if _size(source, dimension) != size:
                content = messages.dimension(size)
                found.append(Edit(node.start, node.end, content, dimension.inside))
    return found


def _size(source: Source, dimension: Place) -> Optional[int]:
    """The size in a Dimension message; None if it varies."""
    constants = dimension.all(source, 1)
    if not constants:
        return None
    sizes = constants[-1].fields(source, 1)
    return wire.read_varint(source, sizes[-1].start)[0] if sizes else 0


def operation_edits(source: Source, place: Place, new: Redeclared) -> List[Edit]:
    """The new declarations of one operation that stays."""
    found = type_edits(source, place, locate.OUTPUTS, new.outputs)
    if new.block_inputs:
        for block in place.all(source, locate.BLOCKS):
            found += type_edits(source, block, locate.BLOCK_INPUTS, new.block_inputs)
    return found
