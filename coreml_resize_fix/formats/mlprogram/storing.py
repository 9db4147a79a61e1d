"""Decide which new constants go into the model file, and which into the weight file."""

import os
from contextlib import suppress
from typing import (
    Callable,
    Dict,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
)

from coreml_resize_fix.formats import sniff
from coreml_resize_fix.formats.mlprogram import opset, weight_file
from coreml_resize_fix.formats.mlprogram.locate import function_of
from coreml_resize_fix.formats.mlprogram.program import Function, Program, Value, file_references
from coreml_resize_fix.formats.mlprogram.steps import Packed, Step, StoredElsewhere
from coreml_resize_fix.formats.mlprogram.weight_file import Stored
from coreml_resize_fix.formats.model import Appended
from coreml_resize_fix.formats.model_folder import ModelFolder

# Bytes of one constant in the model file, which every reader parses whole.
LARGEST_INLINE = 1 << 16
_COPY = "copy the whole package, or save the model again"


class Written(NamedTuple):
    """Steps by address, their large constants replaced by their places, and what files gain."""

    steps: Dict[str, Tuple[Step, ...]]
    appended: Tuple[Appended, ...] = ()


def reader(beside: Optional[ModelFolder]) -> Callable[[Value], Optional[bytes]]:
    """A function that reads the bytes of a value in a weight file; None if they cannot be read."""

    def read(value: Value) -> Optional[bytes]:
        found = weight_file.held(beside, value)
        if found is None or value.type is None or found.data_type != value.type.data_type:
            return None
        return found.data

    return read


def fault(program: Program, beside: Optional[ModelFolder]) -> Optional[Tuple[str, str, str]]:
    """The first file that lacks what a program reads, why as the end of a sentence, and help."""
    if beside is None:
        return None
    offsets: Dict[str, Set[int]] = {}
    for one in file_references(program):
        offsets.setdefault(one.file_name, set()).add(one.offset)
    for name, places in offsets.items():
        found = _fault(name, beside, sorted(places))
        if found is not None:
            return (weight_file.relative(name), *found)
    return None


def _fault(
    file_name: str, beside: ModelFolder, offsets: Sequence[int]
) -> Optional[Tuple[str, str]]:
    """None too of a file that the system does not read; one outside of the folder is not opened."""
    path = beside.path(weight_file.relative(file_name))
    if not os.path.isfile(path):
        return "is not there", _COPY
    if weight_file.leaves_folder(file_name):
        return None
    with suppress(OSError, EOFError), open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        found = (weight_file.describe(file, size, offset) for offset in offsets)
        why = next((one for one in found if isinstance(one, str)), None)
        if why is not None:
            file.seek(0)
            begin, kind, advice = sniff.POINTER
            return (f"is {kind}", advice) if file.read(len(begin)) == begin else (why, _COPY)
    return None


def store(
    program: Program, beside: Optional[ModelFolder], steps: Mapping[str, Sequence[Step]]
) -> Union[Written, str]:
    """Places for the large constants of steps, or why there are none, in a sentence."""
    wanted: List[Tuple[Function, Stored]] = []
    for address, several in steps.items():
        function = function_of(program, address)
        for packed in _large(function, several):
            wanted.append((function, Stored(packed.data_type, packed.data)))
    if not wanted:
        return Written({address: tuple(several) for address, several in steps.items()})
    found = weight_file.store(program, beside, wanted)
    if isinstance(found, str):
        return found
    places = iter(found.places)
    moved: Dict[str, Tuple[Step, ...]] = {}
    for address, several in steps.items():
        large = set(map(id, _large(function_of(program, address), several)))
        moved[address] = tuple(
            step._replace(
                inputs=tuple(
                    (
                        name,
                        StoredElsewhere(given.data_type, given.dims, next(places))
                        if isinstance(given, Packed) and id(given) in large
                        else given,
                    )
                    for name, given in step.inputs
                )
            )
            for step in several
        )
    return Written(moved, found.appended)


def _large(function: Function, steps: Sequence[Step]) -> List[Packed]:
    """The constants of steps that go into a weight file, in order: large, and of a type for it."""
    version = opset.spec_version(function.opset) or opset.LOWEST
    return [
        given
        for step in steps
        for _, given in step.inputs
        if isinstance(given, Packed)
        and len(given.data) > LARGEST_INLINE
        and weight_file.may_hold(given.data_type, version)
    ]
