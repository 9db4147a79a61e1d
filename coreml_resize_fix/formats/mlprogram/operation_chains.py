"""Find the operations of a file that together stand in for one resize, by their names.

They are written so (see `naming`): the last one keeps the name of what it makes, and what goes
before it is called after that. What they compute is read by `read_steps`.
"""

import collections
import re
import struct
from typing import Any, Callable, Counter, Dict, Iterator, List, NamedTuple, Optional, Tuple

from coreml_resize_fix.formats.mlprogram import constants, scopes
from coreml_resize_fix.formats.mlprogram.callnames import without_cast
from coreml_resize_fix.formats.mlprogram.naming import allowed
from coreml_resize_fix.formats.mlprogram.program import Function, Operation, Value, operations
from coreml_resize_fix.formats.mlprogram.scopes import Scope
from coreml_resize_fix.formats.mlprogram.steps import Constant, Input, Made, Packed, Read, Step
from coreml_resize_fix.formats.part_names import INFIX

_NUMBER = re.compile(r"_\d+$")
# Twice as many as any replacement has.
_MOST_OPERATIONS = 16

# Kinds of the last operation of a replacement, and those before it.
LAST_KINDS = frozenset(
    ("avg_pool", "cast", "conv", "conv_transpose", "gather", "matmul", "slice_by_index")
)
PART_KINDS = LAST_KINDS | {"pad", "resize_bilinear", "upsample_bilinear"}
# Kinds that may stand for a resize alone.
_ALONE = frozenset(("avg_pool", "conv", "gather", "matmul"))
# Kinds that work at every size: they hold no index, matrix or size.
_FOLLOWING_KINDS = frozenset(
    ("avg_pool", "cast", "conv", "conv_transpose", "pad", "slice_by_index", "upsample_bilinear")
)

#: The bytes of a value in another file, or None if they cannot be read.
ReadStored = Callable[[Value], Optional[bytes]]


class Group(NamedTuple):
    """Operations in order of execution; the first reads the value `source`.

    `steps` are what they are, with their constants; `unread` names what could not be read.
    """

    operations: Tuple[Operation, ...]
    source: str
    steps: Tuple[Step, ...]
    unread: str = ""

    @property
    def parts(self) -> Tuple[Operation, ...]:
        """All but the last one, which has the name and the output of what was replaced."""
        return self.operations[:-1]

    @property
    def last(self) -> Operation:
        """The operation that makes what the replaced one made."""
        return self.operations[-1]


def groups(function: Function, stored: ReadStored) -> Dict[str, Group]:
    """The groups of a function by the address of their last operation."""
    if not any(INFIX in one.outputs[0].name for one in operations(function.block) if one.outputs):
        return {}
    uses = _uses(function)
    found: Dict[str, Group] = {}
    for operation, scope in scopes.walk(function):
        if operation.kind in LAST_KINDS and len(operation.outputs) == 1:
            group = _group(operation, scope, uses, stored)
            if group is not None:
                found[operation.address] = group
                for part in group.parts:
                    found.pop(part.address, None)
    return found


def _uses(function: Function) -> Counter[str]:
    """How often each name is read, by operations and as what a block gives."""
    uses: Counter[str] = collections.Counter(function.block.outputs)
    for operation in operations(function.block):
        uses.update(operation.reads())
        for block in operation.blocks:
            uses.update(block.outputs)
    return uses


def _group(
    last: Operation, scope: Scope, uses: Counter[str], stored: ReadStored
) -> Optional[Group]:
    stem = without_cast(allowed(last.outputs[0].name))
    chain = [last]
    while True:
        source = _image(chain[0], scope)
        if source is None or len(chain) > _MOST_OPERATIONS:
            return None
        maker = scope.find(source)
        before = None if maker is None else maker.operation
        if before is None or uses[source] != 1 or not _is_part(before, stem, last):
            break
        chain.insert(0, before)
    if len(chain) == 1 and not _is_marked(last, scope):
        return None
    return _read(chain, source, scope, stored)


def _image(operation: Operation, scope: Scope) -> Optional[str]:
    """The name of the only value that an operation reads beside constants, or None."""
    names = [
        argument
        for arguments in operation.inputs.values()
        for argument in arguments
        if isinstance(argument, str) and scope.constant(argument) is None
    ]
    return names[0] if len(names) == 1 else None


def _is_part(operation: Operation, stem: str, last: Operation) -> bool:
    """Whether an operation has the name, the kind and the place of a part."""
    if operation.kind not in PART_KINDS or len(operation.outputs) != 1:
        return False
    if _block_of(operation) != _block_of(last):
        return False
    name = operation.outputs[0].name
    for one in (name, without_cast(name)):
        name_before, infix, kind = one.rpartition(INFIX)
        is_named = bool(infix) and without_cast(name_before) == stem
        if is_named and _NUMBER.sub("", kind) == operation.kind:
            return True
    return False


def _block_of(operation: Operation) -> str:
    return operation.address.rpartition("/ops[")[0]


def _is_marked(operation: Operation, scope: Scope) -> bool:
    """Whether an operation that stands alone reads a constant that was written for it."""
    return operation.kind in _ALONE and any(
        isinstance(argument, str) and INFIX in argument and scope.constant(argument) is not None
        for arguments in operation.inputs.values()
        for argument in arguments
    )


def _read(chain: List[Operation], source: str, scope: Scope, stored: ReadStored) -> Group:
    found: List[Step] = []
    unread = ""
    for number, operation in enumerate(chain):
        inputs: List[Tuple[str, Input]] = []
        for parameter, argument in _arguments(operation):
            value = scope.constant(argument)
            if value is None:
                inputs.append((parameter, Made(number - 1) if number else Read(parameter)))
                continue
            content = _content(value, stored)
            if content is None:
                unread = f"the numbers of `{parameter}` of `{operation.name}` cannot be read"
            else:
                inputs.append((parameter, content))
        found.append(Step(operation.kind, tuple(inputs)))
    return Group(tuple(chain), source, tuple(found), unread)


def _arguments(operation: Operation) -> Iterator[Tuple[str, Any]]:
    for parameter in sorted(operation.inputs):
        for argument in operation.inputs[parameter]:
            yield parameter, argument


def _content(value: Value, stored: ReadStored) -> Optional[Input]:
    if value.type is None or value.type.dims is None or None in value.type.dims:
        return None
    dims = tuple(size or 0 for size in value.type.dims)
    if value.file is not None:
        data = stored(value)
        return None if data is None else Packed(value.type.data_type, data, dims)
    held = constants.elements(value)
    if held is not None and not dims:
        return Constant(value.type.data_type, held)
    data = constants.packed(value)
    if data is not None:
        return Packed(value.type.data_type, data, dims)
    return None if held is None else Constant(value.type.data_type, held, dims)


def scale(found: Tuple[Step, ...]) -> Optional[Tuple[float, float]]:
    """The factors along height and width of operations that work at any size; None for others."""
    if not all(step.kind in _FOLLOWING_KINDS for step in found):
        return None
    up, down = [1, 1], [1, 1]
    for step in found:
        given = dict(step.inputs)
        for axis, factor in enumerate(_factors(step.kind, given)):
            (down if step.kind in ("avg_pool", "conv") else up)[axis] *= factor
    return up[0] / down[0], up[1] / down[1]


def _factors(kind: str, given: Dict[str, Input]) -> Tuple[int, int]:
    if kind in ("avg_pool", "conv", "conv_transpose"):
        strides = given.get("strides")
        if isinstance(strides, Packed) and strides.data_type == "INT32" and len(strides.data) == 8:
            height, width = struct.unpack("<2i", strides.data)
            return height or 1, width or 1
    if kind == "upsample_bilinear":
        found = [given.get(f"scale_factor_{side}") for side in ("height", "width")]
        height, width = (
            int(one.numbers[0]) if isinstance(one, Constant) and one.numbers else 1 for one in found
        )
        return height or 1, width or 1
    return 1, 1
