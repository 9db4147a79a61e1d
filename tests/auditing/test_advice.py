"""What is advised where no layer may follow a varying size: done to the model, it gives a fix."""

import random

import pytest

from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from tests.support import build
from tests.support.flexible import IOS14, finding, network, reported, run, verdicts

DOUBLE = "upsample {{ scalingFactor: {} scalingFactor: {} mode: BILINEAR }}"
EXACT = "EXACT_ARRAY_MAPPING"
ONCE = "convert once per input size"
ios14 = pytest.mark.skipif(
    not schema.knows_ios14(),
    reason="coremltools 3 cannot write layers of iOS 14: pip install 'coremltools>=4'",
)


def with_exact_ranks(model):
    """The same network, as a converter writes it for iOS 13."""
    made = type(model)()
    made.CopyFrom(model)
    made.neuralNetwork.arrayInputShapeMapping = build.EXACT
    made.neuralNetwork.imageInputShapeMapping = build.EXACT
    array = made.description.input[0].type.multiArrayType
    del array.shape[:]
    array.shape.extend([1, *model.description.input[0].type.multiArrayType.shape])
    kind = array.WhichOneof("ShapeFlexibility")
    sizes = list(array.shapeRange.sizeRanges) if kind == "shapeRange" else []
    if sizes and len(sizes) == len(array.shape) - 1:
        del array.shapeRange.sizeRanges[:]
        array.shapeRange.sizeRanges.add(lowerBound=1, upperBound=1)
        array.shapeRange.sizeRanges.extend(sizes)
    for shape in array.enumeratedShapes.shapes if kind == "enumeratedShapes" else ():
        dims = [1, *shape.shape]
        del shape.shape[:]
        shape.shape.extend(dims)
    return made


def of_one_size(model, size):
    made = type(model)()
    made.CopyFrom(model)
    array = made.description.input[0].type.multiArrayType
    array.ClearField(array.WhichOneof("ShapeFlexibility"))
    dims = [*list(array.shape)[:-2], *size]
    del array.shape[:]
    array.shape.extend(dims)
    return made


@ios14
def test_the_reported_one_is_fixed_as_is_said():
    model, intents = reported("flex_rank5_advice")
    report, _ = run(model, intents, target=IOS14)
    for found in report.findings:
        assert (found.verdict, found.codes[-1]) == ("unmatchable", "RSZ305")
        assert EXACT in found.message
        assert "minimum_ios_deployment_target='13'" in found.message
    array = model.description.input[0].type.multiArrayType
    sizes = list(array.shapeRange.sizeRanges)
    if len(sizes) == len(array.shape) + 2:  # ranges of five dimensions: the sequence's is left out
        del array.shapeRange.sizeRanges[:]
        array.shapeRange.sizeRanges.extend(sizes[2:])
    report, _ = run(with_exact_ranks(model), intents, target=IOS14)
    assert (set(verdicts(report)), report.exit_code) == ({"fixed"}, 0)


def model_of(rng, text, mapping):
    top, left = rng.randint(3, 9), rng.randint(3, 9)
    lead = (1,) if mapping == build.EXACT else ()
    layers = [("up", ["image"], "x", text), ("out", ["x"], "scores", build.RELU)]
    if rng.random() < 0.5:
        limits = [(n, n) for n in (*lead, 3)] + [(top, top + 20), (left, left + 30)]
        return network(layers, (*lead, 3, top, left), limits, mapping=mapping)
    listed = [(*lead, 3, top + grown, left) for grown in (0, 4, 9)]
    return network(layers, listed[0], listed=listed, mapping=mapping)


@pytest.mark.mostly_slow(quick=10)
@ios14
@pytest.mark.parametrize("seed", range(200))
def test_exact_ranks_are_advised_where_they_help(seed):
    """Whole factors: Upsample in a mode of iOS 14 follows, where ranks are exact."""
    rng = random.Random(seed)
    scale = rng.randint(2, 4), rng.randint(1, 4)
    model = model_of(rng, DOUBLE.format(*scale), build.RANK5)
    ask = Intent(align_corners=True, scale_factor=tuple(map(float, scale)))
    target = rng.choice((None, IOS14))
    report, same = run(model, [ask], target=target, verify=False)
    found = finding(report, "up")
    assert (found.verdict, found.codes[-1], same) == ("unmatchable", "RSZ305", model)
    assert EXACT in found.message
    assert ("needs `--deployment-target iOS14`" in found.message) == (target is None)
    report, _ = run(with_exact_ranks(model), [ask], target=IOS14, verify=False)
    assert verdicts(report) == ["fixed"]


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("seed", range(200))
def test_one_size_at_a_time_is_advised_where_that_helps(seed):
    """A plain size, no multiple of its input: ResizeBilinear makes it, of one input's size."""
    rng = random.Random(seed)
    mapping = rng.choice((build.RANK5, build.EXACT))
    model = model_of(rng, DOUBLE.format(2, 2), mapping)
    shape = list(model.description.input[0].type.multiArrayType.shape)
    size = tuple(shape[-2:])
    target = size[0] * 2 + 1, size[1] * 2 + rng.randint(1, size[1] - 1)
    ask = Intent(align_corners=True, size=target, input_size=size)
    report, _ = run(model, [ask], verify=False)
    found = finding(report, "up")
    assert (found.verdict, found.codes[-1]) == ("unmatchable", "RSZ305")
    assert ONCE in found.message
    report, result = run(of_one_size(model, size), [ask], verify=False)
    assert verdicts(report) == ["fixed"]
    assert "then `{}` is the same".format(finding(report, "up").after) in found.message
    assert tuple(result.neuralNetwork.layers[0].resizeBilinear.targetSize) == target


@pytest.mark.mostly_slow(quick=5)
@pytest.mark.parametrize("seed", range(50))
def test_layers_that_help_at_one_size_are_advised_with_their_option(seed):
    rng = random.Random(seed)
    model = model_of(rng, DOUBLE.format(2, 2), build.EXACT)
    size = tuple(model.description.input[0].type.multiArrayType.shape[-2:])
    ask = Intent(mode="bicubic", size=(size[0] * 2 + 1, size[1] * 2 + 1), input_size=size)
    report, _ = run(model, [ask], verify=False)
    found = finding(report, "up")
    assert found.codes[-1] == "RSZ305"
    assert found.message.endswith("is the same, but needs `--decompose`")
    fixed = of_one_size(model, size)
    assert verdicts(run(fixed, [ask], decompose=True, verify=False)[0]) == ["fixed"]
    assert verdicts(run(fixed, [ask], verify=False)[0]) == ["needs-option"]


def ask_of(rng, size):
    """Any bilinear call, by a factor or of a size."""
    if rng.random() < 0.5:
        factor = float(rng.choice((2, 3, 1.5, 2.5)))
        return Intent(align_corners=rng.random() < 0.5, scale_factor=(factor, factor))
    target = tuple(side * 2 + rng.randint(0, 3) for side in size)
    return Intent(align_corners=rng.random() < 0.5, size=target, input_size=size)


def network_of(rng):
    """Of fixed or varying size, of exact ranks or not, with a layer that is wrong or right."""
    mapping = rng.choice((build.RANK5, build.EXACT))
    text = DOUBLE.format(rng.randint(1, 3), rng.randint(1, 3))
    model = model_of(rng, text, mapping)
    size = tuple(model.description.input[0].type.multiArrayType.shape[-2:])
    if rng.random() < 0.5:
        model = of_one_size(model, size)
    return model, size


@ios14
@pytest.mark.mostly_slow(quick=5)
@pytest.mark.parametrize("seed", range(200))
def test_a_target_is_advised_where_it_helps_and_only_there(seed):
    """What helps is tried: every target alone, and the options that a finding names."""
    rng = random.Random(seed)
    model, size = network_of(rng)
    ask = ask_of(rng, size)
    found = finding(run(model, [ask], verify=False)[0], "up")
    if found.verdict not in ("needs-option", "unmatchable"):
        return
    fixed_by = [
        target
        for target in range(5, 11)
        if verdicts(run(model, [ask], target=target, verify=False)[0]) == ["fixed"]
    ]
    named = [need for need in found.needs if need.startswith("--deployment-target")]
    if named or "--decompose" in found.needs:
        target = IOS14 if named else None
        decompose = "--decompose" in found.needs
        report, _ = run(model, [ask], target=target, decompose=decompose, verify=False)
        assert verdicts(report) == ["fixed"]
    assert fixed_by or not named or "--decompose" in found.needs
    assert "does not help here" not in found.message or not fixed_by
    at_14 = finding(run(model, [ask], target=IOS14, verify=False)[0], "up")
    is_rank5 = model.neuralNetwork.arrayInputShapeMapping == build.RANK5
    if not fixed_by and is_rank5:
        exact, _ = run(with_exact_ranks(model), [ask], target=IOS14, verify=False)
        explained = "`--deployment-target iOS14` does not help here" in at_14.message
        assert explained == (verdicts(exact) == ["fixed"])
        assert explained == ("does not help here" in at_14.message)
