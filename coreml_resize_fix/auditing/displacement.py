"""The displacement of each output: the shifts of all resizes on the way to it, added up.

Several shifted resizes in a row move a mask by many pixels, although each alone is off by less
than one.
"""

from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.formats.model import Model
from coreml_resize_fix.formats.shapes import Known, ModelShapes, Size
from coreml_resize_fix.sampling import TOLERANCE, AxisSpec, positions
from coreml_resize_fix.short_repr import short_repr
from coreml_resize_fix.words import count

# Below this share of an output pixel a displacement is not worth reporting.
WORTH_TELLING = 1e-6


class Step(NamedTuple):
    """The shift of one resize: (down, right) on average, signed, and the largest of all pixels.

    In shares of the image's height and width.
    """

    address: str
    mean: Tuple[float, float]
    largest: Tuple[float, float]


Steps = Tuple[Step, ...]  # on the way to a blob, in order of execution


class _Way(NamedTuple):
    """The steps on the way to a blob, and their largest moves, down and right, summed up."""

    moved: float = 0.0
    steps: Steps = ()

    def with_step(self, step: Step) -> "_Way":
        return _Way(self.moved + sum(step.largest), (*self.steps, step))


class Displacement(NamedTuple):
    """The displacement of an output of that (height, width)."""

    output: str
    size: Size
    path: Steps

    def __repr__(self) -> str:
        return short_repr(self)

    @property
    def mean(self) -> Tuple[float, float]:
        """(down, right) on average, in pixels of the output."""
        return self.pixels(_total([step.mean for step in self.path]))

    @property
    def largest(self) -> Tuple[float, float]:
        """A bound over all pixels, in pixels of the output."""
        return self.pixels(_most(self.path))

    def pixels(self, shares: Tuple[float, float]) -> Tuple[float, float]:
        return shares[0] * self.size[0], shares[1] * self.size[1]


def _total(pairs: Sequence[Tuple[float, float]]) -> Tuple[float, float]:
    return sum(down for down, _ in pairs), sum(right for _, right in pairs)


def _most(path: Steps) -> Tuple[float, float]:
    return _total([step.largest for step in path])


def displacements(
    model: Model,
    findings: Sequence[Finding],
    shapes: Mapping[str, ModelShapes],
) -> List[Displacement]:
    """The displacement of each output of known size whose content is moved.

    `shapes` are the intended ones, so that the result does not depend on what can be fixed.

    A resize of the wrong size does not count: it stretches the image instead of moving it. Where
    paths meet, the larger displacement counts.
    """
    moves = {finding.layer.address: _move(finding) for finding in findings}
    if not any(moves.values()):
        return []
    features: Dict[str, _Way] = {}  # what one model of a pipeline hands to the next
    found: Dict[str, Displacement] = {}
    for network in model.networks:
        blobs = dict(features)
        for node in network.nodes:
            inputs = [blobs.get(name, _Way()) for name in node.inputs]
            arriving = max(inputs, key=lambda way: way.moved, default=_Way())
            own = moves.get(node.address)
            leaving = arriving.with_step(own) if own is not None else arriving
            blobs.update((name, leaving) for name in node.outputs)
        for name in network.outputs:
            size = _image_size(shapes[network.prefix], name)
            features[name] = blobs.get(name, _Way())
            path = features[name].steps
            if size is not None and max(_most(path)) * max(size) > WORTH_TELLING:
                found[name] = Displacement(name, size, path)
            else:
                found.pop(name, None)
    return [item for name, item in found.items() if name in model.outputs]


def _image_size(shapes: ModelShapes, name: str) -> Optional[Size]:
    shape = shapes.outputs.get(name)
    if not isinstance(shape, Known) or len(shape.dims) < 3 or min(shape.dims[-2:]) < 2:
        return None
    return shape.dims[-2], shape.dims[-1]


def _move(finding: Finding) -> Optional[Step]:
    layer, intent, intended = finding.layer, finding.intent, finding.intended_size
    if intent is None or intended is None or layer.input.size is None:
        return None
    if layer.params.is_chain or layer.params.lacks_its_mode:
        return None
    if not layer.params.may_make(layer.input.size, intended):
        return None
    asked = intent.axes(layer.input.size, intended)
    computed = layer.params.axes(layer.input.size, intended)
    rows, columns = (_mean_and_largest_move(one, other) for one, other in zip(asked, computed))
    if rows[1] == columns[1] == 0:
        return None
    return Step(layer.address, (rows[0], columns[0]), (rows[1], columns[1]))


def _mean_and_largest_move(asked: AxisSpec, computed: AxisSpec) -> Tuple[float, float]:
    """The mean and the largest move of the content along one axis, as shares of its length.

    Reading further right shows everything further left, so the sign is reversed.
    """
    distances = [a - b for a, b in zip(positions(asked), positions(computed))]
    distances = [distance if abs(distance) >= TOLERANCE else 0.0 for distance in distances]
    return (
        sum(distances) / len(distances) / asked.input_size,
        max(map(abs, distances)) / asked.input_size,
    )


def describe(found: Displacement) -> str:
    """A sentence on the displacement of an output."""
    down, right = found.mean
    directions = [
        f"{abs(value):.2f} pixels {names[value < 0]}"
        for value, names in ((down, ("down", "up")), (right, ("to the right", "to the left")))
        if abs(value) >= 0.005
    ]
    average = " and ".join(directions) or "less than 0.01 pixels"
    return (
        f"in the file as it is, what `{found.output}` shows is moved by {average} on average and "
        f"by up to {max(found.largest):.2f} pixels, summed over "
        f"{count(len(found.path), 'resize')}"
    )
