"""What a kind of Core ML model offers to the audit and to the fix: `Model` and `ResizeOp`.

`formats/neuralnetwork/` implements both. Another kind of model is another folder beside it;
`auditing/`, `verify/`, `report/` and `run/` know no more of it than what stands here.
"""

from typing import (
    TYPE_CHECKING,
    Collection,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from coreml_resize_fix.errors import ModelError
from coreml_resize_fix.formats.network import Network, Node
from coreml_resize_fix.formats.protobuf.splice import Edit, Patch
from coreml_resize_fix.formats.protobuf.wire import Source, Stamp
from coreml_resize_fix.formats.resize_layer import Native, ResizeLayer
from coreml_resize_fix.formats.resize_op import (
    PIXEL,
    POOLING,
    ROUNDING,
    ResizeOp,
)
from coreml_resize_fix.formats.shapes import (
    Conflict,
    ModelShapes,
    Overrides,
    Size,
    SizePairs,
    UsableSizes,
)
from coreml_resize_fix.short_repr import shortened

if TYPE_CHECKING:
    import numpy as np

    from coreml_resize_fix.formats.execution import Execution

__all__ = [
    "ML_PROGRAM",
    "NEURAL_NETWORK",
    "PIXEL",
    "POOLING",
    "ROUNDING",
    "Appended",
    "Averaged",
    "Change",
    "DeclaredSize",
    "Model",
    "Native",
    "Network",
    "Node",
    "Plan",
    "ResizeOp",
    "Summed",
    "Sums",
    "Window",
]

Window = Tuple[int, int, int, int]  # first row, row behind the last, the same of columns

NEURAL_NETWORK, ML_PROGRAM = "neural-network", "ml-program"


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


class DeclaredSize(NamedTuple):
    """What a description says of the blob `name` that the network at `prefix` gives.

    `reader` is the prefix of the model of a pipeline whose input it is, None for an output.
    """

    prefix: str
    name: str
    declared: Tuple[int, ...]
    is_image: bool
    reader: Optional[str]


class Change(NamedTuple):
    """A resize at an address and what takes its place, from a specification version on."""

    address: str
    op: ResizeOp
    spec_version: int


class Appended(NamedTuple):
    """What a file beside the model file gains; what it held stays where it was.

    `name` is relative to the folder of the model file, with `/` between folders. `stamp` is the
    file that was looked at, None if there is none yet.
    """

    name: str
    changes: Tuple[Patch, ...]
    stamp: Optional[Stamp]


class Plan(NamedTuple):
    """Edits of the file, and the specification version of the outermost model after them.

    `appended` are other files of the package that the edited model reads more from than before.
    """

    edits: Tuple[Edit, ...]
    spec_version: int
    appended: Tuple[Appended, ...] = ()


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
    declared_sizes: Sequence[DeclaredSize]  # on what the networks give
    remarks: Sequence[str]  # what a user should know of it, whatever is asked
    # Replacements in networks of float16 are to compute in float32: set before an audit.
    float32_replacements: bool = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({shortened(self.label)})"

    def lacks_weights(self, folder: Optional[str] = None) -> Optional[Tuple[str, str, str]]:
        """A file that lacks what it reads, where its model file is, or if it were in a folder.

        Its name there, why, as the end of a sentence, and what to do.
        """
        return None

    def require_weights(self) -> None:
        """Refuse a model whose weights are not in their files: nothing could run it.

        Raises:
            ModelError: a file that it reads is not there, or ends too early.
        """
        found = self.lacks_weights()
        if found is not None:
            name, why, advice = found
            reads = f"`{self.label}` is an ML Program that reads its weights from `{name}`"
            raise ModelError(f"{reads}, which {why}", advice)

    def shapes(self, assumed: Overrides) -> Dict[str, ModelShapes]:
        """Shapes of every network; `assumed` replaces the sizes that resizes make."""
        raise NotImplementedError

    def reaching(self, wanted: Mapping[str, SizePairs]) -> "Model":
        """The same model, also looked at where resizes get and make these sizes, by address."""
        return self

    def resizes(self, shapes: Mapping[str, ModelShapes]) -> List[ResizeLayer]:
        """Every resize in order, several layers that stand in for one as one.

        Raises:
            ModelError: one has parameters that no reader of Core ML accepts.
        """
        raise NotImplementedError

    def poolings(self, shapes: Mapping[str, ModelShapes]) -> List[ResizeLayer]:
        """Every average pooling in order, which may stand for a call of `area`."""
        return []

    def averaged(self) -> List[Averaged]:
        """Every map that is put together of means of windows."""
        return []

    def summed(self) -> List[Summed]:
        """Every map that is put together of weighted pixels, axis by axis."""
        return []

    def constants(self, dims: Tuple[int, ...]) -> Iterator[Tuple[str, bytes]]:
        """Constants of that shape, leading ones apart: "e" or "f" (float16, float32), the bytes."""
        return iter(())

    def conflicts(self, shapes: Mapping[str, ModelShapes]) -> Tuple[Conflict, ...]:
        """What cannot run at the default size of the inputs, inside networks and between them."""
        raise NotImplementedError

    def usable(self, assumed: Overrides) -> Optional[UsableSizes]:
        """At which sizes of its inputs it runs; None if none varies."""
        return None

    def doubts(
        self, before: Mapping[str, ModelShapes], after: Mapping[str, ModelShapes]
    ) -> List[str]:
        """What is not known to follow a change of sizes as PyTorch would, in sentences."""
        return []

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

    def execution(self, dtype: "np.dtype", function: Optional[str] = None) -> "Execution":
        """The whole of it, ready to run in numbers of that dtype (float32 or float64).

        `function` is one of an ML Program with several; without a name it is the default one.

        Raises:
            UsageError: there is no such function.
        """
        raise NotImplementedError
