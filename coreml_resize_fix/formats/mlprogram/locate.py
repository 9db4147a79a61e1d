"""Find the bytes of an operation in the file; only the messages around it are walked.

The official classes have understood the program; here its messages are counted in the same order.
"""

from typing import Dict, Iterable, List, NamedTuple, Tuple

from coreml_resize_fix.errors import ModelError
from coreml_resize_fix.formats.mlprogram.program import Block, Function, Program
from coreml_resize_fix.formats.protobuf import wire
from coreml_resize_fix.formats.protobuf.skeleton import Node
from coreml_resize_fix.formats.protobuf.wire import Field, Source

# Field numbers, from Apple's Model.proto and MIL.proto.
VERSION, DESCRIPTION, ML_PROGRAM = 1, 2, 502  # Model
FUNCTIONS = 2  # Program
OPSET, SPECIALIZATIONS = 2, 3  # Function
BLOCK_INPUTS, OPERATIONS = 1, 3  # Block
KIND, INPUTS, OUTPUTS, BLOCKS, ATTRIBUTES = 1, 2, 3, 4, 5  # Operation
KEY, VALUE = 1, 2  # an entry of any map

Path = Tuple[Node, ...]


class Place(NamedTuple):
    """A message in the file, and those that enclose it, outermost first."""

    node: Node
    path: Path

    @property
    def inside(self) -> Path:
        """What encloses the message's own fields."""
        return self.path + (self.node,)

    @property
    def field(self) -> Field:
        assert self.node.field is not None
        return self.node.field

    def fields(self, source: Source, number: int) -> List[Field]:
        """Every occurrence of one field of the message, in the order of the file."""
        content = wire.fields(source, self.node.start, self.node.end)
        return [field for field in content if field.number == number]

    def below(self, field: Field) -> "Place":
        """The message in one of its fields."""
        if field.wire_type != wire.LENGTH:
            raise _damaged(f"byte {field.tag_at} holds a number where a message belongs")
        return Place(Node("", field, field.start, field.end, {}, None), self.inside)

    def all(self, source: Source, number: int) -> List["Place"]:
        """The messages in one repeated field."""
        return [self.below(field) for field in self.fields(source, number)]

    def only(self, source: Source, number: int) -> "Place":
        """The one message in a field that may occur once."""
        found = self.all(source, number)
        if len(found) != 1:
            # A reader would merge two of them, and an edit of one would be an edit of half.
            where = f"the message at byte {self.node.start}"
            raise _damaged(f"{where} does not hold one field {number}")
        return found[0]

    def entry(self, source: Source, number: int, key: str) -> "Place":
        """The entry of one key in a map."""
        found = [place for place in self.all(source, number) if text_of(source, place) == key]
        if len(found) != 1:
            raise _damaged(f"`{key}` is not the key of one entry")
        return found[0]


def whole(source: Source) -> Place:
    """The Model message that is a file of its own."""
    return Place(Node("Model", None, 0, source.size, {}, None), ())


def function(source: Source, model: Place, name: str) -> Place:
    """One function of the program in a Model message.

    Raises:
        ModelError: it is not there, or there twice.
    """
    program = model.only(source, ML_PROGRAM)
    return program.entry(source, FUNCTIONS, name).only(source, VALUE)


def block(source: Source, place: Place, opset: str) -> Place:
    """The block of a function that is for this opset."""
    return place.entry(source, SPECIALIZATIONS, opset).only(source, VALUE)


def operations(
    source: Source, model: Place, program: Program, addresses: Iterable[str]
) -> Dict[str, Place]:
    """Where the operations of these addresses lie.

    Raises:
        ModelError: the file does not hold what was read from it.
    """
    wanted = set(addresses)
    found: Dict[str, Place] = {}
    for one in program.functions:
        if any(_is_below(address, program.prefix + one.name) for address in wanted):
            outer = block(source, function(source, model, one.name), one.opset)
            _search(source, outer, one.block, wanted, found)
    return found


def _search(
    source: Source, place: Place, content: Block, wanted: Iterable[str], found: Dict[str, Place]
) -> None:
    held = place.all(source, OPERATIONS)
    for operation, inner in zip(content.operations, held):
        if operation.address in wanted:
            found[operation.address] = inner
        if operation.blocks and any(_is_below(one, operation.address) for one in wanted):
            for one, below in zip(operation.blocks, inner.all(source, BLOCKS)):
                _search(source, below, one, wanted, found)


def _is_below(address: str, above: str) -> bool:
    return address.startswith((above + "/", above + "."))


def text_of(source: Source, entry: Place, number: int = KEY) -> str:
    """The string in a field that may occur once, such as the key of a map's entry."""
    fields = entry.fields(source, number)
    if not fields:
        return ""
    return source.read(fields[-1].start, fields[-1].end).decode("utf-8", "replace")


def _damaged(message: str) -> ModelError:
    return ModelError(message, "the program is damaged; convert the model again")


def function_of(program: Program, address: str) -> Function:
    """The function that an address leads into."""
    return next(one for one in program.functions if _is_below(address, program.prefix + one.name))
