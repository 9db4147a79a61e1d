"""One operation as a size rule sees it: the shapes and small values that its parameters have."""

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from coreml_resize_fix.formats.inference.call import Blob, Call, NotKnownError
from coreml_resize_fix.formats.mlprogram import constants
from coreml_resize_fix.formats.mlprogram.constants import Number
from coreml_resize_fix.formats.mlprogram.program import Operation, Value
from coreml_resize_fix.formats.mlprogram.sizes.size_parameters import Merged, Sizes
from coreml_resize_fix.formats.shapes import Dims

#: What a value is known to hold: a constant, or the numbers that were computed from sizes.
Content = Union[Value, Tuple[Number, ...], None]


class Tensor(NamedTuple):
    """A value at one size of the inputs.

    `dims` is None when not even the rank is known, and `reason` says why something is not.
    `declared` are the dimensions that the file declares; `changed` says that `dims` are others,
    that something of them is not known, or that the few numbers in it may be others.
    """

    dims: Optional[Dims]
    declared: Optional[Dims] = None
    changed: bool = True
    reason: str = ""
    content: Content = None

    @property
    def blob(self) -> Blob:
        return Blob(self.dims, self.reason)

    @property
    def fits_declaration(self) -> bool:
        """Whether it is one of those that the file declares a size for."""
        if self.dims is None or self.declared is None or self.dims == self.declared:
            return not self.changed
        return len(self.dims) == len(self.declared) and all(
            wanted in (None, size) for size, wanted in zip(self.dims, self.declared)
        )


class OperationCall(Call):
    """A rule gets one and returns the dimensions of each output."""

    __slots__ = ("given", "merged")

    def __init__(
        self, operation: Operation, given: Dict[str, Tuple[Tensor, ...]], merged: Merged
    ) -> None:
        super().__init__(operation.kind, operation.name, None, (), len(operation.outputs))
        self.given, self.merged = given, merged

    def __contains__(self, name: str) -> bool:
        return bool(self.given.get(name))

    def shape(self, name: str = "x", rank: int = 0) -> Dims:
        """The shape of one parameter, which must have at least `rank` dimensions."""
        return self.shapes(name, rank)[0]

    def shapes(self, name: str, rank: int = 0) -> List[Dims]:
        """The shapes of all that a parameter is bound to: one at least."""
        found = self.given.get(name)
        if not found:
            raise NotKnownError(f"{self} lacks `{name}`")
        result: List[Dims] = []
        for tensor in found:
            if tensor.dims is None:
                raise NotKnownError(tensor.reason)
            if len(tensor.dims) < rank:
                raise NotKnownError(
                    f"{self} needs a `{name}` of rank {rank} and gets {len(tensor.dims)}"
                )
            result.append(tensor.dims)
        return result

    def changed(self, name: str = "x") -> Optional[Tuple[Sizes, Sizes]]:
        """The sizes that the file declares of a parameter and those that it has, if they differ."""
        (tensor, *_) = self.given[name]
        one, other = tensor.declared, tensor.dims
        if one is None or other is None or one == other or None in one + other:
            return None
        return tuple(n for n in one if n is not None), tuple(n for n in other if n is not None)

    def states(self, name: str) -> bool:
        """Whether a parameter is a constant of the file, not computed when it runs."""
        return any(isinstance(tensor.content, Value) for tensor in self.given.get(name, ()))

    def contents(self, name: str) -> Optional[List[Tuple[Number, ...]]]:
        """The numbers of all that a parameter is bound to, or None if some are not known."""
        result = []
        for tensor in self.given.get(name, ()):
            held = tensor.content
            found = constants.numbers(held) if isinstance(held, Value) else held
            if found is None:
                return None
            result.append(found)
        return result or None

    def numbers(self, name: str, default: Optional[Sequence[Number]] = None) -> Tuple[Number, ...]:
        """The numbers of one parameter; the default if it is absent."""
        if name not in self and default is not None:
            return tuple(default)
        found = self.contents(name)
        if found is None:
            raise NotKnownError(f"the sizes that {self} gives depend on values")
        return found[0]

    def whole(self, name: str, default: Optional[Sequence[int]] = None) -> Tuple[int, ...]:
        """Whole numbers of one parameter."""
        return tuple(int(number) for number in self.numbers(name, default))

    def one(self, name: str, default: Optional[int] = None) -> int:
        """The one whole number of a parameter."""
        found = self.whole(name, None if default is None else (default,))
        if len(found) != 1:
            raise NotKnownError(f"{self} has {len(found)} values in `{name}`")
        return found[0]

    def word(self, name: str, default: str = "") -> str:
        """The one string of a parameter."""
        for tensor in self.given.get(name, ()):
            found = constants.text(tensor.content) if isinstance(tensor.content, Value) else None
            if found is None:
                raise NotKnownError(f"{self} has no constant `{name}`")
            return found
        return default

    def __str__(self) -> str:
        return f"`{self.kind}` operation `{self.name}`"
