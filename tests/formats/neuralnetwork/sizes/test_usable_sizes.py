"""Sizes that a flexible input allows: which of them run, against plain arithmetic at every size."""

import os
import random

import pytest
from google.protobuf import text_format

from coreml_resize_fix.formats.neuralnetwork.sizes import RULES, ShapeInference
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents import assume, manifest
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.report import document
from coreml_resize_fix.run import pipeline

FIXTURE = os.path.join(os.path.dirname(__file__), "fixtures", "range_of_a_unet")
NEAREST = assume.parse("nearest,scale_factor=2")
RELU = "activation { ReLU {} }"


def pair(field, value):
    return "{0}: {1} {0}: {1}".format(field, value)


# --- networks, each with what its size makes of one axis -----------------------------------------


class Halving:
    """A layer that makes ⌊n / step⌋ or ⌈n / step⌉ of a size, or less where it has no padding."""

    def __init__(self, chance):
        self.step = chance.choice([2, 2, 2, 3])
        self.kind = chance.choice(["floor", "ceil", "valid"])

    @property
    def text(self):
        padding = "same {}" if self.kind == "ceil" else "valid {}"
        kernel = self.step + 1 if self.kind == "valid" else self.step
        return "pooling {{ {} {} {} }}".format(
            pair("kernelSize", kernel), pair("stride", self.step), padding
        )

    def of(self, size):
        if self.kind == "ceil":
            return (size + self.step - 1) // self.step
        return (size - (1 if self.kind == "valid" else 0)) // self.step


class UNet:
    """Halvings, then as many upsamples; some of them are added to what was halved."""

    def __init__(self, seed):
        chance = random.Random(seed)
        self.downs = [Halving(chance) for _ in range(chance.randint(1, 3))]
        self.skips = [chance.random() < 0.8 for _ in self.downs]
        self.join = chance.choice(["add {}", "concat {}"])

    def write(self, network):
        blob, levels = "image", []
        for index, down in enumerate(self.downs):
            levels.append(blob)
            layer(network, down.text, [blob], "d{}".format(index))
            blob = "d{}".format(index)
        for index in reversed(range(len(self.downs))):
            text = "upsample {{ {} mode: NN }}".format(
                pair("scalingFactor", self.downs[index].step)
            )
            layer(network, text, [blob], "u{}".format(index))
            blob = "u{}".format(index)
            if self.skips[index]:
                layer(network, self.join, [blob, levels[index]], "j{}".format(index))
                blob = "j{}".format(index)
        layer(network, RELU, [blob], "out")

    def runs(self, size):
        """One axis: what is joined must be of one size (an add also takes a 1)."""
        sizes = [size]
        for down in self.downs:
            sizes.append(down.of(sizes[-1]))
            if sizes[-1] < 1:
                return False
        now = sizes[-1]
        for index in reversed(range(len(self.downs))):
            now *= self.downs[index].step
            if self.skips[index] and now != sizes[index]:
                if not (self.join == "add {}" and 1 in (now, sizes[index])):
                    return False
                now = max(now, sizes[index])
        return True


def layer(network, text, inputs, output):
    text_format.Merge(text, network.layers.add(name=output, input=inputs, output=[output]))


def empty(form, default):
    """A network whose input `image` has three channels: an image, or an array of either mapping."""
    made = schema.model_class()(specificationVersion=4)
    kind = made.description.input.add(name="image").type
    if form == "image":
        kind.imageType.height, kind.imageType.width = default
        kind.imageType.colorSpace = 20
    else:
        lead = (1, 3) if form == "exact" else (3,)
        kind.multiArrayType.shape.extend(lead + default)
        kind.multiArrayType.dataType = 65568
    made.neuralNetwork.arrayInputShapeMapping = int(form == "exact")
    made.description.output.add(name="out").type.multiArrayType.dataType = 65568
    return made


def allow_range(made, rows, columns):
    kind = made.description.input[0].type
    if kind.WhichOneof("Type") == "imageType":
        limits = kind.imageType.imageSizeRange
        for side, (low, high) in ((limits.heightRange, rows), (limits.widthRange, columns)):
            side.lowerBound, side.upperBound = low, high
        return
    lead = [(size, size) for size in kind.multiArrayType.shape[:-2]]
    for low, high in [*lead, rows, columns]:
        kind.multiArrayType.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)


def allow_list(made, sizes):
    kind = made.description.input[0].type
    for size in sizes:
        if kind.WhichOneof("Type") == "imageType":
            kind.imageType.enumeratedSizes.sizes.add(height=size[0], width=size[1])
        else:
            lead = list(kind.multiArrayType.shape[:-2])
            kind.multiArrayType.enumeratedShapes.shapes.add(shape=lead + list(size))


def told(found, rows, columns):
    """The sizes that a report says run, among those of two ranges."""
    every = [(h, w) for h in range(rows[0], rows[1] + 1) for w in range(columns[0], columns[1] + 1)]
    if found.everywhere:
        return set(every)
    if found.multiple_of is not None:
        height, width = found.multiple_of
        return {(h, w) for h, w in every if h % height == 0 and w % width == 0}
    return set(found.sizes)


# --- ranges --------------------------------------------------------------------------------------


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
        given = told(found, rows, columns)
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


# --- in a run ------------------------------------------------------------------------------------


def test_the_range_of_a_converted_unet():
    report = pipeline.process(
        os.path.join(FIXTURE, "model.mlmodel"),
        pipeline.Request(
            manifest=manifest.load(os.path.join(FIXTURE, "intent.json")), dry_run=True
        ),
    )
    assert (report.exit_code, report.codes) == (0, ("RSZ402",))
    values = document.document(document.Run((report,)))["models"][0]["usable_sizes"]
    assert values == {"all": False, "multiple_of": [8, 8], "list": None}
    (notice,) = [text for text in report.notices if "RSZ402" in text]
    assert "multiples of 8" in notice
    assert "cannot run: `add` of" in notice


def fixable(allowed):
    """An Upsample ×1 where ×2 was meant, behind a halving; its map is added to the image."""
    made = empty("rank5", (32, 32))
    allow_list(made, allowed)
    network = made.neuralNetwork
    layer(network, "pooling { kernelSize: [2, 2] stride: [2, 2] valid {} }", ["image"], "d")
    layer(network, "upsample { scalingFactor: [1, 1] mode: NN }", ["d"], "u")
    layer(network, "add {}", ["u", "image"], "out")
    return made


@pytest.mark.parametrize(
    ("allowed", "usable", "code"),
    [
        ([(32, 32), (64, 48)], {"all": True, "multiple_of": None, "list": None}, 0),
        (
            [(32, 32), (33, 32), (48, 48)],
            {"all": False, "multiple_of": None, "list": [[32, 32], [48, 48]]},
            0,
        ),
        ([(32, 32), (33, 32)], {"all": False, "multiple_of": None, "list": [[32, 32]]}, 1),
    ],
)
def test_the_result_counts_not_the_file(allowed, usable, code):
    data = fixable(allowed).SerializeToString()
    request = pipeline.Request(assume=Intent(mode="nearest", scale_factor=(2.0, 2.0)))
    report, result = pipeline.process_bytes(data, "model", request)
    assert [finding.verdict for finding in report.findings] == ["fixed"]
    assert report.exit_code == code
    values = document.document(document.Run((report,)))["models"][0]["usable_sizes"]
    assert values == usable
    again, _ = pipeline.process_bytes(result, "model", request)
    assert (again.exit_code, again.usable.sizes) == (code, report.usable.sizes)


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
