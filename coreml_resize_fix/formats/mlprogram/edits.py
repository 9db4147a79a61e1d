"""Changed resizes → edits of the file: their operations, and what must follow them.

What follows: the sizes that later operations, blocks and outputs declare, and the opset of every
function. Every other byte stays, constants of the replaced operations too, and no weight file is
touched.
"""

from io import BytesIO
from typing import (
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from coreml_resize_fix.formats.descriptions import with_ranges, with_size
from coreml_resize_fix.formats.mlprogram import added, declared, locate, messages, opset
from coreml_resize_fix.formats.mlprogram.locate import Place
from coreml_resize_fix.formats.mlprogram.naming import Names
from coreml_resize_fix.formats.mlprogram.operation_chains import Group
from coreml_resize_fix.formats.mlprogram.program import (
    Function,
    Operation,
    Program,
    Value,
    operations,
)
from coreml_resize_fix.formats.mlprogram.steps import Constant, Input, Made, Named, Read, Step
from coreml_resize_fix.formats.protobuf import schema, splice, wire
from coreml_resize_fix.formats.protobuf.splice import Edit
from coreml_resize_fix.formats.protobuf.wire import Source, encode_field
from coreml_resize_fix.formats.shapes import Dims, Flexible, Known, ModelShapes, Shape, Unknown

_OUTPUT, _FUNCTIONS = 10, 20  # ModelDescription
_FUNCTION_NAME, _FUNCTION_OUTPUT = 1, 3  # FunctionDescription


class Rewrite(NamedTuple):
    """What to write into a program: steps in the place of operations, by address.

    `groups` are those of several operations that are replaced, by the address of their last one.
    `before` and `after` are the sizes of each function, by its name, without and with them.
    """

    steps: Mapping[str, Sequence[Step]]
    before: Mapping[str, ModelShapes]
    after: Mapping[str, ModelShapes]
    spec_version: int
    groups: Mapping[str, Group] = {}


def refusal(program: Program, rewrite: Rewrite) -> Optional[str]:
    """Why a program cannot be rewritten so, in a sentence, or None if it can."""
    for function in program.functions:
        if function.unlike and _changed(program, function, rewrite):
            opset_of, address = function.unlike[0]
            return (
                f"the function `{function.name}` has several block specializations "
                f"({', '.join(function.specializations)}), and that of `{opset_of}` is another "
                f"from `{address}` on"
            )
    if rewrite.steps and opset.lowest_version(program) < rewrite.spec_version:
        return opset.refusal(program, rewrite.spec_version)
    return None


def _changed(program: Program, function: Function, rewrite: Rewrite) -> List[Operation]:
    return [one for one in operations(function.block) if one.address in rewrite.steps]


def edits(
    source: Source, program: Program, rewrite: Rewrite, model: Optional[Place] = None
) -> List[Edit]:
    """The edits of one program; `model` is where its Model message lies, if not the whole file.

    See `refusal` for what must not be asked for.

    Raises:
        ModelError: the file does not hold what was read from it.
    """
    model = model or locate.whole(source)
    found: List[Edit] = []
    for function in program.functions:
        for one in () if function.unlike else function.specializations:
            twin = function._replace(opset=one)  # the same operations in each
            alone = program._replace(functions=(twin,))
            found += _function_edits(source, alone, twin, rewrite, model)
        is_first = function is program.functions[0]
        found += _description_edits(source, function, rewrite, model, is_first)
    if rewrite.steps and opset.lowest_version(program) < rewrite.spec_version:
        found += opset.edits(source, model, program, rewrite.spec_version)
    return found


def _function_edits(
    source: Source, program: Program, function: Function, rewrite: Rewrite, model: Place
) -> List[Edit]:
    changed = _changed(program, function, rewrite)
    before, after = rewrite.before[function.name], rewrite.after[function.name]
    followers = {one.operation.address: one for one in declared.changes(function, before, after)}
    groups = {one.address: rewrite.groups.get(one.address) for one in changed}
    parts = [part for group in groups.values() if group is not None for part in group.parts]
    used = {
        name
        for one in changed
        for name in _read_names(rewrite.steps[one.address], one, groups[one.address])
    }
    gone = [*parts, *added.needless(function, [*changed, *parts], used)]
    names = Names(function, gone={one.address for one in gone})
    for one in gone:
        followers.pop(one.address, None)
    wanted = set(followers) | {one.address for one in [*changed, *gone]}
    places = locate.operations(source, model, program, wanted)
    found: List[Edit] = []
    for one in gone:
        place = places[one.address]
        found.append(Edit(place.field.tag_at, place.field.end, b"", place.path))
    for operation in changed:
        place = places[operation.address]
        follower = followers.pop(operation.address, None)
        dims = follower.outputs if follower is not None else {}
        writer = _Writer(source, place, operation, groups[operation.address], names)
        content = writer.replacement(rewrite.steps[operation.address], dims)
        found.append(Edit(place.field.tag_at, place.field.end, content, place.path))
    for address, follower in followers.items():
        found += declared.operation_edits(source, places[address], follower)
    return found


def _read_names(
    steps: Sequence[Step], operation: Operation, group: Optional[Group]
) -> Iterator[str]:
    """The names of the function that steps in the place of an operation or a group read."""
    for given in (one for step in steps for _, one in step.inputs):
        if isinstance(given, Named):
            yield given.name
        elif isinstance(given, Read) and group is not None:
            yield group.source
        elif isinstance(given, Read):
            yield from (name for name in operation.inputs[given.parameter] if isinstance(name, str))


class _Writer:
    """Operations in the place of one, or of a group, as fields of its block."""

    def __init__(
        self,
        source: Source,
        place: Place,
        operation: Operation,
        group: Optional[Group],
        names: Names,
    ) -> None:
        self._source, self._place, self._operation = source, place, operation
        self._names, self._stem = names, operation.outputs[0].name
        # Constants are operations of their own, as in coremltools' files, unless those of the
        # replaced operation stand in the operation itself.
        self._inline = any(
            isinstance(one, Value) for given in operation.inputs.values() for one in given
        )
        self._image = None if group is None else messages.bound_name(group.source)
        self._old = _arguments(source, place)

    def replacement(self, steps: Sequence[Step], dims: Mapping[int, Dims]) -> bytes:
        """The operations as bytes of the block; `dims` are the new sizes of the last outputs."""
        # A constant of many numbers marks an operation that stands alone (see `operation_chains`).
        held = [given for step in steps for _, given in step.inputs]
        is_chain = len(steps) > 1 or any(
            not isinstance(given, (Constant, Made, Named, Read)) for given in held
        )
        made: List[str] = []
        result: List[bytes] = []
        for index, step in enumerate(steps):
            arguments: List[Tuple[str, bytes]] = []
            for parameter, given in step.inputs:
                name = f"{step.kind}_{parameter}" if is_chain else parameter
                argument, constant = self._argument(given, name, made)
                arguments.append((parameter, argument))
                result += constant
            head = encode_field(locate.KIND, step.kind.encode()) + messages.inputs(arguments)
            if index == len(steps) - 1:
                result.append(head + _kept(self._source, self._place, dims))
            else:
                made.append(self._names.part(self._stem, step.kind))
                result.append(head + _intermediate(self._operation, step, made[-1]))
        return b"".join(encode_field(locate.OPERATIONS, data) for data in result)

    def _argument(self, given: Input, name: str, made: Sequence[str]) -> Tuple[bytes, List[bytes]]:
        """An input as an Argument message, behind the constant operation that it needs, if any.

        `made` are the names of what the steps before make; `name` is for the constant.
        """
        if isinstance(given, Made):
            return messages.bound_name(made[given.step]), []
        if isinstance(given, Named):
            return messages.bound_name(given.name), []
        if isinstance(given, Read):
            return self._image or self._old[given.parameter], []
        if self._inline and isinstance(given, Constant):
            return messages.bound_value(given), []
        own = self._names.part(self._stem, name)
        return messages.bound_name(own), [messages.constant(own, given)]


def _intermediate(operation: Operation, step: Step, name: str) -> bytes:
    kind = operation.outputs[0].type
    data_type = step.data_type or (kind.data_type if kind is not None else "FLOAT32")
    made = messages.named_type(name, data_type, step.dims or ())
    return encode_field(locate.OUTPUTS, made) + messages.name_attribute(name)


def _arguments(source: Source, place: Place) -> Dict[str, bytes]:
    """The Argument messages of an operation, byte for byte, by parameter."""
    found = {}
    for entry in place.all(source, locate.INPUTS):
        argument = entry.only(source, locate.VALUE).node
        found[locate.text_of(source, entry)] = source.read(argument.start, argument.end)
    return found


def _kept(source: Source, place: Place, dims: Mapping[int, Dims]) -> bytes:
    """The fields of an operation but its type and parameters, with new sizes of its outputs."""
    content = b"".join(
        source.read(field.tag_at, field.end)
        for field in wire.fields(source, place.node.start, place.node.end)
        if field.number not in (locate.KIND, locate.INPUTS)
    )
    inner = Source(content)
    resized = declared.type_edits(inner, locate.whole(inner), locate.OUTPUTS, dims)
    target = BytesIO()
    splice.write(BytesIO(content), len(content), target, splice.patches(resized))
    return target.getvalue()


def _description_edits(
    source: Source, function: Function, rewrite: Rewrite, model: Place, is_first: bool
) -> List[Edit]:
    """New sizes of the outputs in the model's description."""
    before, after = rewrite.before[function.name].outputs, rewrite.after[function.name].outputs
    changed: Dict[str, Shape] = {
        name: shape for name, shape in after.items() if before.get(name) != shape
    }
    if not changed or not model.fields(source, locate.DESCRIPTION):
        return []
    found: List[Edit] = []
    for place in _outputs(source, model.only(source, locate.DESCRIPTION), function.name, is_first):
        feature = schema.feature_class()()
        feature.ParseFromString(source.read(place.node.start, place.node.end))
        shape = changed.get(feature.name)
        if shape is None or isinstance(shape, Unknown):
            continue
        # A feature of many sizes may declare them alone, and none that is the default.
        edited = with_ranges(with_size(feature, _default(shape)), shape)
        if edited != feature:
            node, content = place.node, edited.SerializeToString()
            found.append(Edit(node.start, node.end, content, place.inside))
    return found


def _outputs(source: Source, description: Place, function: str, is_first: bool) -> List[Place]:
    """The output descriptions of a function: of a program of several, it has its own.

    Where none has, those of the model are the first one's.
    """
    described = description.all(source, _FUNCTIONS)
    if not described:
        return description.all(source, _OUTPUT) if is_first else []
    for place in described:
        if locate.text_of(source, place, _FUNCTION_NAME) == function:
            return place.all(source, _FUNCTION_OUTPUT)
    return []


def _default(shape: Shape) -> Tuple[int, ...]:
    """The shape at the default size of the inputs; () if it is not known."""
    if isinstance(shape, Flexible):
        return shape.default
    return shape.dims if isinstance(shape, Known) else ()
