"""The base of operations that resize: what is the same for all, of `formats.model.ResizeOp`."""

from coreml_resize_fix.formats.grid_resize import GridResize
from coreml_resize_fix.formats.model import PIXEL, ROUNDING
from coreml_resize_fix.formats.shapes import Size


class GridOperation(GridResize):
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
