"""The displacement of an output is what a picture that runs through the network shows."""

import random

import numpy as np
import pytest

from coreml_resize_fix.auditing import displacement
from coreml_resize_fix.formats.neuralnetwork import sizes
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.support import build


def chain(path, count, size=8, declared=True):
    """A model of `count` doubling Upsample layers in a row, as opset 9 converters write them."""
    model = schema.model_class()()
    model.specificationVersion = 1
    feature = model.description.input.add()
    feature.name = "image"
    feature.type.multiArrayType.shape.extend((1, size, size))
    model.description.output.add().name = "mask"
    for index in range(count):
        layer = model.neuralNetwork.layers.add()
        layer.name = "up{}".format(index)
        layer.input.append("image" if index == 0 else "blob{}".format(index - 1))
        layer.output.append("mask" if index == count - 1 else "blob{}".format(index))
        layer.upsample.scalingFactor.extend((2, 2))
        layer.upsample.mode = 1
    with open(path, "wb") as file:
        file.write(model.SerializeToString())


def moved(path, intent):
    report = pipeline.process(str(path), pipeline.Request(assume=intent, dry_run=True))
    return [notice for notice in report.notices if "is moved by" in notice]


@pytest.mark.parametrize(("count", "pixels"), [(1, "0.46"), (2, "1.38"), (3, "3.20"), (5, "14.1")])
def test_doubling_by_the_tensorflow_1_grid(tmp_path, count, pixels):
    """Half-pixel doubling reads a quarter source pixel off, half an output pixel, at each layer.

    The first layer's half pixel is doubled by each layer behind it: .5, 1.5, 3.5, … output pixels,
    a little less on average because nothing is read beyond the edge.
    """
    path = tmp_path / "model.mlmodel"
    chain(str(path), count)
    (notice,) = moved(path, Intent())
    largest = 0.5 * (2**count - 1)
    assert "by up to {:.2f} pixels, summed over {} resize".format(largest, count) in notice
    number = float(notice.split("moved by ")[1].split(" pixels up")[0])
    assert number == pytest.approx(float(pixels), abs=0.1)
    assert number < largest


def test_the_mean_is_that_of_a_picture(tmp_path):
    """A ramp is moved by as much as its values change."""
    path = tmp_path / "model.mlmodel"
    chain(str(path), 1)
    (notice,) = moved(path, Intent(align_corners=True))
    # Where each of the 16 outputs reads: align_corners, and the TensorFlow 1 grid.
    distance = np.linspace(0, 7, 16) - np.minimum(np.arange(16) / 2, 7)
    assert "{:.2f} pixels up".format(abs(distance.mean() * 2)) in notice
    assert "by up to {:.2f} pixels".format(np.abs(distance).max() * 2) in notice


def test_what_is_right_moves_nothing(tmp_path):
    path = tmp_path / "model.mlmodel"
    chain(str(path), 3)
    assert moved(path, Intent(framework="tensorflow1")) == []


def test_a_wrong_size_is_a_stretch_and_no_move(tmp_path):
    path = tmp_path / "model.mlmodel"
    chain(str(path), 1)
    assert moved(path, Intent(align_corners=True, size=(17, 17))) == []


@pytest.mark.parametrize("count", [3, 12])
def test_a_chain_of_factors_needs_no_more_walks_than_a_short_one(count, tmp_path, monkeypatch):
    """Each walk decides the whole chain: the cost grows with the layers, not with their square."""
    walks = []
    infer = sizes.ShapeInference.infer
    monkeypatch.setattr(
        sizes.ShapeInference,
        "infer",
        lambda self, given=None: walks.append(1) or infer(self, given),
    )
    path = tmp_path / "model.mlmodel"
    chain(str(path), count, size=2)
    calls = [Intent(scale_factor=(2.0, 2.0), align_corners=True) for _ in range(count)]
    report = pipeline.process(
        str(path), pipeline.Request(manifest=calls, dry_run=True, verify=None)
    )
    assert [finding.verdict for finding in report.findings] == ["fixable"] * count
    assert len(walks) <= 8


@pytest.mark.parametrize(
    ("mean", "says"),
    [
        ((0.0, 1.0), "moved by 1.00 pixels to the right on average"),
        ((0.0, -1.0), "moved by 1.00 pixels to the left on average"),
        ((-2.0, 0.004), "moved by 2.00 pixels up on average"),
        ((2.0, 0.005), "moved by 2.00 pixels down and 0.01 pixels to the right on average"),
        ((0.004, -0.004), "moved by less than 0.01 pixels on average"),
    ],
)
def test_a_direction_without_a_shift_is_left_out(mean, says):
    shares = mean[0] / 10, mean[1] / 20
    step = displacement.Step("layers[0]", shares, (0.3, 0.3))
    assert says in displacement.describe(displacement.Displacement("mask", (10, 20), (step,)))


OPTIONS = [
    {},
    {"decompose": True},
    {"partial": True},
    {"target": 1},
    {"decompose": True, "target": 4},
]


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("seed", range(200))
def test_what_the_file_moves_does_not_depend_on_options(tmp_path, seed):
    """A resize to the right size by the wrong grid, and others of the wrong size around it.

    The output has the size that the calls ask for, whether they can be fixed or not.
    """
    rng = random.Random(seed)
    size = rng.randint(3, 9), rng.randint(3, 9)
    layers, intents, shares = [], [], np.zeros((0, 2))
    for _ in range(rng.randint(1, 3)):
        factor = rng.choice((2, 2.5, 3))
        made = tuple(int(n * factor) for n in size)
        layers.append(
            "upsample {{ scalingFactor: {0} scalingFactor: {0} mode: BILINEAR }}".format(
                int(factor)
            )
        )
        intents.append(Intent(size=made, input_size=size, channels=1))
        if factor == int(factor):  # else it is stretched, which is no move
            far = [grid_distance(n, m) / n for n, m in zip(size, made)]
            shares = np.vstack([shares, far])
        size = made
    path = build.write(tmp_path, build.network((1,) + intents[0].input_size, layers))
    for more in OPTIONS:
        request = pipeline.Request(manifest=intents, dry_run=True, **more)
        moved = pipeline.process(path, request).displacements
        assert [(m.size, len(m.path), pytest.approx(m.largest)) for m in moved] == expected(
            shares, size
        )


def expected(shares, size):
    if not len(shares):
        return []
    return [(size, len(shares), tuple(shares.sum(axis=0) * size))]


def grid_distance(before, after):
    """The farthest that the TensorFlow 1 grid is from half pixels, at whole factors."""
    index = np.arange(after)
    half_pixel = np.clip((index + 0.5) * before / after - 0.5, 0, before - 1)
    return np.abs(half_pixel - np.minimum(index * before / after, before - 1)).max()
