"""A serialized message as a tree that can be cut up and put together wrongly.

Written from the Protocol Buffers encoding guide alone, without a schema: content that parses as a
message is taken for one, so that ONNX files and Core ML models are read alike.
"""

import random
from typing import Iterator, List, Optional, Tuple, Union

VARINT, FIXED64, LENGTH, GROUP_START, GROUP_END, FIXED32 = range(6)
_WIDTH = {FIXED64: 8, FIXED32: 4}
_DEEPEST = 12


class Node:
    """A field. `value` is a number (varint), bytes, or the list of fields of a message.

    `excess` is added to the length prefix, and `padding` lengthens the varints: both are zero in
    what a writer makes.
    """

    def __init__(self, number: int, kind: int, value: "Value") -> None:
        self.number, self.kind, self.value = number, kind, value
        self.excess = self.padding = 0

    def copy(self) -> "Node":
        """The same field with everything below it."""
        value = [node.copy() for node in self.value] if isinstance(self.value, list) else self.value
        made = Node(self.number, self.kind, value)
        made.excess, made.padding = self.excess, self.padding
        return made


Value = Union[int, bytes, List[Node]]


def varint(value: int, padding: int = 0) -> bytes:
    """A number as a varint, with so many bytes more than it needs."""
    value &= (1 << 70) - 1
    out = bytearray()
    while value > 0x7F or padding > 0:
        padding -= value <= 0x7F
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read(data: bytes, depth: int = 0) -> Optional[List[Node]]:
    """The fields of a message, or None if the bytes are none."""
    nodes: List[Node] = []
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if at < 0 or number == 0:
            return None
        if kind == VARINT:
            value, at = _varint(data, at)
            if at < 0:
                return None
            nodes.append(Node(number, kind, value))
            continue
        if kind == LENGTH:
            width, at = _varint(data, at)
        elif kind in _WIDTH:
            width = _WIDTH[kind]
        else:
            return None
        if at < 0 or at + width > len(data):
            return None
        nodes.append(Node(number, kind, _content(data[at : at + width], kind, depth)))
        at += width
    return nodes


def _content(data: bytes, kind: int, depth: int) -> Value:
    if kind != LENGTH or depth > _DEEPEST or (data.isalnum() and len(data) > 1):
        return data
    inner = read(data, depth + 1) if data else None
    return data if inner is None else inner


def _varint(data: bytes, at: int) -> Tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at
    return 0, -1


def written(nodes: List[Node]) -> bytes:
    """The bytes of a message, wrong as its nodes are."""
    out = bytearray()
    for node in nodes:
        out += varint(node.number << 3 | node.kind, node.padding)
        if isinstance(node.value, int):
            out += varint(node.value, node.padding)
            continue
        content = written(node.value) if isinstance(node.value, list) else node.value
        if node.kind == LENGTH:
            out += varint(max(len(content) + node.excess, 0), node.padding)
        out += content
    return bytes(out)


def written_otherwise(nodes: List[Node], rng: random.Random) -> bytes:
    """The same message as another writer may put it: fields in another order, longer varints."""
    rng.shuffle(nodes)
    for node in nodes:
        node.padding = rng.randrange(3)
        for inner in node.value if isinstance(node.value, list) else ():
            inner.padding = rng.randrange(3)
    return written(nodes)


def walk(nodes: List[Node]) -> Iterator[Tuple[List[Node], int]]:
    """Every field: the list that it is in, and its place there."""
    for index, node in enumerate(list(nodes)):
        yield nodes, index
        if isinstance(node.value, list):
            yield from walk(node.value)
