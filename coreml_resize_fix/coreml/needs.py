"""The lowest specification version that a network's own parts allow, from iOS 12 (3) up.

Sources: the comments on each version in Apple's Model.proto, and its validator's rules. Weights
are not looked at: whatever they are stored as can be read from version 3 on, which is where a
lowering ends.
"""

from typing import Any, Iterator, NamedTuple

from coreml_resize_fix.coreml import resize_params
from coreml_resize_fix.coreml.walk import ModelRef

LOWEST = 3
_FIRST_IOS13_LAYER = 600  # field numbers: all layers from `copy` on came with iOS 13
_IOS14_LAYERS = frozenset(
    (
        "oneHot",
        "cumSum",
        "clampedReLU",
        "argSort",
        "pooling3d",
        "globalPooling3d",
        "sliceBySize",
        "convolution3d",
    )
)
_FLOAT16_ARRAY = 65552  # ArrayDataType.FLOAT16


class Need(NamedTuple):
    """Something that sets a lowest version."""

    spec_version: int
    what: str


def needs(model: ModelRef, skip_resizes: bool) -> Iterator[Need]:
    """What a model needs beyond version 3; `skip_resizes` leaves out layers that resize."""
    message = model.message
    if not model.is_network:
        if "pipeline" not in model.kind.lower():
            yield Need(int(message.specificationVersion), "a `{}`".format(model.kind))
        return
    if message.isUpdatable:
        yield Need(4, "that the model is updatable")
    for name in ("arrayInputShapeMapping", "imageInputShapeMapping"):
        if getattr(model.network, name) != 0:
            yield Need(4, "its `{}`".format(name))
    for feature in list(message.description.input) + list(message.description.output):
        if feature.type.multiArrayType.dataType == _FLOAT16_ARRAY:
            yield Need(7, "the float16 feature `{}`".format(feature.name))
    for layer in model.layers:
        params = resize_params.read(layer.message)
        if params is not None and (skip_resizes or not params.uses_ios14):
            continue
        version = 5 if params is not None else _of_kind(layer.message, layer.kind)
        if version > LOWEST:
            yield Need(version, "`{}` (`{}`)".format(layer.address, layer.kind))


def _of_kind(message: Any, kind: Any) -> int:
    if kind is None:  # a layer that this schema does not know is newer than all that it knows
        return 10
    if kind in _IOS14_LAYERS:
        return 5
    number = message.DESCRIPTOR.fields_by_name[kind].number
    return 4 if number >= _FIRST_IOS13_LAYER else LOWEST
