"""The shapes of all new blobs, worked out by `coreml.shapes`, are those that come out."""

import math

import numpy as np
import pytest

from coreml_resize_fix.formats.neuralnetwork import interpret
from coreml_resize_fix.formats.neuralnetwork.sizes import infer
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.shapes import Flexible, Known
from coreml_resize_fix.sampling import AxisSpec
from tests.support.replacing import REPLACEMENTS, context

AXES = {
    "up": AxisSpec("linear", "half_pixel", 5, 15),
    "even": AxisSpec("linear", "half_pixel", 5, 10),
    "down": AxisSpec("linear", "half_pixel", 8, 4),
    "nearest": AxisSpec("nearest_floor", "asymmetric", 5, 8),
    "bicubic": AxisSpec("cubic", "half_pixel", 5, 8),
}
# Declared input shape → (exact mapping, rank, dimensions before the channels)
DECLARED = {
    (4, 0, 0): (False, 5, (1, 1)),
    (1, 2, 4, 0, 0): (True, 5, (1, 2)),
    (3, 4, 0, 0): (True, 4, (3,)),
    (4, 0, 1): (True, 3, ()),
}


def model(built, layout, shape, ranges=()):
    """A model of these layers alone, with one array input x and output y."""
    made = schema.model_class()()
    array = made.description.input.add(name="x").type.multiArrayType
    array.shape.extend(shape)
    for low, high in ranges:
        array.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)
    made.description.output.add(name="y")
    made.neuralNetwork.arrayInputShapeMapping = int(layout[0])
    made.neuralNetwork.layers.extend(built)
    return made


@pytest.mark.parametrize("declared", sorted(DECLARED))
@pytest.mark.parametrize("kind", sorted(AXES))
def test_shapes(kind, declared):
    layout, axis = DECLARED[declared], AXES[kind]
    sizes = axis.input_size, axis.input_size
    shape = (*declared[:-2], *sizes)
    blob = np.zeros((*layout[2], 4, *sizes))
    for row in REPLACEMENTS:
        built = row.build(context(axis, axis, layout, channels=4))
        if built is None:
            continue
        result = infer(model(built, layout, shape))
        assert not result.conflicts
        made = interpret.run(built, {"x": blob})
        for index, layer in enumerate(built):
            got = result.layers["layers[{}]".format(index)].outputs[0]
            assert got == Known(made[layer.output[0]].shape), (row.name, layer.name)
        assert result.outputs["y"] == Known(blob.shape[:-2] + (axis.output_size,) * 2)


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("factor", [2, 3, 0.5])
def test_flexible_shapes(factor):
    axis = AxisSpec("linear", "half_pixel", 8, int(8 * factor), step=1 / factor)
    layout = (True, 4, (1,))
    asked = context(axis, axis, layout, channels=4, factors=(factor, factor))
    ranges = [(1, 1), (4, 4), (4, 20), (6, 9)]
    followed = 0
    for row in REPLACEMENTS:
        built = row.build(asked)
        if built is None:
            continue
        result = infer(model(built, layout, (1, 4, 8, 8), ranges))
        expected = tuple((math.floor(a * factor), math.floor(b * factor)) for a, b in ranges[2:])
        assert result.outputs["y"] == Flexible(((1, 1), (4, 4), *expected)), row.name
        assert not result.conflicts
        followed += 1
    assert followed == (2 if factor == 3 else 1)
