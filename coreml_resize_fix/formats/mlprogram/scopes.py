"""Look up the value of a name: names are looked up in the block, then in those around it."""

from typing import Dict, Iterator, NamedTuple, Optional, Tuple

from coreml_resize_fix.errors import ModelError
from coreml_resize_fix.formats.mlprogram.program import (
    Argument,
    Block,
    Function,
    Operation,
    Value,
    Variable,
)


class Maker(NamedTuple):
    """What made a value; `operation` is None for what a function or block gets."""

    variable: Variable
    operation: Optional[Operation] = None


class Scope:
    """The names that are visible at one place; names of an inner block hide those around it."""

    __slots__ = ("names", "outer")

    def __init__(self, outer: Optional["Scope"], given: Tuple[Variable, ...]) -> None:
        self.outer = outer
        self.names: Dict[str, Maker] = {variable.name: Maker(variable) for variable in given}

    def find(self, name: str) -> Optional[Maker]:
        """What made the value of this name, or None if nothing visible did."""
        scope: Optional[Scope] = self
        while scope is not None:
            found = scope.names.get(name)
            if found is not None:
                return found
            scope = scope.outer
        return None

    def constant(self, argument: Argument) -> Optional[Value]:
        """The constant that a parameter is bound to, or None if it is computed at run time."""
        if isinstance(argument, Value):
            return argument
        maker = self.find(argument)
        if maker is None or maker.operation is None or maker.operation.kind != "const":
            return None
        return maker.operation.attributes.get("val")

    def parameter(self, operation: Operation, name: str) -> Optional[Value]:
        """The constant of one parameter; None if it is absent or computed at run time."""
        arguments = operation.inputs.get(name, ())
        return self.constant(arguments[0]) if len(arguments) == 1 else None


def walk(function: Function) -> Iterator[Tuple[Operation, Scope]]:
    """Every operation with the names that it can read, blocks inside it after it.

    The scope grows as the walk goes on: use it before the next step.

    Raises:
        ModelError: a name is read before anything makes it, or made twice in one block.
    """
    yield from _walk(function.block, Scope(None, function.inputs), function.name)


def _walk(block: Block, scope: Scope, where: str) -> Iterator[Tuple[Operation, Scope]]:
    if len(scope.names) < len(block.inputs):
        raise ModelError(f"a block of `{where}` gets two values of one name", _DAMAGED)
    for operation in block.operations:
        for name in operation.reads():
            _require(scope, name, operation.address)
        yield operation, scope
        for inner in operation.blocks:
            yield from _walk(inner, Scope(scope, inner.inputs), operation.address)
        for variable in operation.outputs:
            if variable.name in scope.names:
                raise ModelError(
                    f"`{operation.address}` makes `{variable.name}`, which is made already",
                    _DAMAGED,
                )
            scope.names[variable.name] = Maker(variable, operation)
    for name in block.outputs:
        _require(scope, name, where)


_DAMAGED = "the program is damaged; convert the model again"


def _require(scope: Scope, name: str, where: str) -> None:
    if scope.find(name) is None:
        raise ModelError(f"`{where}` reads `{name}`, which nothing before it makes", _DAMAGED)
