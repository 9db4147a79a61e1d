"""The numbers of constants: from the model file, or from the weight file at an offset.

Sources: MIL.proto, and those of weight_file.py; numbers of less than 8 bits are packed from the
lowest bit of the first byte on.
"""

import os
from typing import Any, BinaryIO, Dict, List, Optional, Tuple

import numpy as np

from coreml_resize_fix.formats.mlprogram import weight_file
from coreml_resize_fix.formats.mlprogram.data_types import LETTERS
from coreml_resize_fix.formats.mlprogram.program import FileReference, Value
from coreml_resize_fix.formats.model_folder import ModelFolder
from coreml_resize_fix.verify.kernels import compressed
from coreml_resize_fix.verify.kernels.checks import EACH, KernelError, need_effort, need_room

_BITS: Dict[str, int] = {
    "UINT1": 1, "UINT2": 2, "UINT3": 3, "UINT4": 4, "UINT6": 6, "INT4": 4,
}  # fmt: skip


class Stored:
    """Constants of a program and of the files beside it; floating numbers become `dtype`."""

    def __init__(self, beside: Optional[ModelFolder], dtype: np.dtype) -> None:
        self._beside, self.dtype = beside, dtype

    def array(self, value: Value) -> np.ndarray:
        """The numbers of a constant in its shape; texts, and a list of scalars, in an array too.

        Raises:
            KernelError: it cannot be read.
        """
        if value.type is None and value.content is not None:
            return _listed(value.content)
        if value.type is None or value.type.dims is None or None in value.type.dims:
            raise KernelError("has a constant that is not a tensor")
        shape = tuple(int(size or 0) for size in value.type.dims)
        data_type = value.type.data_type
        need_room(shape)
        need_effort(EACH * _count(shape))
        if value.file is not None:
            found = self._from_file(value.file, data_type, shape)
        else:
            found = _from_message(value.content, data_type, shape)
        if found.size == 1 and shape and found.size != _count(shape):
            found = np.broadcast_to(found, shape)  # one element for all
        if found.size != _count(shape):
            raise KernelError(f"has a constant of {found.size} numbers for {list(shape)}")
        plain = np.asarray(found).reshape(shape)  # of a map of the file, too
        return plain.astype(self.dtype, copy=False) if plain.dtype.kind == "f" else plain

    def _from_file(
        self, place: FileReference, data_type: str, shape: Tuple[int, ...]
    ) -> np.ndarray:
        width = _width(data_type, _count(shape))
        with open(self._path(place.file_name), "rb") as file:
            start = _data_at(file, place.offset, width)
            if data_type in _BITS:
                file.seek(start)
                return _few_bits(file.read(width), data_type, _count(shape))
            # Pages are read when the numbers are used, and belong to the system's cache.
            kind = _known(data_type)
            return np.memmap(file, kind, "r", start, (_count(shape),))

    def _path(self, name: str) -> str:
        inner = weight_file.relative(name)
        if self._beside is None:
            raise KernelError(
                f"reads weights from `{inner}`, which a spec in memory does not have: pass the "
                "path of the package, or its MLModel"
            )
        inside, path = os.path.realpath(self._beside.folder), self._beside.path(inner)
        is_unfinished = inner in (self._beside.unfinished or {})
        if not is_unfinished and not os.path.realpath(path).startswith(inside + os.sep):
            raise KernelError(f"reads weights from `{name}`, outside of the package")
        return path


def _data_at(file: BinaryIO, offset: int, width: int) -> int:
    """Where the numbers of a blob begin; there are `width` bytes of them."""
    found = weight_file.describe(file, os.fstat(file.fileno()).st_size, offset)
    if isinstance(found, str):
        raise KernelError(f"reads weights from a file that {found}")
    _, held, start = found
    if held < width:
        raise KernelError(f"has {held} and not {width} bytes of weights at byte {offset}")
    return start


def _from_message(content: Any, data_type: str, shape: Tuple[int, ...]) -> np.ndarray:
    field = content.WhichOneof("value") if content is not None else None
    if field is None:
        return np.zeros(0, LETTERS.get(data_type))
    held = getattr(content, field).values
    if field == "strings":
        need_room((len(held), max(map(len, held), default=0)))
    if field != "bytes":
        return np.array(held, str if field == "strings" else LETTERS.get(data_type))
    if data_type in _BITS:
        return _few_bits(held, data_type, _count(shape))
    kind = _known(data_type)
    return np.frombuffer(held, kind, len(held) // kind.itemsize)


def _listed(content: Any) -> np.ndarray:
    """Labels, which are a list of scalars."""
    found: List[Any] = []
    for one in content.values:
        tensor = one.immediateValue.tensor
        field = tensor.WhichOneof("value")
        if field not in ("strings", "longInts", "ints") or len(getattr(tensor, field).values) != 1:
            raise KernelError("has a list of something else than texts or whole numbers")
        found.append(getattr(tensor, field).values[0])
    return np.array(found)


def _few_bits(data: bytes, data_type: str, count: int) -> np.ndarray:
    bits = _BITS[data_type]
    found = compressed.unpacked(data, bits, count)
    if data_type.startswith("U"):
        return found
    return (found.astype(np.int8) ^ (1 << bits - 1)) - (1 << bits - 1)


def _known(data_type: str) -> np.dtype:
    if data_type not in LETTERS:
        raise KernelError(f"has a constant of `{data_type}`, which is not known here")
    return np.dtype(f"<{LETTERS[data_type]}")


def _width(data_type: str, count: int) -> int:
    if data_type in _BITS:
        return -(-count * _BITS[data_type] // 8)
    return count * _known(data_type).itemsize


def _count(shape: Tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count
