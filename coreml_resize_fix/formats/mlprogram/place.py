"""The place in a program where several operations replace one, and how they are written."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional, Sequence

from coreml_resize_fix.formats.shapes import Dims, Flexible, Known, Shape
from coreml_resize_fix.replacements.format import Place, Way

if TYPE_CHECKING:
    from coreml_resize_fix.replacements.steps import Step


@dataclass(frozen=True)
class OperationPlace(Place):
    """The place of one operation.

    dims: of the image, the channels, height and width last; None for each that varies, or for all
        of them if not even the rank is known.
    data_type: of the image, as the schema spells it.
    version: the specification version of the function's opset.
    may_store: there is a folder for a weight file, so constants may have any size.
    in_float32: operations that compute with weights do so in single precision, between two casts,
        where the image is in half precision.
    """

    dims: Optional[Dims]
    data_type: str
    version: int
    may_store: bool = False
    in_float32: bool = False

    def ways(self, steps: "Sequence[Step]") -> Sequence[Way]:
        """The way of writing these steps as operations here; empty if there is none."""
        # Imported where steps are made: NumPy costs as much as the rest of a small audit.
        from coreml_resize_fix.formats.mlprogram import write_steps

        return write_steps.ways(self, steps)


def dims_of(shape: Optional[Shape]) -> Optional[Dims]:
    """The dimensions of a value, as a program declares them."""
    if isinstance(shape, Flexible):
        return tuple(low if low == high else None for low, high in shape.dims)
    if isinstance(shape, Known):
        return shape.dims
    return shape.dims if shape is not None else None
