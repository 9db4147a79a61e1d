"""One operation with its parameters as arrays; a family of operations is a table of functions."""

from typing import Callable, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from coreml_resize_fix.formats.mlprogram.program import Operation, Value
from coreml_resize_fix.verify.kernels.checks import KernelError


class Call:
    """An operation that is computed: `read` gives the array of a name or a constant."""

    def __init__(
        self, operation: Operation, read: Callable[[Union[str, Value]], np.ndarray], dtype: np.dtype
    ) -> None:
        self.operation, self.kind, self.dtype = operation, operation.kind, dtype
        self.read = read

    def __contains__(self, name: str) -> bool:
        return bool(self.operation.inputs.get(name)) or name in self.operation.attributes

    def arrays(self, name: str) -> List[np.ndarray]:
        """All that a parameter is bound to; one of old constexpr operations is an attribute."""
        bound = self.operation.inputs.get(name)
        if bound:
            return [self.read(one) for one in bound]
        if name in self.operation.attributes:
            return [self.read(self.operation.attributes[name])]
        raise KernelError(f"lacks `{name}`")

    def array(self, name: str = "x") -> np.ndarray:
        """The one array that a parameter is bound to."""
        found = self.arrays(name)
        if len(found) != 1:
            raise KernelError(f"has {len(found)} values in `{name}`")
        return found[0]

    def optional(self, name: str) -> Optional[np.ndarray]:
        """The array of a parameter, or None if it is absent."""
        return self.array(name) if name in self else None

    def whole(self, name: str, default: Optional[Sequence[int]] = None) -> Tuple[int, ...]:
        """Whole numbers; the default if the parameter is absent."""
        if name not in self and default is not None:
            return tuple(default)
        found = self.array(name)
        if found.dtype.kind not in "iub":
            raise KernelError(f"has fractions in `{name}`")
        return tuple(int(number) for number in found.reshape(-1).tolist())

    def size(self, name: str, default: Optional[int] = None) -> int:
        """One whole number."""
        found = self.whole(name, None if default is None else (default,))
        if len(found) != 1:
            raise KernelError(f"has {len(found)} numbers in `{name}`")
        return found[0]

    def number(self, name: str, default: Optional[float] = None) -> float:
        """One number."""
        if name not in self and default is not None:
            return default
        found = self.array(name)
        if found.size != 1:
            raise KernelError(f"has {found.size} numbers in `{name}`")
        return float(found.reshape(-1)[0])

    def flag(self, name: str, default: bool = False) -> bool:
        """One truth value."""
        return bool(self.number(name)) if name in self else default

    def flags(self, name: str) -> Optional[Tuple[bool, ...]]:
        """Truth values, or None if the parameter is absent."""
        return tuple(map(bool, self.whole(name))) if name in self else None

    def word(self, name: str, default: str = "") -> str:
        """One text."""
        return str(self.array(name).reshape(-1)[0]) if name in self else default


# Functions by kind of operation; one gives the first output, or all of them in a list.
Made = Union[np.ndarray, Sequence[np.ndarray]]
Kinds = Dict[str, Callable[[Call], Made]]
