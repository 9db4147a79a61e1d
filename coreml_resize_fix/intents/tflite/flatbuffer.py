"""Read tables of a flatbuffer that may be hostile: every offset and length is checked.

Source of the format: the public description of FlatBuffers' binary form. A table begins with the
distance to its vtable, which has the place of each field, by slot; absent fields have a default.
Vectors may overlap, so that a small file could name millions of parts: all that is read is counted.
"""

import struct
from typing import List, Optional, Tuple

MOST_PARTS = 1 << 21  # entries of vectors, and 64 bytes of a text, in one file
_TEXT_PART = 64

_U16, _U32, _I32 = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<i")
_NUMBERS = {code: struct.Struct("<" + code) for code in "?bBiIQ"}


class DamagedError(Exception):
    """Says why the bytes are not a flatbuffer, as the end of a sentence."""


class _Buffer:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.left = MOST_PARTS

    def number(self, at: int, kind: struct.Struct) -> int:
        if not 0 <= at <= len(self.data) - kind.size:
            raise DamagedError(f"byte {at} is outside of it")
        value: int = kind.unpack_from(self.data, at)[0]
        return value

    def count(self, parts: int) -> None:
        self.left -= parts + 1
        if self.left < 0:
            raise DamagedError(f"it has more than {MOST_PARTS} parts")

    def target(self, at: int) -> int:
        return at + self.number(at, _U32)

    def vector(self, at: int, width: int) -> Tuple[int, int]:
        """Where the vector begins that is named at a place, and its length."""
        begin = self.target(at)
        length = self.number(begin, _U32)
        if length * width > len(self.data) - begin - _U32.size:
            raise DamagedError(f"the list at byte {begin} ends outside of it")
        return begin + _U32.size, length


class Table:
    """One table; fields are asked for by their slot, as the schema counts them from 0."""

    __slots__ = ("_at", "_buffer", "_size", "_slots", "_vtable")

    def __init__(self, buffer: _Buffer, at: int) -> None:
        buffer.count(0)
        self._buffer, self._at = buffer, at
        self._vtable = at - buffer.number(at, _I32)
        length = buffer.number(self._vtable, _U16)
        self._size = buffer.number(self._vtable + _U16.size, _U16)
        if self._vtable + length > len(buffer.data) or at + self._size > len(buffer.data):
            raise DamagedError(f"the table at byte {at} ends outside of it")
        self._slots = length // _U16.size - 2

    def _field(self, slot: int, width: int) -> Optional[int]:
        if slot >= self._slots:
            return None
        offset = self._buffer.number(self._vtable + (2 + slot) * _U16.size, _U16)
        if offset + width > self._size:
            raise DamagedError(f"a field of the table at byte {self._at} ends outside of it")
        return self._at + offset if offset else None

    def number(self, slot: int, code: str = "i") -> int:
        """A number or truth value; `code` is its type as `struct` has it. 0 if absent."""
        kind = _NUMBERS[code]
        at = self._field(slot, kind.size)
        return 0 if at is None else self._buffer.number(at, kind)

    def table(self, slot: int) -> Optional["Table"]:
        """A table; None if absent."""
        at = self._field(slot, _U32.size)
        return None if at is None else Table(self._buffer, self._buffer.target(at))

    def tables(self, slot: int) -> "Tables":
        """A list of tables, each read when it is asked for."""
        at = self._field(slot, _U32.size)
        return Tables(self._buffer, *((0, 0) if at is None else self._buffer.vector(at, 4)))

    def numbers(self, slot: int) -> Tuple[int, ...]:
        """A list of 32-bit numbers."""
        at = self._field(slot, _U32.size)
        if at is None:
            return ()
        begin, length = self._buffer.vector(at, 4)
        self._buffer.count(length)
        return struct.unpack_from(f"<{length}i", self._buffer.data, begin)

    def content(self, slot: int, most: int) -> Optional[bytes]:
        """A list of bytes; None if absent, or longer than `most`."""
        at = self._field(slot, _U32.size)
        if at is None:
            return None
        begin, length = self._buffer.vector(at, 1)
        if length > most:
            return None
        self._buffer.count(length // _TEXT_PART)
        return self._buffer.data[begin : begin + length]

    def text(self, slot: int) -> str:
        """A text; empty if absent."""
        data = self.content(slot, len(self._buffer.data)) or b""
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DamagedError("it has names that are not UTF-8 text") from error


class Tables:
    """A list of tables; making one is what is counted."""

    __slots__ = ("_begin", "_buffer", "_length")

    def __init__(self, buffer: _Buffer, begin: int, length: int) -> None:
        self._buffer, self._begin, self._length = buffer, begin, length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Table:
        if not 0 <= index < self._length:
            raise DamagedError(f"it names part {index} of {self._length}")
        return Table(self._buffer, self._buffer.target(self._begin + index * _U32.size))

    def all(self) -> List[Table]:
        """Every table of the list."""
        self._buffer.count(self._length)
        return [self[index] for index in range(self._length)]


def root(data: bytes) -> Table:
    """The table that a buffer begins with.

    Raises:
        DamagedError: from this and from whatever is read of the table.
    """
    buffer = _Buffer(data)
    return Table(buffer, buffer.target(0))
