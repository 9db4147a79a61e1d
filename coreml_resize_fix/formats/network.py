"""The networks of a model as nodes that read and make blobs, whatever kind of model it is."""

from typing import NamedTuple, Sequence


class Node(NamedTuple):
    """A layer or an operation: its address, the names of what it reads and makes, and its kind.

    The kind is the format's own word (`reshape`, `reshapeStatic`).
    """

    address: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    kind: str = ""


class Network(NamedTuple):
    """One network in order of execution; `unreached` are inputs on which no output depends."""

    prefix: str
    nodes: Sequence[Node]
    inputs: Sequence[str]
    outputs: Sequence[str]
    unreached: Sequence[str]
