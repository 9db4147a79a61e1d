"""Sizes in frozen graphs: computed ones, those behind other operators, and 200 drawn graphs."""

import random

import pytest

from tests.intents.tensorflow import graphs as g
from tests.intents.tensorflow.graphs import IMAGE, OPERATORS, UP, load


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("seed", range(4))
def test_drawn_graphs(seed, tmp_path):
    rng = random.Random(seed)
    for _ in range(50):
        parts, calls = drawn(rng)
        nodes = [part for part in parts if part.number == 1]
        if rng.random() < 0.3:  # a graph need not be sorted
            rng.shuffle(nodes)
        found = load(g.graph(nodes), tmp_path)
        seen = [
            (i.framework, i.mode, i.align_corners, i.input_size, i.size, i.scale_factor)
            + (i.channels, i.name)
            for i in found.intents
        ]
        assert seen == calls


SIZES = ("constant", "product", "pack", "other", "factor", "split", "float")


def drawn(rng):
    """A chain of layers with resizes; the calls in it."""
    channels, is_open = rng.randint(1, 70), rng.random() < 0.5
    known = (None, None) if is_open else (rng.randint(1, 40), rng.randint(1, 40))
    parts, calls, image = [g.placeholder("image", (None, *known, channels))], [], "image"
    parts.append(g.placeholder("skip", (1, 17, 19, 4)))
    for step in range(rng.randint(1, 4)):
        name = "net/up{}".format(step)
        if rng.random() < 0.5:
            parts.append(
                g.node(name + "/relu", rng.choice(("Relu", "Identity", "BiasAdd")), [image])
            )
            image = name + "/relu"
        mode = rng.choice(sorted(OPERATORS))
        corners, half = rng.choice(((False, False), (True, False), (False, True)))
        more, size, factor = drawn_size(rng, name, image, known)
        parts += more
        parts.append(g.resize(name, OPERATORS[mode], image, name + "/size", corners, half))
        calls.append(
            ("tensorflow2" if half else "tensorflow1", mode, corners)
            + (None if None in known else known, size, factor, channels, name)
        )
        image, known = name, size or (None, None)
    return parts, calls


def drawn_size(rng, name, image, known):
    """Nodes that make `<name>/size`; the size, or the factor, that they come to."""
    kind, is_open = rng.choice(SIZES), None in known
    size, factor = (rng.randint(1, 99), rng.randint(1, 99)), (rng.randint(1, 5), rng.randint(1, 5))
    at = name + "/size"
    if kind == "constant":
        return [g.numbers(at, size)], size, None
    if kind == "product":
        parts = [g.numbers(name + "/a", size), g.numbers(name + "/b", factor)]
        made = (size[0] * factor[0], size[1] * factor[1])
        return [*parts, g.node(at, "Mul", [name + "/a", name + "/b"])], made, None
    if kind == "pack":
        parts = [g.numbers(name + "/" + key, [n], ()) for key, n in zip("hw", size)]
        return [*parts, g.node(at, "Pack", [name + "/h", name + "/w"])], size, None
    if kind == "other":
        parts = [g.node(name + "/shape", "Shape", ["skip"])]
        return [*parts, *g.slice_of(at, name + "/shape", 1, 3)], (17, 19), None
    shape = g.node(name + "/shape", "Shape", [image])
    made = None if is_open else (known[0] * factor[0], known[1] * factor[1])
    result = made, tuple(map(float, factor)) if is_open else None
    times = g.numbers(name + "/times", factor)
    if kind == "factor":
        sides = g.slice_of(name + "/sides", name + "/shape", 1, 3)
        product = g.node(at, "Mul", [name + "/sides", name + "/times"])
        return ([shape, *sides, times, product], *result)
    if kind == "split":
        parts = [shape]
        for axis, key in ((1, "h"), (2, "w")):
            part = name + "/" + key
            parts += g.slice_of(part, name + "/shape", axis, axis + 1, shrink=True)
            parts.append(g.numbers(part + "/times", [factor[axis - 1]], ()))
            parts.append(g.node(part + "/product", "Mul", [part + "/times", part]))
        return ([*parts, g.node(at, "Pack", [name + "/h/product", name + "/w/product"])], *result)
    to_float = g.attribute("DstT", g.count(6, g.FLOAT))
    to_int = g.attribute("DstT", g.count(6, g.INT32))
    sides = g.slice_of(name + "/sides", name + "/shape", 1, 3)
    cast = g.node(name + "/cast", "Cast", [name + "/sides"], to_float)
    times = g.numbers(name + "/times", factor, kind=g.FLOAT)
    product = g.node(name + "/product", "Mul", [name + "/cast", name + "/times"])
    parts = [shape, *sides, cast, times, product, g.node(at, "Cast", [name + "/product"], to_int)]
    return (parts, *result)


SIDES = [g.node("shape", "Shape", ["image"]), *g.slice_of("sides", "shape", 1, 3)]
TO_FLOAT = g.attribute("DstT", g.count(6, g.FLOAT))
TO_INT = g.attribute("DstT", g.count(6, g.INT32))
# nodes that make `size` -> of an image of 10×7, and as a factor of one that is not known
ARITHMETIC = {
    "half": (
        [*SIDES, g.numbers("two", [2], ()), g.node("size", "FloorDiv", ["sides", "two"])],
        (5, 3),
        (0.5, 0.5),
    ),
    "a third": (  # floors in another way, where it is not exact
        [*SIDES, g.numbers("three", [3], ()), g.node("size", "FloorDiv", ["sides", "three"])],
        (3, 2),
        None,
    ),
    "times 1.5": (
        [
            *SIDES,
            g.node("cast", "Cast", ["sides"], TO_FLOAT),
            g.numbers("factor", [1.5], (), g.FLOAT),
            g.node("product", "Mul", ["cast", "factor"]),
            g.node("size", "Cast", ["product"], TO_INT),
        ],
        (15, 10),
        (1.5, 1.5),
    ),
    "times 0.7 rounds as float32": (
        [
            *SIDES,
            g.node("cast", "Cast", ["sides"], TO_FLOAT),
            g.numbers("factor", [0.7], (), g.FLOAT),
            g.node("product", "Mul", ["cast", "factor"]),
            g.node("size", "Cast", ["product"], TO_INT),
        ],
        (7, 4),
        None,
    ),
    "less one": (
        [*SIDES, g.numbers("one", [1], ()), g.node("size", "Sub", ["sides", "one"])],
        (9, 6),
        None,
    ),
    "and one": (
        [*SIDES, g.numbers("one", [1, 2]), g.node("size", "AddV2", ["sides", "one"])],
        (11, 9),
        None,
    ),
    "gathered": (
        [
            g.node("shape", "Shape", ["image"]),
            g.numbers("places", [2, 1]),
            g.numbers("axis", [0], ()),
            g.node("size", "GatherV2", ["shape", "places", "axis"]),
        ],
        (7, 10),
        None,
    ),
    "tf.slice": (
        [
            g.node("shape", "Shape", ["image"]),
            g.numbers("begin", [1]),
            g.numbers("length", [2]),
            g.node("size", "Slice", ["shape", "begin", "length"]),
        ],
        (10, 7),
        (1.0, 1.0),
    ),
    "joined": (
        [
            g.node("shape", "Shape", ["image"]),
            *g.slice_of("row", "shape", 1, 2),
            *g.slice_of("column", "shape", -2, -1),
            g.numbers("axis", [0], ()),
            g.node("size", "ConcatV2", ["row", "column", "axis"], g.attribute("N", g.count(3, 2))),
        ],
        (10, 7),
        (1.0, 1.0),
    ),
}


@pytest.mark.parametrize("what", sorted(ARITHMETIC))
def test_arithmetic_on_sizes(what, tmp_path):
    nodes, size, factor = ARITHMETIC[what]
    up = g.resize("up", "ResizeBilinear", "image", "size", half=True)
    (intent,), _ = load(g.graph(g.placeholder("image", (1, 10, 7, 3)), nodes, up), tmp_path)
    assert (intent.size, intent.scale_factor) == (size, None)
    image = g.placeholder("image", (1, None, None, 3))
    (intent,), (notice,) = load(g.graph(image, nodes, up), tmp_path)
    assert (intent.size, intent.scale_factor) == (None, factor)
    assert "size is not known" in notice


def test_the_size_of_another_tensor_that_is_not_known_stays_open(tmp_path):
    other = g.placeholder("other", (1, None, None, 3))
    size = [g.node("shape", "Shape", ["other"]), *g.slice_of("size", "shape", 1, 3)]
    (intent,), _ = load(g.graph(IMAGE, other, size, UP[1]), tmp_path)
    assert (intent.input_size, intent.size, intent.scale_factor) == ((4, 5), None, None)


def test_numbers_that_repeat_are_written_once(tmp_path):
    value = [g.count(1, g.INT32), g.text(2, g.sides((2,))), g.count(7, 9)]
    size = g.node("size", "Const", (), g.attribute("value", g.text(8, value)))
    (intent,), _ = load(g.graph(IMAGE, size, UP[1]), tmp_path)
    assert intent.size == (9, 9)


@pytest.mark.parametrize(
    ("operator", "more", "before"),
    [
        ("Conv2D", {"strides": [1, 2, 2, 1], "padding": "SAME"}, (11, 17)),
        ("Conv2D", {"strides": [1, 2, 3, 1], "padding": "VALID"}, (10, 11)),
        ("MaxPool", {"ksize": [1, 2, 3, 1], "strides": [1, 2, 3, 1], "padding": "VALID"}, (10, 11)),
        ("AvgPool", {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "SAME"}, (11, 17)),
        ("DepthwiseConv2dNative", {"strides": [1, 1, 1, 1], "padding": "VALID"}, (20, 32)),
        ("Conv2D", {"strides": [1, 1, 1, 1], "padding": "SAME", "data_format": "NCHW"}, None),
        ("DepthToSpace", {}, None),
    ],
)
def test_sizes_behind_other_operators(operator, more, before, tmp_path):
    """21×33 before; a kernel of 2×2."""
    kernel = g.numbers("kernel", [0.0] * 4, (2, 2, 1, 1), g.FLOAT)
    attributes = [
        g.attribute(name, g.text(2, value))
        if isinstance(value, str)
        else g.attribute(name, g.text(1, [g.count(3, n) for n in value]))
        for name, value in more.items()
    ]
    layer = g.node("layer", operator, ["image", "kernel"], *attributes)
    up = g.resize("up", "ResizeBilinear", "layer", "size")
    image = g.placeholder("image", (1, 21, 33, 1))
    (intent,), notices = load(g.graph(image, kernel, layer, UP[0], up), tmp_path)
    assert intent.input_size == before
    assert bool(notices) == (before is None)


def test_sizes_behind_joined_images(tmp_path):
    """A sum with a bias, and channels behind channels."""
    image, other = g.placeholder("image", (1, 9, 8, 3)), g.placeholder("other", (1, 9, 8, 5))
    bias = g.numbers("bias", [0.0], (1,), g.FLOAT)
    axis = g.numbers("axis", [3], ())
    both = g.node("both", "ConcatV2", ["sum", "other", "axis"])
    added = g.node("sum", "AddV2", ["bias", "image"])
    up = g.resize("up", "ResizeBilinear", "both", "size")
    (intent,), notices = load(g.graph(image, other, bias, axis, both, added, UP[0], up), tmp_path)
    assert (intent.input_size, intent.channels, notices) == ((9, 8), 8, [])
    rows = g.numbers("axis", [1], ())
    (intent,), _ = load(g.graph(image, other, bias, rows, both, added, UP[0], up), tmp_path)
    assert (intent.input_size, intent.channels) == (None, None)


def test_shapes_that_the_graph_keeps(tmp_path):
    shapes = g.attribute("_output_shapes", g.text(1, [g.text(7, g.sides((1, 6, 7, 8)))]))
    layer = g.node("layer", "Unknown", ["image"], shapes)
    up = g.resize("up", "ResizeBilinear", "layer", "size")
    (intent,), notices = load(g.graph(IMAGE, layer, UP[0], up), tmp_path)
    assert (intent.input_size, intent.channels, notices) == ((6, 7), 8, [])


@pytest.mark.parametrize("operator", ["ExpandDims", "Tile"])
def test_a_chain_of_nodes_makes_no_shape_without_end(operator, tmp_path):
    """Each one adds an axis, or doubles every side: after 3,000 that would be 10⁷ or 10⁹⁰⁰."""
    numbers = [0] if operator == "ExpandDims" else [2, 2, 2, 2]
    by = g.numbers("by", numbers, () if operator == "ExpandDims" else None)
    names = ["image", *("n" * 3 + str(k) for k in range(3000))]
    chain = [g.node(to, operator, [of, "by"]) for of, to in zip(names, names[1:])]
    up = g.resize("up", "ResizeBilinear", names[-1], "size")
    (intent,), _ = load(g.graph(IMAGE, by, chain, UP[0], up), tmp_path)
    assert (intent.input_size, intent.channels) == (None, None)
