"""Rewrite operations that hold a size as a constant, if a fix changes that size."""

from typing import Dict, Iterator, Optional, Tuple

from coreml_resize_fix.formats.mlprogram import constants, scopes
from coreml_resize_fix.formats.mlprogram.program import Function, Operation
from coreml_resize_fix.formats.mlprogram.scopes import Scope
from coreml_resize_fix.formats.mlprogram.sizes import size_parameters
from coreml_resize_fix.formats.mlprogram.steps import Constant, Read, Step
from coreml_resize_fix.formats.shapes import Known, LayerShapes, ModelShapes


def steps(
    function: Function, before: ModelShapes, after: ModelShapes
) -> Dict[str, Tuple[Step, ...]]:
    """What takes the place of each when sizes go from one to the other, by its address."""
    return dict(_steps(function, before, after))


def _steps(
    function: Function, before: ModelShapes, after: ModelShapes
) -> Iterator[Tuple[str, Tuple[Step, ...]]]:
    for operation, scope in scopes.walk(function):
        name = size_parameters.PARAMETERS.get(operation.kind, "")
        old, new = before.layers.get(operation.address), after.layers.get(operation.address)
        if not name or old is None or new is None or old == new:
            continue
        wanted = _wanted(operation, scope, name, new)
        if wanted is not None:
            inputs = [(one, Read(one)) for one in operation.inputs if one != name]
            stated = Constant("INT32", wanted, (len(wanted),))
            yield operation.address, (Step(operation.kind, (*inputs, (name, stated))),)


def _wanted(
    operation: Operation, scope: Scope, name: str, shapes: LayerShapes
) -> Optional[Tuple[int, ...]]:
    """The constant to write; None if there is no constant, or the one in the file is right."""
    value = scope.parameter(operation, name)
    numbers = None if value is None else constants.numbers(value)
    x, made = shapes.inputs[0], shapes.outputs[0]
    if numbers is None or not isinstance(x, Known) or not isinstance(made, Known):
        return None
    given = tuple(int(one) for one in numbers)
    held = size_parameters.resolved(given, x.dims) if operation.kind == "reshape" else given
    return None if held == made.dims else made.dims
