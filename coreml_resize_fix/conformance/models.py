"""Models of a few layers or operations, built in memory as the package writes them."""

from itertools import groupby
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.formats.mlprogram import locate, messages
from coreml_resize_fix.formats.mlprogram.steps import Constant, Input, Made, Named, Read, Step
from coreml_resize_fix.formats.open import open_bytes
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.protobuf.wire import encode_field
from coreml_resize_fix.formats.shapes import Dims
from coreml_resize_fix.verify.network import execute

SINGLE, HALF = "float32", "float16"

Inputs = Mapping[str, np.ndarray]
Type = Tuple[str, Dims]

_OUTPUTS = {"split": 2, "topk": 2}  # of operations that make more than one
_TYPES = {"bool": "BOOL", "int8": "INT8", "int32": "INT32", "int64": "INT32"}  # of others
_CASTS = {"FLOAT16": "fp16", "FLOAT32": "fp32"}
_FLOAT32 = 65568  # ArrayFeatureType.ArrayDataType
_WIDEST = 64  # pixels of an axis that varies


def network(
    inputs: Inputs, layers: Sequence[Any], outputs: Sequence[str], version: int, exact: bool
) -> bytes:
    """A NeuralNetwork of layer messages; `exact`: inputs keep their rank (EXACT_ARRAY_MAPPING)."""
    model = schema.model_class()(specificationVersion=version)
    _describe(model, {name: array.shape for name, array in inputs.items()}, outputs)
    model.neuralNetwork.SetInParent()
    if exact:
        model.neuralNetwork.arrayInputShapeMapping = 1
    model.neuralNetwork.layers.extend(layers)
    return bytes(model.SerializeToString())


def program(
    inputs: Inputs, steps: Sequence[Step], version: int, precision: str, varies: bool = False
) -> bytes:
    """An ML Program of steps: `Read` is the input `x`, several values of one parameter follow each
    other. Types that steps do not say are those of what the executor makes.

    Inputs and outputs are float32: a program of float16 casts both. `varies`: the last axis of the
    input has any size.
    """
    writer = _Program(steps, version, precision, varies)
    unknown = [number for number, step in enumerate(steps) if step.dims is None]
    model = writer.model(inputs, {})
    if unknown:
        named = [name for number in unknown for name in _made(number, steps[number])]
        ran = execute(open_bytes(model, "the case"), inputs, keep=named)
        model = writer.model(inputs, ran.kept)
    return model


class _Program:
    def __init__(self, steps: Sequence[Step], version: int, precision: str, varies: bool) -> None:
        self._steps, self._version, self._varies = steps, version, varies
        self._real = "FLOAT16" if precision == HALF else "FLOAT32"

    def model(self, inputs: Inputs, kept: Inputs) -> bytes:
        """The Model message; `kept` has the arrays whose types are not said."""
        self._operations: List[bytes] = []
        shapes: Dict[str, Dims] = {name: array.shape for name, array in inputs.items()}
        if self._varies:
            shapes = {name: (*dims[:-1], None) for name, dims in shapes.items()}
        names = {name: self._cast(name, "FLOAT32", self._real, shapes[name]) for name in inputs}
        outputs: List[str] = []
        for number, step in enumerate(self._steps):
            types = {made: self._type(step, kept.get(made)) for made in _made(number, step)}
            self._operation(number, step, names, types)
            if number == len(self._steps) - 1:
                outputs = [
                    self._cast(made, data_type, "FLOAT32", dims)
                    for made, (data_type, dims) in types.items()
                ]
        model = schema.model_class()(specificationVersion=self._version)
        _describe(model, shapes, outputs)
        model.mlProgram.version = 1
        function = model.mlProgram.functions["main"]
        function.opset = f"CoreML{self._version - 1}"
        for name, dims in shapes.items():
            function.inputs.add().MergeFromString(messages.named_type(name, "FLOAT32", dims))
        block = function.block_specializations[function.opset]
        block.outputs.extend(outputs)
        for data in self._operations:
            block.operations.add().MergeFromString(data)
        return bytes(model.SerializeToString(deterministic=True))

    def _type(self, step: Step, made: Optional[np.ndarray]) -> Type:
        if step.dims is not None:
            return step.data_type or self._real, step.dims
        if made is None:
            return self._real, ()
        return _TYPES.get(made.dtype.name, self._real), made.shape

    def _operation(
        self, number: int, step: Step, names: Mapping[str, str], types: Mapping[str, Type]
    ) -> None:
        arguments = []
        for parameter, given in groupby(step.inputs, key=lambda pair: pair[0]):
            bound = [
                self._argument(f"c{number}_{parameter}_{k}", value, names)
                for k, (_, value) in enumerate(given)
            ]
            arguments.append((parameter, b"".join(bound)))
        self._write(step.kind, arguments, types)

    def _argument(self, name: str, value: Input, names: Mapping[str, str]) -> bytes:
        if isinstance(value, Made):
            return messages.bound_name(_made(value.step, self._steps[value.step])[0])
        if isinstance(value, Read):
            return messages.bound_name(names["x"])
        if isinstance(value, Named):
            return messages.bound_name(names[value.name])
        self._operations.append(messages.constant(name, value))
        return messages.bound_name(name)

    def _cast(self, name: str, before: str, after: str, dims: Dims) -> str:
        """The value in another type."""
        if before == after:
            return name
        made = f"{name}_{_CASTS[after]}"
        word = messages.constant(f"{made}_dtype", Constant("STRING", (_CASTS[after],)))
        self._operations.append(word)
        arguments = [
            ("x", messages.bound_name(name)),
            ("dtype", messages.bound_name(f"{made}_dtype")),
        ]
        self._write("cast", arguments, {made: (after, dims)})
        return made

    def _write(
        self, kind: str, arguments: Sequence[Tuple[str, bytes]], types: Mapping[str, Type]
    ) -> None:
        made = b"".join(
            encode_field(locate.OUTPUTS, messages.named_type(name, *kind_and_dims))
            for name, kind_and_dims in types.items()
        )
        head = encode_field(locate.KIND, kind.encode()) + messages.inputs(arguments)
        self._operations.append(head + made + messages.name_attribute(next(iter(types))))


def _made(number: int, step: Step) -> List[str]:
    """The names of what a step makes."""
    count = _OUTPUTS.get(step.kind, 1)
    return [f"v{number}"] if count == 1 else [f"v{number}_{k}" for k in range(count)]


def _describe(model: Any, inputs: Mapping[str, Dims], outputs: Sequence[str]) -> None:
    for name, dims in inputs.items():
        taken = model.description.input.add(name=name).type.multiArrayType
        taken.dataType = _FLOAT32
        taken.shape.extend(_WIDEST if size is None else size for size in dims)
        for size in dims if None in dims else ():
            bounds = taken.shapeRange.sizeRanges.add()
            bounds.lowerBound, bounds.upperBound = size or 1, size or _WIDEST
    for name in outputs:
        model.description.output.add(name=name).type.multiArrayType.dataType = _FLOAT32
