"""The file in which an ML Program keeps large constants: its header, and numbers added at its end.

Layout (little-endian; MILBlob's StorageFormat of coremltools): a header of 64 bytes, the number of
constants and the version; then for each constant 64 bytes that describe it, and its numbers. Both
begin at multiples of 64. A value of the program points to the description.

Nothing that is in a file moves: only the number of constants in its header changes.
"""

import os
import struct
from typing import BinaryIO, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from coreml_resize_fix.errors import reason
from coreml_resize_fix.formats.mlprogram import constants
from coreml_resize_fix.formats.mlprogram.program import (
    FileReference,
    Function,
    Program,
    Value,
    references_of,
)
from coreml_resize_fix.formats.model import Appended
from coreml_resize_fix.formats.model_folder import ModelFolder
from coreml_resize_fix.formats.protobuf.splice import Patch
from coreml_resize_fix.formats.protobuf.wire import Stamp, stamp

DEFAULT = "@model_path/weights/weight.bin"  # as coremltools calls it
_MODEL_FOLDER = "@model_path/"
_ALIGNMENT = 64
_VERSION = 2
_HEADER = struct.Struct("<II56x")  # number of constants, version
_COUNT = struct.Struct("<I")
_DESCRIPTION = struct.Struct("<IIQQQ32x")  # mark, code of the type, bytes, offset, unused bits
_MARK = 0xDEADBEEF
_WIDEST = 4  # bytes of a number


class _Kind(NamedTuple):
    code: int
    spec_version: int  # the first in which Core ML reads constants of this type from a file


# Codes: MILBlob's BlobDataType. Versions: `should_use_weight_file` of coremltools.
_KINDS: Dict[str, _Kind] = {
    "FLOAT16": _Kind(1, 6),
    "FLOAT32": _Kind(2, 6),
    "UINT8": _Kind(3, 6),
    "INT8": _Kind(4, 6),
    "INT16": _Kind(6, 9),
    "UINT16": _Kind(7, 9),
    "INT32": _Kind(14, 9),
    "UINT32": _Kind(15, 9),
}
_NAMES = {kind.code: name for name, kind in _KINDS.items()}


class Stored(NamedTuple):
    """Numbers to store: their type as the schema spells it, and their little-endian bytes."""

    data_type: str
    data: bytes


class WeightFile(NamedTuple):
    """A weight file as it was when it was looked at.

    `file_name` is what values of the program call it, `name` is relative to the folder of the model
    file; `size` is in bytes; `stamp` is None if it is to be made.
    """

    file_name: str
    name: str
    size: int = 0
    constants: int = 0
    stamp: Optional[Stamp] = None


def may_hold(data_type: str, spec_version: int) -> bool:
    """Whether Core ML reads constants of this type from a file; others stand in the model file."""
    kind = _KINDS.get(data_type)
    return kind is not None and kind.spec_version <= spec_version


def append(
    file: WeightFile, stored: Sequence[Stored], earlier: Optional[Appended] = None
) -> Tuple[Tuple[int, ...], Appended]:
    """Where values are to point to for each of these numbers, and what the file gains.

    `earlier` is what it gains already, which comes before.
    """
    count, before = file.constants + len(stored), earlier.changes[1:] if earlier else ()
    if earlier is not None:
        count = _COUNT.unpack(earlier.changes[0].data[: _COUNT.size])[0] + len(stored)
    if file.stamp is None:
        end, changes = _HEADER.size, [Patch(0, 0, _HEADER.pack(count, _VERSION)), *before]
    else:
        end, changes = file.size, [Patch(0, _COUNT.size, _COUNT.pack(count)), *before]
    end += sum(len(one.data) for one in before)
    offsets: List[int] = []
    for one in stored:
        at = end + -end % _ALIGNMENT
        start = at + _DESCRIPTION.size
        head = _DESCRIPTION.pack(_MARK, _KINDS[one.data_type].code, len(one.data), start, 0)
        # Pieces that are not put together: there may be hundreds of megabytes of them.
        changes.append(Patch(file.size, file.size, bytes(at - end) + head))
        changes.append(Patch(file.size, file.size, one.data))
        offsets.append(at)
        end = start + len(one.data)
    return tuple(offsets), Appended(file.name, tuple(changes), file.stamp)


class Storage(NamedTuple):
    """Where the values of some numbers are to point to, in their order, and what files gain."""

    places: Tuple[FileReference, ...]
    appended: Tuple[Appended, ...]


def store(
    program: Program, beside: Optional[ModelFolder], wanted: Sequence[Tuple[Function, Stored]]
) -> Union[Storage, str]:
    """Room for numbers of functions, equal ones once, or why there is none, in a sentence.

    Files are looked at and not changed: that is for who carries out what they gain.
    """
    if beside is None:
        return "there is no folder for a weight file: the model is in memory alone"
    files: Dict[str, WeightFile] = {}
    new: Dict[str, Dict[Stored, int]] = {}
    keys: List[Tuple[str, Stored]] = []
    for function, stored in wanted:
        file = choose(program, function, beside)
        if isinstance(file, str):
            return file
        files[file.name] = file
        there = new.setdefault(file.name, {})
        there.setdefault(stored, len(there))
        keys.append((file.name, stored))
    gained = beside.gained or {}
    made = {name: append(files[name], list(there), gained.get(name)) for name, there in new.items()}
    return Storage(
        tuple(
            FileReference(files[name].file_name, made[name][0][new[name][stored]])
            for name, stored in keys
        ),
        tuple(appended for _, appended in made.values()),
    )


def choose(program: Program, function: Function, beside: ModelFolder) -> Union[WeightFile, str]:
    """The file that a function's new numbers go to, or why there is none, in a sentence.

    It is the one that the function's other values are in, or those of other functions; a program
    without any gets one by the name that coremltools gives it.
    """
    used = [*references_of(function)]
    used += [one for other in program.functions for one in references_of(other)]
    named = [one.file_name for one in used]
    file_name = DEFAULT if DEFAULT in named or not named else named[0]
    return look(file_name, beside, [one for one in used if one.file_name == file_name])


def look(
    file_name: str, beside: ModelFolder, references: Sequence[FileReference] = ()
) -> Union[WeightFile, str]:
    """A weight file, or why numbers cannot be added to it; `references` are all that it holds.

    Its header and the descriptions of these constants are read, and nothing else.
    """
    name = relative(file_name)
    if leaves_folder(file_name):
        return f"its weights `{file_name}` are outside of the folder of the model"
    path = beside.path(name)
    if not os.path.lexists(path):
        if references:
            return f"its weight file `{name}` is missing"
        return WeightFile(file_name, name)
    try:
        with open(path, "rb", buffering=0) as file:
            there = stamp(file.fileno())
            if there.size < _HEADER.size:
                return f"its weight file `{name}` ends inside of its header"
            count, version = _HEADER.unpack(_exactly(file, _HEADER.size))
            if version != _VERSION:
                return f"its weight file `{name}` is of version {version}, and {_VERSION} is known"
            for offset in sorted({one.offset for one in references}):
                found = describe(file, there.size, offset)
                if isinstance(found, str):
                    return f"its weight file `{name}` {found}"
    except (OSError, EOFError) as error:
        return f"its weight file `{name}` cannot be read: {_reason(error)}"
    return WeightFile(file_name, name, there.size, count, there)


def read(path: str, offset: int, most: Optional[int] = None) -> Union[Stored, str]:
    """The numbers that a value points to, or why they cannot be read, in a sentence.

    `most` is how many there may be at most.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            found = describe(file, os.fstat(file.fileno()).st_size, offset)
            if isinstance(found, str):
                return f"the weight file {found}"
            code, size, start = found
            if code not in _NAMES:
                return f"the weight file has numbers of type {code} at byte {offset}"
            if most is not None and size > most * _WIDEST:
                return f"the weight file has {size} bytes of numbers at byte {offset}"
            file.seek(start)
            return Stored(_NAMES[code], _exactly(file, size))
    except (OSError, EOFError) as error:
        return f"the weight file cannot be read: {_reason(error)}"


def held(
    beside: Optional[ModelFolder], value: Value, most: Optional[int] = None
) -> Optional[Stored]:
    """What a value in a weight file of the package holds; None: elsewhere, or unreadable.

    `most` is how many numbers there may be at most.
    """
    if beside is None or value.file is None or leaves_folder(value.file.file_name):
        return None
    path = beside.path(relative(value.file.file_name))
    found = read(path, value.file.offset, most) if os.path.isfile(path) else ""
    return None if isinstance(found, str) else found


def numbers(beside: ModelFolder, value: Value, most: int) -> Optional[constants.Elements]:
    """The elements of a value that lies in a weight file; None: more than `most`, or unreadable."""
    dims = value.type.dims if value.type is not None else None
    if value.file is None or dims is None or None in dims:
        return None
    count = 1
    for size in dims:
        count *= size or 0
    found = held(beside, value, most) if count <= most else None
    return None if found is None else constants.unpacked(found.data_type, found.data, most)


def leaves_folder(file_name: str) -> bool:
    """Whether what a value calls a file may lie outside of the folder of the model file."""
    name = relative(file_name)
    return os.path.isabs(name) or os.pardir in name.replace("\\", "/").split("/")


def relative(file_name: str) -> str:
    """What a value calls a file → its name in the folder of the model file."""
    in_folder = file_name.startswith(_MODEL_FOLDER)
    return file_name[len(_MODEL_FOLDER) :] if in_folder else file_name


def describe(file: BinaryIO, size: int, offset: int) -> Union[Tuple[int, int, int], str]:
    """Code, bytes and place of a constant, or what is wrong with it as the end of a sentence."""
    if offset + _DESCRIPTION.size > size:
        return f"ends before byte {offset}, where the model has a constant"
    file.seek(offset)
    mark, code, count, start, _ = _DESCRIPTION.unpack(_exactly(file, _DESCRIPTION.size))
    if mark != _MARK:
        return f"has no constant at byte {offset}, where the model has one"
    if start + count > size:
        return f"ends inside of the constant at byte {offset}"
    return code, count, start


def _exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    while len(data) < count:
        more = file.read(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _reason(error: Exception) -> str:
    return reason(error) if isinstance(error, OSError) else "it became shorter"
