"""What the operations that resize answer alike, as `formats.model.ResizeOp` asks for it."""

from typing import TYPE_CHECKING, Optional, Sequence, Tuple

from coreml_resize_fix.formats.model import PIXEL, ROUNDING, Native, ResizeOp
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent

if TYPE_CHECKING:
    import numpy as np

Size = Tuple[int, int]


class ResizeOperation(ResizeOp):
    """A resize that one operation computes."""

    def size_depends_on_rounding(self, input_size: Size) -> bool:
        """Whether single and double precision make different sizes of it."""
        return False

    def leaves_pixel_open(self, input_size: Size, output_size: Size) -> bool:
        """Whether it is not documented which of two pixels an output copies."""
        return False

    def left_open(self, input_size: Size, output_size: Size) -> str:
        if self.size_depends_on_rounding(input_size):
            return ROUNDING
        return PIXEL if self.leaves_pixel_open(input_size, output_size) else ""

    def natives(self, layer: ResizeLayer, intent: Optional[Intent] = None) -> Sequence[Native]:
        """The operations that may take its place there, the preferred first."""
        from coreml_resize_fix.formats.mlprogram import natives

        return natives.in_place_of(layer)

    def run(self, images: "np.ndarray", output_size: Optional[Size] = None) -> "np.ndarray":
        # Imported where values are computed: NumPy costs as much as the rest of a small audit.
        from coreml_resize_fix.formats.mlprogram import interpret

        return interpret.run(self, images, output_size)  # type: ignore[arg-type]
