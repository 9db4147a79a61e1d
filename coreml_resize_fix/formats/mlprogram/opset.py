"""Opsets: which iOS a program needs, and what raising it would change.

Source: coremltools' registry of operators, compared over its 168 definitions: with two exceptions
a newer opset takes an operation as it is.
"""

import re
from typing import Dict, List, Optional, Tuple

from coreml_resize_fix.formats.mlprogram import locate
from coreml_resize_fix.formats.mlprogram.locate import Place
from coreml_resize_fix.formats.mlprogram.program import Program, operations
from coreml_resize_fix.formats.protobuf.splice import Edit
from coreml_resize_fix.formats.protobuf.wire import VARINT, Field, Source, encode_varint

LOWEST = 6  # CoreML5, iOS 15: the first specification version of ML Programs

# specification version → operations that have other parameters from it on
REDEFINED: Dict[int, Tuple[str, ...]] = {
    8: ("crop_resize", "non_maximum_suppression"),
    9: ("constexpr_lut_to_dense", "constexpr_sparse_to_dense"),
}


def spec_version(opset: str) -> Optional[int]:
    """The specification version of an opset such as `CoreML7`, or None if it is not one."""
    found = re.match(r"^CoreML(\d{1,3})$", opset)
    return int(found.group(1)) + 1 if found else None


def name(version: int) -> str:
    """The opset of a specification version."""
    return f"CoreML{version - 1}"


def required_version(program: Program) -> int:
    """The specification version that the functions' opsets need."""
    versions = [spec_version(function.opset) or LOWEST for function in program.functions]
    return max([LOWEST, *versions])


def lowest_version(program: Program) -> int:
    """The specification version of the oldest opset among the functions."""
    return min(spec_version(function.opset) or LOWEST for function in program.functions)


def refusal(program: Program, version: int) -> Optional[str]:
    """Why the opset cannot be raised to this version without changing other operations, or None."""
    for function in program.functions:
        current = spec_version(function.opset)
        if current is None:
            return f"the opset `{function.opset}` of the function `{function.name}` is not known"
        if len(function.specializations) > 1:
            several = ", ".join(function.specializations)
            return f"the function `{function.name}` has several block specializations ({several})"
        changed = {
            kind
            for since, kinds in REDEFINED.items()
            if current < since <= version
            for kind in kinds
        }
        for operation in operations(function.block):
            if operation.kind in changed:
                called = f"the operation `{operation.name}` (`{operation.kind}`)"
                return f"{called} has other parameters in `{name(version)}`"
    return None


def edits(source: Source, model: Place, program: Program, version: int) -> List[Edit]:
    """Raise every function, and the model, to a specification version; nothing is lowered."""
    found: List[Edit] = []
    wanted = name(version).encode()
    for function in program.functions:
        if (spec_version(function.opset) or version) >= version:
            continue
        place = locate.function(source, model, function.name)
        for field in place.fields(source, locate.OPSET):
            found.append(Edit(field.start, field.end, wanted, _around(place, field)))
        entry = place.entry(source, locate.SPECIALIZATIONS, function.opset)
        for field in entry.fields(source, locate.KEY):
            found.append(Edit(field.start, field.end, wanted, _around(entry, field)))
    if program.spec_version < version:
        found.append(_version(source, model, version))
    return found


def _around(place: Place, field: Field) -> locate.Path:
    """What encloses the content of a string; its own length prefix follows like a message's."""
    return place.inside + (place.below(field).node,)


def _version(source: Source, model: Place, version: int) -> Edit:
    fields = model.fields(source, locate.VERSION)
    if not fields:
        data = encode_varint(locate.VERSION << 3 | VARINT) + encode_varint(version)
        return Edit(model.node.start, model.node.start, data, model.inside)
    return Edit(fields[-1].start, fields[-1].end, encode_varint(version), model.inside)
