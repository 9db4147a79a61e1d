"""Added layers and blobs have names of their own, whatever the names in the file look like."""

import collections
import os
import random

import pytest

from coreml_resize_fix.formats.neuralnetwork import layer_chains
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.source import Manifest
from coreml_resize_fix.run import pipeline
from tests.support import build, edits
from tests.support.cases import TESTS

CASES = os.path.join(TESTS, "fixtures", "names")
VARIANTS = 200

EDGES = "borderAmounts { startEdgeSize: 1 endEdgeSize: 1 } " * 2
POINTS = (
    "convolution { outputChannels: 2 kernelChannels: 1 nGroups: 2 kernelSize: 1 kernelSize: 1 "
    "stride: 1 stride: 1 dilationFactor: 1 dilationFactor: 1 valid { } "
    "weights { floatValue: 3 floatValue: 3 } }"
)
# kind → (text, what it adds to height and width)
HONEST = {
    "activation": ("activation { linear { alpha: %s } }", 0),
    "padding": ("padding { replication { } paddingAmounts { " + EDGES + "} }", 2),
    "convolution": (POINTS, 0),
    "crop": ("crop { offset: 0 offset: 0 cropAmounts { " + EDGES + "} }", -2),
    "relu": ("activation { ReLU { } }", 0),
}
WRONG = "upsample { scalingFactor: 3 scalingFactor: 3 mode: BILINEAR }"
ASKS = [
    {"mode": "bilinear", "scale_factor": (2.0, 2.0)},
    {"mode": "bilinear", "scale_factor": (0.5, 0.5)},
    {"mode": "area", "scale_factor": (0.5, 0.5)},
    {"mode": "bicubic", "scale_factor": (2.0, 2.0)},
    {"mode": "bilinear", "scale_factor": (1.5, 1.5)},
    {"mode": "bilinear", "align_corners": True, "scale_factor": (2.0, 2.0)},
]
STEMS = ["up", "up", "down", "", "up__resize_crop"]
KINDS = ["padding", "convolution", "activation", "permute", "crop", "upsample", "loadConstant"]


def any_name(rng):
    """Mostly names that the tool's own parts could have."""
    stem = rng.choice(STEMS)
    if rng.random() < 0.4:
        return stem
    return "{}__resize_{}{}".format(stem, rng.choice(KINDS), rng.choice(["", "_2", "_3"]))


def drawn(seed):
    """A chain of honest and resize layers under names that clash, and the intents, by address."""
    rng = random.Random(seed)
    exact = rng.random() < 0.3
    shape = (1, 2, 12, 16) if exact else (2, 12, 16)
    side = shape[-2:]
    mapping, version = (build.EXACT, 4) if exact else (build.RANK5, rng.choice((1, 3)))
    model = build.network(shape, [], version, mapping=mapping, names=("image", "last"))
    blob, blobs, intents = "image", {"image", "last"}, []
    count = rng.randint(3, 9)
    for index in range(count):
        is_resize = rng.random() < 0.45 or (index == count - 1 and not intents)
        kind = "resize" if is_resize else rng.choice(sorted(HONEST))
        kind = "relu" if kind == "crop" and min(side) < 4 else kind
        name = any_name(rng)
        if kind in KINDS and rng.random() < 0.7:  # one that could be a part
            name = "{}__resize_{}{}".format(rng.choice(STEMS), kind, rng.choice(["", "_2"]))
        if kind in ("convolution", "crop") and "__resize_" not in name:
            name = "honest"  # or it would look like the last layer of a replacement
        made = name if rng.random() < 0.7 else any_name(rng)
        made = "last" if index == count - 1 else made
        while made in blobs - {"last"} or not made or (made == "last" and index < count - 1):
            made = "{}b{}".format(any_name(rng), rng.randrange(1000))
        blobs.add(made)
        if kind == "resize":
            ask = rng.choice(ASKS)
            after = tuple(int(n * f) for n, f in zip(side, ask["scale_factor"]))
            if min(after) < 2 or max(after) > 200:
                ask, after = ASKS[0], tuple(2 * n for n in side)
            intents.append(Intent(layer="layers[{}]".format(index), input_size=side, **ask))
            text, side = WRONG, after
        else:
            text, more = HONEST[kind]
            text = text % rng.choice(["1", "2"]) if kind == "activation" else text
            side = tuple(n + more for n in side)
            assert min(side) > 0
        build.named(model.neuralNetwork, [(name, [blob], made, text)])
        blob = made
    return model, intents


def check(before, after):
    """Every new name and blob is new, has one owner, and is made before it is read."""
    old, new = before.neuralNetwork.layers, after.neuralNetwork.layers
    kept = [layer.name for layer in old]
    names = collections.Counter(layer.name for layer in new)
    added = names - collections.Counter(kept)
    assert set(added) & set(kept) == set()
    assert set(added.values()) <= {1}
    assert len(new) - len(old) == len(added)
    makers = collections.Counter(blob for layer in new for blob in layer.output)
    assert set(makers.values()) == {1}
    known = {"image"}
    for layer in new:
        assert set(layer.input) <= known
        known |= set(layer.output)
    # What was there is there still, in its order, under its name and with its blob.
    ends = [(layer.name, list(layer.output)) for layer in new if layer.name in kept]
    assert ends == [(layer.name, list(layer.output)) for layer in old]


def run(model, intents):
    request = pipeline.Request(intents, decompose=True)
    data = model.SerializeToString()
    report, result = pipeline.process_bytes(data, "model", request)
    verdicts = {finding.verdict for finding in report.findings}
    assert verdicts <= {"fixed", "match"}
    assert report.exit_code == 0
    check(edits.parse(data), edits.parse(result))
    again, same = pipeline.process_bytes(result, "model", request)
    assert {finding.verdict for finding in again.findings} == {"match"}
    assert (again.exit_code, same) == (0, result)
    return edits.parse(result)


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("seed", range(VARIANTS))
def test_names_that_clash(seed):
    run(*drawn(seed))


def test_the_variants_clash_in_every_way():
    """Names that parts would have had, names of parts before the layer, layers of one name."""
    wanted = before = twice = 0
    for seed in range(VARIANTS):
        model, intents = drawn(seed)
        layers = list(model.neuralNetwork.layers)
        names = [layer.name for layer in layers]
        resizes = [int(intent.layer[7:-1]) for intent in intents]
        parts = {"{}__resize_{}".format(names[at], kind) for at in resizes for kind in KINDS}
        blobs = {blob for layer in layers for blob in layer.output}
        wanted += bool(parts & (set(names) | blobs))
        before += any(at and layer_chains.is_part_name(names[at - 1], names[at]) for at in resizes)
        twice += len({names[at] for at in resizes}) < len(resizes)
    assert min(wanted, before, twice) > 20, (wanted, before, twice)


@pytest.mark.parametrize("case", sorted(os.listdir(CASES)))
def test_cases(case):
    folder = os.path.join(CASES, case)
    with open(os.path.join(folder, "model.mlmodel"), "rb") as file:
        model = edits.parse(file.read())
    intents = Manifest.load(os.path.join(folder, "intent.json"))
    before = model.neuralNetwork.layers
    request = pipeline.Request(intents, decompose=True)
    report, result = pipeline.process_bytes(model.SerializeToString(), "model", request)
    assert report.exit_code == 0
    after = edits.parse(result).neuralNetwork.layers
    names = [layer.name for layer in after]
    blobs = [blob for layer in after for blob in layer.output]
    assert len(blobs) == len(set(blobs))
    assert len(set(names)) == len(names) - (len(before) - len({each.name for each in before}))
    again, same = pipeline.process_bytes(result, "model", request)
    assert (again.exit_code, same) == (0, result)


def test_parts_of_one_name_twice_as_an_earlier_version_wrote_them():
    """Of two layers of one name, each with parts of the same names, one is asked for another."""
    model = build.network((2, 6, 6), [build.DOUBLE, build.DOUBLE], names=("image", "last"))
    half = Intent(size=(12, 12)), Intent(size=(24, 24))
    _, result = pipeline.process_bytes(
        model.SerializeToString(), "model", pipeline.Request(half, decompose=True)
    )
    made = edits.parse(result)
    for layer in made.neuralNetwork.layers:  # padding, deconvolution, padding, deconvolution
        layer.name = "up__resize_padding" if layer.HasField("padding") else "up"
        if layer.HasField("padding"):
            layer.output[0] = "up__resize_padding"
        else:
            layer.input[0] = "up__resize_padding"
    other = Intent(layer="layers[0]", size=(12, 12), mode="bicubic")
    request = pipeline.Request([other, Intent(layer="layers[1]", size=(24, 24))], decompose=True)
    report, result = pipeline.process_bytes(made.SerializeToString(), "model", request)
    assert [finding.verdict for finding in report.findings] == ["fixed", "match"]
    names = [layer.name for layer in edits.parse(result).neuralNetwork.layers]
    assert names == ["up__resize_padding_2", "up", "up__resize_padding", "up"]
