"""Values that describe shapes of blobs. Sizes count elements, outermost dimension first."""

from dataclasses import dataclass, field
from typing import Callable, Dict, Mapping, Optional, Sequence, Tuple, Union

Size = Tuple[int, int]  # (height, width) in pixels
SizePairs = Sequence[Tuple[Size, Size]]  # what a resize gets and what it makes of it
Range = Tuple[int, Optional[int]]

#: One entry per dimension; None means that this dimension is not known.
Dims = Tuple[Optional[int], ...]

#: (height, width); None means not known.
PartialSize = Tuple[Optional[int], Optional[int]]


@dataclass(frozen=True)
class SizeOf:
    """The height and width of the tensor `name` of this rank: its last two dimensions.

    They are multiplied by `times`, and then divided by `parts` without a rest.
    """

    name: str
    rank: int = 4
    times: Size = (1, 1)
    parts: Size = (1, 1)

    def of(self, size: Size) -> Size:
        """The size where the tensor has that one."""
        height, width = (n * k // p for n, k, p in zip(size, self.times, self.parts))
        return height, width

    def __str__(self) -> str:
        text = f"the size of `{self.name}`"
        if self.times != (1, 1):
            text = " and ".join(dict.fromkeys(map(str, self.times))) + f" times {text}"
        if self.parts != (1, 1):
            text += " divided by " + " and ".join(dict.fromkeys(map(str, self.parts)))
        return text


#: Layer address → the size to assume for its output, a tensor that says it, or a function from the
#: input size to it (None keeps the size that the layer makes).
Overrides = Mapping[
    str, Union[PartialSize, SizeOf, Callable[[Optional[Tuple[int, int]]], Optional[PartialSize]]]
]


@dataclass(frozen=True)
class Known:
    """The same shape at every allowed input size."""

    dims: Tuple[int, ...]


@dataclass(frozen=True)
class Flexible:
    """A shape that follows the input: inclusive (low, high) per dimension, high None = unbounded.

    The bounds are those of the input sizes that were evaluated (see `inputs`). `samples` are the
    shapes at each of them, the default first, None where nothing fits; `listed`: these are all the
    shapes that there are.
    """

    dims: Tuple[Tuple[int, Optional[int]], ...]
    samples: Tuple[Optional[Tuple[int, ...]], ...] = field(default=(), compare=False)
    listed: bool = field(default=False, compare=False)

    @property
    def default(self) -> Tuple[int, ...]:
        """The shape at the declared default size; () if it is not known."""
        return (self.samples and self.samples[0]) or ()


@dataclass(frozen=True)
class Unknown:
    """Not known, and why; `dims` when the rank and perhaps some dimensions are known."""

    reason: str
    dims: Optional[Dims] = None


Shape = Union[Known, Flexible, Unknown]


@dataclass(frozen=True)
class LayerShapes:
    """The shapes of one layer's blobs, in the order of its `input` and `output` fields."""

    inputs: Tuple[Shape, ...]
    outputs: Tuple[Shape, ...]


@dataclass(frozen=True)
class Conflict:
    """Shapes that a layer cannot work on.

    `message` is a lower-case sentence such as "`add` of 20×24 and 25×31 does not fit".
    `at_default` is False when the declared default input sizes are free of it and only another
    allowed size of a flexible input shows it. `advice` says what to do where the shapes themselves
    are not the trouble.
    """

    address: str
    layer: str
    kind: str
    message: str
    at_default: bool = True
    advice: str = ""


@dataclass(frozen=True)
class ModelShapes:
    """All shapes of one network.

    `layers` is keyed by address ("layers[12]", "layers[3]/ifBranch/layers[0]", with the caller's
    prefix), `outputs` by the declared output name: the shape of the last blob of that name.
    `flexible_inputs` names the inputs that allow more than one size. `varies`: an unknown shape may
    differ from run to run, since inputs are flexible or there is control flow. `inputs` are the
    shapes of the network's own inputs, `runs` tells of each evaluation whether it has no conflict.
    """

    layers: Dict[str, LayerShapes]
    outputs: Dict[str, Shape]
    conflicts: Tuple[Conflict, ...]
    flexible_inputs: Tuple[str, ...]
    varies: bool = False
    inputs: Mapping[str, Shape] = field(default_factory=dict, compare=False)
    runs: Tuple[bool, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class UsableSizes:
    """Sizes (height, width) of one input at which its network has no conflict.

    `everywhere`: at all sizes that the input allows. Otherwise `multiple_of` is a rule (1: no
    condition on this axis), or `sizes` is a list if there is no rule. `besides`: some sizes beside
    the multiples run, too. `tried_all` is False if only part of the sizes was tried. `example` is a
    size that does not run, and the conflict.
    """

    name: str
    default: Size
    everywhere: bool
    multiple_of: Optional[Size] = None
    sizes: Optional[Tuple[Size, ...]] = None
    besides: bool = False
    tried_all: bool = True
    limits: Tuple[Range, ...] = ()
    example: Optional[Tuple[Size, Conflict]] = None

    @property
    def only_default(self) -> bool:
        """Whether no other size than the declared default was found to run."""
        return self.sizes is not None and set(self.sizes) <= {self.default}
