"""An ML Program as plain values: functions → blocks → operations, the weights left in their file.

Addresses: `main/ops[12]` is the operation number 12 of the function `main`, const operations
counted; `main/ops[7].blocks[1]/ops[3]` is one of the second block inside operation 7.
"""

from typing import Any, Dict, Iterator, NamedTuple, Optional, Tuple, Union

from coreml_resize_fix.formats.inference.inputs import Samples
from coreml_resize_fix.formats.shapes import Dims

ROUNDS = 3  # of a loop that are looked at, until its sizes are known or taken for open


class TensorType(NamedTuple):
    """`data_type` as the schema spells it (FLOAT16, INT32, STRING, …).

    `dims` is () for a scalar, holds None where a dimension varies, and is None where even the
    rank does.
    """

    data_type: str
    dims: Optional[Dims]


class FileReference(NamedTuple):
    """Where a value lies outside of the model file: never opened to read the structure."""

    file_name: str
    offset: int


class Value(NamedTuple):
    """A constant; `type` is None if it is not a tensor. See `constants` for what is in it.

    `content` is the schema's TensorValue of a value that lies in the model file (its ListValue, of
    no tensor), `file` says where another one lies.
    """

    type: Optional[TensorType]
    content: Any = None
    file: Optional[FileReference] = None


#: What an operation's parameter is bound to: the name of a value, or a value itself.
Argument = Union[str, Value]


class Variable(NamedTuple):
    """What a function or block gets, or an operation makes; `type` is None if not a tensor."""

    name: str
    type: Optional[TensorType]


class Operation(NamedTuple):
    """`kind` is its type; `name` its own name, else that of its first output.

    Converters before coremltools 7 name no operation but constants.
    """

    address: str
    kind: str
    name: str
    inputs: Dict[str, Tuple[Argument, ...]]
    outputs: Tuple[Variable, ...]
    blocks: Tuple["Block", ...]
    attributes: Dict[str, Value]

    def reads(self) -> Iterator[str]:
        """The names that its parameters are bound to, without what its blocks read: `x` first."""
        for name in sorted(self.inputs, key=lambda name: name != "x"):
            for argument in self.inputs[name]:
                if isinstance(argument, str):
                    yield argument


class Block(NamedTuple):
    """`outputs` are names: of what its operations make, or of what is visible around it."""

    inputs: Tuple[Variable, ...]
    outputs: Tuple[str, ...]
    operations: Tuple[Operation, ...]


class Function(NamedTuple):
    """One function; `block` is the specialization for `opset`, the only one that runs.

    `specializations` are the opsets of all its blocks, and `unlike` are those whose block holds
    other operations, each with the address of the first of them. `samples` are the shapes of its
    inputs at every size to look at (see `formats.inference.inputs`).
    """

    name: str
    opset: str
    inputs: Tuple[Variable, ...]
    block: Block
    specializations: Tuple[str, ...]
    samples: Samples
    unlike: Tuple[Tuple[str, str], ...] = ()


class Program(NamedTuple):
    """The functions of a model in the order of their names, `main` first.

    `prefix` is put before every address ("pipeline[1]/" in a pipeline).
    """

    prefix: str
    spec_version: int
    functions: Tuple[Function, ...]


def file_references(program: Program) -> Iterator[FileReference]:
    """Where every value lies that is not in the model file, in the order of the operations."""
    for function in program.functions:
        yield from references_of(function)


def references_of(function: Function) -> Iterator[FileReference]:
    """The same of one function."""
    for operation in operations(function.block):
        bound = [one for given in operation.inputs.values() for one in given]
        for value in [*operation.attributes.values(), *bound]:
            if isinstance(value, Value) and value.file is not None:
                yield value.file


def operations(block: Block) -> Iterator[Operation]:
    """Every operation in a block and in the blocks inside it, in the order of the file."""
    for operation in block.operations:
        yield operation
        for inner in operation.blocks:
            yield from operations(inner)
