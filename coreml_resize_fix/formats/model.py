"""What a kind of Core ML model offers to those who audit and mend it: `Model` and `ResizeOp`.

`formats/neuralnetwork/` implements both. Another kind of model is another folder beside it;
`auditing/`, `verify/`, `report/` and `run/` know no more of it than what stands here.
"""

from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Collection,
    Dict,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from coreml_resize_fix.formats.protobuf.splice import Edit
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.formats.shapes import Conflict, ModelShapes, Overrides, UsableSizes
from coreml_resize_fix.sampling import AxisSpec

if TYPE_CHECKING:
    import numpy as np

    from coreml_resize_fix.formats.resize_layer import ResizeLayer
    from coreml_resize_fix.intents.model import Intent

Size = Tuple[int, int]
Sizes = Sequence[Tuple[Size, Size]]  # (input, output) at every size to hold at
Window = Tuple[int, int, int, int]  # first row, row behind the last, the same of columns

NEURAL_NETWORK, ML_PROGRAM = "neural-network", "ml-program"
POOLING = "pooling"  # the kind of an operation that averages windows
ROUNDING, PIXEL = "rounding", "pixel"  # what nobody knows of a resize: see `left_open`


class ResizeOp:
    """What a layer or an operation makes of a map, or what several make that stand in for one.

    Several are a chain (`is_chain`), which has no grid of its own: its `steps` are compared.
    """

    kind: str
    is_chain: bool = False

    @property
    def fixed_size(self) -> Optional[Size]:
        """(height, width) that it makes of any input, None if it follows its input."""
        return None

    @property
    def fractions(self) -> Tuple[float, ...]:
        """Factors by which it follows its input, if they are not whole numbers by their type."""
        return ()

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

    def natives(self, layer: "ResizeLayer", intent: "Optional[Intent]") -> "Sequence[Native]":
        """The single layers or operations that may take its place there, the preferred first."""
        raise NotImplementedError

    def run(self, images: "np.ndarray", output_size: Optional[Size] = None) -> "np.ndarray":
        """What it makes of `images`, (…, height, width) → (…, new height, new width).

        `output_size` is for factors whose rounding leaves the size open.
        """
        raise NotImplementedError

    def as_dict(self) -> Dict[str, Any]:
        """Its parameters under the names that the format gives them."""
        raise NotImplementedError


class Native(NamedTuple):
    """A single layer or operation: `build` gives it for these sizes, or None if it cannot."""

    name: str
    spec_version: int
    fixed_size: bool
    nearest: bool
    modern: bool  # counts as a layer of iOS 13 and later (see `ResizeLayer.modern`)
    build: Callable[[Sizes], Optional[ResizeOp]]


class Averaged(NamedTuple):
    """A map of (height, width) pixels that are the means of windows, row by row."""

    channels: int
    size: Size
    windows: Tuple[Window, ...]


class Sums(NamedTuple):
    """One axis whose every output pixel is a sum of `taps` weighted pixels, each row a pixel's.

    `indices` and `weights` are None where they lie outside of the model file. `rounding` is how far
    a weight may be from the exact one, as a share of it.
    """

    taps: int
    indices: Optional[Tuple[Tuple[int, ...], ...]]
    weights: Optional[Tuple[Tuple[float, ...], ...]]
    rounding: float


class Summed(NamedTuple):
    """A map of (height, width) pixels that are weighted sums of those of another."""

    channels: int
    input_size: Size
    size: Size
    rows: Sums
    columns: Sums


class Claim(NamedTuple):
    """What a description says of the blob `name` that the network at `prefix` gives.

    `reader` is the prefix of the model of a pipeline whose input it is, None for an output.
    """

    prefix: str
    name: str
    declared: Tuple[int, ...]
    is_image: bool
    reader: Optional[str]


class Node(NamedTuple):
    """A layer or an operation: its address and the names of what it reads and makes."""

    address: str
    inputs: Sequence[str]
    outputs: Sequence[str]


class Network(NamedTuple):
    """One network in order of execution; `unreached` are inputs on which no output depends."""

    prefix: str
    nodes: Sequence[Node]
    inputs: Sequence[str]
    outputs: Sequence[str]
    unreached: Sequence[str]


class Change(NamedTuple):
    """A resize at an address and what takes its place, from a specification version on."""

    address: str
    op: ResizeOp
    spec_version: int


class Plan(NamedTuple):
    """Edits of the file, and the specification version of the outermost model after them."""

    edits: Tuple[Edit, ...]
    spec_version: int


class Model:
    """A file whose structure was read; `label` names it in messages.

    `kind` is NEURAL_NETWORK or ML_PROGRAM, `outputs` are the names that the file itself declares.

    Shapes are kept by the prefix of a network, sizes by the address of a layer or an operation.
    """

    label: str
    kind: str
    spec_version: int  # of the outermost model
    source: Source  # what the edits of a plan are edits of
    outputs: Sequence[str]
    networks: Sequence[Network]
    claims: Sequence[Claim]  # on what the networks give
    remarks: Sequence[str]  # what a user should know of it, whatever is asked

    def shapes(self, assumed: Overrides) -> Dict[str, ModelShapes]:
        """Shapes of every network; `assumed` replaces the sizes that resizes make."""
        raise NotImplementedError

    def resizes(self, shapes: Mapping[str, ModelShapes]) -> "List[ResizeLayer]":
        """Every resize in order, several layers that stand in for one as one.

        Raises:
            ModelError: one has parameters that no reader of Core ML accepts.
        """
        raise NotImplementedError

    def poolings(self, shapes: Mapping[str, ModelShapes]) -> "List[ResizeLayer]":
        """Every average pooling in order, which may stand for a call of `area`."""
        return []

    def averaged(self) -> List[Averaged]:
        """Every map that is put together of means of windows."""
        return []

    def summed(self) -> List[Summed]:
        """Every map that is put together of weighted pixels, axis by axis."""
        return []

    def conflicts(self, shapes: Mapping[str, ModelShapes]) -> Tuple[Conflict, ...]:
        """What cannot run at the default size of the inputs, inside networks and between them."""
        raise NotImplementedError

    def usable(self, assumed: Overrides) -> Optional[UsableSizes]:
        """At which sizes of its inputs it runs; None if none varies."""
        return None

    def with_free_names(self, added: Mapping[str, ResizeOp]) -> Dict[str, ResizeOp]:
        """Chains by the address of what they replace, under names that nothing else has."""
        return dict(added)

    def stands_for(self, name: str) -> str:
        """The name of the layer that a part of a chain helps, or the name itself."""
        return name

    def parts(self, addresses: Collection[str]) -> Set[str]:
        """Addresses of everything that the chains at these addresses are made of."""
        return set(addresses)

    def allowed_version(self, target: Optional[int]) -> int:
        """The highest specification version of a result; `target` is what was asked for, if so.

        Raises:
            UsageError: other parts of the file need more than the target.
        """
        raise NotImplementedError

    def plan(
        self,
        changes: Sequence[Change],
        before: Mapping[str, ModelShapes],
        after: Mapping[str, ModelShapes],
        allowed: int,
    ) -> Plan:
        """Edits that carry out the changes, and correct what the file declares of sizes.

        `before` and `after` are the shapes without and with them. The specification version is
        brought down to what the result needs where the file's own is not `allowed`.
        """
        raise NotImplementedError
