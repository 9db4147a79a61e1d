"""An average pooling of any kind of model: each output pixel is the mean of a window."""

from typing import TYPE_CHECKING, Optional, Tuple

from coreml_resize_fix.formats.model import POOLING, ResizeOp
from coreml_resize_fix.formats.shapes import Size
from coreml_resize_fix.sampling import AxisSpec

if TYPE_CHECKING:
    import numpy as np

# Pixels in a window, from one window to the next, and of the first one before the image.
Window = Tuple[int, int, int]


class WindowMean(ResizeOp):
    """The base class of average poolings: a format says where the windows are."""

    kind = POOLING

    def window(self, axis: int, before: int, after: int) -> Window:
        """The windows along an axis where `before` pixels become `after`."""
        raise NotImplementedError

    @property
    def leaves_out_padding(self) -> bool:
        """Whether the mean is that of the pixels of the image alone."""
        raise NotImplementedError

    def axes(self, input_size: Size, output_size: Size) -> Tuple[AxisSpec, AxisSpec]:
        rows, columns = (
            self._axis(axis, before, after)
            for axis, (before, after) in enumerate(zip(input_size, output_size))
        )
        return rows, columns

    def _axis(self, axis: int, before: int, after: int) -> AxisSpec:
        kernel, stride, first = self.window(axis, before, after)
        return AxisSpec(
            "mean",
            "asymmetric",
            before,
            after,
            step=stride,
            window=(kernel, first),
            exclude_outside=self.leaves_out_padding,
        )

    def run(self, images: "np.ndarray", output_size: Optional[Size] = None) -> "np.ndarray":
        # Imported where values are computed: NumPy costs as much as the rest of a small audit.
        from coreml_resize_fix.verify.kernels import pooling

        size = images.shape[-2], images.shape[-1]
        made = self.output_size(size)
        rows, columns = (self.window(axis, size[axis], made[axis]) for axis in (0, 1))
        edges = [
            (first, max(0, (after - 1) * stride + kernel - first - before))
            for (kernel, stride, first), before, after in zip((rows, columns), size, made)
        ]
        return pooling.average_pool(
            images,
            (rows[0], columns[0]),
            (rows[1], columns[1]),
            (edges[0], edges[1]),
            self.leaves_out_padding,
        )
