"""What a kind of Core ML model offers to those who audit and mend it."""

from typing import TYPE_CHECKING, Any, Optional, Tuple

if TYPE_CHECKING:
    import numpy as np

Size = Tuple[int, int]


class ResizeOp:
    """What a layer or an operation makes of a map, or what several make that stand in for one.

    Several are a chain (`is_chain`), which has no grid of its own: its `steps` are compared.
    """

    is_chain: bool = False

    @property
    def copies_nearest(self) -> bool:
        """Whether it copies the nearest pixel instead of interpolating."""
        return False

    def output_size(self, input_size: Size) -> Size:
        """(height, width) that it makes of an input of (height, width) pixels."""
        raise NotImplementedError

    def may_make(self, input_size: Size, output_size: Size) -> bool:
        """Whether it makes this size, as far as the rounding of its factors lets us say."""
        return self.output_size(input_size) == output_size

    def steps(self) -> Optional[Any]:
        """The steps that a chain is made of, for `replacements`; None if they cannot be read."""
        return None

    def run(self, images: "np.ndarray", output_size: Optional[Size] = None) -> "np.ndarray":
        """What it makes of `images`, (…, height, width) → (…, new height, new width).

        `output_size` is for factors whose rounding leaves the size open.
        """
        raise NotImplementedError
