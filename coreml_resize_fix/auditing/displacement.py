"""How far a whole network moves what it shows, summed over the resizes on the way to each output.

Several shifted resizes in a row are what moves a mask by many pixels, although each alone is off
by less than one.
"""

from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.coreml.resize_params import Composite
from coreml_resize_fix.coreml.shapes import Known, ModelShapes
from coreml_resize_fix.coreml.walk import ModelRef
from coreml_resize_fix.sampling import TOLERANCE, AxisSpec, positions

Size = Tuple[int, int]

# Below this share of an output pixel nobody sees a difference, and it need not be told.
WORTH_TELLING = 1e-6


class Moved(NamedTuple):
    """Shares of the image's height and width by which its content is moved.

    `mean` is signed (positive: down, right), `largest` is a bound over all pixels.
    """

    mean: Tuple[float, float] = (0.0, 0.0)
    largest: Tuple[float, float] = (0.0, 0.0)
    resizes: int = 0

    def plus(self, mean: Tuple[float, float], largest: Tuple[float, float]) -> "Moved":
        """Behind one more resize."""
        return Moved(
            (self.mean[0] + mean[0], self.mean[1] + mean[1]),
            (self.largest[0] + largest[0], self.largest[1] + largest[1]),
            self.resizes + 1,
        )


class Displacement(NamedTuple):
    """In pixels of the output: (down, right) on average, (vertical, horizontal) at most."""

    output: str
    mean: Tuple[float, float]
    largest: Tuple[float, float]
    resizes: int


def displacements(
    models: Sequence[ModelRef],
    findings: Sequence[Finding],
    shapes: Mapping[str, ModelShapes],
) -> List[Displacement]:
    """For each output of known size whose content is moved: by how much.

    A resize of the wrong size is left out: it stretches the image instead of moving it. Where
    paths of different displacement meet, the larger one counts.
    """
    moves = {finding.layer.address: _move(finding) for finding in findings}
    features: Dict[str, Moved] = {}  # what one model of a pipeline hands to the next
    found: Dict[str, Displacement] = {}
    for model in models:
        blobs = dict(features)
        for layer in model.layers:
            inputs = [blobs.get(name, Moved()) for name in layer.message.input]
            arriving = max(inputs, key=lambda moved: sum(moved.largest), default=Moved())
            own = moves.get(layer.address)
            leaving = arriving.plus(*own) if own is not None else arriving
            blobs.update((name, leaving) for name in layer.message.output)
        if not model.is_network:
            continue
        for feature in model.message.description.output:
            size = _image_size(shapes[model.prefix], feature.name)
            moved = features[feature.name] = blobs.get(feature.name, Moved())
            if size is not None and max(moved.largest) * max(size) > WORTH_TELLING:
                found[feature.name] = Displacement(
                    feature.name,
                    (moved.mean[0] * size[0], moved.mean[1] * size[1]),
                    (moved.largest[0] * size[0], moved.largest[1] * size[1]),
                    moved.resizes,
                )
            else:
                found.pop(feature.name, None)
    outputs = {feature.name for feature in models[0].message.description.output}
    return [item for name, item in found.items() if name in outputs]


def _image_size(shapes: ModelShapes, name: str) -> Optional[Size]:
    shape = shapes.outputs.get(name)
    if not isinstance(shape, Known) or len(shape.dims) < 3 or min(shape.dims[-2:]) < 2:
        return None
    return shape.dims[-2], shape.dims[-1]


def _move(finding: Finding) -> Optional[Tuple[Tuple[float, float], Tuple[float, float]]]:
    layer, intent, intended = finding.layer, finding.intent, finding.intended_size
    if intent is None or intended is None or layer.input_size is None:
        return None
    if isinstance(layer.params, Composite):
        return None
    if not layer.params.may_make(layer.input_size, intended):
        return None
    asked = intent.axes(layer.input_size, intended)
    computed = layer.params.axes(layer.input_size, intended)
    rows, columns = (_along(one, other) for one, other in zip(asked, computed))
    if rows[1] == columns[1] == 0:
        return None
    return (rows[0], columns[0]), (rows[1], columns[1])


def _along(asked: AxisSpec, computed: AxisSpec) -> Tuple[float, float]:
    """(mean, largest) move of the content along one axis, as a share of its length.

    Reading further right shows everything further left, so the sign turns round.
    """
    distances = [a - b for a, b in zip(positions(asked), positions(computed))]
    distances = [distance if abs(distance) >= TOLERANCE else 0.0 for distance in distances]
    return (
        sum(distances) / len(distances) / asked.input_size,
        max(map(abs, distances)) / asked.input_size,
    )


def told(found: Displacement) -> str:
    """One sentence on an output that is moved."""
    down, right = found.mean
    directions = [
        "{:.2f} pixels {}".format(abs(value), names[value < 0])
        for value, names in ((down, ("down", "up")), (right, ("to the right", "to the left")))
        if abs(value) >= 0.005
    ]
    return (
        "in the file as it is, what `{}` shows is moved by {} on average and by up to {:.2f} "
        "pixels, summed over {} resize{}".format(
            found.output,
            " and ".join(directions) or "less than 0.01 pixels",
            max(found.largest),
            found.resizes,
            "" if found.resizes == 1 else "s",
        )
    )
