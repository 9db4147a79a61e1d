"""Which chains of new axes, tiles and reshapes are a nearest resize: NumPy says what they make."""

import random

import numpy as np
import pytest

from coreml_resize_fix.auditing.repeated import find
from coreml_resize_fix.auditing.summed import is_made_of_sums
from coreml_resize_fix.formats.network import Network, Node
from coreml_resize_fix.formats.shapes import Flexible, Known, LayerShapes, ModelShapes
from coreml_resize_fix.intents.model import Intent

KINDS = {"nn": ("expandDims", "tile", "reshapeStatic"), "ml": ("expand_dims", "tile", "reshape")}


class Net:
    """Nodes with the shapes that NumPy gives, in one row."""

    def __init__(self, x):
        self.value, self.blob = x, "x"
        self.nodes, self.layers = [], {}

    def add(self, kind, value):
        address, blob = f"layers[{len(self.nodes)}]", f"b{len(self.nodes)}"
        self.nodes.append(Node(address, [self.blob], [blob], kind))
        shapes = (Known(self.value.shape),), (Known(value.shape),)
        self.layers[address] = LayerShapes(*shapes)
        self.value, self.blob = value, blob

    def repeat(self, kinds, axis, times, merged):
        """A new axis before `axis`, tiled, and merged with the one before or behind it."""
        expanded = np.expand_dims(self.value, axis)
        self.add(kinds[0], expanded)
        reps = [1] * expanded.ndim
        reps[axis] = times
        tiled = np.tile(expanded, reps)
        self.add(kinds[1], tiled)
        at = axis - 1 if merged == "before" else axis
        dims = tiled.shape
        self.add(kinds[2], tiled.reshape(dims[:at] + (dims[at] * dims[at + 1],) + dims[at + 2 :]))

    def keep(self, kinds, axis):
        """The same of a factor of 1, of which a converter drops the operation that tiles."""
        value = self.value
        self.add(kinds[0], np.expand_dims(value, axis))
        self.add(kinds[2], value)

    def found(self):
        network = Network("", self.nodes, ["x"], [self.blob], [])
        return find([network], {"": ModelShapes(self.layers, {}, (), ())})


def is_nearest(x, made, axes):
    """Whether it is x with the pixels along these two axes repeated by whole factors."""
    if made.ndim != 4:
        return False
    expected = x
    for axis in axes:
        if made.shape[axis] % x.shape[axis] or made.shape[axis] == x.shape[axis]:
            return False
        expected = np.repeat(expected, made.shape[axis] // x.shape[axis], axis)
    return made.shape == expected.shape and bool((made == expected).all())


@pytest.mark.parametrize("seed", range(200))
def test_what_is_found_is_what_numpy_makes(seed):
    chance = random.Random(seed)
    x = np.arange(0)
    shape = [chance.randint(2, 4) for _ in range(4)]
    x = np.arange(np.prod(shape)).reshape(shape)
    net, kinds = Net(x), KINDS[chance.choice(sorted(KINDS))]
    axes = [(2, 3), (3, 2), (3, 4), (4, 3)][chance.randrange(4)] if seed % 2 else None
    for step in range(2):
        axis = axes[step] if axes else chance.randint(1, 4)
        merged = "before" if axes or axis == 4 else chance.choice(["before", "behind"])
        net.repeat(kinds, axis, chance.randint(2, 3), merged)
    ways = [place for place, axes in ((3, (1, 2)), (1, (2, 3))) if is_nearest(x, net.value, axes)]
    found = net.found()
    assert len(found) == len(ways)
    for one, place in zip(found, ways):
        before, after = (
            tuple(np.delete(np.array(each.shape[1:]), place - 1)) for each in (x, net.value)
        )
        assert (one.channels, one.input_size, one.size) == (x.shape[place], before, after)
        same = {"framework": "keras", "mode": "nearest", "input_size": before, "size": after}
        assert is_made_of_sums(Intent(**same, channels=x.shape[place]), found)
        assert not is_made_of_sums(Intent(**same, channels=x.shape[place] + 1), found)
        assert not is_made_of_sums(Intent(**{**same, "mode": "bilinear"}), found)
    if axes:
        assert ways


@pytest.mark.parametrize("factors", [(3, 1), (1, 2)], ids=str)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("height", [1, 2], ids=["channels last", "channels first"])
@pytest.mark.parametrize("sides", [(4, 3), (1, 3), (2, 1)], ids=str)
def test_a_factor_of_one(factors, kind, height, sides):
    shape = (1, *sides, 5) if height == 1 else (1, 5, *sides)
    x = np.arange(np.prod(shape)).reshape(shape)
    net = Net(x)
    for axis, times in enumerate(factors, height):
        if times == 1:
            net.keep(KINDS[kind], axis + 1)
        else:
            net.repeat(KINDS[kind], axis + 1, times, "before")
    made = np.repeat(x, max(factors), height + factors.index(max(factors)))
    assert (net.value == made).all()
    found = net.found()
    assert {one.input_size for one in found} == {sides}
    size = made.shape[height : height + 2]
    same = {"framework": "keras", "mode": "nearest", "input_size": sides, "channels": 5}
    assert is_made_of_sums(Intent(**same, size=size), found)
    assert not is_made_of_sums(Intent(**same, size=(size[0] + 1, size[1])), found)
    assert not is_made_of_sums(Intent(**{**same, "channels": 4}, size=size), found)


def test_other_chains():
    x = np.arange(2 * 3 * 4 * 2).reshape(2, 3, 4, 2)
    net = Net(x)
    net.repeat(KINDS["nn"], 2, 2, "before")
    assert not net.found()  # along one axis alone
    net.add("activation", net.value)
    net.repeat(KINDS["nn"], 3, 2, "before")
    assert not net.found()  # something in between
    net = Net(x)
    net.repeat(KINDS["nn"], 2, 2, "before")
    net.repeat(KINDS["nn"], 3, 2, "before")
    assert net.found()
    varies = Flexible(((1, None),) * 4, (), False)
    net.layers["layers[5]"] = LayerShapes((Known((1,)),), (varies,))
    assert not net.found()  # of a size that is not known
