"""One function of a program, with what the audit and the writer need of it."""

import copy
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.formats import model as protocol
from coreml_resize_fix.formats.mlprogram import added, flow, operation_chains, parameters, scopes
from coreml_resize_fix.formats.mlprogram.operation_chains import Group, ReadStored
from coreml_resize_fix.formats.mlprogram.parameters import Listed
from coreml_resize_fix.formats.mlprogram.program import Function, Operation, Program, Value
from coreml_resize_fix.formats.mlprogram.sizes import FunctionSizes
from coreml_resize_fix.formats.shapes import ModelShapes, Overrides, SizePairs, UsableSizes


class Resize(NamedTuple):
    """A resize in its place: `params` says what it computes, unless it is a `group` of several.

    `operation` is the one that makes the result. `names` are those that a caller may know it by:
    its own first, then its outputs. `source` is the name of the value that it resizes; `nested`:
    it stands in a block inside another operation. `original_address` is the one before operations
    were added to the function.
    """

    address: str
    names: Tuple[str, ...]
    source: str
    params: Optional[Listed]
    nested: bool
    operation: Operation
    group: Optional[Group]
    original_address: str


def _nothing_stored(value: Value) -> Optional[bytes]:
    return None


class ProgramNetwork:
    """A function: its resizes, and its sizes under assumptions on them."""

    def __init__(
        self, program: Program, function: Function, stored: ReadStored = _nothing_stored
    ) -> None:
        self.program, self.function = program, function
        self.groups = operation_chains.groups(function, stored)
        self._sizes = FunctionSizes(function)

    @property
    def prefix(self) -> str:
        """What every address in it begins with, up to the slash."""
        return self.program.prefix + self.function.name

    def resizes(self) -> List[Resize]:
        """Every resize, in the order in which they run; those of nested blocks after their owner.

        Operations that only may stand for one (avg_pool, crop_resize, …) are among them.
        """
        top = len(self.prefix) + 1
        found = []
        parts = {part.address for group in self.groups.values() for part in group.parts}
        originals = added.original_addresses(self.function, self.prefix)
        for operation, scope in scopes.walk(self.function):
            if operation.address in parts:
                continue
            group = self.groups.get(operation.address)
            params = None if group is not None else parameters.read(operation, scope)
            if params is None and group is None:
                continue
            names = [operation.name] + [variable.name for variable in operation.outputs]
            source = next(
                (one for one in operation.inputs.get("x", ()) if isinstance(one, str)), ""
            )
            found.append(
                Resize(
                    operation.address,
                    tuple(dict.fromkeys(names)),
                    source if group is None else group.source,
                    params,
                    "/" in operation.address[top:],
                    operation,
                    group,
                    originals.get(operation.address, operation.address),
                )
            )
        return found

    def shapes(self, assumed: Optional[Overrides] = None) -> ModelShapes:
        """The sizes of everything when resizes make those that are assumed, by address."""
        return self._sizes.infer(assumed)

    def reaching(self, wanted: Mapping[str, SizePairs]) -> "ProgramNetwork":
        """The same, also looked at where resizes get these input sizes, by address."""
        found = copy.copy(self)
        found._sizes = self._sizes.reaching(wanted)
        return found

    def usable(self, assumed: Overrides) -> Optional[UsableSizes]:
        """At which sizes of its inputs it runs then; None if none varies."""
        return self._sizes.usable(assumed)

    def as_network(self) -> protocol.Network:
        """As `formats.model` asks for it."""
        return flow.network(self.prefix, self.function)

    def described(self, description: Any) -> Sequence[Any]:
        """The outputs that a ModelDescription message describes, as far as it gives them."""
        own = {one.name: one.output for one in getattr(description, "functions", ())}
        described = own.get(self.function.name, description.output)
        return [one for one in described if one.name in self.function.block.outputs]


def networks(program: Program, stored: ReadStored = _nothing_stored) -> Dict[str, ProgramNetwork]:
    """Every function of a program, by its name, `main` first; `stored` reads weight files."""
    return {
        function.name: ProgramNetwork(program, function, stored) for function in program.functions
    }
