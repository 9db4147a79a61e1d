"""A function of a program, ready to run: what enters it, and what its outputs are."""

from typing import (
    Any,
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
from coreml_resize_fix.formats.execution import (
    FAULTS,
    Execution,
    NotRunError,
    Step,
    Walk,
)
from coreml_resize_fix.formats.features import Feature
from coreml_resize_fix.formats.mlprogram.execute.steps import Steps, deferred
from coreml_resize_fix.formats.mlprogram.execute.stored import Stored
from coreml_resize_fix.formats.mlprogram.program import (
    Function,
    Program,
    Variable,
    operations,
)
from coreml_resize_fix.formats.model_folder import ModelFolder
from coreml_resize_fix.verify.kernels import cutting
from coreml_resize_fix.words import quoted

_PREPARED = ("__biased__", "__scaled__")  # what coremltools calls an image behind its preprocessing


def execution(
    label: str,
    program: Program,
    description: Any,
    beside: Optional[ModelFolder],
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
        known = quoted(functions)
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
        beside: Optional[ModelFolder],
        dtype: np.dtype,
    ) -> None:
        self.inputs, self.outputs = inputs, outputs
        self._function, self._dtype = function, dtype
        self._stored = Stored(beside, dtype)
        self._states = dict(states)
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
        block = self._function.block
        made = Steps(self._stored, walk)
        steps = made.of(block, {})
        zero = np.zeros((), self._dtype)
        blobs = {name: cutting.fill(shape, zero) for name, shape in self._states.items()}
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
        around = deferred(block)
        for name in wanted:
            if name not in blobs and name not in around:
                where = self._function.name
                raise NotRunError(where, name, "is an output that no operation makes")
        return {name: made.read(name, blobs, around) for name in wanted}

    def _labels(self) -> Optional[Sequence[Union[str, int]]]:
        found = [one for one in self._function.block.operations if one.kind == "classify"]
        if not found:
            return None
        around = deferred(self._function.block)
        call = Steps(self._stored, Walk()).call(found[0], {}, around)
        try:
            labels: List[Union[str, int]] = call.array("classes").reshape(-1).tolist()
        except FAULTS:  # whoever runs it is told why
            return None
        return labels

    def _entered(self, variable: Variable, array: np.ndarray) -> np.ndarray:
        kind = variable.type.data_type if variable.type else ""
        if kind.startswith("FLOAT"):
            return array.astype(self._dtype)
        return array.astype(kind.lower()) if kind in ("INT32", "INT16", "UINT16") else array


def _behind_preprocessing(name: str, steps: Sequence[Step]) -> Tuple[str, List[Step]]:
    """The blob that an image is behind its preprocessing, and the steps without it."""
    for suffix in _PREPARED:
        for number, step in enumerate(steps):
            if any(made.startswith(name + suffix) for made in step.makes):
                return step.makes[0], [*steps[:number], *steps[number + 1 :]]
    return name, list(steps)
