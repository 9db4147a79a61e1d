"""Parameters of the two resize layers, and of several that stand in for one, as values."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple, Union

from coreml_resize_fix.conventions import coreml
from coreml_resize_fix.formats.chain import Chain
from coreml_resize_fix.formats.grid_resize import GridResize
from coreml_resize_fix.formats.neuralnetwork.sampling_modes import SAMPLING_MODES, upsample_mode
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.shapes import Size
from coreml_resize_fix.formats.spec_versions import RESIZE_BILINEAR, UPSAMPLE_MODES
from coreml_resize_fix.sampling import AxisSpec
from coreml_resize_fix.sampling.single import exactly, shortest
from coreml_resize_fix.words import size_text

if TYPE_CHECKING:
    import numpy as np

    from coreml_resize_fix.replacements.format import Computed


@dataclass(frozen=True)
class Upsample(GridResize):
    """Core ML's Upsample layer; factors are (height, width)."""

    mode: str = "NN"
    linear_upsample_mode: str = "DEFAULT"
    scaling_factor: Tuple[int, ...] = ()
    fractional_scaling_factor: Tuple[float, ...] = ()

    kind = "upsample"

    @property
    def copies_nearest(self) -> bool:
        """Whether the layer copies the nearest pixel instead of interpolating."""
        return self.mode == "NN"

    @property
    def positions(self) -> Optional[str]:
        """The name of its positions in `verify.kernels.positions`; None if it copies pixels."""
        return upsample_mode(self.mode, self.linear_upsample_mode)

    @property
    def factors(self) -> Optional[Tuple[float, float]]:
        """(height, width)."""
        height, width = (self.fractional_scaling_factor or self.scaling_factor or (1, 1))[:2]
        return height, width

    @property
    def fractions(self) -> Tuple[float, ...]:
        """Factors that need not be whole numbers."""
        return self.fractional_scaling_factor

    @property
    def min_spec_version(self) -> int:
        """5 if a field is set that older versions do not have."""
        is_new = self.linear_upsample_mode != "DEFAULT" or bool(self.fractional_scaling_factor)
        return UPSAMPLE_MODES if is_new else 1

    @property
    def says_its_factors(self) -> bool:
        """Whether the factors mean one thing: of one kind, and fractions for interpolation only."""
        if not self.fractional_scaling_factor:
            return True
        return self.mode == "BILINEAR" and not self.scaling_factor

    @property
    def lacks_its_mode(self) -> bool:
        """Whether Core ML refuses the factors, as they are fractions and no mode is given."""
        return bool(self.fractional_scaling_factor) and self.linear_upsample_mode == "DEFAULT"

    def output_size(self, input_size: Size) -> Size:
        """(height, width) that the layer makes of an input of (height, width) pixels."""
        fractional = bool(self.fractional_scaling_factor)
        factors: Tuple[Union[int, float], ...] = (
            self.fractional_scaling_factor or self.scaling_factor or (1, 1)
        )
        height, width = (
            coreml.upsample_output_size(size, factor, fractional)
            for size, factor in zip(input_size, factors)
        )
        return height, width

    def axes(self, input_size: Size, output_size: Size) -> Tuple[AxisSpec, AxisSpec]:
        """What the layer samples along height and width when it makes that size."""
        rows, columns = (
            coreml.upsample_axis(self.mode, self.linear_upsample_mode, before, after)
            for before, after in zip(input_size, output_size)
        )
        return rows, columns

    def cut_from(self, axis: int, pixels: Optional[int]) -> Optional[Sequence[int]]:
        """Sizes of an axis whose factor a converter may have cut to this one, its own first."""
        if pixels is None:
            return None
        if self.fractional_scaling_factor:
            factor = self.fractional_scaling_factor[axis]
            own = coreml.upsample_output_size(pixels, factor, True)
            near = [size for size in (own, own - 1) if size > 0]
            return [size for size in near if coreml.upsample_may_mean(pixels, factor, size)]
        whole = (self.scaling_factor or (1, 1))[axis]
        if whole == 0:
            # Some converters write 0 for a true 2, too, where sizes were not known to them.
            return [*range(1, pixels), 2 * pixels]
        return range(whole * pixels, (whole + 1) * pixels)

    def as_dict(self) -> Dict[str, Any]:
        """The fields under the names that the schema gives them."""
        return {
            "scalingFactor": list(self.scaling_factor),
            "fractionalScalingFactor": list(self.fractional_scaling_factor),
            "mode": self.mode,
            "linearUpsampleMode": self.linear_upsample_mode,
        }

    def __str__(self) -> str:
        factors: Tuple[float, ...] = self.scaling_factor or (1, 1)
        if self.fractional_scaling_factor:  # of single precision in the file
            factors = tuple(shortest(factor) for factor in self.fractional_scaling_factor)
        text = f"Upsample {self.mode} ×{','.join(exactly(factor) for factor in factors)}"
        if self.mode == "BILINEAR":
            text += " " + self.linear_upsample_mode
        return text


@dataclass(frozen=True)
class ResizeBilinear(GridResize):
    """Core ML's ResizeBilinear layer; the target size is (height, width)."""

    target_size: Tuple[int, ...] = ()
    sampling_mode: str = "STRICT_ALIGN_ENDPOINTS_MODE"

    kind = "resizeBilinear"
    min_spec_version = RESIZE_BILINEAR

    @property
    def positions(self) -> str:
        """The name of its positions in `verify.kernels.positions`."""
        return SAMPLING_MODES[self.sampling_mode]

    @property
    def fixed_size(self) -> Size:
        """(height, width) that the layer makes, whatever the input's size is."""
        height, width = self.target_size or (1, 1)
        return height, width

    def output_size(self, input_size: Size) -> Size:
        """(height, width) that the layer makes, whatever the input's size is."""
        return self.fixed_size

    def axes(self, input_size: Size, output_size: Size) -> Tuple[AxisSpec, AxisSpec]:
        """What the layer samples along height and width when it makes that size."""
        rows, columns = (
            coreml.resize_bilinear_axis(self.sampling_mode, before, after)
            for before, after in zip(input_size, output_size)
        )
        return rows, columns

    def as_dict(self) -> Dict[str, Any]:
        """The fields under the names that the schema gives them."""
        return {"targetSize": list(self.target_size), "mode": self.sampling_mode}

    def __str__(self) -> str:
        size = size_text(self.target_size or (1, 1))
        mode = self.sampling_mode.replace("_MODE", "")
        return f"ResizeBilinear {size} {mode}"


@dataclass(frozen=True)
class LayerChain(Chain):
    """Several layers that compute one resize: serialized NeuralNetworkLayer messages, in order.

    `formats.chain` has the other fields.
    """

    name: str
    layers: Tuple[bytes, ...] = field(repr=False)
    size: Optional[Size] = None
    factor: Optional[Tuple[float, float]] = None
    multiply_adds: Optional[int] = None
    rank: int = 5
    channels: Optional[int] = None

    @property
    def added_layers(self) -> int:
        """How many layers more than the one that is replaced."""
        return len(self.layers) - 1

    @property
    def bytes(self) -> int:
        """What the layers take in the file."""
        return sum(len(layer) for layer in self.layers)

    def messages(self) -> List[Any]:
        """The layers as NeuralNetworkLayer messages."""
        found = []
        for data in self.layers:
            found.append(schema.layer_class()())
            found[-1].ParseFromString(data)
        return found

    def steps(self) -> "Optional[Computed]":
        """The steps that the layers compute; None if they are not a replacement."""
        # Imported where layers are compared: NumPy costs as much as the rest of a small audit.
        from coreml_resize_fix.formats.neuralnetwork import read_steps

        return read_steps.read(self.messages(), self.rank, self.channels)

    def run(self, images: "np.ndarray", output_size: Optional[Size] = None) -> "np.ndarray":
        """What the layers make of float `images`, (…, H, W) → (…, new H, new W)."""
        from coreml_resize_fix.formats.neuralnetwork import interpret

        return interpret.run_on_images(self.messages(), images, self.rank, self.channels)

    @property
    def part_kinds(self) -> List[str]:
        return [str(message.WhichOneof("layer")) for message in self.messages()]

    def __str__(self) -> str:
        kinds = self.part_kinds
        return f"{len(kinds)} layers ({' → '.join(kinds)})"


NativeParams = Union[Upsample, ResizeBilinear]
