"""A third kind of model, of a few lines, is audited, fixed and proved through the protocol alone.

Its file is text: one resize on each line, `name grid height width`, of an image of 5×7 pixels.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from coreml_resize_fix.errors import ProofError
from coreml_resize_fix.formats.execution import Execution, Step
from coreml_resize_fix.formats.features import ARRAY, Feature
from coreml_resize_fix.formats.input_sizes import InputSizes
from coreml_resize_fix.formats.model import Model, Native, Network, Node, Plan, ResizeOp
from coreml_resize_fix.formats.protobuf.splice import Edit
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import Known, LayerShapes, ModelShapes, Unknown
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.source import Manifest
from coreml_resize_fix.intents.tensors import NetworkTensors
from coreml_resize_fix.run import pipeline
from coreml_resize_fix.sampling import AxisSpec

GRIDS = ("asymmetric", "align_corners", "half_pixel")
IMAGE = (2, 5, 7)


@dataclass(frozen=True)
class Stretch(ResizeOp):
    """Bilinear, to one size."""

    grid: str
    size: tuple

    kind = "stretch"

    @property
    def fixed_size(self):
        return self.size

    def output_size(self, input_size):
        return self.size

    def axes(self, input_size, output_size):
        return tuple(AxisSpec("linear", self.grid, *pair) for pair in zip(input_size, output_size))

    def run(self, images, output_size=None):
        for axis, wanted in ((-2, self.size[0]), (-1, self.size[1])):
            count = images.shape[axis]
            i = np.arange(wanted)
            at = {
                "asymmetric": i * count / wanted,
                "align_corners": i * (count - 1) / max(wanted - 1, 1),
                "half_pixel": (i + 0.5) * count / wanted - 0.5,
            }[self.grid]
            images = np.apply_along_axis(
                lambda line, at=at: np.interp(at, np.arange(len(line)), line), axis, images
            )
        return images

    def as_dict(self):
        return {"grid": self.grid, "size": list(self.size)}

    def __str__(self):
        return "Stretch {} {}×{}".format(self.grid, *self.size)


def natives(layer, intent):
    def stretch(grid):
        return lambda sizes: Stretch(grid, sizes[0][1])

    return [Native(grid, 1, stretch(grid), fixed_size=True) for grid in GRIDS]


def line_of(name, op):
    return "{} {} {} {}\n".format(name, op.grid, *op.size).encode()


class Lines(Model):
    """The toy: every line is a layer that reads what the one before makes."""

    kind = "lines"

    def __init__(self, data, label="toy"):
        self.label, self.spec_version, self.source = label, 1, Source(data)
        self.lines, start = [], 0
        for line in data.splitlines(keepends=True):
            name, grid, height, width = line.decode().split()
            self.lines.append((name, Stretch(grid, (int(height), int(width))), start, line))
            start += len(line)
        names = ["image"] + [line[0] for line in self.lines]
        self.outputs, self.declared_sizes, self.remarks = names[-1:], (), ()
        nodes = [Node(name, [before], [name]) for before, name in zip(names, names[1:])]
        self.networks = [Network("", nodes, ["image"], names[-1:], [])]

    def shapes(self, assumed):
        shape, layers = Known(IMAGE), {}
        for name, op, _, _ in self.lines:
            said, read = assumed.get(name), shape
            if callable(said):
                said = said(read.dims[1:] if isinstance(read, Known) else None)
            made = (IMAGE[0], *(said or op.size))
            shape = Unknown("not decided yet", made) if None in made else Known(made)
            layers[name] = LayerShapes((read,), (shape,))
        return {"": ModelShapes(layers, {self.outputs[0]: shape}, (), ())}

    def resizes(self, shapes):
        return [
            ResizeLayer(
                name,
                name,
                (name,),
                op,
                InputSizes.of(shapes[""].layers[name].inputs[0], False),
                IMAGE[0],
                find_natives=natives,
            )
            for name, op, _, _ in self.lines
        ]

    def conflicts(self, shapes):
        return ()

    def allowed_version(self, target):
        return 1

    def plan(self, changes, before, after, allowed):
        made = {change.address: change.op for change in changes}
        edits = [
            Edit(start, start + len(line), line_of(name, made[name]), ())
            for name, _, start, line in self.lines
            if name in made
        ]
        return Plan(tuple(edits), 1)

    def execution(self, dtype, function=None):
        return Run(self.lines)


class Run(Execution):
    """All lines in order; an input and an output of float32."""

    def __init__(self, lines):
        self.inputs = [Feature("image", ARRAY, IMAGE, data_type="FLOAT32")]
        self.outputs = [Feature(lines[-1][0], ARRAY)]
        self.lines = lines

    def run(self, inputs, prepared, walk):
        steps, before = [], "image"
        for name, op, _, _ in self.lines:
            steps.append(Step(name, name, (before,), (name,), self.compute(op, before)))
            before = name
        blobs = dict(inputs)
        walk.follow(steps, blobs, [before])
        return {before: blobs[before]}

    @staticmethod
    def compute(op, name):
        return lambda blobs: [op.run(blobs[name])]


WRONG = b"up asymmetric 10 14\nmore half_pixel 20 28\nlast asymmetric 21 30\n"
RIGHT = b"up align_corners 10 14\nmore half_pixel 20 28\nlast half_pixel 21 31\n"
ASKS = [
    Intent(layer="up", align_corners=True, size=(10, 14)),
    Intent(layer="more", size=(20, 28)),
    Intent(layer="last", size=(21, 31)),
]


@pytest.fixture(autouse=True)
def _toy(monkeypatch):
    monkeypatch.setattr(pipeline, "open_bytes", Lines)


def test_it_is_audited_fixed_and_proved():
    report, result = pipeline.process_bytes(WRONG, "toy", pipeline.Request(manifest=ASKS))
    assert [found.verdict for found in report.findings] == ["fixed", "match", "fixed"]
    assert [found.codes for found in report.findings] == [("RSZ101",), (), ("RSZ102",)]
    assert (report.exit_code, result) == (0, RIGHT)
    assert report.findings[0].max_abs_error_before > 0.1
    assert report.findings[0].max_abs_error_after < 1e-9
    again, same = pipeline.process_bytes(result, "toy", pipeline.Request(manifest=ASKS))
    assert ([found.verdict for found in again.findings], same) == (["match"] * 3, RIGHT)


def test_what_it_cannot_do_is_told():
    asks = [replace(ASKS[0], mode="bicubic")] + ASKS[1:]
    report, result = pipeline.process_bytes(WRONG, "toy", pipeline.Request(manifest=asks))
    assert (report.findings[0].verdict, report.exit_code, result) == ("unmatchable", 1, WRONG)
    assert "closest is" in report.findings[0].message


def test_a_plan_that_writes_something_else_is_not_accepted(monkeypatch):
    def plan(self, changes, *rest):
        return Plan((Edit(0, 2, b"UP", ()),), 1)

    monkeypatch.setattr(Lines, "plan", plan)
    with pytest.raises(ProofError):
        pipeline.process_bytes(WRONG, "toy", pipeline.Request(manifest=ASKS))


def test_it_has_an_inventory():
    report, _ = pipeline.process_bytes(WRONG, "toy", pipeline.Request())
    assert "which equals PyTorch bilinear align_corners=False" in report.findings[1].message


def test_its_whole_network_is_compared():
    lines = [Stretch("align_corners", (10, 14)), Stretch("half_pixel", (20, 28))]
    lines.append(Stretch("half_pixel", (21, 31)))
    image = np.random.RandomState(5).normal(size=(1, *IMAGE))
    result = image
    for line in lines:
        result = line.run(result)
    recorded = Manifest(ASKS)
    recorded.network = NetworkTensors({"x": image}, {"0": result})
    request = pipeline.Request(manifest=ASKS, reference=recorded)
    report, fixed = pipeline.process_bytes(WRONG, "toy", request)
    (output,) = report.network.outputs
    assert (report.exit_code, fixed, output.before, output.after < 1e-9) == (0, RIGHT, None, True)
    recorded.network.outputs["0"] = result + 1
    report, fixed = pipeline.process_bytes(WRONG, "toy", request)
    assert (report.exit_code, fixed) == (1, RIGHT)
    assert "not the resizes' doing" in report.network.message
