"""Decide which new constants go into the model file, and which into the weight file."""

import os
from typing import (
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from coreml_resize_fix.formats.mlprogram import opset, weight_file
from coreml_resize_fix.formats.mlprogram.locate import function_of
from coreml_resize_fix.formats.mlprogram.program import Function, Program, Value, file_references
from coreml_resize_fix.formats.mlprogram.steps import Packed, Step, StoredElsewhere
from coreml_resize_fix.formats.mlprogram.weight_file import Stored
from coreml_resize_fix.formats.model import Appended
from coreml_resize_fix.formats.model_folder import ModelFolder

__all__ = ["LARGEST_INLINE", "Written", "missing", "reader", "store"]

# Bytes of one constant in the model file, which every reader parses whole.
LARGEST_INLINE = 1 << 16


class Written(NamedTuple):
    """Steps by address, their large constants replaced by their places, and what files gain."""

    steps: Dict[str, Tuple[Step, ...]]
    appended: Tuple[Appended, ...] = ()


def reader(beside: Optional[ModelFolder]) -> Callable[[Value], Optional[bytes]]:
    """What gives the numbers of a value in a weight file, or None if they cannot be read."""

    def read(value: Value) -> Optional[bytes]:
        found = weight_file.held(beside, value)
        if found is None or value.type is None or found.data_type != value.type.data_type:
            return None
        return found.data

    return read


def missing(program: Program, beside: Optional[ModelFolder]) -> Iterator[str]:
    """The weight files that a program reads and that are not there, as it names them."""
    if beside is None:
        return
    for name in dict.fromkeys(one.file_name for one in file_references(program)):
        if not os.path.isfile(beside.path(weight_file.relative(name))):
            yield name


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
    """What is too large for the model file, in order, where Core ML reads its type from others."""
    version = opset.spec_version(function.opset) or opset.LOWEST
    return [
        given
        for step in steps
        for _, given in step.inputs
        if isinstance(given, Packed)
        and len(given.data) > LARGEST_INLINE
        and weight_file.may_hold(given.data_type, version)
    ]
