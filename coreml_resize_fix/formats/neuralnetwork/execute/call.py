"""One layer with its parameters and blobs; each family of layers is a table of functions."""

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from coreml_resize_fix.formats.neuralnetwork.execute import stored
from coreml_resize_fix.formats.neuralnetwork.execute.stored import Parts
from coreml_resize_fix.verify.kernels.checks import KernelError


class LayerCall:
    """A layer that is computed: `params` are those of its kind, `inputs` its blobs.

    `parts` gives the WeightParams at names of fields; without it they are in `params` themselves.
    """

    def __init__(
        self,
        layer: Any,
        inputs: Sequence[np.ndarray],
        dtype: np.dtype,
        parts: Optional[Callable[[Sequence[str]], Parts]] = None,
    ) -> None:
        self.kind: str = layer.WhichOneof("layer")
        self.params: Any = getattr(layer, self.kind)
        self.outputs = len(layer.output)
        self.inputs, self.dtype = list(inputs), dtype
        self._given = parts

    @property
    def x(self) -> np.ndarray:
        """The first blob."""
        return self.inputs[0]

    def numbers(self, path: str, shape: Sequence[int], axis: int = 0) -> np.ndarray:
        """Weights at a name of a field (or several, with points between), in this shape.

        axis: that of the output channels (see `stored.numbers`).
        """
        return stored.numbers(self._parts(path.split(".")), shape, self.dtype, axis)

    def has(self, path: str) -> bool:
        """Whether there are any such weights."""
        return bool(self._parts(path.split(".")))

    def flat(self, path: str) -> np.ndarray:
        """Weights of whatever number, as a vector."""
        parts = self._parts(path.split("."))
        bits = int(parts.quantization.numberOfBits or 8) if parts.quantization is not None else 8
        count = parts.single.size or len(parts.half) // 2
        count = count or len(parts.signed) or len(parts.raw) * 8 // bits
        return stored.numbers(parts, (count,), self.dtype)

    def whole(self, field: str) -> Tuple[int, ...]:
        """Whole numbers of a repeated field."""
        return tuple(int(number) for number in getattr(self.params, field))

    def _parts(self, path: Sequence[str]) -> Parts:
        if self._given is not None:
            return self._given(path)
        message = self.params
        for name in path:
            message = getattr(message, name)
        return stored.of_message(message)


def enum_name(message: Any, field: str) -> str:
    """The word of an enum's value; DEFAULT of a field that coremltools before 4 does not have."""
    descriptor = message.DESCRIPTOR.fields_by_name.get(field)
    if descriptor is None:
        return "DEFAULT"
    return str(descriptor.enum_type.values_by_number[getattr(message, field)].name)


def pair(values: Sequence[int], default: int = 1) -> Tuple[int, int]:
    """(height, width), or twice the default."""
    height, width = tuple(int(value) for value in values) or (default, default)
    return height, width


def edges(amounts: Any) -> Tuple[Tuple[int, int], Tuple[int, int]]:
    """(start, end) along height and width of BorderAmounts; nothing if not given."""
    found = [(int(edge.startEdgeSize), int(edge.endEdgeSize)) for edge in amounts.borderAmounts]
    if len(found) not in (0, 2):
        raise KernelError(f"has {len(found)} border amounts")
    return (found[0], found[1]) if found else ((0, 0), (0, 0))


def whole_numbers(blob: np.ndarray) -> Tuple[int, ...]:
    """The numbers of a blob that holds sizes or positions."""
    return tuple(int(number) for number in blob.reshape(-1).tolist())


# Functions by kind of layer; one gives the first blob, or all of them in a list.
Made = Union[np.ndarray, List[np.ndarray]]
Kinds = Dict[str, Callable[[LayerCall], Made]]
