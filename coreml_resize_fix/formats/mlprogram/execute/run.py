"""A function of a program as steps.

Constants, and the weights that constexpr operations make, are read whenever something reads them
and kept by nobody: a network's weights are never in memory all at once.
"""

from functools import partial
from typing import (
    Any,
    Callable,
    ClassVar,
    Collection,
    Dict,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import numpy as np

from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.formats import features
from coreml_resize_fix.formats.beside import Beside
from coreml_resize_fix.formats.execution import (
    MOST_ROUNDS,
    Blobs,
    Execution,
    Made,
    Step,
    Walk,
    blob_of,
)
from coreml_resize_fix.formats.features import Feature
from coreml_resize_fix.formats.mlprogram.execute.call import Call
from coreml_resize_fix.formats.mlprogram.execute.stored import Stored
from coreml_resize_fix.formats.mlprogram.execute.table import KINDS
from coreml_resize_fix.formats.mlprogram.program import (
    Block,
    Function,
    Operation,
    Program,
    Value,
    Variable,
    operations,
)
from coreml_resize_fix.verify.kernels.checks import KernelError

__all__ = ["FunctionExecution", "execution"]

_PREPARED = ("__biased__", "__scaled__")  # what coremltools calls an image behind its preprocessing

Deferred = Mapping[str, Operation]
Control = Callable[["FunctionExecution", Operation, Deferred, Blobs], Made]


def execution(
    label: str,
    program: Program,
    description: Any,
    beside: Optional[Beside],
    name: Optional[str],
    dtype: np.dtype,
) -> "FunctionExecution":
    """A function of a program that a ModelDescription message describes, the default one if it is
    not named; `label` names the model in messages.

    Raises:
        UsageError: there is no such function.
    """
    functions = {one.name: one for one in program.functions}
    name = name or getattr(description, "defaultFunctionName", "") or next(iter(functions))
    if name not in functions:
        known = ", ".join(f"`{one}`" for one in functions)
        raise UsageError(f"`{label}` has no function `{name}`", f"its functions are {known}")
    described = {one.name: one for one in getattr(description, "functions", ())}
    own = described.get(name, description)
    states = {
        state.name: tuple(int(size) for size in state.type.stateType.arrayType.shape)
        for state in getattr(own, "state", ())
    }
    taken, given = ([features.read(one) for one in many] for many in (own.input, own.output))
    return FunctionExecution(functions[name], taken, given, states, beside, dtype)


class FunctionExecution(Execution):
    """One function; `beside` is where its weights lie, None where there are none.

    `states` are the shapes of its states, which are zero before every run.
    """

    def __init__(
        self,
        function: Function,
        inputs: Sequence[Feature],
        outputs: Sequence[Feature],
        states: Mapping[str, Tuple[int, ...]],
        beside: Optional[Beside],
        dtype: np.dtype,
    ) -> None:
        self.inputs, self.outputs = inputs, outputs
        self._function, self._dtype = function, dtype
        self._stored = Stored(beside, dtype)
        self._walk, self._states = Walk(), dict(states)
        self._bodies: Dict[int, Tuple[List[Step], Deferred]] = {}
        self.in_half = any(
            variable.type is not None and variable.type.data_type == "FLOAT16"
            for operation in operations(function.block)
            if operation.kind != "const"
            for variable in operation.outputs
        )
        self.classes = self._labels()
        self._mirrored = [one.name for one in inputs if one.colours == "BGR"]

    def run(
        self, inputs: Mapping[str, np.ndarray], prepared: Collection[str], walk: Walk
    ) -> Dict[str, np.ndarray]:
        self._walk = walk
        steps = self._steps(self._function.block, {})
        blobs = {name: np.zeros(shape, self._dtype) for name, shape in self._states.items()}
        for variable in self._function.inputs:
            if variable.name in inputs:
                array = self._entered(variable, inputs[variable.name])
                name = variable.name
                if name in prepared:
                    name, steps = _behind_preprocessing(name, steps)
                elif name in self._mirrored:
                    array = array[:, ::-1]
                blobs[name] = array
        wanted = [feature.name for feature in self.outputs]
        walk.follow(steps, blobs, wanted)
        call = self._call(_NOTHING, blobs, _deferred(self._function.block))
        return {name: call.read(name) for name in wanted}

    def _labels(self) -> Optional[Sequence[Union[str, int]]]:
        found = [one for one in self._function.block.operations if one.kind == "classify"]
        if not found:
            return None
        call = self._call(found[0], {}, _deferred(self._function.block))
        labels: List[Union[str, int]] = call.array("classes").reshape(-1).tolist()
        return labels

    def _entered(self, variable: Variable, array: np.ndarray) -> np.ndarray:
        kind = variable.type.data_type if variable.type else ""
        if kind.startswith("FLOAT"):
            return array.astype(self._dtype)
        return array.astype(kind.lower()) if kind in ("INT32", "INT16", "UINT16") else array

    def _steps(self, block: Block, around: Deferred) -> List[Step]:
        deferred = {**around, **_deferred(block)}
        return [
            self._step(operation, deferred)
            for operation in block.operations
            if not _is_deferred(operation)
        ]

    def _step(self, operation: Operation, deferred: Deferred) -> Step:
        read = [name for name in _reads(operation) if name not in deferred]
        made = [variable.name for variable in operation.outputs]
        if operation.kind in _STATE_WRITERS:
            made.append(_state(operation))
        return Step(
            operation.address,
            operation.name,
            tuple(read),
            tuple(made),
            partial(self._compute, operation, deferred),
        )

    def _call(
        self, operation: Operation, blobs: Mapping[str, np.ndarray], around: Deferred
    ) -> Call:
        def read(argument: Union[str, Value]) -> np.ndarray:
            if isinstance(argument, Value):
                return self._stored.array(argument)
            if argument in around and argument not in blobs:
                return self._made_of(around[argument], argument, around)
            return blob_of(blobs, argument)

        return Call(operation, read, self._dtype)

    def _made_of(self, operation: Operation, name: str, around: Deferred) -> np.ndarray:
        """A constant, or the weights that a constexpr operation makes."""
        if operation.kind == "const":
            return self._stored.array(operation.attributes["val"])
        made = self._compute(operation, around, {})
        names = [variable.name for variable in operation.outputs]
        array = made[names.index(name)]
        assert array is not None
        return array

    def _compute(self, operation: Operation, around: Deferred, blobs: Blobs) -> Made:
        if operation.kind in self._control:
            return self._control[operation.kind](self, operation, around, blobs)
        if operation.kind not in KINDS:
            raise KernelError(f"is a `{operation.kind}` operation, which is not known here")
        made = KINDS[operation.kind](self._call(operation, blobs, around))
        return list(made) if isinstance(made, (list, tuple)) else [np.asarray(made)]

    def _block(
        self, block: Block, around: Deferred, blobs: Blobs, given: Sequence[np.ndarray]
    ) -> List[np.ndarray]:
        inner = dict(blobs)
        inner.update(zip((variable.name for variable in block.inputs), given))
        steps, visible = self._body(block, around)
        self._walk.follow(steps, inner, block.outputs, nested=True)
        call = self._call(_NOTHING, inner, visible)
        return [call.read(name) for name in block.outputs]

    def _body(self, block: Block, around: Deferred) -> Tuple[List[Step], Deferred]:
        """The steps of a block inside an operation, made once for all rounds of a loop."""
        if id(block) not in self._bodies:
            hidden = {variable.name for variable in block.inputs}
            visible = {name: one for name, one in around.items() if name not in hidden}
            steps = self._steps(block, visible)
            self._bodies[id(block)] = steps, {**visible, **_deferred(block)}
        return self._bodies[id(block)]

    def _cond(self, operation: Operation, around: Deferred, blobs: Blobs) -> Made:
        holds = self._call(operation, blobs, around).flag("pred")
        return self._block(operation.blocks[0 if holds else 1], around, blobs, ())

    def _while(self, operation: Operation, around: Deferred, blobs: Blobs) -> Made:
        carried = self._call(operation, blobs, around).arrays("loop_vars")
        condition, body = operation.blocks
        for _ in range(MOST_ROUNDS):
            if not bool(self._block(condition, around, blobs, carried)[0]):
                return carried
            carried = self._block(body, around, blobs, carried)
        raise KernelError(f"runs more than {MOST_ROUNDS} times")

    def _read_state(self, operation: Operation, around: Deferred, blobs: Blobs) -> Made:
        return [blob_of(blobs, _state(operation))]

    def _write_state(self, operation: Operation, around: Deferred, blobs: Blobs) -> Made:
        value = self._call(operation, blobs, around).array(
            "data" if "data" in operation.inputs else "value"
        )
        return [value] * (len(operation.outputs) + 1)

    def _classify(self, operation: Operation, around: Deferred, blobs: Blobs) -> Made:
        """The label of the largest probability, and all of them in the order of the labels."""
        call = self._call(operation, blobs, around)
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
_NOTHING = Operation("", "", "", {}, (), (), {})


def _state(operation: Operation) -> str:
    """The name of the state that an operation reads or writes."""
    bound = operation.inputs.get("state") or operation.inputs.get("input") or ("",)
    return str(bound[0])


def _is_deferred(operation: Operation) -> bool:
    return operation.kind == "const" or operation.kind.startswith("constexpr_")


def _deferred(block: Block) -> Dict[str, Operation]:
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


def _behind_preprocessing(name: str, steps: Sequence[Step]) -> Tuple[str, List[Step]]:
    """The blob that an image is behind its preprocessing, and the steps without it."""
    for suffix in _PREPARED:
        for number, step in enumerate(steps):
            if any(made.startswith(name + suffix) for made in step.makes):
                return step.makes[0], [*steps[:number], *steps[number + 1 :]]
    return name, list(steps)
