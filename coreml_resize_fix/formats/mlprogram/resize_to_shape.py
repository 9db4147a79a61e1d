"""`resize`, the operation of iOS 17 whose size may be computed when it runs."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Dict, Optional, Tuple

from coreml_resize_fix.conventions import mil
from coreml_resize_fix.formats.mlprogram.operation import GridOperation
from coreml_resize_fix.formats.shapes import Size, SizeOf
from coreml_resize_fix.sampling import AxisSpec
from coreml_resize_fix.words import size_text

Axes = Tuple[AxisSpec, AxisSpec]

IOS17 = 8  # specification version


@dataclass(frozen=True)
class ResizeToShape(GridOperation):
    """resize, of iOS 17; `shape` is None if it is computed at run time.

    The last `resized_dims` (1 or 2) of the input become those of `shape`; 0 keeps one, which failed
    in coremltools' tests (`kept-size` of conventions/measured.json). Of a
    computed size, `size_source` says what it is to be written with, and `made` are the (input,
    output) sizes of the one in a file, as far as they are known.
    """

    shape: Optional[Tuple[int, ...]] = None
    resized_dims: int = 2
    interpolation_mode: str = "LINEAR"
    sampling_mode: str = "DEFAULT"
    size_source: Optional[SizeOf] = None
    made: Tuple[Tuple[Size, Size], ...] = field(default=(), compare=False)

    kind = "resize"
    factors: ClassVar[None] = None
    min_spec_version: ClassVar[int] = IOS17

    @property
    def copies_nearest(self) -> bool:
        return self.interpolation_mode == "NEAREST_NEIGHBOR"

    @property
    def positions(self) -> str:
        return self.sampling_mode

    @property
    def resized_axes(self) -> Tuple[int, ...]:
        return (-1, -2)[: self.resized_dims]

    @property
    def computes_size(self) -> bool:  # type: ignore[override]
        """Whether the size is computed at run time."""
        return self.shape is None

    @property
    def fixed_size(self) -> Optional[Size]:
        """(height, width) of the output, unless it follows the input or is computed."""
        if self.shape is None or self.resized_dims < 2 or 0 in self.shape[-2:]:
            return None
        return self.shape[-2], self.shape[-1]

    def output_size(self, input_size: Size) -> Size:
        """(height, width) of the output; (0, 0), of no image, where it is not known.

        Raises:
            LookupError: it is computed at run time, and nothing of it is known.
        """
        if self.shape is None:
            if not self.made:
                raise LookupError("the size is computed at run time")
            found = (after for before, after in self.made if before == input_size)
            return next(found, (0, 0))
        wanted = (0, 0) + self.shape[len(self.shape) - self.resized_dims :]
        return wanted[-2] or input_size[0], wanted[-1] or input_size[1]

    def may_make(self, input_size: Size, output_size: Size) -> bool:
        """Whether it makes this size, as far as that is known before it runs."""
        if self.shape is not None:
            return self.output_size(input_size) == output_size
        return not self.made or all(
            (before, after) in {(got[axis], made[axis]) for got, made in self.made}
            for axis, (before, after) in enumerate(zip(input_size, output_size))
        )

    def leaves_pixel_open(self, input_size: Size, output_size: Size) -> bool:
        """Whether a point lies midway between two pixels: which one is read is not documented."""
        return self.copies_nearest and any(map(mil.has_tie, self.axes(input_size, output_size)))

    def axes(self, input_size: Size, output_size: Size) -> Axes:
        """What it samples along height and width when it makes that size."""
        rows, columns = by_mode(
            self.sampling_mode, input_size, output_size, self.interpolation_mode
        )
        if self.resized_dims == 1:
            rows = AxisSpec("linear", "identity", input_size[0], input_size[0])
        return rows, columns

    def as_dict(self) -> Dict[str, Any]:
        given = {
            "shape": None if self.shape is None else list(self.shape),
            "resized_dims": self.resized_dims,
            "interpolation_mode": self.interpolation_mode,
            "sampling_mode": self.sampling_mode,
        }
        if self.size_source is not None:
            given["shape_of"] = str(self.size_source)
        return given

    def __str__(self) -> str:
        size = str(self.size_source or "a computed size")
        if self.shape is not None:
            size = size_text(self.shape)
        return f"resize to {size} {self.interpolation_mode} {self.sampling_mode}"


def by_mode(mode: str, input_size: Size, output_size: Size, interpolation: str = "LINEAR") -> Axes:
    """What a sampling mode reads along height and width."""
    rows, columns = (
        mil.resize_axis(mode, before, after, interpolation)
        for before, after in zip(input_size, output_size)
    )
    return rows, columns
