"""Convert the resize layers of a network into the values that the audit works on."""

from dataclasses import replace
from typing import Callable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.errors import ModelError
from coreml_resize_fix.formats.input_sizes import InputSizes, channels
from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.formats.neuralnetwork import (
    layer_chains,
    natives,
    parameters,
    pooling,
    read_parameters,
)
from coreml_resize_fix.formats.neuralnetwork.layers import LayerRef, ModelRef
from coreml_resize_fix.formats.neuralnetwork.place import LayerPlace
from coreml_resize_fix.formats.neuralnetwork.pooling import Pooling
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import Known, LayerShapes, ModelShapes, Shape

Content = Callable[[LayerRef], bytes]  # a layer's bytes in the file, weights included
InHalf = Callable[[], bool]  # whether the file stores weights in half precision

# Core ML cannot hold a larger image, and a grid of that length is no longer worth computing.
_LARGEST_SIDE = 1 << 20
_EXACT_ARRAY_MAPPING, _RANK4_IMAGE_MAPPING = 1, 1
_RESIZING_NAMES = ("upsample", "resize", "interpolate")


class Resize(NamedTuple):
    """One resize layer without sizes; `native` is None if it is a `group` of several layers."""

    ref: LayerRef
    native: Optional[parameters.NativeParams]
    group: Optional[layer_chains.Group]
    place: LayerPlace
    original_address: str
    modern: bool


def find(model: ModelRef, in_half: InHalf) -> List[Resize]:
    """The resize layers of one network; several layers that replace one count as one.

    Raises:
        ModelError: a layer holds parameters that no reader of Core ML accepts.
    """
    groups = {group.last.address: group for group in layer_chains.groups(model.layers)}
    originals = (
        layer_chains.original_addresses(model.layers, list(groups.values())) if groups else {}
    )
    parts = {layer.address for group in groups.values() for layer in group.layers[:-1]}
    exact_mapping = int(model.network.arrayInputShapeMapping) == _EXACT_ARRAY_MAPPING
    found: List[Resize] = []
    for index, ref in enumerate(model.layers):
        if ref.address in parts:
            continue
        native = read_parameters.read(ref.message)
        group = groups.get(ref.address) if native is None else None
        if native is not None:
            _check(ref.address, ref.message.name, native)
            blob = ref.message.input[0] if ref.message.input else ""
        elif group is not None:
            blob = group.blob
        else:
            continue
        place = LayerPlace(
            ref.message.name,
            blob,
            next(iter(ref.message.output), ""),
            None,
            None,
            None,
            exact_mapping,
            layer_chains.is_after_part(model.layers, index, group),
            in_half,
        )
        original = originals.get(ref.address, ref.address)
        found.append(Resize(ref, native, group, place, original, _takes_modern(model, ref)))
    return found


def resize_layer(resize: Resize, shapes: ModelShapes, content: Content) -> ResizeLayer:
    """The ResizeLayer of a resize for these shapes of its network."""
    ref, known = resize.ref, shapes.layers
    if resize.group is not None:
        shape = _input_of_group(resize.group, known)
        params: ResizeOp = _composite(resize.group, known, content, shape)
    else:
        assert resize.native is not None
        shape, params = _first_input(ref, shapes), resize.native
    rank, sequence = _rank_and_sequence(shape)
    place = replace(resize.place, rank=rank, sequence=sequence, channels=channels(shape))
    return replace(
        _layer(ref, params, shape, shapes),
        modern=resize.modern,
        place=place,
        original_address=resize.original_address,
        find_natives=natives.in_place_of,
    )


def pooling_layer(ref: LayerRef, params: Pooling, shapes: ModelShapes) -> ResizeLayer:
    """The ResizeLayer of a pooling layer for these shapes of its network."""
    return _layer(ref, params, _first_input(ref, shapes), shapes)


def _layer(
    ref: LayerRef, params: ResizeOp, shape: Optional[Shape], shapes: ModelShapes
) -> ResizeLayer:
    """A layer that reads a blob of that shape, and that nothing may replace."""
    return ResizeLayer(
        ref.address,
        ref.message.name,
        tuple(ref.message.output),
        params,
        InputSizes.of(shape, shapes.varies),
        channels(shape),
    )


def _first_input(ref: LayerRef, shapes: ModelShapes) -> Optional[Shape]:
    """Shape of the first blob that a layer reads."""
    known = shapes.layers.get(ref.address)
    return next(iter(known.inputs), None) if known is not None else None


def find_poolings(model: ModelRef) -> List[Tuple[LayerRef, Pooling]]:
    """Every average pooling layer of a network."""
    read = ((ref, pooling.read(ref.message)) for ref in model.layers if ref.kind == "pooling")
    return [(ref, params) for ref, params in read if params is not None]


def _input_of_group(group: layer_chains.Group, known: Mapping[str, LayerShapes]) -> Optional[Shape]:
    """Shape of the blob that several layers read."""
    reader = known.get(group.reader.address)
    if reader is None:
        return None
    return reader.inputs[list(group.reader.message.input).index(group.blob)]


def _composite(
    group: layer_chains.Group,
    known: Mapping[str, LayerShapes],
    content: Content,
    read: Optional[Shape],
) -> parameters.LayerChain:
    last = known.get(group.last.address)
    made = last.outputs[0] if last is not None and last.outputs else None
    height, width = _side(made, -2), _side(made, -1)
    size = None if height is None or width is None else (height, width)
    factor = None
    if not isinstance(read, Known):
        factor = layer_chains.scale([layer.message for layer in group.layers])
    rank, _ = _rank_and_sequence(read)
    return parameters.LayerChain(
        "several layers",
        tuple(content(layer) for layer in group.layers),
        size=size if factor is None else None,
        factor=factor,
        rank=rank or 5,
        channels=_side(read, -3),
    )


def _side(shape: Optional[Shape], axis: int) -> Optional[int]:
    """One dimension of a feature map, counted from the end; None if it is not known or varies."""
    dims = getattr(shape, "dims", None)
    side = dims[axis] if dims is not None and len(dims) >= 3 else None
    if isinstance(side, tuple):
        return side[0] if side[0] == side[1] else None
    return side


def _rank_and_sequence(shape: Optional[Shape]) -> Tuple[Optional[int], Optional[int]]:
    """Rank, and the size of the first of five dimensions."""
    dims = getattr(shape, "dims", None)
    if dims is None:
        return None, None
    first = dims[0] if len(dims) == 5 else 1
    if isinstance(first, tuple):
        first = first[0] if first[0] == first[1] else None
    return len(dims), first


def custom_resizes(models: Sequence[ModelRef]) -> List[Tuple[str, str, str]]:
    """(address, name, class name) of custom layers whose class name suggests a resize."""
    return [
        (ref.address, ref.message.name, ref.message.custom.className)
        for model in models
        for ref in model.layers
        if ref.kind == "custom"
        and any(word in ref.message.custom.className.lower() for word in _RESIZING_NAMES)
    ]


def _takes_modern(model: ModelRef, layer: LayerRef) -> bool:
    """Whether Apple's validator accepts an Upsample with fields of iOS 14 in this place.

    It counts as a layer of iOS 13, which needs exact ranks of array inputs. With images only, the
    ranks of the old mapping are accepted where no declared output is fed directly.
    """
    description, network = model.message.description, model.network
    if any(feature.type.HasField("multiArrayType") for feature in description.input):
        return int(network.arrayInputShapeMapping) == _EXACT_ARRAY_MAPPING
    outputs = {feature.name for feature in description.output}
    if int(network.imageInputShapeMapping) == _RANK4_IMAGE_MAPPING:
        return True
    return not outputs & set(layer.message.output)


def _check(address: str, name: str, params: parameters.NativeParams) -> None:
    pairs = [tuple(value) for value in params.as_dict().values() if isinstance(value, list)]
    lengths_fit = all(len(pair) in (0, 2) for pair in pairs)
    values_fit = all(0 <= value <= _LARGEST_SIDE for pair in pairs for value in pair)
    factors_fit = not isinstance(params, parameters.Upsample) or params.says_its_factors
    if not (lengths_fit and values_fit and factors_fit):
        raise ModelError(
            f"`{address}` (`{name}`) has parameters that Core ML does not accept: {params}",
            "convert the model again",
        )
