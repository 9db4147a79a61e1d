"""The interface of a kind of Core ML model: `Model`, and the values that it takes and returns.

`formats/neuralnetwork/` and `formats/mlprogram/` implement it, `mixed_pipeline.py` for pipelines of
both. `auditing/`, `replacements/`, `verify/`, `report/` and `run/` use nothing else of a format.
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

Window = Tuple[int, int, int, int]  # first row, end of the rows, first column, end of the columns

NEURAL_NETWORK, ML_PROGRAM = "neural-network", "ml-program"


class Averaged(NamedTuple):
    """A blob that several layers assemble: each of its pixels is the mean of a window of another.

    `windows` are those of the pixels of `size`, (height, width), row by row.
    """

    channels: int
    size: Size
    windows: Tuple[Window, ...]


class Sums(NamedTuple):
    """The weights along one axis: each output pixel is a sum of `taps` weighted input pixels.

    `indices` and `weights` have a row for each output pixel, and are None where they are not in the
    model file. `rounding` is how far a stored weight may be from the exact one, as a share of it.
    """

    taps: int
    indices: Optional[Tuple[Tuple[int, ...], ...]]
    weights: Optional[Tuple[Tuple[float, ...], ...]]
    rounding: float


class Summed(NamedTuple):
    """A blob that several layers assemble: its pixels are weighted sums of those of another.

    `input_size` and `size` are (height, width) of the other and of this one.
    """

    channels: int
    input_size: Size
    size: Size
    rows: Sums
    columns: Sums


class DeclaredSize(NamedTuple):
    """The size that the file declares for the output `name` of the network at `prefix`.

    Inside of a pipeline it may be declared as an input of the next model, whose prefix is `reader`.
    """

    prefix: str
    name: str
    declared: Tuple[int, ...]
    is_image: bool
    reader: Optional[str]


class Change(NamedTuple):
    """A replacement for the resize at an address, and the specification version that it needs."""

    address: str
    op: ResizeOp
    spec_version: int


class Appended(NamedTuple):
    """Bytes that are added to a file beside the model file, such as its weight file.

    `name` is relative to the folder of the model file, with `/` between folders. `stamp` identifies
    the file as it was read; None if there is none yet.
    """

    name: str
    changes: Tuple[Patch, ...]
    stamp: Optional[Stamp]


class Plan(NamedTuple):
    """The edits of a model file, and the specification version that the file has after them.

    `appended` are the changes to other files of the package, from which the result reads more.
    """

    edits: Tuple[Edit, ...]
    spec_version: int
    appended: Tuple[Appended, ...] = ()


class Model:
    """A model file whose structure was read, without its weights.

    It has one network or several (a pipeline, functions of a program). Shapes are looked up by the
    prefix of a network, which its addresses begin with; layers and operations by their address.
    """

    label: str  # names the model in messages
    kind: str  # NEURAL_NETWORK or ML_PROGRAM
    spec_version: int  # of the outermost model
    source: Source  # the bytes that a plan edits
    outputs: Sequence[str]  # names of the outputs that the file declares
    networks: Sequence[Network]
    declared_sizes: Sequence[DeclaredSize]
    remarks: Sequence[str]  # notices to the user, whatever is asked
    converted_from: Optional[str] = None  # as its converter wrote it: `tensorflow==2.12.0`
    # Set before an audit: replacements in a network of float16 compute in float32.
    float32_replacements: bool = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({shortened(self.label)})"

    @property
    def is_of_tensorflow(self) -> bool:
        """Whether its converter says TensorFlow, of which models of Keras are made, too."""
        return (self.converted_from or "").lower().startswith("tensorflow")

    def lacks_weights(self, folder: Optional[str] = None) -> Optional[Tuple[str, str, str]]:
        """The first file beside the model file that lacks weights which the model reads, or None.

        Returns its name, what is wrong with it (the end of a sentence) and what to do. With
        `folder` the question is asked as if the model file were there.
        """
        return None

    def require_weights(self) -> None:
        """Refuse a model whose weights are not there: nothing could run it.

        Raises:
            ModelError: a file that it reads is not there, or ends too early.
        """
        found = self.lacks_weights()
        if found is not None:
            name, why, advice = found
            reads = f"`{self.label}` is an ML Program that reads its weights from `{name}`"
            raise ModelError(f"{reads}, which {why}", advice)

    def shapes(self, assumed: Overrides) -> Dict[str, ModelShapes]:
        """The shapes of all blobs, by network, if resizes made the sizes that are `assumed`.

        A resize that is not in `assumed` makes the size that its parameters say.
        """
        raise NotImplementedError

    def reaching(self, wanted: Mapping[str, SizePairs]) -> "Model":
        """The same model, whose shapes are evaluated at more sizes of its inputs.

        These are inputs with which resizes get and make the `wanted` sizes, by address.
        """
        return self

    def resizes(self, shapes: Mapping[str, ModelShapes]) -> List[ResizeLayer]:
        """Every resize in order of execution; a chain of several layers counts as one.

        Raises:
            ModelError: one has parameters that no reader of Core ML accepts.
        """
        raise NotImplementedError

    def poolings(self, shapes: Mapping[str, ModelShapes]) -> List[ResizeLayer]:
        """Every average pooling in order of execution: one may be a call of mode `area`."""
        return []

    def averaged(self) -> List[Averaged]:
        """Blobs that layers other than poolings assemble from means of windows."""
        return []

    def summed(self) -> List[Summed]:
        """Blobs that layers other than resizes assemble from weighted pixels, axis by axis."""
        return []

    def constants(self, dims: Tuple[int, ...]) -> Iterator[Tuple[str, bytes]]:
        """The stored arrays of that shape, but for leading axes of one.

        Each is the letter of its type ("e" float16, "f" float32) and its bytes.
        """
        return iter(())

    def conflicts(self, shapes: Mapping[str, ModelShapes]) -> Tuple[Conflict, ...]:
        """The shapes that do not fit at the default size of the inputs: the model cannot run."""
        raise NotImplementedError

    def usable(self, assumed: Overrides) -> Optional[UsableSizes]:
        """The sizes of its input at which the model runs; None if no input varies.

        `assumed` are sizes that resizes make, as in `shapes`.
        """
        return None

    def doubts(
        self, before: Mapping[str, ModelShapes], after: Mapping[str, ModelShapes]
    ) -> List[str]:
        """Sentences on operations that may not follow a change of sizes as PyTorch would."""
        return []

    def with_free_names(self, added: Mapping[str, ResizeOp]) -> Dict[str, ResizeOp]:
        """The chains, by the address of what they replace, with names that are free in the file."""
        return dict(added)

    def parts(self, addresses: Collection[str]) -> Set[str]:
        """The addresses of all layers or operations of the chains at these addresses."""
        return set(addresses)

    def allowed_version(self, target: Optional[int]) -> int:
        """The highest specification version that a result may have.

        `target` is the one of `--deployment-target`; None: what the file has, or a little more.

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
        """The edits that make the changes, and correct the sizes that the file declares.

        `before` and `after` are the shapes without and with the changes. Where the specification
        version of the file is above `allowed`, it becomes the lowest that the result needs.
        """
        raise NotImplementedError

    def execution(self, dtype: "np.dtype", function: Optional[str] = None) -> "Execution":
        """The model, ready to run on arrays in that dtype (float32 or float64).

        `function` is the name of one in an ML Program; None is its default function.

        Raises:
            UsageError: there is no such function.
        """
        raise NotImplementedError
