"""Sizes that no intent says: the file itself says them, or contradicts what its layers make.

Networks are made right first, with factors as PyTorch had them, and then cut to whole factors as
the opset 9 converters do. What the layers behind them make of a size is computed here.
"""

import json
import random

import pytest
from google.protobuf import text_format

from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents import assume, manifest
from coreml_resize_fix.run import pipeline
from tests.support import build

CORNERS = assume.parse("bilinear,align_corners=true")
CHANNELS = 2


def conv(kernel, stride=1, pad=0):
    return (
        "convolution {{ outputChannels: {c} kernelChannels: {c} nGroups: 1 kernelSize: {k} "
        "kernelSize: {k} stride: {s} stride: {s} dilationFactor: 1 dilationFactor: 1 valid {{ "
        "paddingAmounts {{ borderAmounts {{ {e} }} borderAmounts {{ {e} }} }} }} }}"
    ).format(c=CHANNELS, k=kernel, s=stride, e="startEdgeSize: {0} endEdgeSize: {0}".format(pad))


CROP = "crop { cropAmounts { borderAmounts { endEdgeSize: 1 } borderAmounts { endEdgeSize: 1 } } }"


def pool(kernel, stride):
    return (
        "pooling {{ kernelSize: {k} kernelSize: {k} stride: {s} stride: {s} valid {{ }} }}"
    ).format(k=kernel, s=stride)


# What stands between a resize and a join, and what it makes of n pixels.
BETWEEN = [
    ([], lambda n: n),
    (["activation { ReLU { } }"], lambda n: n),
    ([conv(3, 1, 1), "activation { ReLU { } }"], lambda n: n),
    ([conv(3)], lambda n: n - 2),
    ([conv(3, 2, 1)], lambda n: (n - 1) // 2 + 1),
    ([pool(2, 2)], lambda n: (n - 2) // 2 + 1),
    ([conv(2, 2) + " convolution { isDeconvolution: true }"], lambda n: 2 * n),
    (
        [CROP],
        lambda n: n - 1,
    ),
]
JOINS = [
    "addBroadcastable { }",
    "multiplyBroadcastable { }",
    "add { }",
    "multiply { }",
    "concatND { axis: -3 }",
]
FACTORS = (0.5, 0.66, 0.9, 1.0, 1.3, 1.9, 1.94, 2.0, 2.5, 2.97, 3.0)


class Net:
    """A model that is written layer by layer; blobs have CHANNELS channels."""

    def __init__(self, size):
        self.model = schema.model_class()()
        self.model.specificationVersion = 4
        self.body = self.model.neuralNetwork
        self.body.arrayInputShapeMapping = build.EXACT
        self.blob, self.size, self.count = self.input("image", size), size, 0

    def input(self, name, size):
        feature = self.model.description.input.add(name=name)
        feature.type.multiArrayType.shape.extend((1, CHANNELS) + tuple(size))
        feature.type.multiArrayType.dataType = 65568
        return name

    def layer(self, text, *more, name=None):
        self.count += 1
        made = "b{}".format(self.count)
        layer = self.body.layers.add(
            name=name or "l{}".format(self.count), input=[self.blob, *more], output=[made]
        )
        text_format.Merge(text, layer)
        self.blob = made
        return made

    def up(self, factors, name):
        text = "upsample {{ scalingFactor: {} scalingFactor: {} mode: BILINEAR }}"
        return self.layer(text.format(*factors), name=name)

    def end(self, declared=None, image=False):
        feature = self.model.description.output.add(name=self.blob)
        if image:
            feature.type.imageType.colorSpace = 10
            feature.type.imageType.height, feature.type.imageType.width = declared
        elif declared:
            feature.type.multiArrayType.shape.extend((1, CHANNELS) + tuple(declared))
        if not image:
            feature.type.multiArrayType.dataType = 65568


def audited(path, **more):
    return pipeline.process(path, pipeline.Request(assume=CORNERS, dry_run=True, **more))


def sizes_of(report):
    """By layer, (verdict, intended size)."""
    return {f.layer.name: (f.verdict, f.intended_size) for f in report.findings}


def meant(count, factor):
    """Sizes of a factor that was cut to this one."""
    if factor == 0:
        return [*range(1, count), 2 * count]
    return list(range(factor * count, (factor + 1) * count))


def answer(size, factors, between, joined):
    """(verdict, size) of one resize, from the size that it must become behind what follows it."""
    own = tuple(count * factor for count, factor in zip(size, factors))
    if all(factors) and tuple(map(between, own)) == joined:
        # The converters write another grid than align_corners, which is the same at factor 1.
        return "match" if tuple(factors) == (1, 1) else "fixable", own
    fitting = [
        [n for n in meant(count, factor) if between(n) == wanted]
        for count, factor, wanted in zip(size, factors, joined)
    ]
    if [len(some) for some in fitting] == [1, 1]:
        return "fixable", (fitting[0][0], fitting[1][0])
    return "unmatchable", None


@pytest.mark.mostly_slow(quick=5)
@pytest.mark.parametrize("seed", range(200))
def test_chains_of_cut_factors_with_joins(tmp_path, seed):
    rng = random.Random(seed)
    size = rng.randint(9, 24), rng.randint(9, 24)
    net, expected = Net(size), {}
    for index in range(rng.randint(1, 4)):
        factors = [rng.choice(FACTORS) for _ in size]
        true = tuple(int(n * f) for n, f in zip(size, factors))
        layers, between = rng.choice(BETWEEN)
        joined = tuple(between(n) for n in true)
        if min(joined) < 2 or max(true) > 60:
            continue
        cut = tuple(n // count for n, count in zip(true, size))
        name = "up{}".format(index)
        net.up(cut, name)
        for text in layers:
            net.layer(text)
        skip = net.input("skip{}".format(index), joined)
        join = rng.choice(JOINS)
        net.layer(join, skip)
        if join.startswith("concat"):  # back to as many channels
            net.layer(conv(1).replace("kernelChannels: 2", "kernelChannels: 4"))
        expected[name] = answer(size, cut, between, joined)
        size = joined
    net.end()
    path = build.write(tmp_path, net.model)
    report = audited(path)
    found = sizes_of(report)
    assert {name: found[name] for name in expected} == expected
    assert report.exit_code == (0 if _verdicts(expected) == {"match"} else 1 if expected else 3)
    if expected and "unmatchable" not in _verdicts(expected):
        fixed = str(tmp_path / "fixed.mlmodel")
        assert pipeline.process(path, pipeline.Request(assume=CORNERS, output=fixed)).exit_code == 0
        again = audited(fixed)
        assert [f.verdict for f in again.findings] == ["match"] * len(expected)
        assert [f.intended_size for f in again.findings] == [size for _, size in expected.values()]


def _verdicts(expected):
    return {verdict for verdict, _ in expected.values()}


def one(size=(17, 21), factors=(1, 1), more=()):
    net = Net(size)
    net.up(factors, "up")
    for text in more:
        net.layer(text)
    return net


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("seed", range(200))
def test_declared_outputs(tmp_path, seed):
    """Of one resize with layers behind it; no declaration, or one that agrees, is no evidence."""
    rng = random.Random(seed)
    size = rng.randint(5, 40), rng.randint(5, 40)
    true = tuple(int(n * rng.choice(FACTORS)) for n in size)
    cut = tuple(n // count for n, count in zip(true, size))
    layers, between = rng.choice(BETWEEN)
    made = tuple(map(between, true))
    if min(made) < 2:
        return
    net = one(size, cut, layers)
    declared = rng.choice([True, True, True, False])
    if declared and rng.random() < 0.3:
        net.layer(conv(1).replace("outputChannels: 2", "outputChannels: 1"))
        net.end(made, image=True)
    elif declared:
        net.end(made)
    else:
        net.end()
    expected = answer(size, cut, between, made)
    if not declared:
        own = tuple(count * factor for count, factor in zip(size, cut))
        if 0 in own:
            expected = "unmatchable", None
        else:
            expected = "match" if cut == (1, 1) else "fixable", own
            if min(map(between, own)) < 1:
                return
    report = audited(build.write(tmp_path, net.model))
    assert sizes_of(report) == {"up": expected}
    assert report.exit_code == (0 if expected[0] == "match" else 1)


def codes(report):
    return [code for finding in report.findings for code in finding.codes]


def test_an_array_of_rank_three(tmp_path):
    """[C, H, W], as coremltools declares it for networks without exact ranks."""
    model = build.network((2, 17, 21), [build.TRUNCATED], output=(
        "multiArrayType { dataType: FLOAT32 shape: 2 shape: 33 shape: 41 }"
    ))  # fmt: skip
    assert sizes_of(audited(build.write(tmp_path, model))) == {"scores_0": ("fixable", (33, 41))}


def test_a_permuted_output_says_its_sizes_in_its_own_order(tmp_path):
    net = one(more=["transpose { axes: 0 axes: 2 axes: 3 axes: 1 }"])
    net.end()
    net.model.description.output[0].type.multiArrayType.shape.extend((1, 33, 41, CHANNELS))
    assert sizes_of(audited(build.write(tmp_path, net.model))) == {"up": ("fixable", (33, 41))}


def test_another_number_of_channels_is_not_the_size_of_a_map(tmp_path):
    net = one()
    net.end()
    net.model.description.output[0].type.multiArrayType.shape.extend((1, 7, 17, 21))
    assert audited(build.write(tmp_path, net.model)).exit_code == 0


def test_what_the_next_model_of_a_pipeline_declares(tmp_path):
    first = build.network((2, 17, 21), [build.TRUNCATED], names=("image", "middle"))
    second = build.network((2, 33, 41), [build.RELU], names=("middle", "scores"))
    path = build.write(tmp_path, build.pipeline([first, second]))
    report = audited(path)
    assert sizes_of(report) == {"middle_0": ("fixable", (33, 41))}
    assert "the input `middle` is declared as 2×33×41 and gets 2×17×21" in report.notices[0]


def test_no_size_that_the_factor_allows(tmp_path):
    net = one(factors=(2, 2))
    net.end((33, 41))
    report = audited(build.write(tmp_path, net.model))
    assert (sizes_of(report), codes(report)) == ({"up": ("unmatchable", None)}, ["RSZ206"])
    assert report.exit_code == 1
    assert (
        "the output `b1` is declared as 1×2×33×41 and gets 1×2×34×42; no size that its factor may "
        "have been cut from fits"
    ) in report.findings[0].message


def test_several_layers_before_one_declared_size(tmp_path):
    """4 → 10 → 25, cut to 4 → 8 → 16; 4 → 9 → 25 and 4 → 11 → 25 would do as well."""
    net = Net((4, 4))
    net.up((2, 2), "first")
    net.layer(conv(3, 1, 1))
    net.up((2, 2), "second")
    net.end((25, 25))
    report = audited(build.write(tmp_path, net.model))
    assert {verdict for verdict, _ in sizes_of(report).values()} == {"unmatchable"}
    assert codes(report) == ["RSZ206", "RSZ206"]
    assert "several sizes fit (9×9, 9×10, 9×11, 10×9, …)" in report.findings[0].message


def test_two_resizes_that_meet_have_many_sizes_in_common(tmp_path):
    net = Net((18, 14))
    left = net.up((1, 1), "left")
    net.blob = net.input("small", (10, 8))
    net.up((2, 2), "right")
    net.layer("addBroadcastable { }", left)
    net.end()
    report = audited(build.write(tmp_path, net.model))
    assert codes(report) == ["RSZ206", "RSZ206"]


def test_what_follows_decides_between_several_sizes(tmp_path):
    """17 → 29 or 30 by a convolution of stride 2; only 29 gives the other join its size."""
    net = Net((17, 17))
    made = net.up((1, 1), "up")
    net.layer(conv(3, 2, 1))
    net.layer("addBroadcastable { }", net.input("half", (15, 15)))
    net.blob = made
    net.layer("addBroadcastable { }", net.input("whole", (29, 29)))
    net.end()
    assert sizes_of(audited(build.write(tmp_path, net.model))) == {"up": ("fixable", (29, 29))}


def test_a_fixed_size_that_is_contradicted(tmp_path):
    net = Net((17, 21))
    net.layer("resizeBilinear { targetSize: 20 targetSize: 20 }", name="up")
    net.end((33, 41))
    report = audited(build.write(tmp_path, net.model))
    assert (sizes_of(report), report.exit_code) == ({"up": ("unmatchable", None)}, 1)


def test_a_layer_without_a_part_in_it_stays_a_match(tmp_path):
    net = Net((9, 9))
    other = net.up((1, 1), "other")
    net.blob = "image"
    net.up((1, 1), "up")
    net.layer("addBroadcastable { }", net.input("skip", (17, 17)))
    net.end()
    net.model.description.output.add(name=other).type.multiArrayType.dataType = 65568
    assert sizes_of(audited(build.write(tmp_path, net.model))) == {
        "other": ("match", (9, 9)),
        "up": ("fixable", (17, 17)),
    }


def test_a_conflict_that_no_resize_decides_speaks_against_none(tmp_path):
    net = Net((9, 9))
    net.layer("addBroadcastable { }", net.input("skip", (17, 17)))
    net.blob = "image"
    net.up((1, 1), "up")
    net.end()
    assert sizes_of(audited(build.write(tmp_path, net.model)))["up"] == ("match", (9, 9))


def entries(*resizes):
    document = {"format": "coreml-resize-fix/intent", "version": 1, "resizes": list(resizes)}
    return manifest.parse(json.dumps(document))


def test_entries_of_a_manifest_without_a_size(tmp_path):
    """`sized` is taken to make what its intent says, not what the file makes."""
    net = Net((10, 10))
    net.up((1, 1), "sized")
    net.layer(conv(3, 1, 1))
    net.up((1, 1), "silent")
    net.end((27, 29))
    intents = entries(
        {"layer": "sized", "align_corners": True, "size": [15, 16]},
        {"layer": "silent", "align_corners": True},
    )
    path = build.write(tmp_path, net.model)
    report = pipeline.process(path, pipeline.Request(manifest=intents, dry_run=True))
    assert sizes_of(report) == {"sized": ("fixable", (15, 16)), "silent": ("fixable", (27, 29))}


def test_a_flexible_model_is_never_frozen_and_never_right(tmp_path):
    net = one()
    net.layer("addBroadcastable { }", net.input("skip", (33, 41)))
    net.end()
    sizes = net.model.description.input[0].type.multiArrayType.shapeRange.sizeRanges
    for low, high in ((1, 1), (2, 2), (10, 64), (10, 64)):
        sizes.add(lowerBound=low, upperBound=high)
    report = audited(build.write(tmp_path, net.model))
    assert [finding.verdict for finding in report.findings] == ["unmatchable"]
    assert report.exit_code == 1


@pytest.mark.slow
def test_sizes_that_would_take_for_ever_are_no_match(tmp_path):
    net = Net((400, 400))
    for index in range(4):
        net.up((1, 1), "up{}".format(index))
    net.layer(conv(3, 16, 1))
    net.end((30, 31))
    report = audited(build.write(tmp_path, net.model))
    assert {finding.verdict for finding in report.findings} == {"unmatchable"}
    assert "there are too many sizes to try" in report.findings[0].message
