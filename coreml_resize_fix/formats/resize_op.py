"""The interface of a resize in any kind of model: `ResizeOp`."""

from typing import TYPE_CHECKING, Any, Dict, Optional, Sequence, Tuple

from coreml_resize_fix.formats.shapes import Size
from coreml_resize_fix.sampling import AxisSpec

if TYPE_CHECKING:
    import numpy as np

    from coreml_resize_fix.formats.shapes import SizeOf

ROUNDING, PIXEL = "rounding", "pixel"  # what is not documented of a resize: see `left_open`
POOLING = "pooling"  # the kind of an operation that averages windows


class ResizeOp:
    """The parameters of a layer or an operation that resizes, and what follows from them.

    Several layers that stand in for one are a chain (`is_chain`). It has no sampling grid of its
    own: its `steps` are compared instead.
    """

    kind: str
    is_chain: bool = False
    computes_size: bool = False  # its size is computed at run time, from other tensors
    size_source: "Optional[SizeOf]" = None  # of one to be written: the tensor that says its size

    @property
    def fixed_size(self) -> Optional[Size]:
        """The (height, width) that it makes of any input; None if its size follows its input."""
        return None

    @property
    def fractions(self) -> Tuple[float, ...]:
        """The factors by which its size follows its input, if their type allows fractions."""
        return ()

    @property
    def factors(self) -> "Optional[Tuple[float, float]]":
        """The factors (height, width) by which its size follows its input; None if it is fixed."""
        return None

    @property
    def min_spec_version(self) -> int:
        """The specification version from which Core ML has it."""
        return 1

    @property
    def copies_nearest(self) -> bool:
        """Whether it copies the nearest pixel, and does not interpolate."""
        return False

    @property
    def lacks_its_mode(self) -> bool:
        """Whether Core ML refuses it, since it has fractional factors and no sampling mode."""
        return False

    @property
    def unjudged(self) -> str:
        """Why it is not known what it makes, as a clause; "" if it is known."""
        return ""

    @property
    def caveat(self) -> str:
        """Why it may be wrong on a device although its formula is right, as a clause; or ""."""
        return ""

    def left_open(self, input_size: Size, output_size: Size) -> str:
        """What Apple does not document of this resize: its size (ROUNDING), or which of two pixels
        it copies (PIXEL); "" if all is documented."""
        return ""

    @property
    def added_layers(self) -> int:
        """The number of layers or operations that a chain has beyond the first."""
        return 0

    @property
    def stored_in_half(self) -> bool:
        """Whether a chain stores its weights in half precision, each rounded once."""
        return False

    @property
    def multiply_adds(self) -> Optional[int]:
        """The multiply-adds of a chain per image; None if that is not known."""
        return None

    @property
    def bytes(self) -> int:
        """The bytes of a chain in the file."""
        return 0

    def output_size(self, input_size: Size) -> Size:
        """The (height, width) that it makes of an input of (height, width) pixels."""
        raise NotImplementedError

    def may_make(self, input_size: Size, output_size: Size) -> bool:
        """Whether it makes this size, in one of the ways in which its factors may be rounded."""
        return self.output_size(input_size) == output_size

    def axes(self, input_size: Size, output_size: Size) -> Tuple[AxisSpec, AxisSpec]:
        """The sampling along height and width when it makes that size.

        Raises:
            LookupError: it is a chain.
        """
        raise LookupError("several layers have no grid of their own")

    def steps(self) -> Optional[Any]:
        """The steps that a chain computes (`replacements.format.Computed`); None if not known."""
        return None

    def cut_from(self, axis: int, pixels: Optional[int]) -> Optional[Sequence[int]]:
        """The output sizes along an axis that a converter may have been asked for.

        The size that the file has comes first, then those that a cut factor may stand for.
        `pixels` is the input size along the axis; None is returned where it decides and is unknown.
        """
        return None if self.fixed_size is None else [self.fixed_size[axis]]

    def run(self, images: "np.ndarray", output_size: Optional[Size] = None) -> "np.ndarray":
        """The resized `images`, (…, height, width) → (…, new height, new width), in NumPy.

        `output_size` decides where the rounding of factors leaves the size open.
        """
        raise NotImplementedError

    def as_dict(self) -> Dict[str, Any]:
        """The parameters, by the names that the format gives them."""
        raise NotImplementedError
