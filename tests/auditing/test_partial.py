"""`--partial`: what is said of the written file is true in it, whatever stays as it was.

Sizes are computed here by plain arithmetic, from the layers that were written.
"""

import random

import pytest

from coreml_resize_fix.errors import ProofError
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from tests.support import build
from tests.support.flexible import finding, network, reported, run, verdicts

IOS12 = 3
LONGEST = 40


def upsample(height, width, mode):
    text = "upsample {{ scalingFactor: {} scalingFactor: {} mode: {} }}"
    return text.format(height, width, mode)


def test_the_reported_chain_of_zeros_is_fixed_where_it_can_be():
    model, intents = reported("partial_refused_zero_chain")
    report, result = run(model, intents, partial=True)
    assert verdicts(report) == ["fixed", "needs-option"]
    assert made(result.neuralNetwork.layers[0], (5, 24)) == (5, 6)
    assert any("`b`" in note and "cannot run" in note for note in report.notices)
    assert result.neuralNetwork.layers[1] == model.neuralNetwork.layers[1]


@pytest.mark.skipif(
    not schema.knows_ios14(),
    reason="coremltools 3 cannot write layers of iOS 14: pip install 'coremltools>=4'",
)
def test_the_reported_fix_is_of_the_size_that_the_layer_gets():
    model, intents = reported("partial_fixed_wrong_size")
    report, result = run(model, intents, partial=True, target=9)
    first, second = report.findings
    assert (first.verdict, first.layer.output_size) == ("needs-option", (4, 29))
    assert (second.verdict, second.layer.input.size) == ("fixed", (4, 29))
    assert "as long as `/dec.0/resize/Resize` stays as it is" in second.message
    assert made(result.neuralNetwork.layers[2], (4, 29)) == (8, 56)


def made(layer, size):
    """(height, width) that a resize layer makes, as Apple documents it."""
    if layer.WhichOneof("layer") == "resizeBilinear":
        return tuple(layer.resizeBilinear.targetSize)
    fractions = getattr(layer.upsample, "fractionalScalingFactor", ())
    factors = fractions or layer.upsample.scalingFactor
    return tuple(int(n * factor) for n, factor in zip(size, factors))


class Link:
    """One resize of a chain: what it was asked for, and the layer that a converter made of it."""

    def __init__(self, rng, name, right):
        """`right` is the size that it gets where all before it are right."""
        self.kind = rng.choice(("nearest", "corners", "bicubic", "bicubic"))
        if max(right) > LONGEST:  # bicubic may shrink, which keeps chains small
            self.kind = "bicubic"
        by_factor = rng.random() < 0.5
        if self.kind == "nearest":
            scale = rng.choice((1, 2, 3)), rng.choice((1, 2, 3))
            self.makes = tuple(n * factor for n, factor in zip(right, scale))
            text = upsample(scale[0], rng.choice((1, scale[1])), "NN")
        else:
            self.makes = tuple(
                rng.randint(max(1, n // 2), max(n // 2, min(2 * n, LONGEST))) for n in right
            )
            scale, by_factor = None, False
            text = upsample(*(max(1, n // x) for n, x in zip(self.makes, right)), "BILINEAR")
        asks = {"scale_factor": tuple(map(float, scale))} if by_factor else {"size": self.makes}
        if rng.random() < 0.5:
            asks["input_size"] = right
        modes = {
            "nearest": {"mode": "nearest"},
            "corners": {"align_corners": True},
            "bicubic": {"mode": "bicubic"},
        }
        self.factor = scale if by_factor else None
        self.intent = Intent(layer=name, **modes[self.kind], **asks)
        self.layer = (name, text)

    def asks_of(self, size):
        """What the call makes of an input of that size."""
        if self.factor is None:
            return self.makes
        return tuple(n * factor for n, factor in zip(size, self.factor))


def chain(rng):
    """A chain of resizes, the size of its input, and its links."""
    start = right = rng.randint(2, 9), rng.randint(2, 9)
    links = []
    for index in range(rng.randint(2, 5)):
        links.append(Link(rng, "r{}".format(index), right))
        right = links[-1].makes
    layers, blob = [], "image"
    for index, link in enumerate(links):
        name, text = link.layer
        after = "scores" if index == len(links) - 1 else "b{}".format(index)
        layers.append((name, [blob], after, text))
        blob = after
    return network(layers, (1, 3, *start), version=IOS12), start, links


@pytest.mark.mostly_slow(quick=5)
@pytest.mark.parametrize("seed", range(200))
def test_what_is_reported_is_true_of_the_written_file(seed):
    rng = random.Random(seed)
    model, size, links = chain(rng)
    intents = [link.intent for link in links]
    report, result = run(model, intents, partial=True)
    again, same = run(result, intents, partial=True)
    assert same == result
    stays = False
    for link, found, later, layer, before in zip(
        links,
        report.findings,
        again.findings,
        result.neuralNetwork.layers,
        model.neuralNetwork.layers,
    ):
        assert found.layer.input.size == size
        gives = made(layer, size)
        if found.verdict in ("match", "fixed"):
            assert gives == link.asks_of(size)
            assert later.verdict == "match"
        else:
            assert layer == before
            assert later.verdict == found.verdict
            stays = stays or gives != link.makes
        assert ("as long as" in found.message) == bool(found.wrong_before)
        if link.kind == "corners":
            assert found.verdict in ("match", "fixed")
        size = gives
        assert stays or not found.wrong_before


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("seed", range(200))
def test_only_the_result_of_partial_is_judged_by_what_stays(seed):
    """Without it nothing is written, and every layer is judged as if those before it were right."""
    rng = random.Random(seed)
    model, size, links = chain(rng)
    report, result = run(model, [link.intent for link in links])
    for link, found in zip(links, report.findings):
        assert (found.layer.input.size, found.wrong_before) == (size, ())
        size = link.makes
    if report.exit_code:
        assert result == model


def skip(rng, broken):
    """Two branches that meet: `a` can be fixed, `b` cannot; they fit before or do not."""
    scale = rng.randint(2, 4)
    size = rng.randint(3, 9), rng.randint(3, 9)
    wrong = rng.randint(1, scale - 1)
    other = rng.choice([n for n in range(1, 6) if (n == wrong) != broken])
    layers = [
        ("a", ["image"], "x", upsample(wrong, wrong, "NN")),
        ("b", ["image"], "y", upsample(other, other, "BILINEAR")),
        ("sum", ["x", "y"], "z", "add { }"),
        ("again", ["z", "x"], "scores", "add { }"),
    ]
    intents = [
        Intent(layer="a", mode="nearest", scale_factor=(float(scale),) * 2),
        Intent(layer="b", mode="bicubic", size=(size[0] * 7, size[1] * 7)),
    ]
    fits_after = other == scale
    return network(layers, (1, 3, *size)), intents, fits_after


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("seed", range(200))
def test_what_could_not_run_before_is_not_broken_by_a_fix(seed):
    model, intents, fits = skip(random.Random(seed), broken=True)
    report, _ = run(model, intents, partial=True)
    assert verdicts(report) == ["fixed", "needs-option"]
    told = " ".join(report.notices)
    assert ("`sum`) cannot run in the file as it is" in told) == fits
    assert ("`sum`) cannot run:" in told) == (not fits)


@pytest.mark.mostly_slow(quick=5)
@pytest.mark.parametrize("seed", range(50))
def test_what_could_run_before_is_not_broken(seed):
    """Both branches are of one wrong size: to change one alone breaks the sum."""
    model, intents, _ = skip(random.Random(seed), broken=False)
    with pytest.raises(ProofError, match=r"the fix of `model` would break .*`sum`"):
        run(model, intents, partial=True)


def test_a_match_behind_a_layer_that_stays_is_told_in_a_notice():
    layers = [
        ("a", ["image"], "x", upsample(1, 1, "BILINEAR")),
        ("b", ["x"], "scores", upsample(2, 2, "NN")),
    ]
    intents = [
        Intent(layer="a", mode="bicubic", size=(9, 12)),
        Intent(layer="b", mode="nearest", scale_factor=(2.0, 2.0), input_size=(9, 12)),
    ]
    report, _ = run(network(layers, (1, 3, 6, 8)), intents, partial=True)
    found = finding(report, "b")
    assert (found.verdict, found.layer.input.size) == ("match", (6, 8))
    assert found.message in report.notices
    assert "the 6×8 that it gets as long as `a` stays as it is, where 9×12" in found.message


@pytest.mark.slow
@pytest.mark.skipif(
    not schema.knows_ios14(),
    reason="coremltools 3 cannot write layers of iOS 14: pip install 'coremltools>=4'",
)
def test_a_size_that_only_the_written_loop_shows_is_no_defect():
    """A loop body that doubles the width once it is fixed; what follows gets one size, written."""
    model = network([("in", ["image"], "y", "copy { }")], (1, 2, 7, 7))
    model.description.output[0].name = "last"
    loop = model.neuralNetwork.layers.add(name="loop").loop
    loop.maxLoopIterations = 3
    grow, fixed = upsample(1, 1, "NN"), "resizeBilinear { targetSize: 10 targetSize: 8 mode { } }"
    build.named(loop.bodyNetwork, [("a", ["y"], "t", grow), ("again", ["t"], "y", "copy { }")])
    behind = [
        ("b", ["y"], "u", fixed),
        ("c", ["u"], "v", upsample(3, 3, "NN")),
        ("out", ["v"], "last", "copy { }"),
    ]
    build.named(model.neuralNetwork, behind)
    intents = [
        Intent(layer="a", scale_factor=(1.0, 2.0)),
        Intent(layer="b", align_corners=True, size=(8, 6)),
        Intent(layer="c", scale_factor=(1.0, 1.5), input_size=(7, 7)),
    ]
    report, result = run(model, intents, partial=True, target=5)
    assert verdicts(report) == ["fixed", "fixed", "unmatchable"]
    assert report.exit_code == 1
    assert result.neuralNetwork.layers[3] == model.neuralNetwork.layers[3]
    again, _ = run(result, intents, partial=True, target=5)
    assert verdicts(again) == ["match", "match", "fixed"]
