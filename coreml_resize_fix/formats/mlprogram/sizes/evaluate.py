"""One walk through a function at one size of its inputs.

What the file declares holds wherever nothing changes: an operation is only asked for a rule when
something that it reads has another size than declared.
"""

from typing import Dict, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.formats.inference.call import Blob, image_size
from coreml_resize_fix.formats.inference.merge import widen
from coreml_resize_fix.formats.mlprogram.program import (
    ROUNDS,
    Block,
    Function,
    Operation,
    Value,
    Variable,
)
from coreml_resize_fix.formats.mlprogram.sizes.answer import Answer, answer, declared, made
from coreml_resize_fix.formats.mlprogram.sizes.call import Content, Tensor
from coreml_resize_fix.formats.mlprogram.sizes.size_parameters import Merged
from coreml_resize_fix.formats.shapes import Conflict, Dims, Overrides, PartialSize, SizeOf

#: What one operation reads and makes at one size.
Trace = Tuple[Tuple[Tensor, ...], Tuple[Tensor, ...]]


_Key = Tuple[str, Tuple[Tuple[Optional[Dims], Content], ...], Optional[PartialSize]]

#: What operations made of what they read, and their first conflict, in earlier walks.
Answers = Dict[_Key, Answer]


class Part(NamedTuple):
    """A block in two parts: constants, which are most of it and never change, and the rest."""

    constants: Dict[str, Tensor]
    operations: Tuple[Operation, ...]


#: The parts of blocks by their identity, from earlier walks.
Parts = Dict[int, Part]


class _Names:
    """The tensors that are visible in one block."""

    def __init__(self, outer: Optional["_Names"] = None) -> None:
        self.outer = outer
        self.tensors: Dict[str, Tensor] = {}

    def find(self, name: str) -> Tensor:
        names: Optional[_Names] = self
        while names is not None:
            found = names.tensors.get(name)
            if found is not None:
                return found
            names = names.outer
        return Tensor(None, reason=f"nothing makes `{name}`")


class Evaluation:
    """The sizes of everything in a function at one size of its inputs.

    `given` are the sizes that operations are taken to make, by address. `answers` and `parts` of
    the same function's other walks are taken over.
    """

    def __init__(
        self,
        function: Function,
        inputs: Dict[str, Blob],
        given: Overrides,
        answers: Answers,
        parts: Parts,
    ) -> None:
        self.traces: Dict[str, Trace] = {}
        self.conflicts: Dict[Conflict, None] = {}  # an ordered set
        self._given, self._answers, self._parts = given, answers, parts
        self._merged: Merged = {}
        names = _Names()
        for variable in function.inputs:
            names.tensors[variable.name] = _input(variable, inputs.get(variable.name))
        self.outputs = self._walk(function.block, names)

    def _walk(self, block: Block, names: _Names) -> Tuple[Tensor, ...]:
        """Evaluate a block; what its outputs have."""
        part = self._parts.get(id(block))
        if part is None:
            part = self._parts[id(block)] = _part(block)
        names.tensors.update(part.constants)
        for operation in part.operations:
            given = {
                name: tuple(
                    [
                        names.find(one) if isinstance(one, str) else _constant(one)
                        for one in arguments
                    ]
                )
                for name, arguments in operation.inputs.items()
            }
            inputs = _in_order(given)
            if operation.blocks:
                outputs = self._control(operation, given, names)
            else:
                outputs = self._answer(operation, given, inputs, names)
            self.traces[operation.address] = inputs, outputs
            for variable, tensor in zip(operation.outputs, outputs):
                names.tensors[variable.name] = tensor
        return tuple(names.find(name) for name in block.outputs)

    def _answer(
        self,
        operation: Operation,
        given: Dict[str, Tuple[Tensor, ...]],
        inputs: Tuple[Tensor, ...],
        names: _Names,
    ) -> Tuple[Tensor, ...]:
        wanted = self._given.get(operation.address)
        if isinstance(wanted, SizeOf):
            said = image_size(names.find(wanted.name).dims)
            size: Optional[PartialSize] = (None, None) if said is None else wanted.of(said)
        else:
            first = inputs[0].dims if inputs else None
            size = wanted(image_size(first)) if callable(wanted) else wanted
        changed = any(tensor.changed for tensor in inputs)
        # What is as declared needs no place in the key; an operation that reads nothing else is
        # answered once.
        key = (operation.address, _dims(inputs) if changed else (), size)
        found = self._answers.get(key)
        if found is None or (changed and operation.kind == "reshape"):  # it looks at those before
            found = self._answers[key] = answer(operation, given, inputs, size, self._merged)
        if found.conflict:
            self._report(operation, found.conflict)
        return found.outputs

    def _report(self, operation: Operation, message: str) -> None:
        found = Conflict(operation.address, operation.name, operation.kind, message)
        self.conflicts[found] = None

    def _control(
        self, operation: Operation, given: Dict[str, Tuple[Tensor, ...]], names: _Names
    ) -> Tuple[Tensor, ...]:
        if operation.kind == "while_loop" and len(operation.blocks) == 2:
            return self._loop(operation, given.get("loop_vars", ()), names)
        results = []
        for block in operation.blocks:
            inside = _Names(names)
            inside.tensors.update((one.name, declared(one)) for one in block.inputs)
            results.append(self._walk(block, inside))
        if operation.kind != "cond" or len(results) != 2:
            return tuple(declared(one) for one in operation.outputs)
        reason = f"it depends on the branch that `{operation.name}` takes"
        return tuple(
            _merged(variable, tensors, reason)
            for variable, tensors in zip(operation.outputs, zip(*results))
        )

    def _loop(
        self, operation: Operation, start: Tuple[Tensor, ...], names: _Names
    ) -> Tuple[Tensor, ...]:
        """Rounds are walked until no size changes; what changes from round to round is open.

        In the last round nothing is assumed of what changes.
        """
        reason = f"it may change in the rounds of the loop `{operation.name}`"
        condition, body = operation.blocks
        variables = start
        for attempt in range(ROUNDS):
            for block in (condition, body):
                inside = _Names(names)
                for variable, tensor in zip(block.inputs, variables):
                    dims = variable.type.dims if variable.type else None
                    inside.tensors[variable.name] = made(dims, tensor.dims, tensor.reason)
                results = self._walk(block, inside)
            ends = [widen([one.blob, two.blob], reason) for one, two in zip(variables, results)]
            if all(end.dims == one.dims for end, one in zip(ends, variables)):
                break
            last = attempt == ROUNDS - 2
            variables = tuple(
                tensor
                if end.dims == tensor.dims
                else Tensor(None if last else end.dims, tensor.declared, True, end.reason or reason)
                for tensor, end in zip(variables, ends)
            )
        return tuple(
            made(one.type.dims if one.type else None, tensor.dims, tensor.reason)
            for one, tensor in zip(operation.outputs, variables)
        )


def _part(block: Block) -> Part:
    constants = {
        one.name: declared(one, operation.attributes.get("val"))
        for operation in block.operations
        if operation.kind == "const"
        for one in operation.outputs
    }
    return Part(constants, tuple([one for one in block.operations if one.kind != "const"]))


def _input(variable: Variable, blob: Optional[Blob]) -> Tensor:
    tensor = declared(variable)
    if blob is None or blob.dims is None or not tensor.changed:
        return tensor
    return made(tensor.dims, blob.dims, blob.reason)


def _constant(value: Value) -> Tensor:
    dims = value.type.dims if value.type else None
    return Tensor(dims, dims, False, "", value)


def _merged(variable: Variable, tensors: Sequence[Tensor], reason: str) -> Tensor:
    if not any(tensor.changed for tensor in tensors):
        return declared(variable)
    blob = widen([tensor.blob for tensor in tensors], reason)
    return made(variable.type.dims if variable.type else None, blob.dims, blob.reason)


_FIRST = ("x", "values", "y")


def _in_order(given: Dict[str, Tuple[Tensor, ...]]) -> Tuple[Tensor, ...]:
    """All tensors that are read, the image first: maps have no order of their own."""
    if len(given) == 1:
        return next(iter(given.values()))
    names = [name for name in _FIRST if name in given]
    names += sorted(set(given) - set(names))
    return tuple([tensor for name in names for tensor in given[name]])


def _dims(inputs: Sequence[Tensor]) -> Tuple[Tuple[Optional[Dims], Content], ...]:
    return tuple([
        (tensor.dims, None if isinstance(tensor.content, Value) else tensor.content)
        for tensor in inputs
    ])  # fmt: skip
