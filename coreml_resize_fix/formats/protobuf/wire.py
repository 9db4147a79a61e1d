"""Protocol Buffers wire format: just enough to find where a field begins and ends.

Source of the format: the public Protocol Buffers encoding guide (varints, tags, wire types).
"""

import os
from contextlib import suppress
from typing import BinaryIO, Iterator, NamedTuple, Optional, Tuple, Union

from coreml_resize_fix.errors import ModelError, reason

VARINT, FIXED64, LENGTH, GROUP_START, GROUP_END, FIXED32 = range(6)

_FIXED_WIDTH = {FIXED64: 8, FIXED32: 4}
_WINDOW = 512
_LONGEST_VARINT = 10


class Stamp(NamedTuple):
    """A file as it was when it was opened: device, inode, bytes, nanoseconds."""

    device: int
    inode: int
    size: int
    modified: int


class Field(NamedTuple):
    """One field occurrence; offsets are bytes from the beginning of the source."""

    number: int
    wire_type: int
    tag_at: int
    value_at: int  # after the tag: a length prefix begins here if there is one
    start: int  # first byte of the content
    end: int


def stamp(file: Union[int, str]) -> Stamp:
    """What changes when somebody writes to a file, or puts another one in its place.

    `file` is a path, or the number of an open file.
    """
    found = os.stat(file)
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


class Source:
    """Random access to a file or to bytes, reading no more than is asked for.

    A memory map would pull the whole file in through readahead, weights included, so small
    windows are read instead. `bytes_read` counts what left the file.
    """

    def __init__(self, source: Union[BinaryIO, bytes]) -> None:
        self._data: Optional[bytes] = None
        self._file: Optional[BinaryIO] = None
        self._window_at = 0
        self._window = b""
        self.bytes_read = 0
        self.stamp: Optional[Stamp] = None  # of a file
        if isinstance(source, bytes):
            self._data = source
            self.size = len(source)
            return
        self._file = source
        self.stamp = stamp(source.fileno())
        self.size = self.stamp.size
        if hasattr(os, "posix_fadvise"):
            with suppress(OSError):  # advice, no more
                os.posix_fadvise(source.fileno(), 0, 0, os.POSIX_FADV_RANDOM)

    def read(self, start: int, end: int) -> bytes:
        """The bytes of [start, end); shorter only where the source ends."""
        if self._data is not None:
            return self._data[start:end]
        inside = start - self._window_at
        if inside >= 0 and end <= self._window_at + len(self._window):
            return self._window[inside : inside + end - start]
        return self._fetch(start, end - start)

    def window(self, at: int, want: int) -> Tuple[bytes, int]:
        """Cached bytes, and where in them `at` is; at least `want` follow (fewer at the end)."""
        if self._data is not None:
            return self._data, at
        inside = at - self._window_at
        if inside < 0 or inside + want > len(self._window):
            self._window = self._fetch(at, max(want, _WINDOW))
            self._window_at = at
            inside = 0
        return self._window, inside

    def _fetch(self, at: int, count: int) -> bytes:
        assert self._file is not None
        try:
            self._file.seek(at)
            data = self._file.read(count)
        except OSError as error:
            raise ModelError(
                f"byte {at} cannot be read: {reason(error)}",
                "check the disk, or copy the model to another one",
            ) from error
        self.bytes_read += len(data)
        return data


def encode_varint(value: int) -> bytes:
    """The shortest encoding of a non-negative integer."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_field(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return encode_varint(number << 3 | LENGTH) + encode_varint(len(content)) + content


def read_varint(source: Source, at: int) -> Tuple[int, int]:
    """The value at `at` and the offset behind it."""
    window, inside = source.window(at, _LONGEST_VARINT)
    if inside < len(window) and window[inside] < 0x80:  # nearly every number is that small
        return window[inside], at + 1
    value = 0
    for index, byte in enumerate(window[inside : inside + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise ModelError(f"byte {at} does not begin a valid number")


def fields(source: Source, start: int, end: int) -> Iterator[Field]:
    """Walk the fields of the message in [start, end), weights unread.

    Raises:
        ModelError: the bytes are not a message, or one that uses groups (no Core ML writer does).
    """
    at = start
    while at < end:
        tag, value_at = read_varint(source, at)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == VARINT:
            _, stop = read_varint(source, value_at)
            begin = value_at
        elif wire_type == LENGTH:
            length, begin = read_varint(source, value_at)
            stop = begin + length
        elif wire_type in _FIXED_WIDTH:
            begin, stop = value_at, value_at + _FIXED_WIDTH[wire_type]
        else:
            raise ModelError(f"byte {at} uses wire type {wire_type}, which no model has")
        if number == 0:
            raise ModelError(f"byte {at} holds a field of number 0")
        if stop > end:
            raise ModelError(
                f"the field at byte {at} ends at byte {stop}, past its end at byte {end}"
            )
        yield Field(number, wire_type, at, value_at, begin, stop)
        at = stop
