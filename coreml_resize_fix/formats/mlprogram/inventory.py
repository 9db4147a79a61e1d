"""Operations that can stand for a resize without being one, and resizes that cannot be judged."""

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, Optional, Tuple

from coreml_resize_fix.conventions import mil
from coreml_resize_fix.formats.mlprogram.windows import pooled
from coreml_resize_fix.sampling import AxisSpec

Size = Tuple[int, int]


@dataclass(frozen=True)
class AvgPool:
    """avg_pool over height and width, which is what `mode="area"` becomes where it divides."""

    kernel_sizes: Tuple[int, int]
    strides: Tuple[int, int] = (1, 1)
    pad_type: str = "valid"
    pad: Tuple[int, int, int, int] = (0, 0, 0, 0)  # top, bottom, left, right
    exclude_padding_from_average: bool = False
    ceil_mode: bool = False

    kind: ClassVar[str] = "avg_pool"
    fixed_size: ClassVar[None] = None
    factors: ClassVar[None] = None
    copies_nearest: ClassVar[bool] = False
    min_spec_version: ClassVar[int] = 6

    def output_size(self, input_size: Size) -> Size:
        """(height, width) of the output; 0 where the window does not fit in."""
        height, width = pooled(
            input_size, self.kernel_sizes, self.strides, self.pad_type, self.pad, self.ceil_mode
        )
        return height, width

    def may_make(self, input_size: Size, output_size: Size) -> bool:
        """Whether it makes this size."""
        return self.output_size(input_size) == output_size

    def size_depends_on_rounding(self, input_size: Size) -> bool:
        return False

    def leaves_pixel_open(self, input_size: Size, output_size: Size) -> bool:
        return False

    def axes(self, input_size: Size, output_size: Size) -> Tuple[AxisSpec, AxisSpec]:
        """What it averages along height and width when it makes that size.

        Raises:
            LookupError: its windows overlap, reach over the edge or leave pixels out.
        """
        divides = all(
            kernel == stride and before == after * stride
            for before, after, kernel, stride in zip(
                input_size, output_size, self.kernel_sizes, self.strides
            )
        )
        if not divides or any(self.pad):
            raise LookupError("its windows do not divide the input evenly")
        rows, columns = map(mil.area_axis, input_size, output_size)
        return rows, columns

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
        windows = "×".join(map(str, self.kernel_sizes))
        return "avg_pool {} every {}".format(windows, "×".join(map(str, self.strides)))


@dataclass(frozen=True)
class Unjudged:
    """An operation that is named and not judged; `reason` says why."""

    kind: str
    parameters: Tuple[Tuple[str, Any], ...]
    reason: str

    fixed_size: ClassVar[None] = None
    factors: ClassVar[None] = None
    copies_nearest: ClassVar[bool] = False
    min_spec_version: ClassVar[int] = 6

    def output_size(self, input_size: Size) -> Size:
        """Not known from the input's size.

        Raises:
            LookupError: always.
        """
        raise LookupError(self.reason)

    def may_make(self, input_size: Size, output_size: Size) -> bool:
        """Whether it makes this size: nothing says that it does not."""
        return True

    def size_depends_on_rounding(self, input_size: Size) -> bool:
        return False

    def leaves_pixel_open(self, input_size: Size, output_size: Size) -> bool:
        return False

    def axes(self, input_size: Size, output_size: Size) -> Tuple[AxisSpec, AxisSpec]:
        """Not known as a grid.

        Raises:
            LookupError: always.
        """
        raise LookupError(self.reason)

    def as_dict(self) -> Dict[str, Any]:
        return dict(self.parameters)

    def __str__(self) -> str:
        given = ["{}={}".format(name, _text(value)) for name, value in self.parameters]
        return " ".join([self.kind] + given)


def _text(value: Optional[Any]) -> str:
    if isinstance(value, list):
        return "×".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
