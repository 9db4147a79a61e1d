"""Find which operations read a value in a function, blocks inside operations included."""

from typing import Iterator, List, Optional

from coreml_resize_fix.formats.mlprogram.program import Block, Function, Operation
from coreml_resize_fix.formats.network import Network, Node, unreached


def network(prefix: str, function: Function) -> Network:
    """A function as a Network, with the prefix of its addresses."""
    found = nodes(function)
    inputs = [variable.name for variable in function.inputs]
    outputs = list(function.block.outputs)
    steps = [(node.inputs, node.outputs) for node in found]
    return Network(prefix, found, inputs, outputs, unreached(inputs, outputs, steps))


def nodes(function: Function) -> List[Node]:
    """Every operation but constants in order of execution; `unreached` follows them, too.

    One that holds blocks comes once before them, making what they get, and once after them, making
    what it gives.
    """
    return list(_nodes(function.block))


def _nodes(block: Block) -> Iterator[Node]:
    for operation in block.operations:
        if operation.kind == "const":
            continue
        read = list(operation.reads())
        if not operation.blocks:
            yield Node(operation.address, read, _made(operation), operation.kind)
            continue
        got = [one.name for inner in operation.blocks for one in inner.inputs]
        yield Node(operation.address, read, got)
        for inner in operation.blocks:
            yield from _nodes(inner)
        given = [name for inner in operation.blocks for name in inner.outputs]
        yield Node(operation.address, read + given, _made(operation))


def _made(operation: Operation) -> List[str]:
    return [variable.name for variable in operation.outputs]


_FIRST = ("x", "values", "y")


def read_in_order(operation: Operation) -> List[Optional[str]]:
    """The names that an operation reads, None for a value of its own: the image's first.

    Maps have no order; the shapes of what an operation reads are kept in this one.
    """
    names = [name for name in _FIRST if name in operation.inputs]
    names += sorted(set(operation.inputs) - set(names))
    given = (argument for name in names for argument in operation.inputs[name])
    return [argument if isinstance(argument, str) else None for argument in given]
