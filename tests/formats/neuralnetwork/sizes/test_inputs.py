"""Sizes of inputs: arrays and images, fixed, in ranges and listed."""

import pytest

from coreml_resize_fix.formats.shapes import Flexible, Known, Unknown
from tests.formats.neuralnetwork.sizes.net import RELU, UP2, messages


@pytest.mark.parametrize(
    ("exact", "sizes", "expected"),
    [
        (False, (7,), Known((1, 1, 7, 1, 1))),
        (False, (3, 10, 12), Known((1, 1, 3, 10, 12))),
        (False, (2, 3), Unknown("input `x` of shape 2×3 has no rank 5 form")),
        (False, (), Unknown("input `x` declares no shape")),
        (True, (7,), Known((7,))),
        (True, (3, 10, 12), Known((3, 10, 12))),
        (True, (1, 2, 3, 4, 5), Known((1, 2, 3, 4, 5))),
        (True, (), Unknown("input `x` declares no shape")),
    ],
)
def test_array_input(new_net, exact, sizes, expected):
    net = new_net(exact).array("x", *sizes)
    net.layer(RELU, "x", "y")
    assert net.result() == expected
    assert net.infer().flexible_inputs == ()


@pytest.mark.parametrize(
    ("exact", "color", "expected"),
    [
        (True, "RGB", (1, 3, 32, 48)),
        (True, "BGR", (1, 3, 32, 48)),
        (True, "GRAYSCALE", (1, 1, 32, 48)),
        (False, "RGB", (1, 1, 3, 32, 48)),
        (False, "GRAYSCALE", (1, 1, 1, 32, 48)),
    ],
)
def test_image_input(new_net, exact, color, expected):
    net = new_net(exact).image("x", "width: 48 height: 32 colorSpace: " + color)
    net.layer(RELU, "x", "y")
    assert net.result() == Known(expected)


def test_an_input_of_another_type(new_net):
    net = new_net()
    net.model.description.input.add(name="x").type.stringType.SetInParent()
    net.layer(RELU, "x", "y")
    assert net.result() == Unknown("input `x` is neither an array nor an image")


def ranges(*pairs):
    rows = "".join(f"sizeRanges {{ lowerBound: {low} upperBound: {high} }} " for low, high in pairs)
    return "shapeRange { " + rows + "}"


def test_shape_range(new_net):
    text = ranges((1, 1), (3, 3), (16, 64), (20, 80))
    net = new_net().array("x", 1, 3, 32, 40, text=text).output("y")
    net.layer(UP2, "x", "up")
    net.layer("pooling { kernelSize: 3 kernelSize: 3 stride: 2 stride: 2 same {} }", "x", "down")
    net.layer("pooling { globalPooling: true valid {} }", "x", "one")
    net.layer("resizeBilinear { targetSize: 9 targetSize: 9 }", "x", "y")
    found = net.infer()
    assert found.flexible_inputs == ("x",)
    assert found.layers["layers[0]"].inputs[0] == Flexible(((1, 1), (3, 3), (16, 64), (20, 80)))
    assert found.layers["layers[0]"].outputs[0] == Flexible(((1, 1), (3, 3), (32, 128), (40, 160)))
    assert found.layers["layers[1]"].outputs[0] == Flexible(((1, 1), (3, 3), (8, 32), (10, 40)))
    assert found.layers["layers[2]"].outputs[0] == Known((1, 3, 1, 1))
    assert found.outputs == {"y": Known((1, 3, 9, 9))}
    assert found.conflicts == ()


@pytest.mark.parametrize("no_bound", [-1, 2147483647])
def test_unbounded_on_one_axis(new_net, no_bound):
    text = ranges((1, 1), (3, 3), (16, 64), (20, no_bound))
    net = new_net().array("x", 1, 3, 32, 40, text=text)
    net.layer(UP2, "x", "y")
    assert net.result() == Flexible(((1, 1), (3, 3), (32, 128), (40, None)))


def test_a_range_of_one_size_is_not_flexible(new_net):
    net = new_net().array("x", 1, 3, 32, text=ranges((1, 1), (3, 3), (32, 32)))
    net.layer(RELU, "x", "y")
    assert net.infer().flexible_inputs == ()
    assert net.result() == Known((1, 3, 32))


def test_ranges_of_a_rank5_network(new_net):
    net = new_net(exact=False).array("x", 3, 32, 40, text=ranges((3, 3), (32, 64), (40, 40)))
    net.layer(UP2, "x", "y")
    assert net.result() == Flexible(((1, 1), (1, 1), (3, 3), (64, 128), (80, 80)))
    text = ranges((1, 1), (1, 4), (3, 3), (32, 64), (40, 40))
    net = new_net(exact=False).array("x", 3, 32, 40, text=text)
    net.layer(UP2, "x", "y")
    assert net.result() == Flexible(((1, 1), (1, 4), (3, 3), (64, 128), (80, 80)))


def test_enumerated_shapes(new_net):
    rows = "".join(
        f"shapes {{ shape: 1 shape: 3 shape: {height} shape: {width} }} "
        for height, width in ((32, 48), (64, 16), (48, 96))
    )
    net = new_net().array("x", 1, 3, 32, 48, text="enumeratedShapes { " + rows + "}")
    net.layer(UP2, "x", "y")
    assert net.infer().flexible_inputs == ("x",)
    assert net.result() == Flexible(((1, 1), (3, 3), (64, 128), (32, 192)))


def test_flexible_images(new_net):
    size = "width: 48 height: 32 colorSpace: RGB "
    limits = (
        "imageSizeRange { widthRange { lowerBound: 16 upperBound: -1 } "
        "heightRange { lowerBound: 32 upperBound: 32 } }"
    )
    net = new_net().image("x", size + limits)
    net.layer(UP2, "x", "y")
    assert net.result() == Flexible(((1, 1), (3, 3), (64, 64), (32, None)))
    several = "enumeratedSizes { sizes { width: 48 height: 32 } sizes { width: 64 height: 48 } }"
    net = new_net().image("x", size + several)
    net.layer(UP2, "x", "y")
    assert net.result() == Flexible(((1, 1), (3, 3), (64, 96), (96, 128)))


def test_every_enumerated_size_has_its_turn_beside_an_unbounded_input(new_net):
    rows = "".join(f"shapes {{ shape: {size} }} " for size in (9, 3, 5, 7, 2, 8, 4, 6, 99))
    net = new_net().array("a", 9, text="enumeratedShapes { " + rows + "}")
    net.array("b", 5, text=ranges((5, -1)))
    net.layer(RELU, "a", "y")
    net.layer(RELU, "b", "z")
    found = net.infer()
    assert found.layers["layers[0]"].outputs[0] == Flexible(((2, 99),))
    assert found.layers["layers[1]"].outputs[0] == Flexible(((5, None),))


def test_a_conflict_at_another_size_than_the_default(new_net):
    text = ranges((1, 1), (4, 4), (16, 64), (16, 64))
    net = new_net().array("x", 1, 4, 32, 32, text=text).output("y")
    net.layer("pooling { kernelSize: 2 kernelSize: 2 stride: 2 stride: 2 valid {} }", "x", "down")
    net.layer(UP2, "down", "up")
    net.layer("add {}", "x up", "y")
    found = net.infer()
    assert [(item.address, item.at_default) for item in found.conflicts] == [("layers[2]", False)]
    # The sizes that work still say what the output is.
    assert found.outputs == {"y": Flexible(((1, 1), (4, 4), (16, 64), (16, 64)))}


def test_a_conflict_at_every_size_is_reported_once(new_net):
    text = ranges((1, 1), (4, 4), (16, 64), (16, -1))
    net = new_net().array("x", 1, 4, 32, 32, text=text)
    net.layer(UP2, "x", "up")
    net.layer("add {}", "x up", "y")
    assert messages(net) == [("layers[1]", "`add` of 32×32 and 64×64 does not fit")]


def test_a_flexible_rank(new_net):
    rows = "shapes { shape: 1 shape: 3 shape: 4 } shapes { shape: 3 shape: 4 }"
    net = new_net().array("x", 1, 3, 4, text="enumeratedShapes { " + rows + "}")
    net.layer(RELU, "x", "y")
    assert net.result() == Unknown("the rank depends on the size of the input")
