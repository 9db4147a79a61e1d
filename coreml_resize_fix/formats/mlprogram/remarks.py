"""Remarks on a program that every report shows."""

from typing import Iterable, Iterator, List

from coreml_resize_fix.formats.mlprogram import parameters
from coreml_resize_fix.formats.mlprogram.network import Resize
from coreml_resize_fix.formats.mlprogram.program import Function, Program
from coreml_resize_fix.words import quoted


def of(program: Program, resizes: Iterable[Resize]) -> List[str]:
    """A sentence on each resize that is not judged, and on blocks that do not run."""
    return [*_samplers(resizes), *_specializations(program)]


def _samplers(resizes: Iterable[Resize]) -> Iterator[str]:
    for resize in resizes:
        if resize.params is not None and resize.params.kind in parameters.SAMPLERS:
            yield (
                f"`{resize.address}` (`{resize.names[0]}`) is a `{resize.params.kind}`, which "
                "samples at coordinates of its own: it is named, and not judged"
            )


def _specializations(program: Program) -> Iterator[str]:
    for function in program.functions:
        if len(function.specializations) > 1:
            listed = quoted(function.specializations)
            yield (
                f"the function `{function.name}` has several block specializations ({listed}), "
                f"of which `{function.opset}` runs: {_of_the_others(function)}"
            )


def _of_the_others(function: Function) -> str:
    if not function.unlike:
        return "the others hold the same operations, and are changed alike"
    return "the others are not looked at, and some hold other operations"
