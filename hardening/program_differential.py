"""ML Programs spliced, against the same edit through protobuf.

`python -m hardening.differential --programs 2000`.

What to write is taken from the findings, how it is written is compared: the message of the file
that the tool makes with the message edited by the official classes. Sizes that are declared
anew are those that coremltools' own loader infers, which reads every result.
"""

import json
import random
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

import numpy as np

from coreml_resize_fix.errors import ProofError
from coreml_resize_fix.formats.mlprogram import naming, reader, steps
from coreml_resize_fix.formats.mlprogram.chain import steps_of
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.intents import manifest
from coreml_resize_fix.run import pipeline
from hardening import trees
from tests.formats.mlprogram import build
from tests.formats.mlprogram.build import mb
from tests.formats.mlprogram.test_edits import as_coremltools_infers
from tests.support import edits
from tests.support.wirediff import field

CHANNELS = 2
Size = Tuple[int, int]
Calls = Dict[str, Dict[str, Any]]


class Made(NamedTuple):
    """A model file, and what its resizes were asked for, by name."""

    data: bytes
    calls: Calls


class _Maker:
    """Draws a program: resizes between operations that keep the size."""

    def __init__(self, seed: int) -> None:
        self.rng, self.calls = random.Random(seed), {}
        self.size: Size = (self.rng.randint(2, 9), self.rng.randint(2, 9))
        self._count = 0

    def program(self) -> Tuple[Any, int]:
        """A Program of coremltools and its iOS."""
        ios, before = self.rng.choice((15, 16, 17, 18)), self.size
        return build.program(lambda x: self._all(x), (1, CHANNELS, *before), ios), ios

    def _all(self, x: Any) -> Any:
        for _ in range(self.rng.randint(1, 5)):
            x = self.rng.choice((self.resize, self.resize, self.plain, self.branched))(x)
        return mb.identity(x=self.resize(x), name="end")

    def plain(self, x: Any) -> Any:
        kind = self.rng.randrange(4)
        if kind == 0:
            return mb.relu(x=x)
        if kind == 1:
            return mb.add(x=x, y=np.float32(self.rng.random()))
        if kind == 2:
            weight = np.ones((CHANNELS, CHANNELS, 1, 1), np.float32)
            return mb.conv(x=mb.concat(values=[x], axis=1), weight=weight)
        return mb.mul(x=x, y=mb.sigmoid(x=x))

    def branched(self, x: Any) -> Any:
        """Two branches, one of which resizes to the size that both have."""
        flag = mb.greater(x=mb.reduce_sum(x=x, axes=[0, 1, 2, 3], keep_dims=False), y=0.0)
        size = self.size
        enlarge = self.rng.choice((mb.relu, mb.abs))
        return mb.cond(
            pred=flag,
            _true_fn=lambda: self.resize(mb.relu(x=x), size),
            _false_fn=lambda: enlarge(x=x),
        )

    def resize(self, x: Any, keep: Any = None) -> Any:
        """What a converter made of a call: another grid, and sometimes another size."""
        self._count += 1
        name, rng = f"up{self._count}", self.rng
        wanted = keep or tuple(max(1, min(24, n * 2 + rng.randint(-n, n))) for n in self.size)
        made = wanted if rng.random() < 0.5 else tuple(max(1, n - 1) for n in wanted)
        if keep:  # both branches make one size, whatever the resizes before them made
            made = tuple(map(int, x.shape[2:]))
        mode = rng.choice(("bilinear", "bilinear", "nearest", "bicubic", "area"))
        self.calls[name] = {
            "mode": mode,
            "align_corners": mode == "bilinear" and rng.random() < 0.5,
            "size": list(wanted),
            "input_size": list(self.size),
        }
        self.size = wanted
        if rng.random() < 0.5:
            return mb.resize_bilinear(
                x=x, target_size_height=made[0], target_size_width=made[1],
                sampling_mode=rng.choice(("DEFAULT", "OFFSET_CORNERS", "UNALIGN_CORNERS")),
                name=name,
            )  # fmt: skip
        factors = [(n + 1e-4) / int(b) for n, b in zip(made, x.shape[2:])]
        kind = rng.choice((mb.upsample_bilinear, mb.upsample_nearest_neighbor))
        return kind(
            x=x, scale_factor_height=np.float32(factors[0]),
            scale_factor_width=np.float32(factors[1]), name=name,
        )  # fmt: skip


def made(seed: int) -> Made:
    """A random program, as coremltools or as another writer puts it into a file."""
    maker = _Maker(seed)
    program, ios = maker.program()
    data, rng = build.model_file(program, ios), random.Random(seed)
    if rng.random() < 0.25:
        data = build.inline(data)
    model = edits.parse(data)
    if rng.random() < 0.25:  # another block for the same opset of a later system
        function = model.mlProgram.functions["main"]
        function.block_specializations["CoreML99"].CopyFrom(
            function.block_specializations[function.opset]
        )
    if rng.random() < 0.25:  # what a later version of the format may have
        for block in _blocks(model):
            rng.choice(block.operations).MergeFromString(field(9001, b"future"))
            block.MergeFromString(field(9002, b"future"))
    data = model.SerializeToString()
    if rng.random() < 0.3:
        nodes = trees.read(data) or []
        if trees.written(nodes) == data:  # no numbers that look like a message
            data = trees.written_otherwise(nodes, rng)
    return Made(data, maker.calls)


def _blocks(model: Any) -> Iterator[Any]:
    for function in model.mlProgram.functions.values():
        waiting = list(function.block_specializations.values())
        while waiting:
            block = waiting.pop()
            yield block
            waiting += [inner for one in block.operations for inner in one.blocks]


def compare(seed: int) -> str:
    """How one random program ends: "same message", "no change", or "refused".

    Raises:
        AssertionError: the result is another message, or coremltools infers other sizes.
    """
    data, calls = made(seed)
    intents = manifest.parse(json.dumps(calls))
    request = pipeline.Request(intents, partial=True, decompose=seed % 3 > 0, verify=False)
    try:
        report, result = pipeline.process_bytes(data, "model", request)
    except ProofError as error:  # one branch would be of another size than the other
        assert "its size would change" in str(error), error
        return "refused"
    changes = {one.layer.address: one.after for one in report.findings if one.verdict == "fixed"}
    if not changes:
        assert result == data, "bytes without a change"
        return "no change"
    expected, found = _edited(data, changes), edits.parse(result)
    _assert_outputs_are_described(found)
    assert _without_sizes(found) == _without_sizes(expected), "another message"
    assert as_coremltools_infers(result), "other sizes than coremltools infers"
    return "same message"


def _edited(data: bytes, changes: Dict[str, Any]) -> Any:
    """The message with the changes, made through protobuf alone."""
    model = edits.parse(data)
    program = reader.read(Source(data))
    (function,) = program.functions
    message = model.mlProgram.functions[function.name]
    for block in message.block_specializations.values():
        names = naming.Names(function)
        written = {
            address: _operations(_located(block, address)[1], steps_of(changes[address]), names)
            for address in sorted(changes, key=_order)
        }
        for address in sorted(changes, key=_order, reverse=True):
            holder, operation = _located(block, address)
            at = next(i for i, one in enumerate(holder.operations) if one is operation)
            behind = list(holder.operations)[at + 1 :]
            del holder.operations[at:]
            holder.operations.extend([*written[address], *behind])
    return model


def _order(address: str) -> Tuple[int, ...]:
    return tuple(int(part.split("]")[0]) for part in address.split("[")[1:])


def _located(block: Any, address: str) -> Tuple[Any, Any]:
    """The block that holds the operation, and the operation."""
    *way, last = address.split("/")[1:]
    for step in way:
        operation, inner = _order(step)
        block = block.operations[operation].blocks[inner]
    return block, block.operations[_order(last)[0]]


def _operations(old: Any, wanted: Any, names: Any) -> List[Any]:
    """Operations in the place of one, and the constants that they read."""
    inline = any(
        binding.WhichOneof("binding") == "value"
        for argument in old.inputs.values()
        for binding in argument.arguments
    )
    held = [given for step in wanted for _, given in step.inputs]
    plain = (steps.Constant, steps.Made, steps.Named, steps.Read)
    chain = len(wanted) > 1 or not all(isinstance(given, plain) for given in held)
    stem, kind = old.outputs[0].name, type(old)
    found, outputs = [], []
    for step in wanted:
        made = kind(type=step.kind)
        for parameter, given in step.inputs:
            argument = made.inputs[parameter]
            if isinstance(given, steps.Read):
                argument.CopyFrom(old.inputs[given.parameter])
            elif isinstance(given, (steps.Made, steps.Named)):
                name = given.name if isinstance(given, steps.Named) else outputs[given.step]
                argument.arguments.add().name = name
            elif inline and isinstance(given, steps.Constant):
                _fill(argument.arguments.add().value, given)
            else:
                part = f"{step.kind}_{parameter}" if chain else parameter
                constant = kind(type="const")
                _name(constant, names.part(stem, part))
                _fill(constant.attributes["val"], given)
                constant.outputs[0].type.CopyFrom(constant.attributes["val"].type)
                found.append(constant)
                argument.arguments.add().name = constant.outputs[0].name
        if step is wanted[-1]:
            rest = kind.FromString(old.SerializeToString())
            rest.ClearField("type")
            rest.ClearField("inputs")
            made.MergeFrom(rest)
        else:
            outputs.append(names.part(stem, step.kind))
            _name(made, outputs[-1])
            tensor = made.outputs[0].type.tensorType
            tensor.CopyFrom(old.outputs[0].type.tensorType)
            if step.data_type:
                tensor.dataType = _type(tensor, step.data_type)
        found.append(made)
    return found


def _name(operation: Any, name: str) -> None:
    operation.outputs.add().name = name
    _fill(operation.attributes["name"], steps.Constant("STRING", (name,)))


def _type(tensor: Any, name: str) -> int:
    return int(tensor.DESCRIPTOR.fields_by_name["dataType"].enum_type.values_by_name[name].number)


_FIELDS = {"FLOAT32": "floats", "INT32": "ints", "BOOL": "bools", "STRING": "strings"}
_CODES = {"FLOAT16": "<f2", "UINT32": "<u4", "UINT16": "<u2", "INT16": "<i2", "FLOAT32": "<f4"}


def _fill(value: Any, given: Any) -> None:
    tensor = value.type.tensorType
    tensor.dataType, tensor.rank = _type(tensor, given.data_type), len(given.dims)
    for size in given.dims:
        tensor.dimensions.add().constant.size = size
    if isinstance(given, steps.Packed):
        numbers = np.frombuffer(given.data, _CODES.get(given.data_type, "<i4")).tolist()
    else:
        numbers = list(given.numbers)
    held = value.immediateValue.tensor
    if given.data_type in _FIELDS:
        getattr(held, _FIELDS[given.data_type]).values.extend(numbers)
    else:
        held.bytes.values = np.array(numbers, _CODES[given.data_type]).tobytes()


def _without_sizes(model: Any) -> Any:
    """The message without what operations and outputs say of their sizes."""
    found = type(model).FromString(model.SerializeToString())
    for block in _blocks(found):
        for operation in block.operations:
            if operation.type != "const":
                for one in operation.outputs:
                    one.type.tensorType.ClearField("dimensions")
                    one.type.tensorType.ClearField("rank")
    for output in found.description.output:
        output.type.multiArrayType.ClearField("shape")
    return found


def _assert_outputs_are_described(model: Any) -> None:
    function = model.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    made = {one.name: one.type for operation in block.operations for one in operation.outputs}
    for output in model.description.output:
        shape = list(output.type.multiArrayType.shape)
        dims = [one.constant.size for one in made[output.name].tensorType.dimensions]
        assert shape in ([], dims), "the description has another size"
