"""What a resize computes, in any kind of model: `ResizeOp`."""

from typing import TYPE_CHECKING, Any, Dict, Optional, Sequence, Tuple

from coreml_resize_fix.formats.shapes import Size
from coreml_resize_fix.sampling import AxisSpec

if TYPE_CHECKING:
    import numpy as np

    from coreml_resize_fix.formats.shapes import SizeOf

ROUNDING, PIXEL = "rounding", "pixel"  # what is not documented of a resize: see `left_open`
POOLING = "pooling"  # the kind of an operation that averages windows


class ResizeOp:
    """What a layer or an operation makes of a map, or what several make that stand in for one.

    Several are a chain (`is_chain`), which has no grid of its own: its `steps` are compared.
    """

    kind: str
    is_chain: bool = False
    computes_size: bool = False  # at run time, from other tensors
    size_source: "Optional[SizeOf]" = None  # the tensor that says its size, if it is to be written

    @property
    def fixed_size(self) -> Optional[Size]:
        """(height, width) that it makes of any input, None if it follows its input."""
        return None

    @property
    def fractions(self) -> Tuple[float, ...]:
        """Factors by which it follows its input, if they are not whole numbers by their type."""
        return ()

    @property
    def factors(self) -> "Optional[Tuple[float, float]]":
        """(height, width) by which it follows its input, None if it does not."""
        return None

    @property
    def min_spec_version(self) -> int:
        """The specification version from which Core ML has it."""
        return 1

    @property
    def copies_nearest(self) -> bool:
        """Whether it copies the nearest pixel instead of interpolating."""
        return False

    @property
    def lacks_its_mode(self) -> bool:
        """Whether Core ML refuses it, as it does not say which grid its fractions mean."""
        return False

    @property
    def unjudged(self) -> str:
        """Why nothing can be said of what it makes, as a clause; "" if something can."""
        return ""

    @property
    def caveat(self) -> str:
        """What is known against it although its formula is right, as the end of a sentence."""
        return ""

    def left_open(self, input_size: Size, output_size: Size) -> str:
        """What is not documented of what it makes there: its size (ROUNDING), which of two pixels
        it copies (PIXEL), or "" if all is known."""
        return ""

    @property
    def added_layers(self) -> int:
        """Of how many layers or operations more than one it is made."""
        return 0

    @property
    def stored_in_half(self) -> bool:
        """Whether a chain's weights are meant to be in half precision, each rounded once."""
        return False

    @property
    def multiply_adds(self) -> Optional[int]:
        """What a chain computes per image, if that is known."""
        return None

    @property
    def bytes(self) -> int:
        """What a chain takes in the file."""
        return 0

    def output_size(self, input_size: Size) -> Size:
        """(height, width) that it makes of an input of (height, width) pixels."""
        raise NotImplementedError

    def may_make(self, input_size: Size, output_size: Size) -> bool:
        """Whether it makes this size, as far as the rounding of its factors lets us say."""
        return self.output_size(input_size) == output_size

    def axes(self, input_size: Size, output_size: Size) -> Tuple[AxisSpec, AxisSpec]:
        """What it samples along height and width when it makes that size.

        Raises:
            LookupError: it is a chain.
        """
        raise LookupError("several layers have no grid of their own")

    def steps(self) -> Optional[Any]:
        """The steps that a chain is made of, for `replacements`; None if they cannot be read."""
        return None

    def cut_from(self, axis: int, pixels: Optional[int]) -> Optional[Sequence[int]]:
        """Sizes of an axis that a converter may have been asked for, the one it wrote first.

        `pixels` are those that are read; None comes back where they decide and are not known.
        """
        return None if self.fixed_size is None else [self.fixed_size[axis]]

    def run(self, images: "np.ndarray", output_size: Optional[Size] = None) -> "np.ndarray":
        """What it makes of `images`, (…, height, width) → (…, new height, new width).

        `output_size` is for factors whose rounding leaves the size open.
        """
        raise NotImplementedError

    def as_dict(self) -> Dict[str, Any]:
        """Its parameters under the names that the format gives them."""
        raise NotImplementedError
