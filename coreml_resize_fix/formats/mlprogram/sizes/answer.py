"""The size that one operation makes: by its rule, checked against what the file declares."""

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.formats.inference.call import NotKnownError, brief, show
from coreml_resize_fix.formats.inference.sane import sane
from coreml_resize_fix.formats.mlprogram.program import Operation, Variable
from coreml_resize_fix.formats.mlprogram.sizes import computed, elementwise
from coreml_resize_fix.formats.mlprogram.sizes.call import Content, OperationCall, Tensor
from coreml_resize_fix.formats.mlprogram.sizes.rules import RULES
from coreml_resize_fix.formats.mlprogram.sizes.size_parameters import Merged
from coreml_resize_fix.formats.shapes import Dims, PartialSize

# What has the size of its input fits as long as that is the declared one; some hand numbers on.
_FITS_UNCHANGED = frozenset(elementwise.KEEPS_SIZE) - frozenset(computed.VALUES)


class Answer(NamedTuple):
    """One tensor per output, and the first conflict, if there is one."""

    outputs: Tuple[Tensor, ...]
    conflict: str = ""


def answer(
    operation: Operation,
    given: Dict[str, Tuple[Tensor, ...]],
    inputs: Sequence[Tensor],
    size: Optional[PartialSize],
    merged: Merged,
) -> Answer:
    """The rule's answer, one tensor per output, and the first conflict.

    `merged` are the axes that operations before it made one; those that this one does are added.
    """
    unchanged = size is None and not any(tensor.changed for tensor in inputs)
    if unchanged and operation.kind in _FITS_UNCHANGED:
        return Answer(tuple([declared(one) for one in operation.outputs]))
    call = OperationCall(operation, given, merged)
    shapes, content, reason = _by_rule(call, inputs)
    if size is not None:
        shapes = _overridden(operation, shapes, inputs, size)
        if not reason and None in size:
            reason = f"the output size of {call} is not decided"
    shapes = [None if dims is None else sane(call, dims, "tensor") for dims in shapes]
    conflict = call.conflicts[0] if call.conflicts else ""
    if conflict:
        reason = f"{call}: {conflict}"
    reason = reason or call.why or next((one.reason for one in inputs if one.reason), "")
    reason = reason or f"{call} does not say what it gives"
    if unchanged:
        # What the file declares holds; the rule was asked for conflicts, and for small numbers.
        first = [declared(one, content, reason) for one in operation.outputs[:1]]
        rest = [declared(one, None, reason) for one in operation.outputs[1:]]
        return Answer(tuple(first + rest), conflict)
    fits = size is None and not conflict and all(tensor.fits_declaration for tensor in inputs)
    outputs = []
    for index, variable in enumerate(operation.outputs):
        dims = shapes[index] if index < len(shapes) else None
        wanted = variable.type.dims if variable.type else None
        if fits:
            dims = _completed(dims, wanted)
        tensor = made(wanted, dims, reason)
        if computed.is_short(dims):
            # Its numbers may be sizes, which are others now even where its own size is the same.
            tensor = tensor._replace(content=content if index == 0 else None, changed=True)
        outputs.append(tensor)
    return Answer(tuple(outputs), conflict)


def _by_rule(
    call: OperationCall, inputs: Sequence[Tensor]
) -> Tuple[List[Optional[Dims]], Content, str]:
    """What the rule says of the outputs, the numbers of the first, and why there is nothing."""
    empty = next((one.dims for one in inputs if one.changed and one.dims and 0 in one.dims), None)
    if empty is not None:
        call.conflict(f"gets an input of size {show(brief(empty))}")
    rule = RULES.get(call.kind)
    if rule is None:
        return [], None, f"no size rule for `{call.kind}` (operation `{call.name}`)"
    shapes: List[Optional[Dims]] = []
    try:
        shapes.extend(rule(call))
        return shapes, computed.numbers(call, shapes), ""
    except NotKnownError as refusal:
        return shapes, None, str(refusal)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        return shapes, None, f"{call} has parameters that make no sense: {error}"


def _completed(dims: Optional[Dims], known: Optional[Dims]) -> Optional[Dims]:
    """With what the file declares where the rule does not say: nothing that it reads differs."""
    if dims is None or known is None or len(dims) != len(known):
        return known if dims is None else dims
    return tuple(wanted if size is None else size for size, wanted in zip(dims, known))


def _overridden(
    operation: Operation,
    shapes: Sequence[Optional[Dims]],
    inputs: Sequence[Tensor],
    size: PartialSize,
) -> List[Optional[Dims]]:
    """The first output with another (height, width); without a rule, of the declared rank."""
    kind = operation.outputs[0].type if operation.outputs else None
    dims = shapes[0] if shapes else inputs[0].dims if inputs else None
    dims = dims or (kind.dims if kind else None)
    if dims is None or len(dims) < 2:
        return list(shapes)
    return [dims[:-2] + tuple(size), *shapes[1:]]


def made(wanted: Optional[Dims], dims: Optional[Dims], reason: str) -> Tensor:
    """A tensor of these dimensions, where the file declares `wanted`."""
    known = dims is not None and None not in dims
    return Tensor(dims, wanted, not known or dims != wanted, "" if known else reason)


def declared(variable: Variable, content: Content = None, reason: str = "") -> Tensor:
    """What the file declares; what is not a tensor never counts as changed."""
    dims = variable.type.dims if variable.type else None
    is_open = variable.type is not None and (dims is None or None in dims)
    why = (reason or f"the size of `{variable.name}` is not declared") if is_open else ""
    return Tensor(dims, dims, is_open, why, content)
