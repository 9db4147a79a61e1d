"""Operations that a fix put into a program, constants too: each is named after what it helps.

A fix takes nothing away but such operations of an earlier one. So an operation stood in the file
that was converted as many places earlier as there are added ones before it.
"""

import collections
import re
from typing import Collection, Counter, Dict, Iterable, List

from coreml_resize_fix.formats.mlprogram.naming import allowed
from coreml_resize_fix.formats.mlprogram.program import Block, Function, Operation, operations
from coreml_resize_fix.formats.part_names import INFIX

_NUMBER = re.compile(r"_\d+$")


def added(block: Block) -> Dict[str, str]:
    """The added operations of one block, without those inside of it: address → what they help.

    That is the address of a later operation, whose output they are named after. The name says what
    kind they are, unless they are constants.
    """
    if not any(INFIX in one.outputs[0].name for one in block.operations if one.outputs):
        return {}
    found: Dict[str, str] = {}
    later: Dict[str, str] = {}  # the names of what is made further on, as those of parts begin
    for operation in reversed(block.operations):
        if len(operation.outputs) == 1:
            stem, infix, what = operation.outputs[0].name.rpartition(INFIX)
            is_told = operation.kind in ("const", what, _NUMBER.sub("", what))
            if infix and is_told and stem in later:
                found[operation.address] = later[stem]
        later.update((allowed(made.name), operation.address) for made in operation.outputs)
    return found


def original_addresses(function: Function, where: str) -> Dict[str, str]:
    """Address → address before anything was added, which a manifest may name; `where`: its own.

    Operations whose address is the same are left out.
    """
    found: Dict[str, str] = {}
    if any(INFIX in one.outputs[0].name for one in operations(function.block) if one.outputs):
        _walk(function.block, where, found)
    return found


def _walk(block: Block, where: str, found: Dict[str, str]) -> None:
    put_in = added(block)
    index = 0
    for operation in block.operations:
        before = f"{where}/ops[{index}]"
        if operation.address in put_in:
            continue
        if before != operation.address:
            found[operation.address] = before
        for number, inner in enumerate(operation.blocks):
            _walk(inner, f"{before}.blocks[{number}]", found)
        index += 1


def needless(
    function: Function, replaced: Iterable[Operation], used: Collection[str]
) -> List[Operation]:
    """Operations that were added for those that are replaced, and that nothing reads any more.

    `used` are the names that what takes their place reads.
    """
    gone = {one.address for one in replaced}
    helping: Dict[str, str] = dict(added(function.block))
    uses: Counter[str] = collections.Counter([*function.block.outputs, *used])
    for operation in operations(function.block):
        if operation.address not in gone:
            uses.update(operation.reads())
        for block in operation.blocks:
            uses.update(block.outputs)
            helping.update(added(block))
    found: List[Operation] = []
    for operation in reversed(list(operations(function.block))):
        if operation.address in gone or helping.get(operation.address) not in gone:
            continue
        if not any(uses[made.name] for made in operation.outputs):
            found.append(operation)
            uses.subtract(operation.reads())
    return found
