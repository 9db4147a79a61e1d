"""The operations of a block as steps; conditions and loops run the blocks inside of them.

Constants, and the weights that constexpr operations make, are read whenever something reads them
and are not kept: a network's weights are never in memory all at once.
"""

from functools import partial
from typing import Callable, ClassVar, Dict, List, Mapping, Sequence, Tuple, Union

import numpy as np

from coreml_resize_fix.formats.execution import MOST_ROUNDS, Blobs, Made, Step, Walk, blob_of
from coreml_resize_fix.formats.mlprogram.execute.call import Call
from coreml_resize_fix.formats.mlprogram.execute.stored import Stored
from coreml_resize_fix.formats.mlprogram.execute.table import KINDS
from coreml_resize_fix.formats.mlprogram.program import Block, Operation, Value
from coreml_resize_fix.verify.kernels.checks import (
    CALL,
    EACH,
    MOST_EFFORT,
    KernelError,
    need_effort,
)

# Constants, and what makes weights of them, by the names of what they make.
Deferred = Mapping[str, Operation]
Control = Callable[["Steps", Operation, Deferred, Blobs], Made]


class Steps:
    """Makes steps of operations whose constants `stored` reads; `walk` runs those of blocks."""

    def __init__(self, stored: Stored, walk: Walk) -> None:
        self._stored, self._walk, self._dtype = stored, walk, stored.dtype
        self._bodies: Dict[int, Tuple[List[Step], Deferred]] = {}

    def of(self, block: Block, around: Deferred) -> List[Step]:
        """The steps of a block; `around` is what is deferred in the blocks around it."""
        visible = {**around, **deferred(block)}
        return [
            self._step(operation, visible)
            for operation in block.operations
            if not _is_deferred(operation)
        ]

    def _step(self, operation: Operation, around: Deferred) -> Step:
        read = [name for name in _reads(operation) if name not in around]
        made = [variable.name for variable in operation.outputs]
        if operation.kind in _STATE_WRITERS:
            made.append(_state(operation))
        return Step(
            operation.address,
            operation.name,
            tuple(read),
            tuple(made),
            partial(self._compute, operation, around),
        )

    def call(self, operation: Operation, blobs: Blobs, around: Deferred) -> Call:
        """An operation with what it reads."""
        return Call(operation, lambda name: self.read(name, blobs, around), self._dtype)

    def read(self, argument: Union[str, Value], blobs: Blobs, around: Deferred) -> np.ndarray:
        """The array of a constant or a name: what is deferred is made now."""
        if isinstance(argument, Value):
            return self._stored.array(argument)
        if argument in around and argument not in blobs:
            return self._made_of(around[argument], argument, around)
        return blob_of(blobs, argument)

    def _made_of(self, operation: Operation, name: str, around: Deferred) -> np.ndarray:
        """A constant, or the weights that a constexpr operation makes."""
        if operation.kind == "const":
            return self._stored.array(operation.attributes["val"])
        need_effort(16 * CALL)  # weights made of weights that are read twice make themselves often
        made = self._compute(operation, around, {})
        names = [variable.name for variable in operation.outputs]
        array = made[names.index(name)]
        assert array is not None
        need_effort(EACH * array.size)
        return array

    def _compute(self, operation: Operation, around: Deferred, blobs: Blobs) -> Made:
        if operation.kind in self._control:
            return self._control[operation.kind](self, operation, around, blobs)
        if operation.kind not in KINDS:
            raise KernelError(f"is a `{operation.kind}` operation, which is not known here")
        made = KINDS[operation.kind](self.call(operation, blobs, around))
        return list(made) if isinstance(made, (list, tuple)) else [np.asarray(made)]

    def _block(
        self, block: Block, around: Deferred, blobs: Blobs, given: Sequence[np.ndarray]
    ) -> List[np.ndarray]:
        inner = dict(blobs)
        inner.update(zip((variable.name for variable in block.inputs), given))
        steps, visible = self._body(block, around)
        self._walk.follow(steps, inner, block.outputs, nested=True)
        return [self.read(name, inner, visible) for name in block.outputs]

    def _body(self, block: Block, around: Deferred) -> Tuple[List[Step], Deferred]:
        """The steps of a block inside an operation, made once for all rounds of a loop."""
        if id(block) not in self._bodies:
            hidden = {variable.name for variable in block.inputs}
            visible = {name: one for name, one in around.items() if name not in hidden}
            steps = self.of(block, visible)
            self._bodies[id(block)] = steps, {**visible, **deferred(block)}
        return self._bodies[id(block)]

    def _cond(self, operation: Operation, around: Deferred, blobs: Blobs) -> Made:
        holds = self.call(operation, blobs, around).flag("pred")
        return self._block(operation.blocks[0 if holds else 1], around, blobs, ())

    def _while(self, operation: Operation, around: Deferred, blobs: Blobs) -> Made:
        carried = self.call(operation, blobs, around).arrays("loop_vars")
        condition, body = operation.blocks
        for _ in range(MOST_ROUNDS):
            need_effort(MOST_EFFORT // MOST_ROUNDS)  # of all loops together
            if not bool(self._block(condition, around, blobs, carried)[0]):
                return carried
            carried = self._block(body, around, blobs, carried)
        raise KernelError(f"runs more than {MOST_ROUNDS} times")

    def _read_state(self, operation: Operation, around: Deferred, blobs: Blobs) -> Made:
        return [blob_of(blobs, _state(operation))]

    def _write_state(self, operation: Operation, around: Deferred, blobs: Blobs) -> Made:
        value = self.call(operation, blobs, around).array(
            "data" if "data" in operation.inputs else "value"
        )
        return [value] * (len(operation.outputs) + 1)

    def _classify(self, operation: Operation, around: Deferred, blobs: Blobs) -> Made:
        """The label of the largest probability, and all of them in the order of the labels."""
        call = self.call(operation, blobs, around)
        chances = call.array("probabilities").reshape(-1)
        return [call.array("classes").reshape(-1)[int(np.argmax(chances))], chances]

    _control: ClassVar[Dict[str, Control]] = {
        "classify": _classify,
        "cond": _cond,
        "coreml_update_state": _write_state,
        "read_state": _read_state,
        "while_loop": _while,
        "write_state": _write_state,
    }


_STATE_WRITERS = ("coreml_update_state", "write_state")


def _state(operation: Operation) -> str:
    """The name of the state that an operation reads or writes."""
    bound = operation.inputs.get("state") or operation.inputs.get("input") or ("",)
    return str(bound[0])


def _is_deferred(operation: Operation) -> bool:
    return operation.kind == "const" or operation.kind.startswith("constexpr_")


def deferred(block: Block) -> Dict[str, Operation]:
    """What a block makes that is read only when something needs it."""
    return {
        variable.name: operation
        for operation in block.operations
        if _is_deferred(operation)
        for variable in operation.outputs
    }


def _reads(operation: Operation) -> List[str]:
    """The names that an operation reads, `x` first, and those that its blocks read from outside."""
    bound = sorted(operation.inputs.items(), key=lambda item: item[0] != "x")
    found = [one for _, given in bound for one in given if isinstance(one, str)]
    for block in operation.blocks:
        made = {variable.name for variable in block.inputs}
        for inner in block.operations:
            found += [name for name in _reads(inner) if name not in made]
            made.update(variable.name for variable in inner.outputs)
        found += [name for name in block.outputs if name not in made]
    return found
