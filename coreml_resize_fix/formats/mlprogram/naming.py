"""Name what is put into a function: names that nothing has there, and that MIL allows."""

import re
from typing import Container, Set

from coreml_resize_fix.formats.mlprogram.program import Function, operations
from coreml_resize_fix.formats.part_names import INFIX

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_@]")


def allowed(name: str) -> str:
    """The name with what MIL does not allow replaced: `[A-Za-z_][A-Za-z0-9_@]*`."""
    clean = _NOT_ALLOWED.sub("_", name) or "_"
    return "_" + clean if clean[0].isdigit() or clean[0] == "@" else clean


class Names:
    """The names of one function; each that is given out is taken from then on.

    Operations at the addresses in `gone` do not count.
    """

    def __init__(self, function: Function, gone: Container[str] = ()) -> None:
        self._taken: Set[str] = {variable.name for variable in function.inputs}
        for operation in operations(function.block):
            if operation.address not in gone:
                self._taken.update(variable.name for variable in operation.outputs)
                self._taken.add(operation.name)
            for block in operation.blocks:
                self._taken.update(variable.name for variable in block.inputs)

    def part(self, stem: str, kind: str) -> str:
        """An unused name for a part of what stands in for `stem`: `<stem>__resize_<kind>`.

        A later audit recognizes by such names which operations belong together, and which ones
        were not there when a manifest with addresses was written (see `added`).
        """
        name = wanted = f"{allowed(stem)}{INFIX}{allowed(kind)}"
        number = 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name
