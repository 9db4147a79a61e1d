"""Resize layers of a walked model as the values that the audit works on."""

from dataclasses import replace
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from coreml_resize_fix.auditing.extent import extent
from coreml_resize_fix.auditing.layers import Place, ResizeLayer
from coreml_resize_fix.coreml import composite, resize_params, shapes
from coreml_resize_fix.coreml.shapes import (
    Flexible,
    Known,
    LayerShapes,
    ModelShapes,
    Overrides,
    Shape,
)
from coreml_resize_fix.coreml.walk import LayerRef, ModelRef
from coreml_resize_fix.errors import ModelError

Content = Callable[[LayerRef], bytes]  # a layer's bytes in the file, weights included

# Core ML cannot hold a larger image, and a grid of that length is no longer worth computing.
_LARGEST_SIDE = 1 << 20
_EXACT_ARRAY_MAPPING, _RANK4_IMAGE_MAPPING = 1, 1
_RESIZING_NAMES = ("upsample", "resize", "interpolate")


def structure_only(layer: LayerRef) -> bytes:
    """A layer's bytes as far as the structure has them, for those who have no file."""
    return bytes(layer.message.SerializeToString())


class _Resize(NamedTuple):
    """One resize layer as it is at any size; `native` is None for several layers, a `group`."""

    ref: LayerRef
    native: Optional[resize_params.ResizeParams]
    group: Optional[composite.Group]
    place: Place
    original_address: str
    modern: bool


class File:
    """The networks of a walked file, read once; every round of an audit asks for their layers.

    `content` gives a layer's bytes in the file, weights included.

    Raises:
        ModelError: a layer holds parameters that no reader of Core ML accepts.
    """

    def __init__(self, models: Sequence[ModelRef], content: Content = structure_only) -> None:
        networks = [model for model in models if model.is_network]
        self._content = content
        self._networks = {
            model.prefix: shapes.Network(model.message, model.prefix) for model in networks
        }
        self._resizes = {model.prefix: _resizes(model) for model in networks}

    def shapes(self, assumed: Overrides) -> Dict[str, ModelShapes]:
        """Shapes by the network's prefix; `assumed` replaces the sizes that resize layers make."""
        return {prefix: network.infer(assumed) for prefix, network in self._networks.items()}

    def layers(self, by_prefix: Mapping[str, ModelShapes]) -> List[ResizeLayer]:
        """Every resize layer in order, several layers that stand in for one included."""
        return [
            self._layer(resize, by_prefix[prefix])
            for prefix, resizes in self._resizes.items()
            for resize in resizes
        ]

    def _layer(self, resize: _Resize, shapes: ModelShapes) -> ResizeLayer:
        ref, params, known = resize.ref, resize.native, shapes.layers
        shape: Optional[Shape] = None
        if resize.group is not None:
            shape = _read_by(resize.group, known)
            params = _composite(resize.group, known, self._content, shape)
        elif ref.address in known:
            shape = next(iter(known[ref.address].inputs), None)
        assert params is not None
        rank, sequence = _leading(shape)
        return ResizeLayer(
            ref.address,
            ref.message.name,
            tuple(ref.message.output),
            params,
            modern=resize.modern,
            place=replace(resize.place, rank=rank, sequence=sequence),
            original_address=resize.original_address,
            **extent(shape, shapes.varies),  # type: ignore[arg-type]
        )


def _resizes(model: ModelRef) -> List[_Resize]:
    """What of the resize layers of one network does not depend on sizes."""
    groups = {group.last.address: group for group in composite.groups(model.layers)}
    originals = composite.original_addresses(model.layers, list(groups.values())) if groups else {}
    parts = {layer.address for group in groups.values() for layer in group.layers[:-1]}
    names = frozenset(ref.message.name for ref in model.layers)
    blobs = frozenset(name for ref in model.layers for name in ref.message.output)
    blobs |= frozenset(feature.name for feature in model.message.description.input)
    exact_mapping = int(model.network.arrayInputShapeMapping) == _EXACT_ARRAY_MAPPING
    found: List[_Resize] = []
    for ref in model.layers:
        if ref.address in parts:
            continue
        native = resize_params.read(ref.message)
        group = groups.get(ref.address) if native is None else None
        if native is not None:
            _check(ref.address, ref.message.name, native)
            blob = ref.message.input[0] if ref.message.input else ""
        elif group is not None:
            blob = group.blob
        else:
            continue
        place = Place(blob, None, None, exact_mapping, names, blobs)
        original = originals.get(ref.address, ref.address)
        found.append(_Resize(ref, native, group, place, original, _takes_modern(model, ref)))
    return found


def _read_by(group: composite.Group, known: Mapping[str, LayerShapes]) -> Optional[Shape]:
    """Shape of the blob that several layers read."""
    reader = known.get(group.reader.address)
    if reader is None:
        return None
    return reader.inputs[list(group.reader.message.input).index(group.blob)]


def _composite(
    group: composite.Group,
    known: Mapping[str, LayerShapes],
    content: Content,
    read: Optional[Shape],
) -> resize_params.Composite:
    last = known.get(group.last.address)
    made = last.outputs[0] if last is not None and last.outputs else None
    size = (made.dims[-2], made.dims[-1]) if isinstance(made, Known) else None
    layers = tuple(content(layer) for layer in group.layers)
    rank, _ = _leading(read)
    channels = read.dims[-3] if isinstance(read, Known) and len(read.dims) >= 3 else None
    factor = None
    if isinstance(read, Flexible) and len(read.dims) >= 3:
        channels = read.dims[-3][0] if read.dims[-3][0] == read.dims[-3][1] else None
        if isinstance(made, (Known, Flexible)) and len(made.dims) >= 2:
            factor = _ratio(read, made, -2), _ratio(read, made, -1)
            size = None
    return resize_params.Composite(
        "several layers", layers, size=size, factor=factor, rank=rank or 5, channels=channels
    )


def _ratio(read: Flexible, made: Union[Known, Flexible], axis: int) -> float:
    """By what layers scale a size that varies: a whole number, or one over a whole number."""
    afters = made.samples if isinstance(made, Flexible) else (made.dims,) * len(read.samples)
    pairs = [(x[axis], n[axis]) for x, n in zip(read.samples, afters) if x and n]
    before, after = pairs[0] if pairs else (1, 1)
    # x // step == n for every step that is more than x / (n + 1) and at most x / n
    step = max((x // (n + 1) + 1 for x, n in pairs), default=1)
    if all(x // step == n for x, n in pairs):
        return 1 / step
    return after / before


def _leading(shape: Optional[Shape]) -> Tuple[Optional[int], Optional[int]]:
    """Rank, and the size of the first of five dimensions."""
    dims = getattr(shape, "dims", None)
    if dims is None:
        return None, None
    first = dims[0] if len(dims) == 5 else 1
    if isinstance(first, tuple):
        first = first[0] if first[0] == first[1] else None
    return len(dims), first


def custom_resizes(models: Sequence[ModelRef]) -> List[Tuple[str, str, str]]:
    """(address, name, class name) of custom layers whose class sounds like a resize."""
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


def _check(address: str, name: str, params: resize_params.ResizeParams) -> None:
    pairs = [tuple(value) for value in params.as_dict().values() if isinstance(value, list)]
    lengths_fit = all(len(pair) in (0, 2) for pair in pairs)
    values_fit = all(0 <= value <= _LARGEST_SIDE for pair in pairs for value in pair)
    factors_fit = not isinstance(params, resize_params.Upsample) or params.says_its_factors
    if not (lengths_fit and values_fit and factors_fit):
        raise ModelError(
            "`{}` (`{}`) has parameters that Core ML does not accept: {}".format(
                address, name, params
            ),
            "convert the model again",
        )
