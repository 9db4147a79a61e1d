"""Edits → a new file in which every other byte is the same.

An edit replaces a byte range. The length prefixes of the messages around it follow, each in the
space of its own tag; nothing is parsed and serialized again, so unknown fields, map order and
weights survive as they are.
"""

from typing import (
    BinaryIO,
    Callable,
    Dict,
    Iterable,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from coreml_resize_fix.errors import OutputError, reason
from coreml_resize_fix.formats.protobuf import wire
from coreml_resize_fix.formats.protobuf.skeleton import Node

# Apple's reader refuses messages of 2 GiB and more, and protobuf cannot write them.
LARGEST = 2**31 - 1
_BLOCK = 256 * 1024


class Edit(NamedTuple):
    """Replace the bytes [start, end) by `data`; `path` encloses them, outermost message first."""

    start: int
    end: int
    data: bytes
    path: Tuple[Node, ...]


class Patch(NamedTuple):
    """A byte range and what replaces it, length prefixes included."""

    start: int
    end: int
    data: bytes


def patches(edits: Sequence[Edit]) -> List[Patch]:
    """The edits and the length prefixes that they change, in file order.

    Raises:
        ValueError: two edits overlap.
    """
    result = [Patch(edit.start, edit.end, edit.data) for edit in edits]
    growth: Dict[Tuple[int, int], int] = {}
    nodes: Dict[Tuple[int, int], Node] = {}
    above: Dict[Tuple[int, int], List[Tuple[int, int]]] = {}
    for edit in edits:
        spans: List[Tuple[int, int]] = []
        for node in edit.path:
            if node.field is not None:
                span = (node.field.value_at, node.end)
                nodes[span] = node
                above.setdefault(span, list(spans))
                spans.append(span)
                growth[span] = growth.get(span, 0) + len(edit.data) - (edit.end - edit.start)
    # Innermost first: a prefix that gets longer makes every message around it longer too.
    for span in sorted(nodes, key=lambda item: item[1] - item[0]):
        if growth[span] == 0:
            continue
        value_at, start = span[0], nodes[span].start
        prefix = wire.encode_varint(nodes[span].end - start + growth[span])
        result.append(Patch(value_at, start, prefix))
        for outer in above[span]:
            growth[outer] += len(prefix) - (start - value_at)
    # Insertions at one place stay in the order of the edits.
    result.sort(key=lambda patch: (patch.start, patch.end))
    for before, after in zip(result, result[1:]):
        if before.end > after.start:
            raise ValueError(f"edits overlap at byte {after.start}")
    return result


def grown(size: int, changes: Iterable[Patch]) -> int:
    """Bytes of a file of `size` bytes after the changes."""
    return size + sum(len(patch.data) - (patch.end - patch.start) for patch in changes)


def size_after(size: int, changes: Iterable[Patch]) -> int:
    """Bytes of the result, checked against what a reader accepts.

    Raises:
        OutputError: the result would be too large for any reader.
    """
    result = grown(size, changes)
    if result > LARGEST:
        raise OutputError(
            f"the result would have {result} bytes, and Core ML reads at most {LARGEST}",
            "quantize the weights first, for example to float16",
        )
    return result


def write(
    source: BinaryIO,
    size: int,
    target: BinaryIO,
    changes: Sequence[Patch],
    seen: Callable[[bytes], None] = lambda block: None,
) -> None:
    """Copy `source`, of `size` bytes, with the changes; `seen` gets every block that was read.

    Raises:
        OutputError: the source ended before that.
    """
    source.seek(0)
    at = 0
    for patch in changes:
        _copy(source, patch.start - at, target, seen)
        _copy(source, patch.end - patch.start, None, seen)
        target.write(patch.data)
        at = patch.end
    _copy(source, size - at, target, seen)


def _copy(
    source: BinaryIO, count: int, target: Optional[BinaryIO], seen: Callable[[bytes], None]
) -> None:
    """Read so many bytes, and write them to the target if there is one."""
    left = count
    while left:
        try:
            block = source.read(min(left, _BLOCK))
        except OSError as error:
            raise OutputError(
                f"the model cannot be read any more: {reason(error)}",
                "nothing was written; check the disk, or copy the model to another one",
            ) from error
        if not block:
            raise OutputError(
                "the model became shorter while it was read", "run again when nothing writes to it"
            )
        seen(block)
        if target is not None:
            target.write(block)
        left -= len(block)
