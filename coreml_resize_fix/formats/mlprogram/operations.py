"""The resizes of an ML Program as values: what each makes of a size, and what it samples.

Fields have MIL's own parameter names. See `conventions.mil` for the grids and their sources.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, Optional, Tuple

from coreml_resize_fix.conventions import mil
from coreml_resize_fix.conventions.mil import Factor
from coreml_resize_fix.formats.mlprogram.operation import GridOperation
from coreml_resize_fix.formats.mlprogram.resize_to_shape import IOS17, ResizeToShape, by_mode
from coreml_resize_fix.formats.shapes import Size
from coreml_resize_fix.sampling import AxisSpec
from coreml_resize_fix.words import size_text

__all__ = [
    "IOS15",
    "IOS16",
    "IOS17",
    "ResizeBilinear",
    "ResizeNearest",
    "ResizeToShape",
    "UpsampleBilinear",
    "UpsampleNearest",
]

Axes = Tuple[AxisSpec, AxisSpec]

IOS15, IOS16 = 6, 7  # specification versions


@dataclass(frozen=True)
class _ByFactor(GridOperation):
    """A resize whose output follows the size of its input."""

    scale_factor_height: Factor = 1
    scale_factor_width: Factor = 1

    fixed_size: ClassVar[None] = None

    @property
    def factors(self) -> Tuple[Factor, Factor]:
        """(height, width)."""
        return self.scale_factor_height, self.scale_factor_width

    @property
    def fractions(self) -> Tuple[float, ...]:
        return tuple(factor for factor in self.factors if isinstance(factor, float))

    def output_size(self, input_size: Size) -> Size:
        """(height, width) of the output, as single precision rounds the products."""
        height, width = (
            mil.sizes_by_factor(size, factor)[0] for size, factor in zip(input_size, self.factors)
        )
        return height, width

    def may_make(self, input_size: Size, output_size: Size) -> bool:
        """Whether some rounding of the products gives this size."""
        return all(
            after in mil.sizes_by_factor(before, factor)
            for before, after, factor in zip(input_size, output_size, self.factors)
        )

    def size_depends_on_rounding(self, input_size: Size) -> bool:
        """Whether single and double precision make different sizes of it."""
        return any(
            len(set(mil.sizes_by_factor(size, factor))) > 1
            for size, factor in zip(input_size, self.factors)
        )

    @property
    def shrinks(self) -> bool:
        """Whether it makes an axis smaller: ONNX Runtime saw systems differ in how they do it
        (`downscale` of conventions/measured.json)."""
        return min(self.factors) < 1

    def as_dict(self) -> Dict[str, Any]:
        return {
            "scale_factor_height": self.scale_factor_height,
            "scale_factor_width": self.scale_factor_width,
        }

    def _text(self) -> str:
        return "×" + ",".join(f"{factor:.7g}" for factor in self.factors)


@dataclass(frozen=True)
class UpsampleBilinear(_ByFactor):
    """upsample_bilinear; half-pixel centers came with iOS 16."""

    align_corners: bool = True
    half_pixel_centers: Optional[bool] = None

    kind = "upsample_bilinear"
    copies_nearest: ClassVar[bool] = False

    @property
    def caveat(self) -> str:
        if not self.shrinks:
            return ""
        return (
            "makes the map smaller by `upsample_bilinear`, which ONNX Runtime saw differ between "
            "versions of the system"
        )

    @property
    def min_spec_version(self) -> int:
        return IOS15 if self.half_pixel_centers is None else IOS16

    @property
    def positions(self) -> str:
        if self.align_corners:
            return "STRICT_ALIGN_CORNERS"
        return "DEFAULT" if self.half_pixel_centers is False else "UNALIGN_CORNERS"

    def axes(self, input_size: Size, output_size: Size) -> Axes:
        """What it samples along height and width when it makes that size."""
        rows, columns = (
            mil.upsample_bilinear_axis(self.align_corners, self.half_pixel_centers, before, after)
            for before, after in zip(input_size, output_size)
        )
        return rows, columns

    def as_dict(self) -> Dict[str, Any]:
        found = {**super().as_dict(), "align_corners": self.align_corners}
        if self.half_pixel_centers is not None:
            found["half_pixel_centers"] = self.half_pixel_centers
        return found

    def __str__(self) -> str:
        text = f"upsample_bilinear {self._text()} align_corners={_word(self.align_corners)}"
        if self.half_pixel_centers is not None:
            text += f" half_pixel_centers={_word(self.half_pixel_centers)}"
        return text


@dataclass(frozen=True)
class UpsampleNearest(_ByFactor):
    """upsample_nearest_neighbor."""

    kind = "upsample_nearest_neighbor"
    copies_nearest: ClassVar[bool] = True
    min_spec_version: ClassVar[int] = IOS15

    def axes(self, input_size: Size, output_size: Size) -> Axes:
        """What it samples along height and width when it makes that size."""
        return _nearest(input_size, output_size)

    def __str__(self) -> str:
        return f"upsample_nearest_neighbor {self._text()}"


@dataclass(frozen=True)
class _ToSize(GridOperation):
    """A resize that makes one size of any input."""

    target_size_height: int = 1
    target_size_width: int = 1

    factors: ClassVar[None] = None
    min_spec_version: ClassVar[int] = IOS15

    @property
    def fixed_size(self) -> Size:
        """(height, width) of the output, whatever the input's size is."""
        return self.target_size_height, self.target_size_width

    def output_size(self, input_size: Size) -> Size:
        """(height, width) of the output, whatever the input's size is."""
        return self.fixed_size

    def as_dict(self) -> Dict[str, Any]:
        return {
            "target_size_height": self.target_size_height,
            "target_size_width": self.target_size_width,
        }


@dataclass(frozen=True)
class ResizeBilinear(_ToSize):
    """resize_bilinear."""

    sampling_mode: str = "DEFAULT"

    kind = "resize_bilinear"
    copies_nearest: ClassVar[bool] = False

    @property
    def positions(self) -> str:
        return self.sampling_mode

    def axes(self, input_size: Size, output_size: Size) -> Axes:
        """What it samples along height and width when it makes that size."""
        return by_mode(self.sampling_mode, input_size, output_size)

    def as_dict(self) -> Dict[str, Any]:
        return {**super().as_dict(), "sampling_mode": self.sampling_mode}

    def __str__(self) -> str:
        return f"resize_bilinear {size_text(self.fixed_size)} {self.sampling_mode}"


@dataclass(frozen=True)
class ResizeNearest(_ToSize):
    """resize_nearest_neighbor."""

    kind = "resize_nearest_neighbor"
    copies_nearest: ClassVar[bool] = True

    def axes(self, input_size: Size, output_size: Size) -> Axes:
        """What it samples along height and width when it makes that size."""
        return _nearest(input_size, output_size)

    def __str__(self) -> str:
        return f"resize_nearest_neighbor {size_text(self.fixed_size)}"


def _word(value: bool) -> str:
    return str(value).lower()


def _nearest(input_size: Size, output_size: Size) -> Axes:
    rows, columns = map(mil.nearest_axis, input_size, output_size)
    return rows, columns
