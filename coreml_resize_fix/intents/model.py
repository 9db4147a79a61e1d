"""An intent: one resize call as the original framework executed it."""

from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, Optional, Tuple

from coreml_resize_fix.conventions import onnx, tensorflow, torch
from coreml_resize_fix.intents import size_law
from coreml_resize_fix.intents.size_law import Observed, Size, SizeLaw
from coreml_resize_fix.sampling import AxisSpec
from coreml_resize_fix.sampling.single import exactly
from coreml_resize_fix.short_repr import short_repr

FRAMEWORKS = ("torch", "tensorflow1", "tensorflow2", "keras", "opencv", "onnx")
CHANNELS_LAST = ("tensorflow1", "tensorflow2", "keras")  # by default, maps are (N, H, W, C) there
MODES = ("nearest", "nearest-exact", "bilinear", "bicubic", "area")
NEAREST_MODES = ("nearest", "nearest-exact")

# mode -> mode of the ONNX operator Resize
ONNX_MODES = {"nearest": "nearest", "bilinear": "linear", "bicubic": "cubic"}
# Fields that only ONNX has; None is the default of its Resize operator.
ONNX_FIELDS = (
    "coordinate_transformation_mode",
    "nearest_mode",
    "cubic_coeff_a",
    "exclude_outside",
)


def calls(framework: str) -> FrozenSet[Tuple[str, bool, bool]]:
    """The combinations (mode, align_corners, antialias) for which `conventions/` has a framework's
    sampling."""
    if framework == "torch":
        return frozenset(torch.MODES)
    if framework == "onnx":
        modes = {name: mode for mode, name in ONNX_MODES.items()}
        return frozenset((modes[name], False, antialias) for name, antialias in onnx.KERNELS)
    return frozenset(key[1:] for key in tensorflow.CONVENTIONS if key[0] == framework)


@dataclass(frozen=True)
class Intent:
    """One resize call. Sizes are (height, width) in pixels; a value that is not known is None.

    - Where it is: `name` is the path of the module or layer in the framework's model, `layer` the
      Core ML layer that a manifest assigns to it, `site` the line of the call (`net.py:14`),
      `index` its place in the manifest.
    - Its arguments: `mode` to `recompute_scale_factor`, and those of ONNX (`ONNX_FIELDS`).
    - Observed when it ran: `input_size`, `output_size`, `channels`; `sizes` has the (input, output)
      sizes of several examples. `used` is False if no output of the model depends on the call,
      `input_is_parameter` True if the resized tensor does not depend on the model's inputs.
    - `nearest_copies` says which of PyTorch's two ways of `nearest` ran, if recorded tensors
      show it.
    """

    name: Optional[str] = None
    layer: Optional[str] = None
    framework: str = "torch"
    framework_version: Optional[str] = None
    mode: str = "bilinear"
    align_corners: bool = False
    antialias: bool = False
    size: Optional[Size] = None
    scale_factor: Optional[Tuple[float, float]] = None
    recompute_scale_factor: Optional[bool] = None
    input_size: Optional[Size] = None
    output_size: Optional[Size] = None
    channels: Optional[int] = None
    coordinate_transformation_mode: Optional[str] = None
    nearest_mode: Optional[str] = None
    cubic_coeff_a: Optional[float] = None
    exclude_outside: Optional[bool] = None
    used: Optional[bool] = None
    sizes: Optional[Observed] = None
    input_is_parameter: Optional[bool] = None
    site: Optional[str] = field(default=None, compare=False)  # it does not change what is asked for
    index: Optional[int] = None  # in the manifest, for messages about intents without a name
    nearest_copies: Optional[bool] = None

    __repr__ = short_repr

    @property
    def label(self) -> str:
        """The name of this intent in messages."""
        by_place = "the intent" if self.index is None else f"resizes[{self.index}]"
        return self.name or self.layer or self.site or by_place

    @property
    def is_nearest(self) -> bool:
        return self.mode in NEAREST_MODES

    @property
    def law(self) -> Optional[SizeLaw]:
        """How the output size of a call by `size=` follows its input size.

        None for a call by factor, and if too few sizes were observed to tell.
        """
        if not self.sizes or self.scale_factor is not None:
            return None
        found = size_law.find(self.sizes)
        return None if found.kind == size_law.Kind.EITHER else found

    @property
    def is_one_size(self) -> bool:
        """Whether inputs of several sizes were observed to give one output size."""
        return self.law is not None and self.law.kind == size_law.Kind.CONSTANT

    @property
    def input_sizes(self) -> Tuple[Size, ...]:
        """Every size at which the call was observed, that of the first example first."""
        first = () if self.input_size is None else (self.input_size,)
        more = tuple(before for before, _ in self.sizes or ())
        return tuple(dict.fromkeys(first + more))

    def target_size(self, input_size: Optional[Size]) -> Optional[Size]:
        """(height, width) that this call makes of an input of that size; None if it is not known.

        A scale factor applies to the real input size, so it goes before the observed output size.
        """
        if self.law is not None and input_size is not None:
            return self.law.target(input_size)
        if self.size is not None:
            return self.size
        source = input_size or self.input_size
        if self.scale_factor is not None and source is not None:
            height, width = (
                torch.output_size(before, factor)
                for before, factor in zip(source, self.scale_factor)
            )
            return height, width
        return self.output_size

    def axes(self, input_size: Size, output_size: Size) -> Tuple[AxisSpec, AxisSpec]:
        """How this call samples along height and along width, at these sizes."""
        factors = self.scale_factor or (None, None)
        copies = self.nearest_copies
        if copies is None:
            version = _version(self.framework_version)
            copies = torch.nearest_copies(output_size, self.channels, version)
        rows, columns = (
            self._axis(before, after, factor, copies)
            for before, after, factor in zip(input_size, output_size, factors)
        )
        return rows, columns

    def _axis(
        self, before: int, after: int, factor: Optional[float], nearest_copies: bool
    ) -> AxisSpec:
        if self.framework == "onnx":
            given = {name: getattr(self, name) for name in ONNX_FIELDS}
            options = {name: value for name, value in given.items() if value is not None}
            coordinates = options.pop("coordinate_transformation_mode", "half_pixel")
            return onnx.axis(
                ONNX_MODES[self.mode],
                coordinates,
                before,
                after,
                scale=factor,
                antialias=self.antialias,
                **options,
            )
        if self.framework != "torch":
            return tensorflow.axis(
                self.framework, self.mode, self.align_corners, before, after, self.antialias
            )
        return torch.axis(
            self.mode,
            self.align_corners,
            self.antialias,
            before,
            after,
            scale_factor=factor,
            recompute_scale_factor=self.recompute_scale_factor,
            version=_version(self.framework_version),
            nearest_copies=nearest_copies,
        )

    @property
    def request(self) -> Tuple[Any, ...]:
        """All that decides what the call computes: intents with equal values can be exchanged."""
        return (
            self.framework,
            self.mode,
            self.align_corners,
            self.antialias,
            self.target_size(self.input_size),
            None if self.size is not None else self.scale_factor,
            self.recompute_scale_factor if self.scale_factor is not None else None,
            self.nearest_copies,
            tuple(getattr(self, name) for name in ONNX_FIELDS),
            self.law,
        )

    @property
    def call(self) -> str:
        """The call without its sizes, short enough for a table: `bilinear corners=True`."""
        words = [] if self.framework == "torch" else [self.framework]
        words.append(self.mode)
        if self.framework == "onnx":
            words.append(self.coordinate_transformation_mode or "half_pixel")
        elif (self.mode, True, False) in calls(self.framework):
            words.append(f"corners={self.align_corners}")
        return " ".join(words + ["antialias"] * self.antialias)

    def __str__(self) -> str:
        if self.law is not None:
            return f"{self.call} by {self.law}"
        if self.size is not None:
            return f"{self.call} size={self.size[0]}×{self.size[1]}"
        if self.scale_factor is None:
            return self.call
        height, width = (exactly(factor) for factor in self.scale_factor)
        factors = height if height == width else f"{height},{width}"
        text = f"{self.call} scale_factor={factors}"
        return f"{text} recompute_scale_factor=True" if self.recompute_scale_factor else text

    def as_dict(self) -> Dict[str, Any]:
        """The intent as an entry of a manifest's `resizes`."""
        pairs = {key: getattr(self, key) for key in self.__dataclass_fields__}
        del pairs["framework_version"], pairs["index"], pairs["nearest_copies"]
        if self.framework != "onnx":
            for name in ONNX_FIELDS:
                del pairs[name]
        for name in ("used", "sizes", "input_is_parameter", "site"):
            if pairs[name] is None:
                del pairs[name]
        return {key: _listed(value) for key, value in pairs.items()}


def _listed(value: Any) -> Any:
    return [_listed(item) for item in value] if isinstance(value, tuple) else value


def _version(text: Optional[str]) -> Optional[Tuple[int, int]]:
    """(major, minor) of a version such as "1.4.0" or "2.13.0+cpu"; None if it is not one."""
    parts = (text or "").split(".")
    if len(parts) < 2 or not (parts[0].isdecimal() and parts[1].isdecimal()):
        return None
    return int(parts[0]), int(parts[1])
