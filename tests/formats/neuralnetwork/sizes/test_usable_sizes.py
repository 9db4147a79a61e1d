"""Sizes that a flexible input allows: which of them run, against plain arithmetic at every size."""

import random

import pytest

from coreml_resize_fix.formats.neuralnetwork.sizes import RULES, ShapeInference
from tests.formats.neuralnetwork.sizes.flexible_networks import (
    RELU,
    UNet,
    allow_list,
    allow_range,
    empty,
    layer,
)


def sizes_that_run(found, rows, columns):
    """The sizes that a report says run, among those of two ranges."""
    every = [(h, w) for h in range(rows[0], rows[1] + 1) for w in range(columns[0], columns[1] + 1)]
    if found.everywhere:
        return set(every)
    if found.multiple_of is not None:
        height, width = found.multiple_of
        return {(h, w) for h, w in every if h % height == 0 and w % width == 0}
    return set(found.sizes)


# --- ranges --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("form", ["rank5", "exact", "image"])
def test_ranges_of_unets(form):
    laws = set()
    for seed in range(200):
        chance = random.Random(seed)
        net = UNet(seed)
        rows, columns = [
            (low, low + chance.randint(20, 70)) for low in chance.sample(range(1, 30), 2)
        ]
        fit = [[n for n in range(low, high + 1) if net.runs(n)] for low, high in (rows, columns)]
        if not all(fit):
            continue
        default = chance.choice(fit[0]), chance.choice(fit[1])
        made = empty(form, default)
        allow_range(made, rows, columns)
        net.write(made.neuralNetwork)
        found = ShapeInference(made).usable()
        expected = {(h, w) for h in fit[0] for w in fit[1]}
        given = sizes_that_run(found, rows, columns)
        assert found.tried_all
        if found.besides:
            # A rule that leaves out sizes between the multiples, which run as well.
            assert given < expected
            assert default in expected
        else:
            assert given == expected, (seed, found)
        assert found.only_default == (expected == {default})
        laws.add("besides" if found.besides else found.multiple_of or bool(found.sizes))
    assert {"besides", (2, 2), (4, 4), (8, 8), True, False} <= laws


def test_multiples_of_eight():
    """Two rules at once: the height is halved three times, the width once."""
    made = empty("image", (64, 64))
    allow_range(made, (32, 256), (32, 256))
    network = made.neuralNetwork
    layer(network, "pooling { kernelSize: [8, 2] stride: [8, 2] valid {} }", ["image"], "d")
    layer(network, "upsample { scalingFactor: [8, 2] }", ["d"], "u")
    layer(network, "add {}", ["u", "image"], "out")
    found = ShapeInference(made).usable()
    assert (found.multiple_of, found.besides, found.sizes) == ((8, 2), False, None)
    found_at, conflict = found.example
    assert (found_at, conflict.address, conflict.layer) == ((63, 64), "layers[2]", "out")


def test_an_axis_without_a_last_size():
    made = empty("exact", (64, 64))
    allow_range(made, (8, -1), (64, 64))
    layer(
        made.neuralNetwork, "pooling { kernelSize: [4, 4] stride: [4, 4] valid {} }", ["image"], "d"
    )
    layer(made.neuralNetwork, "upsample { scalingFactor: [4, 4] }", ["d"], "u")
    layer(made.neuralNetwork, "add {}", ["u", "image"], "out")
    found = ShapeInference(made).usable()
    assert (found.multiple_of, found.tried_all) == ((4, 1), False)


# --- axes that depend on each other --------------------------------------------------------------


def flattened(made, channels):
    params = "innerProduct {{ inputChannels: {} outputChannels: 2 }}".format(channels)
    layer(made.neuralNetwork, params, ["image"], "out")


def transposed(made, _):
    layer(made.neuralNetwork, "transpose { axes: [0, 1, 3, 2] }", ["image"], "t")
    layer(made.neuralNetwork, "concat {}", ["t", "image"], "out")


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize(
    ("write", "runs"),
    [
        (flattened, lambda size, default: size[0] * size[1] == default[0] * default[1]),
        (transposed, lambda size, default: size[0] == size[1]),
    ],
)
def test_axes_that_depend_on_each_other(write, runs):
    for seed in range(100):
        chance = random.Random(seed)
        low, extent = chance.randint(1, 20), chance.randint(3, 20)
        limits = (low, low + extent)
        side = chance.randint(*limits)
        default = (side, side) if write is transposed else (side, chance.randint(*limits))
        made = empty("exact", default)
        allow_range(made, limits, limits)
        write(made, 3 * default[0] * default[1])
        found = ShapeInference(made).usable()
        every = [(h, w) for h in range(low, limits[1] + 1) for w in range(low, limits[1] + 1)]
        expected = {size for size in every if runs(size, default)}
        assert set(found.sizes) == expected, (seed, default, limits)
        assert found.only_default == (expected == {default})


def test_squares_of_a_wide_range_are_not_overlooked():
    made = empty("exact", (64, 64))
    allow_range(made, (32, 512), (32, 512))
    transposed(made, None)
    found = ShapeInference(made).usable()
    assert len(found.sizes) > 20
    assert all(height == width for height, width in found.sizes)
    assert not found.only_default
    assert not found.tried_all


# --- lists ---------------------------------------------------------------------------------------


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("form", ["rank5", "exact", "image"])
def test_enumerated_sizes(form):
    outcomes = set()
    for seed in range(200):
        chance = random.Random(seed)
        net = UNet(seed)
        sizes = [(chance.randint(1, 12) * 4, chance.randint(1, 40)) for _ in range(5)]
        sizes += [(32, 48)]
        made = empty(form, (32, 48))
        allow_list(made, sizes)
        net.write(made.neuralNetwork)
        found = ShapeInference(made).usable()
        expected = {size for size in sizes if all(map(net.runs, size))}
        if expected == set(sizes):
            assert (found.everywhere, found.sizes) == (True, None)
        else:
            assert set(found.sizes) == expected
            assert found.multiple_of is None
        assert found.only_default == (not found.everywhere and expected <= {(32, 48)})
        outcomes.add((found.everywhere, found.only_default))
    assert outcomes == {(True, False), (False, True), (False, False)}


@pytest.mark.parametrize(
    ("second", "doubled", "expected"),
    [
        ((8, 32), True, (2, 2)),
        ((8, 32), False, "all"),
        ((16, 16), False, {(h, w) for h in (32, 33) for w in (32, 33)}),
    ],
)
def test_several_inputs_grow_alike(second, doubled, expected):
    """A map, and one of half its size that is joined to it behind a halving."""
    made = empty("exact", (32, 32))
    allow_range(made, (16, 64), (16, 64))
    other = made.description.input.add(name="half").type.multiArrayType
    other.shape.extend([1, 3, 16, 16])
    for low, high in ((1, 1), (3, 3), second, second):
        other.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)
    pool = "pooling { kernelSize: [2, 2] stride: [2, 2] valid {} }"
    layer(made.neuralNetwork, pool, ["image"], "d")
    layer(made.neuralNetwork, "concat {}", ["d", "half"], "out")
    if doubled:
        layer(made.neuralNetwork, "upsample { scalingFactor: [2, 2] }", ["half"], "u")
        layer(made.neuralNetwork, "concat {}", ["u", "image"], "v")
    found = ShapeInference(made).usable()
    given = set(found.sizes) if found.sizes else found.multiple_of
    assert ("all" if found.everywhere else given) == expected


def test_fixed_inputs_have_no_usable_sizes():
    made = empty("exact", (32, 32))
    layer(made.neuralNetwork, RELU, ["image"], "out")
    assert ShapeInference(made).usable() is None
    allow_range(made, (32, 32), (32, 32))
    assert ShapeInference(made).usable() is None


@pytest.mark.slow
@pytest.mark.parametrize("count", [20, 4_000])
def test_the_work_is_bounded(count, monkeypatch):
    walked = []
    rule = RULES["activation"]
    monkeypatch.setitem(RULES, "activation", lambda call: walked.append(0) or rule(call))
    made = empty("rank5", (256, 256))
    allow_range(made, (32, 2048), (32, 2048))
    network = made.neuralNetwork
    layer(network, "pooling { kernelSize: [32, 32] stride: [32, 32] valid {} }", ["image"], "d")
    layer(network, "upsample { scalingFactor: [32, 32] mode: NN }", ["d"], "b0")
    for index in range(count):
        layer(network, RELU, ["b{}".format(index)], "b{}".format(index + 1))
    layer(network, "add {}", ["b{}".format(count), "image"], "out")
    found = ShapeInference(made).usable()
    assert found.multiple_of == (32, 32)
    assert not found.tried_all
    assert len(walked) <= max(100_000, 80 * count)


def test_sizes_beyond_all_images_take_no_time():
    made = empty("exact", (2**39, 2**39))
    allow_range(made, (1, 2**40), (1, 2**40))
    layer(
        made.neuralNetwork, "pooling { kernelSize: [2, 2] stride: [2, 2] valid {} }", ["image"], "d"
    )
    layer(made.neuralNetwork, "upsample { scalingFactor: [2, 2] }", ["d"], "u")
    layer(made.neuralNetwork, "add {}", ["u", "image"], "out")
    assert ShapeInference(made).usable().multiple_of == (2, 2)
