"""Networks whose input varies, and what is done to them in memory."""

import os
from typing import Any, List, Sequence, Tuple

from coreml_resize_fix.intents import manifest
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.support import build, cases
from tests.support.edits import parse

IOS14 = 5


def network(
    layers: Sequence[Any],
    shape: Sequence[int],
    ranges: Sequence[Tuple[int, int]] = (),
    listed: Sequence[Sequence[int]] = (),
    mapping: int = build.EXACT,
    version: int = 4,
) -> Any:
    """(name, inputs, output, text) layers from `image` to `scores`."""
    model = build.network(shape, [], version=version, mapping=mapping)
    taken = model.description.input[0].type.multiArrayType
    for low, high in ranges:
        taken.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)
    for dims in listed:
        taken.enumeratedShapes.shapes.add(shape=dims)
    build.named(model.neuralNetwork, layers)
    return model


def image(
    layers: Sequence[Any], height: Tuple[int, int], width: Tuple[int, int], version: int = 4
) -> Any:
    """The same with an RGB image of those ranges, by default as small as may be."""
    model = network(layers, (3, 1, 1), version=version)
    kind = model.description.input[0].type
    kind.Clear()
    kind.imageType.colorSpace = 20
    kind.imageType.height, kind.imageType.width = height[0], width[0]
    limits = kind.imageType.imageSizeRange
    limits.heightRange.lowerBound, limits.heightRange.upperBound = height
    limits.widthRange.lowerBound, limits.widthRange.upperBound = width
    model.neuralNetwork.imageInputShapeMapping = build.EXACT
    return model


def reported(name: str) -> Tuple[Any, List[Intent]]:
    """A minimal model that a user's came down to, and what was asked for."""
    folder = os.path.join(cases.FIXTURES, "reported", name)
    model = parse(cases.read_bytes(os.path.join(folder, "model.mlmodel")))
    return model, manifest.load(os.path.join(folder, "intent.json"))


def run(model: Any, intents: Sequence[Intent], **options: Any) -> Tuple[pipeline.ModelReport, Any]:
    """The report, and the model as it is then."""
    request = pipeline.Request(manifest=list(intents), **options)
    report, data = pipeline.process_bytes(model.SerializeToString(), "model", request)
    return report, parse(data)


def verdicts(report: pipeline.ModelReport) -> List[str]:
    return [finding.verdict for finding in report.findings]


def finding(report: pipeline.ModelReport, name: str) -> Any:
    """What was found of the layer of that name."""
    (found,) = [finding for finding in report.findings if finding.layer.name == name]
    return found


def layer(model: Any, name: str) -> Any:
    """The layer of that name, outside of all bodies."""
    (found,) = [layer for layer in model.neuralNetwork.layers if layer.name == name]
    return found
