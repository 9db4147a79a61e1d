"""Layers in a file are known by what they compute: rounded, renamed or made in another way."""

import random
from dataclasses import replace

import numpy as np
import pytest

from coreml_resize_fix.formats.neuralnetwork import interpret, read_steps
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.replacements.steps import AXES, computed
from coreml_resize_fix.run import pipeline
from coreml_resize_fix.sampling import AxisSpec
from coreml_resize_fix.sampling.reference import matrix
from tests.support import build, edits
from tests.support.replacing import EXACT3, EXACT4, EXACT5, RANK5, REPLACEMENTS, context, numbers

ROUNDED = 2.5e-5  # a box in pixels, the coarsest of what the tool itself writes
VARIANTS = 200
PLACES = [((3, 7, 9), build.RANK5, 3), ((1, 3, 7, 9), build.EXACT, 4), ((3, 7, 9), build.RANK5, 1)]
ASKS = [
    {"mode": "bilinear"},
    {"mode": "bilinear", "align_corners": True},
    {"mode": "bicubic"},
    {"mode": "area"},
    {"mode": "nearest-exact"},
    {"mode": "bilinear", "antialias": True},
]
SIZES = [(14, 18), (21, 27), (10, 5), (7, 20), (13, 9), (3, 4)]


def fixed(rng):
    """A random network that several layers were put into, and its request."""
    while True:
        shape, mapping, version = rng.choice(PLACES)
        intent = Intent(size=rng.choice(SIZES), **rng.choice(ASKS))
        wrong = "upsample { scalingFactor: 4 scalingFactor: 4 mode: BILINEAR }"
        model = build.network(shape, [build.RELU, wrong, build.RELU], version, mapping=mapping)
        request = pipeline.Request([intent], decompose=True, target=version)
        report, result = pipeline.process_bytes(model.SerializeToString(), "model", request)
        assert [finding.verdict for finding in report.findings] == ["fixed"]
        added = edits.parse(result).neuralNetwork.layers
        if len(added) > 3:
            return edits.parse(result), request


def weights_of(model):
    """The messages that hold the numbers of the added layers, but indices and boxes."""
    found = []
    for layer in list(model.neuralNetwork.layers)[1:-1]:
        kind = layer.WhichOneof("layer")
        if kind in ("convolution", "batchedMatmul"):
            found.append(getattr(layer, kind).weights)
        elif kind == "loadConstantND":
            found.append(layer.loadConstantND.data)
    reads = [layer.WhichOneof("layer") for layer in model.neuralNetwork.layers]
    return [] if "gather" in reads else [each for each in found if len(values(each))]


def values(stored):
    if stored.float16Value:
        return np.frombuffer(stored.float16Value, "<f2").astype(np.float64)
    return np.array(stored.floatValue, np.float64)


def in_float16(stored):
    rounded = values(stored).astype("<f2")
    stored.ClearField("floatValue")
    stored.float16Value = rounded.tobytes()


def as_rounded_float32(stored):
    rounded = values(stored).astype(np.float16).astype(float)
    stored.ClearField("floatValue")
    stored.floatValue.extend(rounded.tolist())


def audit(model, request):
    report, result = pipeline.process_bytes(model.SerializeToString(), "model", request)
    return report, result


@pytest.mark.mostly_slow(quick=4)
@pytest.mark.parametrize("seed", range(VARIANTS // 4))
def test_what_stays_right_stays_a_match(seed):
    rng = random.Random(seed)
    for change in (in_float16, as_rounded_float32, "other numbers", "other order"):
        model, request = fixed(rng)
        if callable(change):
            for stored in weights_of(model):
                change(stored)
        elif change == "other numbers":
            renumber(model, rng)
        else:
            constants_first(model)
        given = model.SerializeToString()
        report, result = audit(model, request)
        assert [finding.verdict for finding in report.findings] == ["match"], change
        assert (report.exit_code, result) == (0, given)


def renumber(model, rng):
    """Other numbers at the ends of the parts' names."""
    network = model.neuralNetwork
    parts = [layer for layer in network.layers if "__resize_" in layer.name]
    others = rng.sample(range(2, 60), len(parts))
    names = {
        part.name: "{}_{}".format(part.name.rstrip("_0123456789"), number)
        for part, number in zip(parts, others)
    }
    for layer in network.layers:
        layer.name = names.get(layer.name, layer.name)
        layer.input[:] = [names.get(blob, blob) for blob in layer.input]
        layer.output[:] = [names.get(blob, blob) for blob in layer.output]


def constants_first(model):
    """Constants are loaded before anything else of the added layers."""
    added = list(model.neuralNetwork.layers)
    first, inside, last = added[:1], added[1:-2], added[-2:]
    inside.sort(key=lambda layer: not layer.WhichOneof("layer").startswith("loadConstant"))
    del model.neuralNetwork.layers[:]
    model.neuralNetwork.layers.extend(first + inside + last)


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("seed", range(VARIANTS))
def test_a_changed_weight_is_no_match(seed):
    rng = random.Random(seed)
    stored = []
    while not stored:
        model, request = fixed(rng)
        stored = weights_of(model)
    chosen = rng.choice(stored)
    changed = values(chosen)
    at = rng.randrange(len(changed))
    changed[at] += rng.choice((-1, 1)) * max(abs(changed).max() * rng.uniform(0.005, 1), 1e-3)
    chosen.ClearField("float16Value")
    chosen.ClearField("floatValue")
    if rng.random() < 0.5:
        chosen.floatValue.extend(changed.tolist())
    else:
        chosen.float16Value = changed.astype("<f2").tobytes()
    report, _ = audit(model, replace(request, dry_run=True, verify=False))
    assert [finding.verdict for finding in report.findings] == ["fixable"]
    assert "RSZ105" in report.findings[0].codes


def test_another_decomposition_of_the_same_map_is_known():
    """Products along a transposed image, in the other order than the tool would choose."""
    double = matrix(AxisSpec("linear", "half_pixel", 4, 8))
    product = (
        "batchedMatmul {{ weightMatrixFirstDimension: 4 weightMatrixSecondDimension: 8 "
        "weights {{ {} }} }}".format(numbers(double))
    )
    swap = "transpose { axes: 0 axes: 1 axes: 3 axes: 2 }"
    model = build.network((1, 2, 4, 4), [], version=4, mapping=build.EXACT)
    named = [
        ("up__resize_batchedMatmul", ["image"], None, product),
        ("up__resize_transpose", ["up__resize_batchedMatmul"], None, swap),
        ("up__resize_batchedMatmul_2", ["up__resize_transpose"], None, product),
        ("up", ["up__resize_batchedMatmul_2"], "scores", swap),
    ]
    build.named(model.neuralNetwork, [(a, b, c or a, d) for a, b, c, d in named])
    right = pipeline.Request([Intent(size=(8, 8))])
    report, _ = audit(model, right)
    assert [finding.verdict for finding in report.findings] == ["match"]
    wrong = pipeline.Request([Intent(size=(8, 8), align_corners=True)], dry_run=True)
    assert audit(model, wrong)[0].findings[0].verdict == "fixable"


# --- what is read is what was written, and what the layers compute ---

KINDS = {
    "up": AxisSpec("linear", "half_pixel", 5, 15),
    "even": AxisSpec("linear", "half_pixel", 5, 10),
    "down": AxisSpec("linear", "half_pixel", 8, 4),
    "nearest": AxisSpec("nearest_floor", "asymmetric", 5, 8),
    "bicubic": AxisSpec("cubic", "half_pixel", 5, 20),
    "area": AxisSpec("area", "half_pixel", 7, 3),
}


@pytest.mark.mostly_slow(quick=4)
@pytest.mark.parametrize("layout", [RANK5, EXACT5, EXACT4, EXACT3])
@pytest.mark.parametrize("rows", sorted(KINDS))
@pytest.mark.parametrize("columns", sorted(KINDS))
def test_written_layers_are_read_as_the_same_map(rows, columns, layout):
    axes = KINDS[rows], KINDS[columns]
    found = 0
    for row in REPLACEMENTS:
        built = row.build(context(*axes, layout, channels=2))
        if built is None:
            continue
        read = read_steps.read(built, layout[1], 2)
        for axis, asked in zip(AXES, axes):
            made = computed(read.steps, axis, asked.input_size).matrix
            np.testing.assert_allclose(made, matrix(asked), atol=ROUNDED, err_msg=row.name)
        found += 1
    assert found


@pytest.mark.mostly_slow(quick=6)
@pytest.mark.parametrize("rows", sorted(KINDS))
@pytest.mark.parametrize("columns", sorted(KINDS))
def test_steps_and_interpreted_layers_agree(rows, columns):
    """Two ways that share no formula: maps along the axes, and pixels of Apple's layers."""
    axes = KINDS[rows], KINDS[columns]
    image = np.random.RandomState(3).uniform(-1, 1, (1, 2, axes[0].input_size, axes[1].input_size))
    for row in REPLACEMENTS:
        built = row.build(context(*axes, EXACT4, channels=2))
        if built is not None:
            read = read_steps.read(built, 4, 2)
            down, across = (
                computed(read.steps, axis, axes[axis].input_size).matrix for axis in AXES
            )
            made = interpret.run(built, {"x": image})["y"]
            np.testing.assert_allclose(made, down @ image @ across.T, atol=1e-6)
