"""What a stranger could do to an ML Program, as a table of small changes of its message.

Every change gets a `random.Random`, the Model message, a function of its program, a block of it
and an operation there, and changes the message.
"""

import random
from typing import Any, Callable, Dict, Iterator, List, NamedTuple

from coreml_resize_fix.formats.mlprogram.execute.table import CONTROL, KINDS
from coreml_resize_fix.formats.protobuf import schema
from hardening import mutations

SIZES = (0, 1, 2, 3, 5, 7, 2**10, 2**16, 2**20 + 1, 2**31 - 1, 2**31, 2**40, 2**63 - 1, 2**63)
SIZES += (2**64 - 1,)
NUMBERS = (0, 1, -1, 2, 3, 4, 8, 63, 64, 2**16, 2**20, 2**30, 2**31 - 1, -(2**31))
FLOATS = (0.0, -0.0, 0.5, 1.0, 1.5, 2.0, -3.0, 1e-30, 2.0**20, 1e30, float("inf"), float("nan"))
TEXTS = ("", "fp16", "int32", "STRICT_ALIGN_CORNERS", "UNALIGN_CORNERS", "DEFAULT", "LINEAR")
TEXTS += (
    "NEAREST_NEIGHBOR",
    "valid",
    "same",
    "custom",
    "reflect",
    "replicate",
    "\x1b[31m",
    "x" * 300,
)
FILES = ("@model_path/weights/weight.bin", "weights/weight.bin", "weights/../weights/weight.bin")
FILES += ("../../../Manifest.json", "/etc/passwd", "@model_path/../../secret", "weights", "", "\0")
OPSETS = ("CoreML5", "CoreML6", "CoreML7", "CoreML8", "CoreML99", "")
UNKNOWN = ("custom_layer", "no_such_operation", "constexpr_no_such", "")
DEEPEST = 40


class Place(NamedTuple):
    """An operation of a block of a function of a model."""

    model: Any
    function: Any
    block: Any
    operation: Any


Change = Callable[[random.Random, Place], None]


def blocks(function: Any) -> Iterator[Any]:
    """Every block of a function, those inside of operations too."""
    waiting = list(function.block_specializations.values())
    while waiting:
        block = waiting.pop()
        yield block
        waiting += [inner for operation in block.operations for inner in operation.blocks]


def _names(place: Place) -> List[str]:
    made = [one.name for operation in place.block.operations for one in operation.outputs]
    return made + [one.name for one in place.function.inputs] or ["nothing"]


def _values(place: Place) -> List[Any]:
    held = list(place.operation.attributes.values())
    for argument in place.operation.inputs.values():
        held += [one.value for one in argument.arguments if one.WhichOneof("binding") == "value"]
    return held


def _argument(rng: random.Random, place: Place) -> Any:
    operation = place.operation
    key = rng.choice(sorted(operation.inputs) or ["x"])
    argument = operation.inputs[key]
    return rng.choice(argument.arguments) if argument.arguments else argument.arguments.add()


def _read_another(rng: random.Random, place: Place) -> None:
    """Cycles of names, a constant in the place of a map, one of several operations."""
    _argument(rng, place).name = rng.choice(_names(place))


def _make_another(rng: random.Random, place: Place) -> None:
    outputs = place.operation.outputs or [place.operation.outputs.add()]
    rng.choice(outputs).name = rng.choice(_names(place))


def _one_output_more(rng: random.Random, place: Place) -> None:
    place.operation.outputs.add().name = rng.choice((*_names(place), "more"))


def _kind(rng: random.Random, place: Place) -> None:
    place.operation.type = rng.choice((*sorted(KINDS), *CONTROL, *UNKNOWN))


def _like_another(rng: random.Random, place: Place) -> None:
    """The parameters of another operation."""
    other = rng.choice(place.block.operations)
    for key, argument in other.inputs.items():
        place.operation.inputs[key].CopyFrom(argument)


def _rename_parameter(rng: random.Random, place: Place) -> None:
    inputs = place.operation.inputs
    if inputs:
        key = rng.choice(sorted(inputs))
        other = rng.choice(
            ("x", "y", "shape", "axis", "weight", "reps", "pad", "values", key + "_")
        )
        inputs[other].CopyFrom(inputs[key])
        del inputs[key]


def _drop_parameter(rng: random.Random, place: Place) -> None:
    for held in (place.operation.inputs, place.operation.attributes):
        if held and rng.random() < 0.7:
            del held[rng.choice(sorted(held))]
            return


def _many_arguments(rng: random.Random, place: Place) -> None:
    argument = _argument(rng, place)
    for _ in range(rng.choice((1, 2, 50))):
        key = rng.choice(sorted(place.operation.inputs))
        place.operation.inputs[key].arguments.add().CopyFrom(argument)


def _types(place: Place) -> List[Any]:
    found = [one.type for one in place.operation.outputs] + [one.type for one in _values(place)]
    found += [one.type for one in (*place.function.inputs, *place.block.inputs)]
    return [one.tensorType for one in found if one.WhichOneof("type") == "tensorType"]


def _size(rng: random.Random, place: Place) -> None:
    tensors = [one for one in _types(place) if one.dimensions]
    if tensors:
        dimension = rng.choice(rng.choice(tensors).dimensions)
        if rng.random() < 0.8:
            dimension.constant.size = rng.choice(SIZES)
        else:
            dimension.unknown.variadic = rng.random() < 0.5


def _rank(rng: random.Random, place: Place) -> None:
    for tensor in rng.sample(_types(place), 1) if _types(place) else ():
        tensor.rank = rng.choice((-1, 0, 1, 6, 2**40))
        for _ in range(rng.choice((0, 1, 2, 40))):
            tensor.dimensions.add().constant.size = rng.choice((1, 1, 2))
        if rng.random() < 0.3:
            del tensor.dimensions[rng.randint(0, len(tensor.dimensions)) :]


def _type(rng: random.Random, place: Place) -> None:
    for tensor in rng.sample(_types(place), 1) if _types(place) else ():
        # Behind the extension: any number can be on the wire.
        raw = bytes([8, rng.choice((0, 1, 2, 10, 11, 12, 21, 23, 31, 35, 40, 127))])
        tensor.MergeFromString(raw)


def _constant(rng: random.Random, place: Place) -> None:
    """Other numbers in a constant: a factor, a size, an axis, a mode."""
    tensors = [
        one.immediateValue.tensor for one in _values(place) if one.HasField("immediateValue")
    ]
    if not tensors:
        return
    tensor = rng.choice(tensors)
    kind = tensor.WhichOneof("value") or "ints"
    drawn = {"ints": NUMBERS, "longInts": NUMBERS, "floats": FLOATS, "doubles": FLOATS}
    drawn.update(bools=(True, False), strings=TEXTS)
    if kind == "bytes":
        tensor.bytes.values = bytes(rng.randrange(256) for _ in range(rng.choice((0, 1, 2, 8, 40))))
        return
    held = getattr(tensor, kind).values
    if held and rng.random() < 0.8:
        held[rng.randrange(len(held))] = rng.choice(drawn[kind])
    else:
        del held[rng.randint(0, len(held)) :]
        held.extend(rng.choice(drawn[kind]) for _ in range(rng.choice((0, 1, 5))))


def _other_value(rng: random.Random, place: Place) -> None:
    for value in rng.sample(_values(place), 1) if _values(place) else ():
        tensor = value.immediateValue.tensor
        kind = rng.choice(("ints", "floats", "bools", "strings", "list", "tuple", "none"))
        if kind == "none":
            value.ClearField("value")
        elif kind in ("list", "tuple"):
            getattr(value.immediateValue, kind).values.add()
        else:
            getattr(tensor, kind).SetInParent()


def _stored(rng: random.Random, place: Place) -> None:
    """Numbers of a weight file: outside of it, of another name, in the middle of others."""
    for value in rng.sample(_values(place), 1) if _values(place) else ():
        file = value.blobFileValue
        file.fileName = file.fileName if file.fileName and rng.random() < 0.6 else rng.choice(FILES)
        file.offset = rng.choice(
            (0, 1, 64, 128, 192, 256, 2**31, 2**40, 2**63 - 1, 2**63, 2**64 - 1)
        )


def _inline(rng: random.Random, place: Place) -> None:
    """A constant bound where it is read."""
    values = [one.attributes["val"] for one in place.block.operations if "val" in one.attributes]
    if values:
        _argument(rng, place).value.CopyFrom(rng.choice(values))


def _at(place: Place) -> int:
    return [id(one) for one in place.block.operations].index(id(place.operation))


def _moved(rng: random.Random, place: Place) -> None:
    """One operation dropped, written twice or many times, or moved."""
    operations = place.block.operations
    at, held = _at(place), list(operations)
    one = type(place.operation)()
    one.CopyFrom(place.operation)
    action = rng.randrange(4)
    if action in (0, 2):
        del held[at]
    if action:
        copies = rng.choice((1, 1, 2, 60)) if action == 3 else 1
        spot = rng.randint(0, len(held))
        held[spot:spot] = [one] * copies
    kept = [type(one).FromString(each.SerializeToString()) for each in held]
    del operations[:]
    operations.extend(kept)


def _nest(rng: random.Random, place: Place) -> None:
    """An operation inside of conditions or loops, a few or many deep."""
    kind = rng.choice(("cond", "while_loop", "custom_layer"))
    for _ in range(rng.choice((1, 1, 2, 3, 17, DEEPEST))):
        inner = type(place.operation)()
        inner.CopyFrom(place.operation)
        place.operation.Clear()
        place.operation.type = kind
        place.operation.outputs.extend(inner.outputs)
        names = [one.name for one in inner.outputs]
        given = "pred" if kind == "cond" else "loop_vars"
        place.operation.inputs[given].arguments.add().name = rng.choice(_names(place))
        for _ in range(rng.choice((2, 2, 2, 1, 3))):
            block = place.operation.blocks.add()
            block.outputs.extend(names)
            block.operations.add().CopyFrom(inner)
            if kind == "while_loop":
                block.inputs.extend(inner.outputs)
        if place.model.ByteSize() > 1 << 16:
            return


def _block_ends(rng: random.Random, place: Place) -> None:
    outputs, names = place.block.outputs, _names(place)
    if outputs and rng.random() < 0.7:
        outputs[rng.randrange(len(outputs))] = rng.choice((*names, "nowhere"))
    elif outputs and rng.random() < 0.5:
        del outputs[0]
    else:
        outputs.append(rng.choice(names))


def _block_begins(rng: random.Random, place: Place) -> None:
    named = [*place.function.inputs, *place.operation.outputs]
    if named:
        place.block.inputs.add().CopyFrom(rng.choice(named))


def _specialization(rng: random.Random, place: Place) -> None:
    """One block more for another opset, or an opset that has none."""
    function = place.function
    kept = sorted(function.block_specializations)
    if kept and rng.random() < 0.8:
        function.block_specializations[rng.choice(OPSETS)].CopyFrom(
            function.block_specializations[rng.choice(kept)]
        )
    if rng.random() < 0.4:
        function.opset = rng.choice((*OPSETS, *kept))


def _function(rng: random.Random, place: Place) -> None:
    functions = place.model.mlProgram.functions
    name = rng.choice(("main", "other", "", "a/b", "x" * 200))
    functions[name].CopyFrom(place.function)
    if hasattr(place.model.description, "functions") and rng.random() < 0.5:
        described = place.model.description.functions.add(name=rng.choice((name, "main")))
        described.input.extend(place.model.description.input)
        described.output.extend(place.model.description.output)


def _described(rng: random.Random, place: Place) -> None:
    """What the description says of an input or an output."""
    features = [*place.model.description.input, *place.model.description.output]
    if not features:
        return
    kind = rng.choice(features).type
    if kind.WhichOneof("Type") == "imageType":
        kind.imageType.width = rng.choice(NUMBERS)
        return
    array = kind.multiArrayType
    action = rng.randrange(4)
    if action == 0 and array.shape:
        array.shape[rng.randrange(len(array.shape))] = rng.choice((*NUMBERS, 2**40, 2**62))
    elif action == 1:
        low = rng.choice((0, 1, 5, 2**40))
        for _ in range(rng.choice((1, 4, 4))):
            array.shapeRange.sizeRanges.add(
                lowerBound=low, upperBound=rng.choice((-1, 0, 9, 2**50))
            )
    elif action == 2:
        for _ in range(rng.choice((1, 30))):
            sides = rng.choice((3, 9, 2**20))
            array.enumeratedShapes.shapes.add(shape=[1, 3, sides, rng.randint(1, 40)])
    else:
        array.dataType = rng.choice((65552, 65568, 65600, 131104))


def _unknown_field(rng: random.Random, place: Place) -> None:
    rng.choice(place).MergeFromString(b"\x92\x9c\x04\x02hi")  # field 9001


PROGRAM: Dict[str, Change] = {
    "read another name": _read_another,
    "make another name": _make_another,
    "make one more": _one_output_more,
    "another kind": _kind,
    "parameters of another": _like_another,
    "rename a parameter": _rename_parameter,
    "drop a parameter": _drop_parameter,
    "many arguments": _many_arguments,
    "another size": _size,
    "another rank": _rank,
    "another type": _type,
    "other numbers": _constant,
    "another kind of value": _other_value,
    "numbers of a file": _stored,
    "a value inline": _inline,
    "move an operation": _moved,
    "nest an operation": _nest,
    "other outputs of a block": _block_ends,
    "other inputs of a block": _block_begins,
    "another specialization": _specialization,
    "another function": _function,
    "another description": _described,
    "an unknown field": _unknown_field,
}


def program(data: bytes, seed: int, most: int) -> bytes:
    """A model file with one to four changes of its program, or of its message if it has none."""
    rng = random.Random(seed)
    model = schema.model_class()()
    try:
        model.ParseFromString(data)
    except Exception:  # protobuf's DecodeError; its module differs between versions
        return data
    held = getattr(model, "mlProgram", None)  # unknown to coremltools before 5
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        places = [
            Place(model, function, block, operation)
            for _, function in sorted(held.functions.items() if held else ())
            for block in blocks(function)
            for operation in block.operations
        ]
        if not places:
            return mutations.message(data, seed, most)
        try:
            PROGRAM[rng.choice(list(PROGRAM))](rng, rng.choice(places))
        except (ValueError, TypeError, KeyError):  # a number that a field does not take
            continue
    result = bytes(model.SerializeToString(deterministic=True))
    return result if len(result) <= most else data


def weights(data: bytes, seed: int) -> bytes:
    """A weight file with another header, another description of its numbers, or an end missing."""
    rng, made = random.Random(seed), bytearray(data)
    at = 64 * rng.randrange(max(len(made) // 64, 1)) + rng.choice((0, 4, 8, 16, 24))
    drawn = rng.choice((0, 1, 2, 64, 2**16, 2**31, 2**32 - 1, 2**63, 2**64 - 1))
    width = 4 if at % 64 < 8 else 8
    if rng.random() < 0.2:
        return bytes(made[: rng.randint(0, len(made))])
    made[at : at + width] = (drawn % (1 << 8 * width)).to_bytes(width, "little")
    return bytes(made)
