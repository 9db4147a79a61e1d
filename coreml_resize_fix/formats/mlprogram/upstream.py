"""Follow a value of a program back to the operations and constants that it is made of."""

from typing import Callable, Optional, Tuple

from coreml_resize_fix.formats.mlprogram import constants
from coreml_resize_fix.formats.mlprogram.program import Argument, Operation, Value, Variable
from coreml_resize_fix.formats.mlprogram.scopes import Scope
from coreml_resize_fix.sampling import LARGEST_SIDE

Numbers = Tuple[constants.Number, ...]
# The numbers of a value that lies in a weight file, if they are read.
Stored = Callable[[Value], Optional[constants.Elements]]
Image = Tuple[int, int, int, int]  # batch, channels, height, width

RANK = 4
_CARRIERS = ("cast", "identity")  # they change no pixel


def nothing_stored(value: Value) -> None:
    """Read nothing of weight files."""
    return


class Upstream:
    """Operations and their constants, looked up by the names that are visible at one place."""

    def __init__(self, scope: Scope, stored: Stored = nothing_stored) -> None:
        self._scope, self._stored = scope, stored

    def origin(self, argument: Argument) -> Optional[str]:
        """The name of a value, or of the one that it is only another type of."""
        while isinstance(argument, str):
            operation = self._operation(argument)
            if operation is None or operation.kind not in _CARRIERS:
                return argument
            argument = operation.inputs.get("x", (Value(None),))[0]
        return None

    def source(self, operation: Operation) -> Optional[str]:
        """The name of the value that an operation reads as its `x`."""
        given = operation.inputs.get("x", ())
        return self.origin(given[0]) if len(given) == 1 else None

    def made(self, argument: Argument, kind: str) -> Optional[Operation]:
        """The operation that makes a value, if it is of that kind."""
        name = self.origin(argument)
        found = None if name is None else self._operation(name)
        return found if found is not None and found.kind == kind else None

    def maker(self, operation: Operation, name: str, kind: str) -> Optional[Operation]:
        """The operation of that kind that makes the one value of a parameter."""
        given = operation.inputs.get(name, ())
        return self.made(given[0], kind) if len(given) == 1 else None

    def _operation(self, name: str) -> Optional[Operation]:
        maker = self._scope.find(name)
        return None if maker is None else maker.operation

    def image(self, name: str) -> Optional[Image]:
        """The size of a value; None if it varies, or has another rank."""
        maker = self._scope.find(name)
        return None if maker is None else image_of(maker.variable)

    def value(self, operation: Operation, name: str) -> Optional[Value]:
        return self._scope.parameter(operation, name)

    def numbers(self, operation: Operation, name: str) -> Optional[Numbers]:
        """The numbers of a constant parameter, of as many as an image has rows."""
        value = self.value(operation, name)
        return None if value is None else self.listed(value)

    def listed(self, value: Value) -> Optional[Numbers]:
        """The numbers of a constant; None if it has more than an image has rows."""
        if value.file is not None:
            found = self._stored(value)
        else:
            found = constants.elements(value, LARGEST_SIDE)
        result = tuple(item for item in found or () if not isinstance(item, str))
        return result if found is not None and len(result) == len(found) else None

    def is_one(self, operation: Operation, name: str, *wanted: int) -> bool:
        """Whether a parameter is one of these numbers; an absent one counts as 0."""
        given = self.numbers(operation, name) if operation.inputs.get(name) else (0,)
        return given is not None and len(given) == 1 and given[0] in wanted


def image_of(variable: Variable) -> Optional[Image]:
    """The size of a value of four dimensions, none of which varies; else None."""
    dims = variable.type.dims if variable.type is not None else None
    if dims is None or len(dims) != RANK:
        return None
    batch, channels, height, width = dims
    if batch is None or channels is None or height is None or width is None:
        return None
    return batch, channels, height, width
