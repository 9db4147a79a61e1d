"""The lowest specification version that a network's own parts allow, from iOS 12 (3) up.

Sources: the comments on each version in Apple's Model.proto, and its validator's rules. Weights
do not matter: every way of storing them is valid from version 3 on, the lowest result.
"""

from typing import Any, Dict, Iterator, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.errors import SchemaError, UsageError
from coreml_resize_fix.formats import spec_versions
from coreml_resize_fix.formats.neuralnetwork import read_parameters
from coreml_resize_fix.formats.neuralnetwork.layers import ModelRef
from coreml_resize_fix.formats.protobuf import schema

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
_FLOAT16_GRAY = 40  # ImageFeatureType.GRAYSCALE_FLOAT16
_PIXEL_SHUFFLE = 2

# kind → (field, version): fields that came to older layers, where they are set
_LATER_FIELDS: Dict[str, Tuple[Tuple[str, int], ...]] = {
    "innerProduct": (("int8DynamicQuantize", 5),),
    "batchedMatmul": (("int8DynamicQuantize", 5),),
    "concatND": (("interleave", 5),),
    "sliceDynamic": (("squeezeMasks", 5),),
    "sliceStatic": (("squeezeMasks", 5),),
}
# kind → (inputs, version): as many inputs as older versions do not take
_LATER_INPUTS = {"convolution": (2, 4), "sliceDynamic": (7, 5)}


class Need(NamedTuple):
    """A part of a model that needs a version, and the version."""

    spec_version: int
    what: str


def needs(model: ModelRef) -> Iterator[Need]:
    """Parts of a model that need a version above 3, apart from layers that resize."""
    message = model.message
    if not model.is_network:
        if "pipeline" not in model.kind.lower():
            yield Need(int(message.specificationVersion), f"a `{model.kind}`")
        return
    if message.isUpdatable:
        yield Need(4, "that the model is updatable")
    for name in ("arrayInputShapeMapping", "imageInputShapeMapping"):
        if getattr(model.network, name) != 0:
            yield Need(4, f"its `{name}`")
    for feature in list(message.description.input) + list(message.description.output):
        array, image = feature.type.multiArrayType, feature.type.imageType
        if array.dataType == _FLOAT16_ARRAY or image.colorSpace == _FLOAT16_GRAY:
            yield Need(7, f"the float16 feature `{feature.name}`")
        if any(field.name.endswith("DefaultValue") for field, _ in array.ListFields()):
            yield Need(5, f"the default value of `{feature.name}`")
    for layer in model.layers:
        if read_parameters.read(layer.message) is not None:
            continue
        version = _of_kind(layer.message, layer.kind)
        if version > LOWEST:
            yield Need(version, f"`{layer.address}` (`{layer.kind}`)")


def _of_kind(message: Any, kind: Any) -> int:
    if kind is None:  # a layer unknown to this schema is newer than all known ones
        return 10
    if kind in _IOS14_LAYERS:
        return 5
    number = message.DESCRIPTOR.fields_by_name[kind].number
    params, versions_of = getattr(message, kind), [LOWEST]
    if number >= _FIRST_IOS13_LAYER:
        versions_of.append(4)
    inputs, version = _LATER_INPUTS.get(kind, (0, LOWEST))
    if inputs and len(message.input) >= inputs:
        versions_of.append(version)
    fields = _LATER_FIELDS.get(kind, ())
    versions_of += [since for name, since in fields if _is_set(getattr(params, name, False))]
    if kind == "reorganizeData" and params.mode == _PIXEL_SHUFFLE:
        versions_of.append(5)
    return max(versions_of)


def _is_set(value: Any) -> bool:
    return value if isinstance(value, bool) else any(value)


def current_version(models: Sequence[ModelRef]) -> int:
    """The highest specificationVersion of a file's models."""
    return max(int(model.message.specificationVersion) for model in models)


def allowed_version(label: str, models: Sequence[ModelRef], target: Optional[int]) -> int:
    """The highest specification version of a result; `target` is the requested one, if any.

    `label` names the file in messages, `models` are all of its models.

    Raises:
        SchemaError: the installed coremltools cannot describe layers of the target.
        UsageError: other layers than resizes need more than the target.
    """
    current = current_version(models)
    if target is not None and target >= spec_versions.UPSAMPLE_MODES and not schema.knows_ios14():
        raise SchemaError(
            "the installed coremltools is too old to write layers of iOS 14",
            "install coremltools 4 or newer, or choose a lower `--deployment-target`",
        )
    if target is None:
        return max(current, spec_versions.RESIZE_BILINEAR)
    if target < current:
        _refuse_lowering(label, models, target)
    return target


def _refuse_lowering(label: str, models: Sequence[ModelRef], target: int) -> None:
    """Refuse a target below what layers that do not resize need, or below iOS 12.

    Raises:
        UsageError: names the part that needs a higher version.
    """
    current = current_version(models)
    hint = "convert it for the lower target, or leave `--deployment-target` out"
    if target < LOWEST:
        raise UsageError(
            f"`{label}` needs iOS {spec_versions.minimum_ios(current)} (specification version "
            f"{current}), and no model is brought below iOS 12",
            hint,
        )
    for model in models:
        for need in needs(model):
            if need.spec_version > target:
                raise UsageError(
                    f"`{label}` needs iOS {spec_versions.minimum_ios(need.spec_version)} for "
                    f"{need.what}, above the deployment target",
                    hint,
                )
