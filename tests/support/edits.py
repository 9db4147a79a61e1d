"""What a fix of a fixture case must change, from its calls.json and meta.json alone.

The rules are PyTorch's and Core ML's: `bilinear` with `align_corners=True` is ResizeBilinear in its
strict mode (specification version 3), and no native layer of iOS 12 or 13 is what
`align_corners=False` is, or nearest by a fraction.
"""

import re
from typing import Any, Dict, List, NamedTuple, Tuple

from coreml_resize_fix.coreml import schema
from tests.support.cases import Case, read_bytes
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


def mends(case: Case) -> Tuple[Dict[str, List[int]], bool]:
    """Address → target size of each layer that a fix changes, and whether all is right then."""
    calls, changed = case.calls, {}
    layers = [layer for layer in case.meta["layers"] if layer["type"] in TYPES]
    covered = {index for layer in layers for index in layer.get("calls", ())}
    left = any(call["used"] and call["index"] not in covered for call in calls)
    for layer in layers:
        verdict = layer.get("verdict") or "right"
        if verdict.startswith("right"):
            continue
        asked = [calls[index] for index in layer["calls"]]
        one = asked[0]
        same = all(
            (call["mode"], call["align_corners"], call["output_hw"])
            == (one["mode"], one["align_corners"], one["output_hw"])
            for call in asked
        )
        if same and one["mode"] == "bilinear" and one["align_corners"] and not is_flexible(case):
            changed[layer.get("address", "layers[{}]".format(layer["index"]))] = one["output_hw"]
        else:
            left = True
    return changed, not left


def is_flexible(case: Case) -> bool:
    for feature in parsed(case.path).description.input:
        array, image = feature.type.multiArrayType, feature.type.imageType
        if array.WhichOneof("ShapeFlexibility") or image.WhichOneof("SizeFlexibility"):
            return True
    return False


def apply(model: Any, sizes: Dict[str, List[int]]) -> Any:
    """The model with strict ResizeBilinear layers of these sizes, through protobuf alone."""
    for address, size in sizes.items():
        place = locate(model, address)
        resize = place.layer.resizeBilinear
        resize.Clear()
        resize.targetSize.extend(size)
        resize.mode.samplingMethod = resize.mode.STRICT_ALIGN_ENDPOINTS_MODE
        for around in place.models:
            version = around.specificationVersion
            around.specificationVersion = max(version, RESIZE_BILINEAR_VERSION)
    return model


def changed_fields(model: Any, sizes: Dict[str, List[int]]) -> List[Path]:
    """The only fields of the file that may differ after that, in the order of the file."""
    found = set()
    for address in sizes:
        place = locate(model, address)
        found.add(place.path + ((TYPES[place.layer.WhichOneof("layer")], 0),))
        for around, path in zip(place.models, place.model_paths):
            if around.specificationVersion < RESIZE_BILINEAR_VERSION:
                found.add(path + ((1, 0),))
    return sorted(found)
