"""Sizes that vary: what holds at all of them, what is not known, and what is never frozen."""

import pytest

from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.support import build
from tests.support.edits import parse

UNWRITTEN = {"unmatchable", "needs-option"}
CORNERS = {"align_corners": True, "scale_factor": (2.0, 2.0)}
HALVES = "pooling { type: MAX kernelSize: 2 kernelSize: 2 stride: 2 stride: 2 valid { } }"
SWISH = 'custom { className: "Swish" }'
ios14 = pytest.mark.skipif(
    not schema.knows_ios14(),
    reason="coremltools 3 cannot write layers of iOS 14: pip install 'coremltools>=4'",
)


def upsample(factor, mode="BILINEAR", aligned=""):
    field = "scalingFactor" if factor == int(factor) else "fractionalScalingFactor"
    text = "upsample {{ {0}: {1!r} {0}: {1!r} mode: {2} {3} }}"
    modes = "linearUpsampleMode: ALIGN_CORNERS_" + aligned if aligned else ""
    return text.format(field, factor, mode, modes)


def network(layers, shape=(3, 8, 8), ranges=(), listed=(), version=3):
    """A network of (name, inputs, output, text) layers that maps its input to its exact rank."""
    model = build.network(shape, [], version=version, mapping=build.EXACT)
    taken = model.description.input[0].type.multiArrayType
    for low, high in ranges:
        taken.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)
    for dims in listed:
        taken.enumeratedShapes.shapes.add(shape=dims)
    build.named(model.neuralNetwork, layers)
    return model


def one(text, **options):
    return network([("up", ["image"], "scores", text)], **options)


def judged(model, *intents, **options):
    options.setdefault("dry_run", True)
    return pipeline.process_bytes(
        model.SerializeToString(), "model", pipeline.Request(manifest=list(intents), **options)
    )[0]


def square(low, high):
    return [(3, 3), (low, high), (low, high)]


# name -> a model with a layer `up` that scales, and what it was asked for; none computes that
WRONG = {
    "no upper bound": (one(upsample(2, "NN"), ranges=square(1, -1)), {"mode": "nearest"}, 2.3),
    "no upper bound from 10 on": (one(upsample(2), ranges=square(10, -1)), CORNERS, 2.04),
    "from 1,112 pixels on": (one(upsample(2), ranges=square(32, 5000)), CORNERS, 2.0009),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_no_size_of_the_range_is_left_out(name):
    model, ask, factor = WRONG[name]
    intent = Intent(**dict(ask, scale_factor=(factor, factor), recompute_scale_factor=True))
    (finding,) = judged(model, intent).findings
    assert (finding.verdict, finding.codes[0]) == ("unmatchable", "RSZ102")


@ios14
@pytest.mark.parametrize("most", [27, 1023])
def test_a_ratio_that_is_a_factor_at_multiples_alone(most):
    """PyTorch samples by 1 / (4/3), the layer by X / N: the same where 3 divides X."""
    ask = Intent(scale_factor=(4 / 3, 4 / 3))
    third = upsample(4 / 3, aligned="FALSE")
    (finding,) = judged(one(third, ranges=square(3, most), version=5), ask).findings
    assert finding.verdict == "unmatchable"
    assert finding.max_shift_px > 0.1
    assert "it reads up to 0.000" not in finding.message
    for sizes, verdict in (([30, 90], "match"), ([30, 31, 90], "unmatchable")):
        listed = [(3, n, n) for n in sizes]
        model = one(third, shape=(3, 30, 30), listed=listed, version=5)
        assert [f.verdict for f in judged(model, ask).findings] == [verdict]


@ios14
def test_listed_sizes_are_those_that_are_compared():
    """With a factor of 1.5, sizes in between would be odd, and those are none of the model's."""
    model = one(
        upsample(1.5, aligned="FALSE"),
        shape=(3, 32, 32),
        listed=[(3, 32, 32), (3, 64, 64)],
        version=5,
    )
    (finding,) = judged(model, Intent(scale_factor=(1.5, 1.5))).findings
    assert (finding.verdict, finding.layer.input.samples) == ("match", ((32, 32), (64, 64)))


def unet(levels, ranges):
    layers, blob, skips = [], "image", []
    for level in range(levels):
        skips.append(blob)
        layers.append(("down{}".format(level), [blob], "d{}".format(level), HALVES))
        blob = "d{}".format(level)
    for level in range(levels):
        last = level == levels - 1
        made, joined = "u{}".format(level), "scores" if last else "c{}".format(level)
        layers.append(("up{}".format(level), [blob], made, upsample(2)))
        joins = "concatND { axis: -3 }"
        layers.append(("cat{}".format(level), [made, skips.pop()], joined, joins))
        blob = joined
    return network(layers, (3, 512, 512), ranges, version=4)


@pytest.mark.slow
def test_a_network_that_halves_and_doubles_is_not_frozen():
    """At odd sizes its skip connections do not fit, which says nothing of the others."""
    intents = [Intent(layer="up{}".format(level), **CORNERS) for level in range(4)]
    report = judged(unet(4, square(100, 999)), *intents)
    assert {finding.layer.input.kind for finding in report.findings} == {"flexible"}
    assert {finding.verdict for finding in report.findings} <= UNWRITTEN


def test_a_size_that_only_the_default_fits_is_not_frozen():
    depth = "reorganizeData { mode: SPACE_TO_DEPTH blockSize: 2 }"
    layers = [("s2d", ["image"], "deep", depth), ("up", ["deep"], "scores", upsample(2))]
    for low, high in ((1, 63), (7, 9)):
        report = judged(network(layers, ranges=square(low, high), version=4), Intent(**CORNERS))
        assert report.findings[0].verdict in UNWRITTEN


def behind_a_branch(width):
    """8×8 or 16×16, or of height 8 or 16."""
    model = network([], version=4)
    model.description.input.add(name="c").type.multiArrayType.shape.append(1)
    branch = model.neuralNetwork.layers.add(name="br", input=["c"], output=["x"]).branch
    build.named(branch.ifBranch, [("keep", ["image"], "x", build.RELU)])
    double = "upsample {{ scalingFactor: 2 scalingFactor: {} mode: NN }}".format(width)
    build.named(branch.elseBranch, [("double", ["image"], "x", double)])
    build.named(model.neuralNetwork, [("up", ["x"], "scores", upsample(2))])
    return model


def in_a_loop():
    model = network([], version=4)
    loop = model.neuralNetwork.layers.add(name="loop").loop
    loop.maxLoopIterations = 3
    body = [("up", ["image"], "more", upsample(2)), ("copy", ["more"], "image", "copy { }")]
    build.named(loop.bodyNetwork, body)
    build.named(model.neuralNetwork, [("end", ["image"], "scores", build.RELU)])
    return model


VARYING = {
    "an unknown layer in a flexible model": network(
        [("swish", ["image"], "x", SWISH), ("up", ["x"], "scores", upsample(2))],
        ranges=square(1, 64),
    ),
    "a branch": behind_a_branch(2),
    "a loop": in_a_loop(),
}


@pytest.mark.parametrize("name", sorted(VARYING))
@pytest.mark.parametrize("size", [(8, 8), (1, 1)])
def test_an_unknown_size_that_may_vary_is_not_frozen_at_the_recorded_one(name, size):
    nearest = Intent(layer="double", mode="nearest", scale_factor=(2.0, 2.0))
    intents = [nearest] if name == "a branch" else []
    report = judged(VARYING[name], Intent(layer="up", input_size=size, **CORNERS), *intents)
    found = {finding.layer.name: finding.verdict for finding in report.findings}
    assert found.pop("up") in UNWRITTEN
    assert set(found.values()) <= {"match"}


def test_what_is_known_of_a_size_contradicts_an_intent():
    nearest = Intent(layer="double", mode="nearest", scale_factor=(2.0, 1.0))
    for width, verdict in ((8, UNWRITTEN), (9, {"no-intent"})):
        ask = Intent(input_size=(8, width), **CORNERS)
        found = judged(behind_a_branch(1), ask, nearest).findings
        (finding,) = [finding for finding in found if finding.layer.name == "up"]
        assert finding.verdict in verdict
    assert "recorded with an input width 9, and `up` gets 8" in finding.message


def test_an_unknown_size_of_a_model_that_does_not_vary_is_the_recorded_one():
    layers = [("swish", ["image"], "x", SWISH), ("up", ["x"], "scores", upsample(2))]
    report = judged(network(layers), Intent(input_size=(8, 8), **CORNERS))
    assert [finding.verdict for finding in report.findings] == ["fixable"]


@pytest.mark.parametrize("size", [(8, 4), (16, 8)])
def test_a_plain_size_of_a_layer_of_that_size_stays(size):
    """`interpolate(x, size=(8, 4))` makes 8×4 of every input, as the layer does."""
    text = "resizeBilinear {{ targetSize: {} targetSize: {} }}".format(*size)
    model = one(text, shape=(3, 8, 4), ranges=square(1, 64), version=4)
    for corners, verdict in ((True, "match"), (False, "unmatchable")):
        ask = Intent(align_corners=corners, size=size, input_size=(8, 4))
        assert [f.verdict for f in judged(model, ask).findings] == [verdict]
    wrong = text.replace("}", "mode { samplingMethod: UPSAMPLE_MODE } }")
    model = one(wrong, shape=(3, 8, 4), ranges=square(1, 64), version=4)
    report = judged(model, Intent(align_corners=True, size=size, input_size=(8, 4)))
    assert [str(f.after) for f in report.findings] == [
        "ResizeBilinear {}×{} STRICT_ALIGN_ENDPOINTS".format(*size)
    ]


# (first, last) of the range, factor
DOWN = [(1, 64, 0.5), (1, 63, 0.5), (2, 7, 0.5), (4, 101, 0.5), (4, 63, 0.25), (4, 7, 0.25)]
DOWN += [(1, 101, 0.25), (32, 1000, 0.25), (3, 200, 1 / 3), (1, -1, 0.5)]


@pytest.mark.mostly_slow(quick=4)
@pytest.mark.parametrize(("low", "high", "factor"), DOWN)
@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_layers_that_scale_a_range_down_are_known_again(low, high, factor, mode):
    shape = [(1, 1), *square(low, high)]
    top = high if high > 0 else 64
    model = network([("up", ["image"], "scores", upsample(2))], (1, 3, top, top), shape, version=4)
    ask = Intent(mode=mode, scale_factor=(factor, factor))
    request = pipeline.Request(manifest=[ask], decompose=True)
    report, data = pipeline.process_bytes(model.SerializeToString(), "model", request)
    assert [finding.verdict for finding in report.findings] == ["fixed"]
    again, same = pipeline.process_bytes(data, "model", request)
    assert ([finding.verdict for finding in again.findings], same) == (["match"], data)


def test_layers_that_compute_it_at_whole_multiples_alone_are_none():
    """TensorFlow samples by X / N: a quarter of 31 pixels are 7, and 31 / 7 is no 4."""
    model = network(
        [("up", ["image"], "scores", upsample(2))],
        (1, 3, 12, 12),
        [(1, 1), *square(1, -1)],
        version=4,
    )
    ask = Intent(framework="tensorflow2", mode="nearest", scale_factor=(0.25, 0.25))
    report = judged(model, ask, decompose=True)
    assert [finding.verdict for finding in report.findings] == ["unmatchable"]


def declaring(text, limits=None, listed=(), image=False):
    """A flexible model of one layer that declares its output as large as its input."""
    model = one(text, ranges=() if listed else square(1, 64), listed=[(3, n, n) for n in listed])
    kind = model.description.output[0].type
    if image:
        kind.imageType.width = kind.imageType.height = 8
        kind.imageType.colorSpace = 20
        return model
    kind.multiArrayType.shape.extend((3, 8, 8))
    for low, high in limits or ():
        kind.multiArrayType.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)
    for n in listed:
        kind.multiArrayType.enumeratedShapes.shapes.add(shape=(3, n, n))
    return model


def declared(model):
    ask = Intent(mode="nearest", scale_factor=(2.0, 2.0))
    request = pipeline.Request(manifest=[ask])
    report, data = pipeline.process_bytes(model.SerializeToString(), "model", request)
    assert report.exit_code == 0
    return parse(data).description.output[0].type


def test_an_output_declares_the_default_size_that_is_made():
    nearest = upsample(1, "NN")
    assert list(declared(declaring(nearest)).multiArrayType.shape) == [3, 16, 16]
    shown = declared(declaring(nearest, image=True)).imageType
    assert (shown.height, shown.width) == (16, 16)


def test_an_output_declares_the_sizes_that_are_made():
    nearest = upsample(1, "NN")
    ranged = declared(declaring(nearest, square(1, 64))).multiArrayType
    assert list(ranged.shape) == [3, 16, 16]
    limits = [(size.lowerBound, size.upperBound) for size in ranged.shapeRange.sizeRanges]
    assert limits == [(3, 3), (2, 128), (2, 128)]
    listed = declared(declaring(nearest, listed=(8, 32, 20))).multiArrayType
    shapes = [list(item.shape) for item in listed.enumeratedShapes.shapes]
    assert shapes == [[3, 16, 16], [3, 64, 64], [3, 40, 40]]


def test_a_partial_fix_declares_what_the_file_makes():
    layers = [("a", ["image"], "x", upsample(1)), ("b", ["x"], "scores", upsample(1, "NN"))]
    model = network(layers)
    model.description.output[0].type.multiArrayType.shape.extend((3, 8, 8))
    asks = [
        Intent(layer="a", mode="bicubic", size=(12, 12)),
        Intent(layer="b", mode="nearest", scale_factor=(2.0, 2.0)),
    ]
    request = pipeline.Request(manifest=asks, partial=True)
    report, data = pipeline.process_bytes(model.SerializeToString(), "model", request)
    assert [finding.verdict for finding in report.findings] == ["needs-option", "fixed"]
    assert list(parse(data).description.output[0].type.multiArrayType.shape) == [3, 16, 16]


def chained(first, second):
    return network(
        [("a", ["image"], "x", first), ("b", ["x"], "scores", second)],
        ranges=square(4, 32),
        version=4,
    )


def test_a_fix_behind_one_that_follows_the_size_follows_it_too():
    """In the file the first layer makes one size, and is asked to scale."""
    first = (
        "resizeBilinear { targetSize: 16 targetSize: 16 mode { samplingMethod: UPSAMPLE_MODE } }"
    )
    doubled = {"mode": "nearest", "scale_factor": (2.0, 2.0)}
    request = pipeline.Request(manifest=[Intent(layer=name, **doubled) for name in "ab"])
    report, data = pipeline.process_bytes(
        chained(first, upsample(1, "NN")).SerializeToString(), "model", request
    )
    assert [(f.verdict, str(f.after)) for f in report.findings] == [
        ("fixed", "Upsample NN ×2,2"),
        ("fixed", "Upsample NN ×2,2"),
    ]
    again, same = pipeline.process_bytes(data, "model", request)
    assert (again.exit_code, same) == (0, data)


def test_a_call_of_one_size_is_that_of_a_layer_of_one_size():
    """Seen at several sizes it freezes nothing that was not meant; one example cannot tell."""
    model = one(upsample(2), ranges=square(4, 32))
    ask = {"align_corners": True, "size": (16, 20), "input_size": (8, 8)}
    (finding,) = judged(model, Intent(**ask)).findings
    assert finding.verdict == "unmatchable"
    observed = (((8, 8), (16, 20)), ((10, 30), (16, 20)))
    (finding,) = judged(model, Intent(sizes=observed, **ask)).findings
    assert (finding.verdict, str(finding.after)) == (
        "fixable", "ResizeBilinear 16×20 STRICT_ALIGN_ENDPOINTS",
    )  # fmt: skip
    kernel = Intent(mode="bicubic", size=(16, 20), input_size=(8, 8), sizes=observed)
    (finding,) = judged(model, kernel, decompose=True).findings
    assert finding.verdict == "unmatchable"  # another map at each size
    assert "another tensor" not in finding.message


def test_a_partial_fix_freezes_nothing():
    """The second layer would get one size if the first were right, which stays as it is."""
    asks = [
        Intent(layer="a", mode="bicubic", size=(16, 20)),
        Intent(layer="b", align_corners=True, scale_factor=(2.0, 2.0)),
    ]
    request = pipeline.Request(manifest=asks, partial=True)
    data = chained(upsample(2), upsample(2)).SerializeToString()
    report, same = pipeline.process_bytes(data, "model", request)
    assert {finding.verdict for finding in report.findings} <= UNWRITTEN
    assert same == data
    assert "as long as `a` stays as it is" in report.findings[1].message
