"""Name what is put into a function: names that nothing has there, and that MIL allows."""

import collections
import re
from typing import Container, Counter, Dict, Iterable, Mapping, Set

from coreml_resize_fix.formats.mlprogram.program import Function, Operation, operations

# Between the name of what is replaced and the kind of a part of what stands in for it.
INFIX = "__resize_"

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_@]")


def allowed(name: str) -> str:
    """The name with what MIL does not allow replaced: `[A-Za-z_][A-Za-z0-9_@]*`."""
    clean = _NOT_ALLOWED.sub("_", name) or "_"
    return "_" + clean if clean[0].isdigit() or clean[0] == "@" else clean


class Names:
    """The names of one function; each that is given out is taken from then on."""

    def __init__(self, function: Function, free: Container[str] = ()) -> None:
        self._taken: Set[str] = {variable.name for variable in function.inputs}
        for operation in operations(function.block):
            made = [variable.name for variable in operation.outputs]
            if not any(name in free for name in made):
                self._taken.update(made)
                self._taken.add(operation.name)
            for block in operation.blocks:
                self._taken.update(variable.name for variable in block.inputs)

    def new(self, stem: str, part: str) -> str:
        """A name such as `<stem>_<part>_0` that nothing has."""
        number = 0
        while True:
            name = f"{allowed(stem)}_{allowed(part)}_{number}"
            if name not in self._taken:
                self._taken.add(name)
                return name
            number += 1

    def part(self, stem: str, kind: str) -> str:
        """An unused name for a part of what stands in for `stem`: `<stem>__resize_<kind>`.

        A later audit recognizes by such names which operations belong together.
        """
        name = wanted = f"{allowed(stem)}{INFIX}{allowed(kind)}"
        number = 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name


def replaced_name(name: str) -> str:
    """The name of what a part of this name helps, or the name itself."""
    return name.rpartition(INFIX)[0] or name


def used_by_these_alone(
    function: Function,
    changed: Iterable[Operation],
    kept: Mapping[str, Container[str]],
    images: Container[str] = (),
) -> Dict[str, Operation]:
    """Constants, by name, that nothing reads but these operations as their parameters.

    `kept` are the parameters that stay, by the address of the operation; `images` are values that
    stay whatever reads them.
    """
    uses: Counter[str] = collections.Counter(function.block.outputs)
    made: Counter[str] = collections.Counter(variable.name for variable in function.inputs)
    constants: Dict[str, Operation] = {}
    for operation in operations(function.block):
        uses.update(operation.reads())
        made.update(variable.name for variable in operation.outputs)
        for block in operation.blocks:
            uses.update(block.outputs)
            made.update(variable.name for variable in block.inputs)
        if operation.kind == "const" and len(operation.outputs) == 1:
            constants[operation.outputs[0].name] = operation
    read: Counter[str] = collections.Counter(
        name
        for operation in changed
        for parameter, arguments in operation.inputs.items()
        if parameter not in kept.get(operation.address, ())
        for name in arguments
        if isinstance(name, str) and name not in images
    )
    # A name that stands for several values counts for all of them.
    return {
        name: constants[name]
        for name, count in read.items()
        if name in constants and uses[name] == count and made[name] == 1
    }
