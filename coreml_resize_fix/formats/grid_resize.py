"""Resizes that one layer or operation computes: how their values run on the kernels."""

from typing import TYPE_CHECKING, Optional, Sequence, Tuple

from coreml_resize_fix.formats.model import ResizeOp

if TYPE_CHECKING:
    import numpy as np


class GridResize(ResizeOp):
    """A resize that samples at positions along each axis by itself."""

    @property
    def positions(self) -> Optional[str]:
        """The name of its positions in `verify.kernels.positions`; None if it copies pixels."""
        return None

    @property
    def resized_axes(self) -> Sequence[int]:
        """Axes of the image that it resizes, counted from the last."""
        return (-1, -2)

    def run(
        self, images: "np.ndarray", output_size: Optional[Tuple[int, int]] = None
    ) -> "np.ndarray":
        """What it makes of float `images`, (…, height, width) → (…, new height, new width).

        `output_size` is for factors whose rounding leaves the size open, and for computed sizes.

        Raises:
            LookupError: the size is computed at run time and not given.
        """
        # Imported where values are computed: NumPy costs as much as the rest of a small audit.
        from coreml_resize_fix.verify.kernels import resampling

        size = output_size or self.output_size((images.shape[-2], images.shape[-1]))
        return resampling.resize(
            images, size, self.positions, self.copies_nearest, self.resized_axes
        )
