"""Several operations that together stand in for one resize; see `formats.chain`."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, List, Optional, Tuple

from coreml_resize_fix.formats.chain import Chain
from coreml_resize_fix.formats.mlprogram import messages, steps
from coreml_resize_fix.formats.mlprogram.operations import IOS15
from coreml_resize_fix.formats.mlprogram.steps import Constant, Packed, Step
from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.formats.shapes import Size

if TYPE_CHECKING:
    import numpy as np

    from coreml_resize_fix.replacements.format import Computed


@dataclass(frozen=True)
class OperationChain(Chain):
    """Operations in order; each reads the image, or what the one before makes of it.

    `unread` says which of their numbers cannot be read.
    """

    name: str
    operations: Tuple[Step, ...] = field(repr=False)
    size: Optional[Size] = None
    factor: Optional[Tuple[float, float]] = None
    multiply_adds: Optional[int] = None
    rank: int = 4
    channels: Optional[int] = None
    unread: str = ""

    @property
    def min_spec_version(self) -> int:
        """The specification version from which Core ML has all of them."""
        return IOS15

    @property
    def unjudged(self) -> str:
        return self.unread

    @property
    def stored_in_half(self) -> bool:
        """Whether weights are stored in half precision: each is the exact one, rounded once."""
        return any(
            isinstance(given, Packed) and given.data_type == "FLOAT16"
            for operation in self.operations
            for _, given in operation.inputs
        )

    @property
    def added_layers(self) -> int:
        """How many operations more than the one that is replaced."""
        return len(self.operations) - 1

    @property
    def bytes(self) -> int:
        """What they take in the file, names not counted."""
        return sum(map(_bytes, self.operations))

    def steps(self) -> "Optional[Computed]":
        """The steps that the operations are, or None if they are none of a replacement."""
        # Imported where they are compared: NumPy costs as much as the rest of a small audit.
        from coreml_resize_fix.formats.mlprogram import read_steps

        return read_steps.read(self.operations, self.rank, self.channels)

    def run(self, images: "np.ndarray", output_size: Optional[Size] = None) -> "np.ndarray":
        """What they make of float `images`, (…, H, W) → (…, new H, new W)."""
        from coreml_resize_fix.formats.mlprogram import interpret

        return interpret.run_on_images(self.operations, images, self.rank)

    @property
    def part_kinds(self) -> List[str]:
        return [operation.kind for operation in self.operations]

    def __str__(self) -> str:
        kinds = self.part_kinds
        count = "one operation" if len(kinds) == 1 else f"{len(kinds)} operations"
        return f"{count} ({' → '.join(kinds)})"


def steps_of(op: ResizeOp) -> Tuple[Step, ...]:
    """The operations to write for a resize: those of a chain, or one."""
    return op.operations if isinstance(op, OperationChain) else steps.of(op)


def _bytes(operation: Step) -> int:
    made = messages.named_type("", operation.data_type or "FLOAT32", operation.dims or ())
    total = len(operation.kind) + len(made)
    for parameter, given in operation.inputs:
        if isinstance(given, (Constant, Packed)):
            total += len(messages.constant(parameter, given))
        total += len(parameter)
    return total
