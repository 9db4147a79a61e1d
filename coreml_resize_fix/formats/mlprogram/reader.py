"""Read the bytes of a model file as a `Program`.

The structure of an ML Program is small (under 200 bytes an operation) and its weights lie in
another file, so it is parsed whole by the official classes; nothing here opens a weight file.
"""

from functools import lru_cache
from itertools import zip_longest
from typing import Any, Dict, List, Optional, Tuple

from coreml_resize_fix.errors import ModelError
from coreml_resize_fix.formats.inference.call import MAX_RANK, MAX_SIZE, Blob
from coreml_resize_fix.formats.inference.inputs import Samples, samples
from coreml_resize_fix.formats.mlprogram import scopes
from coreml_resize_fix.formats.mlprogram.program import (
    ROUNDS,
    Argument,
    Block,
    FileReference,
    Function,
    Operation,
    Program,
    TensorType,
    Value,
    Variable,
)
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.protobuf.skeleton import Node
from coreml_resize_fix.formats.protobuf.wire import Source

# A program of 5,000 operations has 1 MB. What is larger holds its weights in the structure.
LARGEST = 64 << 20
MOST_OPERATIONS = 200_000
DEEPEST = 16  # blocks inside blocks; Protocol Buffers stop at about 48
MAIN = "main"

_DAMAGED = "the program is damaged; convert the model again"


def parse(source: Source, node: Optional[Node] = None) -> Any:
    """The Model message of a file, whole; `node` is where it lies, if it is one of a pipeline.

    Raises:
        ModelError: the bytes are not a Core ML model, or more than a structure can have.
        SchemaError: the installed coremltools does not know ML Programs.
    """
    schema.mil()
    start, end = (0, source.size) if node is None else (node.start, node.end)
    if end - start > LARGEST:
        raise ModelError(
            f"the structure of the program has {end - start} bytes, and at most {LARGEST} are read",
            "save the model as a package, with its weights in a file of their own",
        )
    model = schema.model_class()()
    try:
        model.ParseFromString(source.read(start, end))
    except Exception as error:  # protobuf's DecodeError; its module differs between versions
        raise ModelError(f"the program does not parse: {error}", _DAMAGED) from error
    return model


def is_program(model: Any) -> bool:
    """Whether a Model message is an ML Program."""
    return bool(model.WhichOneof("Type") == "mlProgram")


def read(source: Source) -> Program:
    """The program of a file that is an ML Program itself, not a pipeline of some.

    Raises:
        ModelError: it is not one, or its structure makes no sense.
    """
    model = parse(source)
    if not is_program(model):
        raise ModelError("the model is not an ML Program")
    return program(model)


def program(model: Any, prefix: str = "") -> Program:
    """The program of a Model message.

    Raises:
        ModelError: its structure makes no sense.
    """
    found = model.mlProgram.functions
    descriptions = {one.name: one for one in getattr(model.description, "functions", ())}
    budget = [MOST_OPERATIONS]
    functions: List[Function] = []
    for name in sorted(found, key=lambda name: (name != MAIN, name)):
        description = descriptions.get(name, model.description)
        functions.append(_function(name, found[name], description, prefix, budget))
    if not functions:
        raise ModelError("the program has no function", _DAMAGED)
    for function in functions:
        for _ in scopes.walk(function):
            pass
    return Program(prefix, int(model.specificationVersion), tuple(functions))


def _function(
    name: str, message: Any, description: Any, prefix: str, budget: List[int]
) -> Function:
    specializations = message.block_specializations
    if message.opset not in specializations:
        raise ModelError(
            f"the function `{name}` has no block for its opset `{message.opset}`",
            _DAMAGED,
        )
    inputs = _variables(message.inputs)
    block = _block(specializations[message.opset], prefix + name, 0, budget, inputs=())
    unlike = []
    for opset in sorted(set(specializations) - {message.opset}):
        other = _block(specializations[opset], prefix + name, 0, budget, inputs=())
        if other != block:
            unlike.append((opset, _first_unlike(block, other)))
    return Function(
        name,
        str(message.opset),
        inputs,
        block,
        tuple(sorted(specializations)),
        _samples(description, inputs),
        tuple(unlike),
    )


def _first_unlike(block: Block, other: Block) -> str:
    """The address of the first operation that two blocks do not share."""
    for one, two in zip_longest(block.operations, other.operations):
        if one != two:
            return str((one or two).address)
    return "its outputs"


def _samples(description: Any, inputs: Tuple[Variable, ...]) -> Samples:
    """The shapes of the inputs: what the program declares, and where it varies, the description."""
    found = samples(description.input, exact=True, rank4=True)
    declared = {
        variable.name: Blob(variable.type.dims)
        for variable in inputs
        if variable.type and variable.type.dims is not None and None not in variable.type.dims
    }
    shapes = []
    for shape in found.shapes:
        given = {
            variable.name: Blob(
                variable.type.dims if variable.type else None,
                f"the model does not describe the size of its input `{variable.name}`",
            )
            for variable in inputs
        }
        given.update((name, blob) for name, blob in shape.items() if name in given)
        given.update(declared)
        shapes.append(given)
    flexible = tuple(name for name in found.flexible if name not in declared)
    if not flexible:
        return Samples(tuple(shapes[:1]), (), False)
    return found._replace(shapes=tuple(shapes), flexible=flexible)


def _block(
    message: Any,
    place: str,
    depth: int,
    budget: List[int],
    inputs: Tuple[Variable, ...],
    times: int = 1,
) -> Block:
    if depth > DEEPEST:
        raise ModelError(f"blocks are nested more than {DEEPEST} deep", _DAMAGED)
    budget[0] -= len(message.operations) * times
    if budget[0] < 0:
        raise ModelError(
            f"the program has more than {MOST_OPERATIONS} operations, each round of a loop counted",
            "no converter writes so many; check where the model comes from",
        )
    operations = tuple(
        _operation(operation, f"{place}/ops[{index}]", depth, budget, times)
        for index, operation in enumerate(message.operations)
    )
    return Block(inputs, tuple(message.outputs), operations)


def _operation(message: Any, address: str, depth: int, budget: List[int], times: int) -> Operation:
    kind, outputs = message.type, _variables(message.outputs)
    attributes: Dict[str, Value] = {}
    name = ""
    for key, value in message.attributes.items():
        if key == "name":
            name = _first_string(value)
        else:
            attributes[key] = _value(value)
    name = name or (outputs[0].name if outputs else "")
    if kind == "const":  # most of all operations
        return Operation(address, kind, name, {}, outputs, (), attributes)
    inputs: Dict[str, Tuple[Argument, ...]] = {
        parameter: tuple([
            binding.name if binding.WhichOneof("binding") == "name" else _value(binding.value)
            for binding in argument.arguments
        ])
        for parameter, argument in message.inputs.items()
    }  # fmt: skip
    blocks = tuple(
        _block(
            block,
            f"{address}.blocks[{index}]",
            depth + 1,
            budget,
            _variables(block.inputs),
            times * (ROUNDS if kind == "while_loop" else 1),
        )
        for index, block in enumerate(message.blocks)
    )
    return Operation(address, kind, name, inputs, outputs, blocks, attributes)


def _first_string(message: Any) -> str:
    strings = message.immediateValue.tensor.strings.values
    return str(strings[0]) if strings else ""


def _variables(messages: Any) -> Tuple[Variable, ...]:
    return tuple([Variable(one.name, tensor_type(one.type)) for one in messages])


def _value(message: Any) -> Value:
    kind = message.WhichOneof("value")
    declared = tensor_type(message.type)
    if kind == "blobFileValue":
        file = message.blobFileValue
        return Value(declared, None, FileReference(str(file.fileName), int(file.offset)))
    if kind == "immediateValue" and message.immediateValue.WhichOneof("value") == "tensor":
        return Value(declared, message.immediateValue.tensor)
    if kind == "immediateValue" and message.immediateValue.WhichOneof("value") == "list":
        return Value(None, message.immediateValue.list)
    return Value(declared)


def tensor_type(message: Any) -> Optional[TensorType]:
    """The type of a ValueType message, of a state what it holds, or None if it is not a tensor.

    Raises:
        ModelError: it declares sizes that cannot be, or a type that the schema does not name.
    """
    return _tensor_type(message.SerializeToString())


@lru_cache(maxsize=1024)  # a program has thousands of values and a few dozen types
def _tensor_type(content: bytes) -> Optional[TensorType]:
    message = schema.mil().ValueType.FromString(content)
    if message.WhichOneof("type") == "stateType":
        message = message.stateType.wrappedType
    if message.WhichOneof("type") != "tensorType":
        return None
    tensor = message.tensorType
    names = tensor.DESCRIPTOR.fields_by_name["dataType"].enum_type.values_by_number
    data_type = _type_name(names.get(tensor.dataType), tensor)
    dims: List[Optional[int]] = []
    for dimension in tensor.dimensions:
        if dimension.WhichOneof("dimension") == "constant":
            dims.append(int(dimension.constant.size))
        elif dimension.unknown.variadic:
            return TensorType(data_type, None)
        else:
            dims.append(None)
    if len(dims) > MAX_RANK or any(size is not None and size > MAX_SIZE for size in dims):
        raise ModelError("the program declares a tensor too large for any memory", _DAMAGED)
    return TensorType(data_type, tuple(dims))


def _type_name(value: Any, tensor: Any) -> str:
    return str(value.name) if value is not None else f"type {tensor.dataType}"
