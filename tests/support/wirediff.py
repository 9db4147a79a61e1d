"""Where two messages differ, byte for byte: written from the Protocol Buffers encoding guide alone.

Shares no code with the package: it reads whole messages from memory, and knows no schema.
"""

from typing import FrozenSet, List, NamedTuple, Optional, Tuple

Path = Tuple[Tuple[int, int], ...]  # (field number, occurrence of that number), outermost first


class Piece(NamedTuple):
    """One field; `length` is its length prefix, which only messages, strings and bytes have."""

    number: int
    occurrence: int
    tag: bytes
    length: bytes
    content: bytes

    @property
    def raw(self) -> bytes:
        return self.tag + self.length + self.content


class Change(NamedTuple):
    """One field that differs; None where a file does not have it."""

    path: Path
    old: Optional[bytes]
    new: Optional[bytes]


def varint(data: bytes, at: int) -> Tuple[int, int]:
    """The number that begins at `at`, and where it ends."""
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        if data[at] < 128:
            return value, at + 1
        at, shift = at + 1, shift + 7


def encoded(value: int) -> bytes:
    """A number as a varint."""
    more, last = value >> 7, value & 127
    return bytes([last]) if not more else bytes([last | 128]) + encoded(more)


def field(number: int, content: bytes, wire_type: int = 2) -> bytes:
    """A field with this content, which gets a length prefix if its wire type has one."""
    prefix = encoded(len(content)) if wire_type == 2 else b""
    return encoded(number * 8 + wire_type) + prefix + content


def pieces(data: bytes) -> List[Piece]:
    """The fields of a message, which must fill it exactly."""
    found: List[Piece] = []
    at = 0
    while at < len(data):
        tag, value_at = varint(data, at)
        number, wire_type = tag // 8, tag % 8
        start = value_at
        if wire_type == 0:
            _, end = varint(data, value_at)
        elif wire_type == 2:
            length, start = varint(data, value_at)
            end = start + length
        else:
            end = start + {1: 8, 5: 4}[wire_type]
        assert end <= len(data), "a field ends behind the message"
        occurrence = sum(1 for piece in found if piece.number == number)
        head = data[at:value_at], data[value_at:start]
        found.append(Piece(number, occurrence, head[0], head[1], data[start:end]))
        at = end
    return found


def changes(old: bytes, new: bytes, inside: FrozenSet[Path], path: Path = ()) -> List[Change]:
    """Fields that differ. Only messages in `inside` are opened; all others differ as a whole.

    The length prefix of an opened message may differ from the old one only if its content's
    length does.
    """
    before, after = pieces(old), pieces(new)
    while before and after and before[-1].raw == after[-1].raw:
        before, after = before[:-1], after[:-1]
    while before and after and before[0].raw == after[0].raw:
        before, after = before[1:], after[1:]
    if len(before) != len(after):
        return [Change(_step(path, p), p.raw, None) for p in before] + [
            Change(_step(path, p), None, p.raw) for p in after
        ]
    found: List[Change] = []
    for one, other in zip(before, after):
        if one.raw == other.raw:
            continue
        below = _step(path, one)
        prefix_fits = one.length == other.length or len(one.content) != len(other.content)
        if below in inside and one.length and one.tag == other.tag and prefix_fits:
            found += changes(one.content, other.content, inside, below)
        else:
            found.append(Change(below, one.raw, other.raw))
    return found


def opened(paths: List[Path]) -> FrozenSet[Path]:
    """Every message that encloses one of these fields."""
    return frozenset(path[:depth] for path in paths for depth in range(1, len(path)))


def _step(path: Path, piece: Piece) -> Path:
    return path + ((piece.number, piece.occurrence),)
