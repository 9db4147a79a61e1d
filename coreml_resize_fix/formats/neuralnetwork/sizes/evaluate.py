"""Infer all shapes of a network at one concrete size of its inputs.

Blobs are assigned in file order and the latest assignment wins: real files name both a model input
and an upsample's output "input".
"""

from typing import Any, Dict, List, Optional, Tuple

from coreml_resize_fix.formats.inference.call import (
    Blob,
    Call,
    NotKnownError,
    brief,
    image_size,
    show,
)
from coreml_resize_fix.formats.inference.merge import widen
from coreml_resize_fix.formats.inference.sane import sane
from coreml_resize_fix.formats.shapes import Conflict, Dims, Overrides, PartialSize, SizeOf

from .rules import RULES
from .structure import MAX_DEPTH, Layer, Scope, assigned

_MAX_ROUNDS = 3  # of a loop; in the last one nothing is assumed of the blobs that its body assigns
_MAX_LOOPS = 2  # loops deeper than this are walked once, as in the last round: rounds multiply

#: What one layer reads and writes at one size.
Trace = Tuple[Tuple[Blob, ...], Tuple[Blob, ...]]


#: Outputs and first conflict of layers, by address, inputs and assumed size.
Answers = Dict[Tuple[str, Tuple[Blob, ...], Optional[PartialSize]], Tuple[Tuple[Blob, ...], str]]


class Evaluation:
    """The shapes of every layer at one size of the inputs.

    `answers` of other evaluations of the same network are reused: another assumption on some resize
    does not change the shapes of most layers.
    """

    def __init__(
        self,
        layers: Tuple[Layer, ...],
        inputs: Dict[str, Blob],
        given: Overrides,
        answers: Answers,
    ):
        self.traces: Dict[str, Trace] = {}
        self.conflicts: Dict[Conflict, None] = {}  # an ordered set
        self.scope = Scope()
        self.scope.blobs.update(inputs)
        self._writers: Dict[str, Layer] = {}
        self._given = given
        self._answers = answers
        self._walk(layers, self.scope, 0)

    def output(self, name: str) -> Blob:
        """The shape of the last blob of this name; a size of 0 is a conflict here."""
        blob = self.scope.find(name)
        if blob is None:
            return Blob(None, f"no layer makes an output `{name}`")
        if blob.dims is not None and 0 in blob.dims and name in self._writers:
            layer = self._writers[name]
            self._report(layer, f"`{layer.kind}` gives a size of {show(brief(blob.dims))}")
        return blob

    def _report(self, layer: Layer, message: str) -> None:
        conflict = Conflict(layer.address, layer.name, layer.kind, message)
        self.conflicts[conflict] = None  # the rounds of a loop repeat themselves

    def _walk(self, layers: Tuple[Layer, ...], scope: Scope, loops: int) -> None:
        for layer in layers:
            if layer.bodies or layer.too_deep:
                self._control(layer, scope, loops)
                continue
            inputs = _find(layer, layer.inputs, scope)
            if not loops:  # in a loop it may have been made in the round before
                self._missing(layer, scope)
            outputs = self._answer(layer, inputs, scope)
            self.traces[layer.address] = inputs, outputs
            for name, blob in zip(layer.outputs, outputs):
                scope.blobs[name] = blob
                self._writers[name] = layer

    def _missing(self, layer: Layer, scope: Scope) -> None:
        for name in layer.inputs:
            if scope.find(name) is None:
                self._report(layer, f"`{layer.kind}` reads `{name}`, which nothing before it makes")
                return

    def _answer(self, layer: Layer, inputs: Tuple[Blob, ...], scope: Scope) -> Tuple[Blob, ...]:
        given = self._given.get(layer.address)
        if isinstance(given, SizeOf):
            blob = scope.find(given.name)
            said = None if blob is None else image_size(blob.dims)
            size: Optional[PartialSize] = (None, None) if said is None else given.of(said)
        else:
            first = inputs[0].dims if inputs else None
            size = given(image_size(first)) if callable(given) else given
        key = (layer.address, inputs, size)
        answer = self._answers.get(key)
        if answer is None:
            answer = self._answers[key] = _outputs(layer, inputs, size)
        outputs, conflict = answer
        if conflict:
            self._report(layer, conflict)
        return outputs

    def _control(self, layer: Layer, scope: Scope, loops: int) -> None:
        """Walk the bodies of a branch or a loop, which see and assign the enclosing blobs."""
        inputs = _find(layer, layer.inputs, scope)
        if layer.too_deep:
            scope.forget(f"layer `{layer.name}` nests more than {MAX_DEPTH} bodies")
        elif layer.kind == "branch":
            self._branch(layer, scope, loops)
        else:
            self._loop(layer, scope, loops)
        self.traces[layer.address] = inputs, _find(layer, layer.outputs, scope)

    def _branch(self, layer: Layer, scope: Scope, loops: int) -> None:
        sides = []
        for body in layer.bodies:
            side = Scope(scope)
            self._walk(body, side, loops)
            sides.append(side)
        reason = f"it depends on the branch that `{layer.name}` takes"
        names = dict.fromkeys(name for side in sides for name in side.blobs)
        merged = {}
        for name in names:
            found = [blob for blob in (side.find(name) for side in sides) if blob is not None]
            merged[name] = widen(found, reason)
        lost = next((side.forgotten for side in sides if side.forgotten), "")
        if lost:
            scope.forget(lost)
        scope.blobs.update(merged)

    def _loop(self, layer: Layer, scope: Scope, loops: int) -> None:
        """Walk rounds of a loop until no shape changes; sizes that change become unknown."""
        reason = f"it may change in the rounds of the loop `{layer.name}`"
        start: Dict[str, Blob] = {}
        for attempt in range(_MAX_ROUNDS):
            if attempt == _MAX_ROUNDS - 1 or loops >= _MAX_LOOPS:
                names = (name for name in assigned(layer) if scope.find(name) is not None)
                start = {name: Blob(None, reason) for name in names}
            inside = Scope(scope)
            inside.blobs.update(start)
            for body in layer.bodies:
                self._walk(body, inside, loops + 1)
            changed = False
            for name, blob in inside.blobs.items():
                outer = start.get(name) or scope.find(name)
                if outer is not None:
                    start[name] = widen([outer, blob], reason)
                    changed = changed or start[name].dims != outer.dims
            if not changed or loops >= _MAX_LOOPS:
                break
        if inside.forgotten:
            scope.forget(inside.forgotten)
        for name, blob in inside.blobs.items():
            scope.blobs[name] = start.get(name, blob)


def _outputs(
    layer: Layer, inputs: Tuple[Blob, ...], size: Optional[PartialSize]
) -> Tuple[Tuple[Blob, ...], str]:
    """The rule's answer, made safe: one blob per declared output, sizes sane, with reasons.

    The second value is the first conflict: one defect often shows twice (an empty input, then a
    shape that does not fit).
    """
    call = Call(layer.kind, layer.name, layer.params, inputs, len(layer.outputs))
    shapes: List[Optional[Dims]] = []
    reason = ""
    empty = next((blob.dims for blob in inputs if blob.dims is not None and 0 in blob.dims), None)
    try:
        if empty is not None:
            call.conflict(f"gets an input of size {show(brief(empty))}")
        shapes.extend(_rule(layer)(call))
    except NotKnownError as refusal:
        reason = str(refusal)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = f"{call} has parameters that make no sense: {error}"
    if size is not None:
        shapes = _overridden(shapes, inputs, size)
        if not reason and None in size:
            reason = f"the output size of {call} is not decided"
    least = 0 if layer.kind in _MAY_GIVE_ZERO and empty is None else 1
    for index, dims in enumerate(shapes):
        if dims is not None:
            shapes[index] = sane(call, dims, "blob", least)
    conflict = call.conflicts[0] if call.conflicts else ""
    if conflict:
        reason = f"{call}: {conflict}"
    shapes.extend([None] * (len(layer.outputs) - len(shapes)))
    shapes = shapes[: len(layer.outputs)]
    if all(dims is not None and None not in dims for dims in shapes):
        return tuple([Blob(dims) for dims in shapes]), conflict
    reason = reason or call.why or next((blob.reason for blob in inputs if blob.reason), "")
    reason = reason or f"{call} does not say what it gives"
    blobs = [Blob(dims, reason if dims is None or None in dims else "") for dims in shapes]
    return tuple(blobs), conflict


#: An Upsample of factor 0 makes an empty blob (converters write such); its reader complains.
_MAY_GIVE_ZERO = frozenset(("upsample", "resizeBilinear"))


def _rule(layer: Layer) -> Any:
    rule = RULES.get(layer.kind)
    if rule is None:
        raise NotKnownError(_no_rule(layer))
    return rule


def _no_rule(layer: Layer) -> str:
    if not layer.kind:
        return f"layer `{layer.name}` is of a kind that this schema does not know"
    if layer.kind == "custom":
        return (
            f"custom layer `{layer.name}` (class `{layer.params.className}`) is computed by the app"
        )
    return f"no shape rule for `{layer.kind}` (layer `{layer.name}`)"


def _find(layer: Layer, names: Tuple[str, ...], scope: Scope) -> Tuple[Blob, ...]:
    return tuple([scope.find(name) or Blob(None, _undefined(layer, name)) for name in names])


def _undefined(layer: Layer, name: str) -> str:
    return f"layer `{layer.name}` reads `{name}`, which nothing before it makes"


def _overridden(
    shapes: List[Optional[Dims]], inputs: Tuple[Blob, ...], size: PartialSize
) -> List[Optional[Dims]]:
    """The first output with another (height, width); without a rule, of its input's rank."""
    dims = shapes[0] if shapes else inputs[0].dims if inputs else None
    if dims is None or len(dims) < 2:
        return shapes
    return [dims[:-2] + tuple(size)] + shapes[1:]
