"""Read the constants of a program: numbers and texts that lie in the model file itself.

Source: MIL.proto and the writer of coremltools: float32 lies in `floats`, int32 and int16 in
`ints`; types that Protocol Buffers do not have (float16, 8 and 16 bits, uint32) are packed in
`bytes`, little-endian.
"""

import struct
from typing import Any, List, Optional, Tuple, Union

from coreml_resize_fix.formats.mlprogram.data_types import LETTERS
from coreml_resize_fix.formats.mlprogram.program import Value

Number = Union[int, float, bool]
Elements = Tuple[Union[Number, str], ...]

# Parameters that say how large something is have a handful of elements.
LONGEST = 1024


def elements(value: Value, most: int = LONGEST) -> Optional[Elements]:
    """All elements in order; None in another file, packed below a byte, too many, or no tensor.

    A tensor may hold one element for all: Core ML's writers do not, and it is not spread here.
    """
    if value.content is None or value.type is None:
        return None
    field = value.content.WhichOneof("value")
    if field is None:
        return ()
    held: Any = getattr(value.content, field).values
    if field == "bytes":
        return unpacked(value.type.data_type, held, most)
    return tuple(held) if len(held) <= most else None


def unpacked(data_type: str, data: bytes, most: int = LONGEST) -> Optional[Elements]:
    """The elements that lie packed in these bytes, or None: packed below a byte, or too many."""
    code = LETTERS.get(data_type)
    if code is None:
        return None
    width = struct.calcsize(f"<{code}")
    if len(data) % width or len(data) // width > most:
        return None
    return struct.unpack(f"<{len(data) // width}{code}", data)


def packed(value: Value) -> Optional[bytes]:
    """The numbers of a value as they would lie in another file; None if it holds other things."""
    field = value.content.WhichOneof("value") if value.content is not None else None
    if field is None or value.type is None:
        return None
    held: Any = getattr(value.content, field).values
    if field == "bytes":
        return bytes(held)
    code = LETTERS.get(value.type.data_type)
    try:
        return struct.pack(f"<{len(held)}{code}", *held) if code else None
    except (struct.error, TypeError):  # they are no numbers of that type
        return None


def numbers(value: Value) -> Optional[Tuple[Number, ...]]:
    """The elements of a tensor of numbers or truth values."""
    found = elements(value)
    if found is None:
        return None
    result: List[Number] = [item for item in found if not isinstance(item, str)]
    return tuple(result) if len(result) == len(found) else None


def text(value: Value) -> Optional[str]:
    """The one string that a value holds."""
    found = elements(value)
    if found is None or len(found) != 1 or not isinstance(found[0], str):
        return None
    return found[0]
