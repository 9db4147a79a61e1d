"""What a fix of a fixture case must change, from its calls.json and meta.json alone.

The rules are PyTorch's and Core ML's: `bilinear` with `align_corners=True` is ResizeBilinear in its
strict mode (specification version 3). With `align_corners=False` it is Upsample in a mode of iOS 14
(version 5), and no native layer before. Upsample alone follows an input whose size varies. Nothing
native is nearest by a fraction, or filters before it samples down.
"""

import re
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

from coreml_resize_fix.formats.protobuf import schema
from tests.support.cases import IOS14_VERSION, Case, read_bytes
from tests.support.wirediff import Path

RESIZE_BILINEAR_VERSION = 3

# Field numbers of Apple's Model.proto and NeuralNetwork.proto.
NETWORKS = {"neuralNetworkRegressor": 303, "neuralNetworkClassifier": 403, "neuralNetwork": 500}
PIPELINES = {"pipelineClassifier": (200, 1), "pipelineRegressor": (201, 1), "pipeline": (202,)}
BODIES = {
    "ifBranch": ("branch", 605, 1),
    "elseBranch": ("branch", 605, 2),
    "conditionNetwork": ("loop", 615, 3),
    "bodyNetwork": ("loop", 615, 4),
}
TYPES = {"upsample": 210, "resizeBilinear": 211}
_STEP = re.compile(r"(pipeline|layers)\[(\d+)\]$")


class Mend(NamedTuple):
    """What a layer becomes: its type, target size or factors, and mode of interpolation."""

    kind: str
    numbers: Tuple[int, int]
    mode: str


def strict(height: int, width: int) -> Mend:
    return Mend("resizeBilinear", (height, width), "STRICT_ALIGN_ENDPOINTS_MODE")


class Place(NamedTuple):
    """A layer of a parsed model, the models around it, and where both lie in the file."""

    layer: Any
    path: Path
    models: List[Any]
    model_paths: List[Path]


def parse(data: bytes) -> Any:
    model = schema.model_class()()
    model.ParseFromString(data)
    return model


def parsed(path: str) -> Any:
    return parse(read_bytes(path))


def locate(model: Any, address: str) -> Place:
    """The layer at an address such as `pipeline[1]/layers[0]/ifBranch/layers[2]`."""
    models, model_paths = [model], [()]
    holder, path = model, ()
    for step in address.split("/"):
        if step in BODIES:
            kind, number, body = BODIES[step]
            holder = getattr(getattr(holder, kind), step)
            path += ((number, 0), (body, 0))
            continue
        name, index = _STEP.match(step).groups()
        inner, numbers = _inside(holder)
        path += tuple((number, 0) for number in numbers) + ((1, int(index)),)
        holder = (inner.models if name == "pipeline" else inner.layers)[int(index)]
        if name == "pipeline":
            models.append(holder)
            model_paths.append(path)
    return Place(holder, path, models, model_paths)


def _inside(holder: Any) -> Tuple[Any, Tuple[int, ...]]:
    """The message that holds the layers or models of a model; a body holds them itself."""
    if not hasattr(holder, "specificationVersion"):
        return holder, ()
    kind = holder.WhichOneof("Type")
    if kind in NETWORKS:
        return getattr(holder, kind), (NETWORKS[kind],)
    owner = getattr(holder, kind)
    return (owner if kind == "pipeline" else owner.pipeline), PIPELINES[kind]


def mends(case: Case) -> Tuple[Dict[str, Mend], bool]:
    """Address → what each layer that a fix changes becomes, and whether all is right then."""
    calls, changed = case.calls, {}
    layers = [layer for layer in case.meta["layers"] if layer["type"] in TYPES]
    covered = {index for layer in layers for index in layer.get("calls", ())}
    left = any(call["used"] and call["index"] not in covered for call in calls)
    for layer in layers:
        if (layer.get("verdict") or "right").startswith("right"):
            continue
        found = {_mend(case, calls[index]) for index in layer["calls"]}
        mend = found.pop() if len(found) == 1 else None
        if mend is None:
            left = True
        else:
            changed[layer.get("address", "layers[{}]".format(layer["index"]))] = mend
    return changed, not left


def _mend(case: Case, call: Dict[str, Any]) -> Optional[Mend]:
    """What a wrong layer that stands for this call becomes, or None if nothing native is right."""
    if call["mode"] != "bilinear" or call["antialias"]:
        return None
    size, fixed = call["output_hw"], not is_flexible(case)
    if call["align_corners"] and fixed:
        return strict(*size)
    factors = tuple(n // x for x, n in zip(call["input_hw"], size))
    whole = [x * factor for x, factor in zip(call["input_hw"], factors)] == size
    if case.spec_version < IOS14_VERSION or not whole:
        return None
    return Mend("upsample", factors, "ALIGN_CORNERS_" + str(call["align_corners"]).upper())


def is_flexible(case: Case) -> bool:
    for feature in parsed(case.path).description.input:
        array, image = feature.type.multiArrayType, feature.type.imageType
        if array.WhichOneof("ShapeFlexibility") or image.WhichOneof("SizeFlexibility"):
            return True
    return False


def apply(model: Any, changed: Dict[str, Mend]) -> Any:
    """The model with these layers, through protobuf alone."""
    for address, mend in changed.items():
        place = locate(model, address)
        layer = getattr(place.layer, mend.kind)
        layer.Clear()
        if mend.kind == "resizeBilinear":
            layer.targetSize.extend(mend.numbers)
            layer.mode.samplingMethod = getattr(layer.mode, mend.mode)
            for around in place.models:
                version = around.specificationVersion
                around.specificationVersion = max(version, RESIZE_BILINEAR_VERSION)
        else:
            layer.scalingFactor.extend(mend.numbers)
            layer.mode = layer.BILINEAR
            layer.linearUpsampleMode = getattr(layer, mend.mode)
    return model


def changed_fields(model: Any, addresses: Iterable[str]) -> List[Path]:
    """The only fields of the file that may differ after that, in the order of the file."""
    found = set()
    for address in addresses:
        place = locate(model, address)
        found.add(place.path + ((TYPES[place.layer.WhichOneof("layer")], 0),))
        for around, path in zip(place.models, place.model_paths):
            if around.specificationVersion < RESIZE_BILINEAR_VERSION:
                found.add(path + ((1, 0),))
    return sorted(found)
