"""Read constants as numbers, to find the results of calls that a converter computed itself."""

from typing import Iterator, Optional, Tuple

from coreml_resize_fix.formats.mlprogram import constants, weight_file
from coreml_resize_fix.formats.mlprogram.data_types import LETTERS
from coreml_resize_fix.formats.mlprogram.program import Program, Value, operations
from coreml_resize_fix.formats.model_folder import ModelFolder

Numbers = Tuple[str, bytes]  # "e" or "f" as `struct` spells float16 and float32, and the numbers

_FLOATING = ("FLOAT16", "FLOAT32")


def of_shape(
    program: Program, beside: Optional[ModelFolder], dims: Tuple[int, ...]
) -> Iterator[Numbers]:
    """Every constant of that many elements in each dimension, but for leading ones."""
    for function in program.functions:
        for operation in operations(function.block):
            value = operation.attributes.get("val") if operation.kind == "const" else None
            if value is None or value.type is None or value.type.data_type not in _FLOATING:
                continue
            if value.type.dims is not None and _without_ones(value.type.dims) == _without_ones(
                dims
            ):
                held = _held(value, beside)
                if held is not None:
                    yield LETTERS[value.type.data_type], held


def _held(value: Value, beside: Optional[ModelFolder]) -> Optional[bytes]:
    if value.file is None:
        return constants.packed(value)
    found = weight_file.held(beside, value)
    return None if found is None else found.data


def _without_ones(dims: Tuple[Optional[int], ...]) -> Tuple[Optional[int], ...]:
    first = next((place for place, size in enumerate(dims) if size != 1), len(dims))
    return dims[first:]
