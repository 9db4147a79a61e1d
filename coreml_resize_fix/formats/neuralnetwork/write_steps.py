"""Write steps as layers of a neural network: the layers, their version, their connections."""

from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Set, Tuple

from coreml_resize_fix.formats.neuralnetwork.layer_chains import MARK, free_name
from coreml_resize_fix.formats.neuralnetwork.layer_fields import (
    FORMS,
    Constant,
    Layer,
    expand,
    mix_channels,
    permute,
    squeeze,
)
from coreml_resize_fix.formats.neuralnetwork.parameters import LayerChain
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.replacements.format import Purpose, Way
from coreml_resize_fix.replacements.steps import MatMul, Step

if TYPE_CHECKING:
    from coreml_resize_fix.formats.neuralnetwork.place import LayerPlace

# Layers of this version and later need a network that maps inputs to their exact rank, and such a
# network has it at least.
_EXACT_MAPPING_VERSION = 4
_RANK5 = 5

Layers = Tuple[Layer, ...]


class LayerWay(Way):
    """Layers that replace one, in order of execution."""

    def __init__(
        self, place: "LayerPlace", layers: Layers, spec_version: int, name: str = ""
    ) -> None:
        constants = {_key(layer.constant) for layer in layers if layer.constant is not None}
        self.count = len(layers) + len(constants)
        self.spec_version = max(spec_version, _EXACT_MAPPING_VERSION if place.exact_mapping else 1)
        self.name = name
        self._place = place
        self._layers = layers

    def messages(self) -> List[Any]:
        """The NeuralNetworkLayer messages.

        The last layer has the name and the output blob of the layer that is replaced. The names of
        the others are made of it; their blobs have the same names.
        """
        place, made = self._place, _Messages(self._place)
        blob = place.input
        for number, layer in enumerate(self._layers, 1):
            inputs = [blob]
            if layer.constant is not None:
                constant = made.constant(layer.constant)
                inputs = [constant, blob] if layer.constant_first else [blob, constant]
            if number == len(self._layers):
                made.add(layer, inputs, place.name, place.output)
            else:
                blob = made.part(layer, inputs)
        return made.messages

    def write(self, purpose: Purpose) -> LayerChain:
        """The layers as parameters of a resize.

        A layer that changes nothing goes first if a later audit could not find the first layer
        otherwise: if there is one layer only, or if the layer before has the name of a part.
        """
        messages = self.messages()
        if len(messages) == 1 or self._place.after_part:
            messages = self._marked(messages)
        return LayerChain(
            purpose.name,
            tuple(message.SerializeToString(deterministic=True) for message in messages),
            size=purpose.size,
            factor=purpose.factor,
            multiply_adds=purpose.multiply_adds,
            rank=self._place.rank or _RANK5,
            channels=self._place.channels,
        )

    def _marked(self, messages: List[Any]) -> List[Any]:
        mark = schema.layer_class()()
        mark.name = free_name(self._place.name, MARK, self._place.ends)
        mark.input.append(self._place.input)
        mark.output.append(mark.name)
        mark.activation.linear.alpha = 1.0
        for message in messages:
            if self._place.input in message.input:
                message.input[list(message.input).index(self._place.input)] = mark.name
                break
        return [mark, *messages]


class _Messages:
    """Builds layer messages, and keeps the names of the parts."""

    def __init__(self, place: "LayerPlace") -> None:
        self.messages: List[Any] = []
        self._place = place
        self._half = place.in_half()
        self._parts: Set[str] = set()
        self._constants: Dict[Any, str] = {}

    def constant(self, constant: Constant) -> str:
        """The blob of a constant; two layers may read the same one."""
        key = _key(constant)
        if key not in self._constants:
            self._constants[key] = self.part(constant, [])
        return self._constants[key]

    def part(self, layer: Any, inputs: List[str]) -> str:
        """Add a part; returns its blob."""
        name = free_name(self._place.name, layer.kind, self._place.ends | self._parts)
        self._parts.add(name)
        self.add(layer, inputs, name, name)
        return name

    def add(self, layer: Any, inputs: List[str], name: str, output: str) -> None:
        """Add a layer, which may be a Constant."""
        message = schema.layer_class()(name=name, input=inputs, output=[output])
        params = getattr(message, layer.kind)
        params.SetInParent()
        layer.fill(params, self._half)
        self.messages.append(message)


def _key(constant: Constant) -> Any:
    return constant.numbers or id(constant)


def ways(place: "LayerPlace", steps: Sequence[Step]) -> List[LayerWay]:
    """Every way of writing steps as layers in a place."""
    found = [_one_layer_each(place, steps), _as_convolutions(place, steps)]
    return [way for way in found if way is not None]


def _one_layer_each(place: "LayerPlace", steps: Sequence[Step]) -> Optional[LayerWay]:
    forms = [form for form in (FORMS.get(type(step)) for step in steps) if form is not None]
    if len(forms) < len(steps):
        return None  # no layer resizes by middles of pixels before iOS 14
    version = max(form.spec_version for form in forms)
    if version >= _EXACT_MAPPING_VERSION and not place.exact_mapping:
        return None
    layers = tuple(form.make(step) for form, step in zip(forms, steps))
    least_rank = max(form.least_rank for form in forms)
    if least_rank and place.rank is None:
        return None
    if least_rank == _RANK5 == place.rank and place.sequence != 1:
        return None  # CropResize repeats its boxes along the sequence
    axes = range(least_rank - (place.rank or least_rank))
    if axes:
        layers = (expand(axes), *layers, squeeze(axes))
    return LayerWay(place, layers, version)


def _as_convolutions(place: "LayerPlace", steps: Sequence[Step]) -> Optional[LayerWay]:
    """Move an axis to the place of the channels, where a 1×1 convolution is a matrix product."""
    if place.rank != _RANK5 or not all(isinstance(step, MatMul) for step in steps):
        return None
    layers: Layers = ()
    order = [0, 1, 2]  # axes in the places of [C, H, W]
    for step in steps:
        assert isinstance(step, MatMul)
        at = order.index(step.axis + 1)
        swap = [0, 1, 2]
        swap[0], swap[at] = at, 0
        layers += (_permuted(swap), mix_channels(step))
        order = [order[place] for place in swap]
    layers += (_permuted([order.index(axis) for axis in range(3)]),)
    return LayerWay(place, layers, 1, name="1×1 convolution")


def _permuted(order: Sequence[int]) -> Layer:
    return permute((0, *(place + 1 for place in order)))
