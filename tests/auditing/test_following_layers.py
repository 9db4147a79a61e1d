"""Several layers where sizes vary or are not known: a fix or a verdict, and never a defect."""

import random

import pytest

from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from tests.support import build
from tests.support.edits import parse
from tests.support.flexible import finding, layer, network, reported, run, verdicts

NN1 = "upsample { scalingFactor: 1 scalingFactor: 1 mode: NN }"
SWISH = 'custom { className: "Swish" }'
POOL = "pooling { type: AVERAGE globalPooling: true valid { } }"


def stays(result, intents, **options):
    """Whether a second run finds nothing to do."""
    report, same = run(result, intents, decompose=True, **options)
    return set(verdicts(report)) == {"match"} and same == result


def scaled(model, name):
    """(height, width) up and down by which the convolution in the layer's place scales."""
    made = layer(model, name).convolution
    steps = tuple(made.stride)
    return (steps, (1, 1)) if made.isDeconvolution else ((1, 1), steps)


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize(
    ("name", "fixed"),
    [
        ("enumerated_small_size_decompose", {"u"}),
        ("flex_gap_decompose", {"u1"}),
        ("loop_decompose", {"up"}),
    ],
)
def test_the_reported_ones_are_fixed(name, fixed):
    model, intents = reported(name)
    report, result = run(model, intents, decompose=True)
    found = {item.layer.name: item.verdict for item in report.findings}
    assert {name for name in found if found[name] == "fixed"} == fixed
    assert set(found.values()) <= {"fixed", "match"}
    assert stays(result, intents)


def test_a_layer_of_one_size_in_a_network_that_varies_is_told():
    """A global pooling gives 1×1 of every input, and the size came from another tensor."""
    model, intents = reported("flex_gap_decompose")
    report, _ = run(model, intents, dry_run=True)
    assert finding(report, "u0").verdict == "match"
    (told,) = [note for note in report.notices if note.startswith("`u0` gets 1×1 of every input")]
    assert "4×6" in told


def listed(rng, factors, refused):
    """Heights and widths of an input of which `refused` alone has a side without a pixel."""
    sizes = []
    for _ in range(rng.randint(1, 4)):
        sizes.append(tuple(rng.randint(1, 4) * step for step in factors))
    if refused:
        sizes.append((rng.randint(1, factors[0] - 1), factors[1]))
    return list(dict.fromkeys(sizes))


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("seed", range(200))
@pytest.mark.parametrize("way", ["first", "other"])
def test_a_listed_size_that_pytorch_refuses(seed, way):
    """Three pixels by a quarter are none: no fix if that is the default, else one of the rest."""
    rng = random.Random(seed)
    steps = (rng.choice((2, 3, 4)), rng.choice((2, 3, 4)))
    sizes = listed(rng, steps, refused=True)
    if way == "first":
        sizes.reverse()
    mapping = rng.choice((build.RANK5, build.EXACT))
    lead = (1,) if mapping == build.EXACT else ()
    shapes = [(*lead, 2, *size) for size in sizes]
    model = network([("u", ["image"], "scores", NN1)], shapes[0], listed=shapes, mapping=mapping)
    ask = Intent(mode="nearest", scale_factor=(1 / steps[0], 1 / steps[1]))
    report, result = run(model, [ask], decompose=True)
    if way == "first":
        (found,) = report.findings
        assert (found.verdict, found.codes) == ("unmatchable", ("RSZ204",))
        assert "makes no image of {}×{}".format(*sizes[0]) in found.message
        assert result == model
        return
    assert verdicts(report) == ["fixed"]
    assert scaled(result, "u") == ((1, 1), steps)
    assert stays(result, [ask])


def in_a_loop(text):
    model = network([("in", ["image"], "y", "copy { }")], (1, 2, 6, 6))
    model.description.output[0].name = "y"
    loop = model.neuralNetwork.layers.add(name="loop").loop
    loop.maxLoopIterations = 2
    body = [("up", ["y"], "t", text), ("out", ["t"], "y", "copy { }")]
    build.named(loop.bodyNetwork, body)
    return model


def reshaped(text, kind):
    """Behind a reshape whose size is known to the app or computed at run time."""
    layers = [("in", ["image", "c"], "x", kind), ("up", ["x"], "scores", text)]
    if "custom" in kind:
        layers[0] = ("in", ["image"], "x", kind)
    model = network(layers, (1, 2, 6, 6), [(1, 1), (2, 2), (2, 40), (2, 40)])
    if "custom" not in kind:
        model.description.input.add(name="c").type.multiArrayType.shape.append(4)
    return model


def gap(text):
    """A pooled branch that is frozen at the default size, beside one that is not."""
    grown = "upsample { scalingFactor: 6 scalingFactor: 6 mode: NN }"
    layers = [
        ("pool", ["image"], "g", POOL),
        ("frozen", ["g"], "f", grown),
        ("cat", ["image", "f"], "c", "concatND { axis: -3 }"),
        ("up", ["c"], "scores", text),
    ]
    return network(layers, (1, 2, 6, 6), [(1, 1), (2, 2), (2, 40), (2, 40)])


PLACES = {
    "a loop": in_a_loop,
    "a reshape": lambda text: reshaped(text, "reshapeDynamic { }"),
    "a custom layer": lambda text: reshaped(text, SWISH),
    "a frozen branch": gap,
}


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("seed", range(200))
def test_a_size_that_is_not_known_is_followed_or_told(seed):
    """A deconvolution scales whatever it gets; where even channels are unknown there is none."""
    rng = random.Random(seed)
    place = rng.choice(sorted(PLACES))
    factors = (rng.choice((2, 3, 4)), rng.choice((2, 3, 4)))
    wrong = "upsample {{ scalingFactor: {} scalingFactor: {} mode: BILINEAR }}".format(*factors)
    model = PLACES[place](wrong)
    scale = tuple(float(factor) for factor in factors)
    up = Intent(layer="up", scale_factor=scale, recompute_scale_factor=True)
    ask = [up, Intent(layer="frozen", mode="nearest", size=(6, 6))][
        : 1 + (place.endswith("branch"))
    ]
    target = rng.choice((None, 4, 5, 8) if schema.knows_ios14() else (None, 4))
    verify = seed % 10 == 0  # values at large sizes take their time
    report, result = run(model, ask, decompose=True, target=target, verify=verify)
    found = finding(report, "up")
    if place in ("a loop", "a frozen branch"):
        # What is frozen runs at the default size alone, which is never a success.
        assert (found.verdict, report.exit_code) == ("fixed", 0 if place == "a loop" else 1)
        assert stays(result, ask, target=target, verify=verify)
    elif target in (5, 8):  # Upsample in a mode of iOS 14 needs no number of channels
        assert found.verdict == "fixed"
        assert stays(result, ask, target=target, verify=verify)
    elif all(factor == 3 for factor in factors):  # nor do Upsample and crop by odd factors
        assert found.verdict in ("fixed", "needs-option")
    else:
        assert found.verdict == "needs-option"
        assert parse(result.SerializeToString()) == model
