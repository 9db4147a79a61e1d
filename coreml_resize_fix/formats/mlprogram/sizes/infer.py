"""Infer the sizes of all values in a function, over all sizes that its inputs allow."""

from dataclasses import replace
from typing import Dict, Mapping, Optional, Sequence, Tuple

from coreml_resize_fix.formats.inference import reach
from coreml_resize_fix.formats.inference.call import Blob
from coreml_resize_fix.formats.inference.inputs import Varied
from coreml_resize_fix.formats.inference.merge import first_conflicts, merge
from coreml_resize_fix.formats.inference.trials import Trials
from coreml_resize_fix.formats.inference.usable import usable
from coreml_resize_fix.formats.mlprogram.program import Function, operations
from coreml_resize_fix.formats.mlprogram.sizes.call import Tensor
from coreml_resize_fix.formats.mlprogram.sizes.evaluate import Answers, Evaluation, Parts
from coreml_resize_fix.formats.shapes import (
    Conflict,
    Dims,
    LayerShapes,
    ModelShapes,
    Overrides,
    Shape,
    SizePairs,
    UsableSizes,
)


class FunctionSizes:
    """One function, to be evaluated under different assumptions on its resizes."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._answers: Answers = {}
        self._addresses = {one.address for one in operations(function.block)}
        self._parts: Parts = {}
        self._varies = bool(function.samples.flexible) or any(
            operation.blocks for operation in function.block.operations
        )

    def infer(self, overrides: Optional[Overrides] = None) -> ModelShapes:
        """The sizes of everything; never raises.

        `overrides` are address → (height, width) that the operation is taken to make; None in it
        makes that dimension unknown. Everything downstream follows.
        """
        samples = self._function.samples
        runs = [
            Evaluation(self._function, inputs, overrides or {}, self._answers, self._parts)
            for inputs in samples.shapes
        ]
        seen: Dict[Tuple[Blob, ...], Shape] = {}

        def merged(tensors: Sequence[Tensor]) -> Shape:
            # The same few shapes come again and again.
            blobs = tuple([Blob(tensor.dims, tensor.reason) for tensor in tensors])
            shape = seen.get(blobs)
            if shape is None:
                shape = seen[blobs] = merge(blobs, samples.doubled, samples.listed)
            return shape

        layers: Dict[str, LayerShapes] = {}
        for address in runs[0].traces:
            traces = [run.traces[address] for run in runs]
            layers[address] = LayerShapes(
                tuple([merged(tensors) for tensors in zip(*[one[0] for one in traces])]),
                tuple([merged(tensors) for tensors in zip(*[one[1] for one in traces])]),
            )
        names = self._function.block.outputs
        outputs = {
            name: merged([run.outputs[index] for run in runs]) for index, name in enumerate(names)
        }
        return ModelShapes(
            layers,
            outputs,
            first_conflicts([run.conflicts for run in runs]),
            samples.flexible,
            self._varies,
            {
                variable.name: merge(
                    [shapes[variable.name] for shapes in samples.shapes],
                    samples.doubled,
                    samples.listed,
                )
                for variable in self._function.inputs
            },
            tuple(not run.conflicts for run in runs),
        )

    def reaching(self, wanted: Mapping[str, SizePairs]) -> "FunctionSizes":
        """The same function, also looked at where operations get these input sizes, by address."""
        function = self._function
        answers: Answers = {}

        def reads(address: str, inputs: reach.Inputs) -> Optional[Dims]:
            traces = Evaluation(function, inputs, {}, answers, self._parts).traces
            read = traces[address][0] if address in traces else ()
            return read[0].dims if read else None

        steps = sum(1 for one in operations(function.block) if one.kind != "const")
        own = {address: sizes for address, sizes in wanted.items() if address in self._addresses}
        samples = reach.extended(function.samples, steps, reads, own)
        return FunctionSizes(function._replace(samples=samples)) if own else self

    def usable(self, overrides: Overrides) -> Optional[UsableSizes]:
        """At which allowed sizes of its inputs the function runs; None if no size varies."""
        function = self._function
        if not function.samples.varied:
            return None
        steps = sum(1 for one in operations(function.block) if one.kind != "const")
        answers: Answers = {}  # those of other assumptions would only take memory
        return usable(
            function.samples,
            lambda lead: _Trials(function, overrides, answers, self._parts, lead),
            steps,
        )


class _Trials(Trials):
    """Sizes of one input of a function, tried; `given` are sizes that its resizes make."""

    def __init__(
        self,
        function: Function,
        given: Overrides,
        answers: Answers,
        parts: Parts,
        lead: Varied,
    ) -> None:
        super().__init__(function.samples, lead)
        self._function, self._given = function, given
        self._answers, self._parts = answers, parts

    def conflict(self, inputs: Dict[str, Blob]) -> Optional[Conflict]:
        run = Evaluation(self._function, inputs, self._given, self._answers, self._parts)
        first = next(iter(run.conflicts), None)
        return None if first is None else replace(first, at_default=False)


def infer(function: Function, overrides: Optional[Overrides] = None) -> ModelShapes:
    """The sizes of one `FunctionSizes` that is evaluated once."""
    return FunctionSizes(function).infer(overrides)
