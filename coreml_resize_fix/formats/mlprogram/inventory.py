"""Operations that can stand for a resize without being one, and resizes that cannot be judged."""

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, Optional, Tuple

from coreml_resize_fix.formats.mlprogram.windows import pooled
from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.formats.shapes import Size
from coreml_resize_fix.formats.window_mean import Window, WindowMean
from coreml_resize_fix.sampling import AxisSpec
from coreml_resize_fix.words import size_text

_PROGRAMS = 6  # the specification version from which there are ML Programs


@dataclass(frozen=True)
class AvgPool(WindowMean):
    """avg_pool over height and width, which is what `mode="area"` becomes where it divides."""

    kernel_sizes: Tuple[int, int]
    strides: Tuple[int, int] = (1, 1)
    pad_type: str = "valid"
    pad: Tuple[int, int, int, int] = (0, 0, 0, 0)  # top, bottom, left, right
    exclude_padding_from_average: bool = False
    ceil_mode: bool = False

    min_spec_version: ClassVar[int] = _PROGRAMS

    def output_size(self, input_size: Size) -> Size:
        """(height, width) of the output; 0 where the window does not fit in."""
        height, width = pooled(
            input_size, self.kernel_sizes, self.strides, self.pad_type, self.pad, self.ceil_mode
        )
        return height, width

    @property
    def leaves_out_padding(self) -> bool:
        """Whether the mean is that of the pixels of the image alone.

        That of `ceil_mode` leaves out what a last window has beyond the padding.
        """
        return self.exclude_padding_from_average or self.ceil_mode

    def window(self, axis: int, before: int, after: int) -> Window:
        """The windows along an axis where `before` pixels become `after`."""
        kernel, stride = self.kernel_sizes[axis], self.strides[axis]
        first = self.pad[2 * axis] if self.pad_type == "custom" else 0
        if self.pad_type in ("same", "same_lower"):
            padded = max(0, (after - 1) * stride + kernel - before)
            first = (padded + (self.pad_type == "same_lower")) // 2
        return kernel, stride, first

    def as_dict(self) -> Dict[str, Any]:
        return {
            "kernel_sizes": list(self.kernel_sizes),
            "strides": list(self.strides),
            "pad_type": self.pad_type,
            "pad": list(self.pad),
            "exclude_padding_from_average": self.exclude_padding_from_average,
            "ceil_mode": self.ceil_mode,
        }

    def __str__(self) -> str:
        windows = size_text(self.kernel_sizes)
        return f"avg_pool {windows} every {size_text(self.strides)}"


@dataclass(frozen=True)
class Unjudged(ResizeOp):
    """An operation that is listed and not judged; `reason` says why."""

    kind: str
    parameters: Tuple[Tuple[str, Any], ...]
    reason: str

    min_spec_version: ClassVar[int] = _PROGRAMS

    @property
    def unjudged(self) -> str:
        return self.reason

    def output_size(self, input_size: Size) -> Size:
        """(0, 0), as it is not known."""
        return 0, 0

    def may_make(self, input_size: Size, output_size: Size) -> bool:
        """False: what it makes is not known."""
        return False

    def axes(self, input_size: Size, output_size: Size) -> Tuple[AxisSpec, AxisSpec]:
        """Not known as a grid.

        Raises:
            LookupError: always.
        """
        raise LookupError(self.reason)

    def as_dict(self) -> Dict[str, Any]:
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in self.parameters
        }

    def __str__(self) -> str:
        given = [f"{name}={_text(value)}" for name, value in self.parameters]
        return " ".join([self.kind] + given)


def _text(value: Optional[Any]) -> str:
    if isinstance(value, tuple):
        return size_text(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
