"""What names say for and against a pair, beside what test_match_values.py asserts of them."""

import random

import pytest

from coreml_resize_fix.auditing.module_paths import may_be_of_module
from coreml_resize_fix.formats.neuralnetwork.parameters import Upsample
from coreml_resize_fix.intents.model import Intent
from tests.auditing.networks_without_layers import Net, needs_ios14
from tests.auditing.test_match_values import call, found, layer


# Names that torch.onnx.export of PyTorch 2.13 gave calls of these modules.
@pytest.mark.parametrize(
    ("module", "name", "may_be"),
    [
        ("block.up", "/block/up/Resize", True),
        ("block.up", "/block/up_2/Resize", True),
        ("block", "/block_1/Resize", True),
        ("dec.0.up", "/dec.0/up_1/Resize", True),
        ("dec.0.up", "/block/up/Resize", False),
        ("block", "/block/up/Resize", False),
        ("net.block.up", "/block/up/Resize", True),  # exported from inside a wrapper
        ("up", "/net/up/Resize", True),
        ("m0.up", "/m1/up/Upsample", False),
        ("m1.up", "/m1/up_0/Upsample", True),
        ("up", "26", True),
        ("up", "Upsample_12", True),
        ("up", "upsample_bilinear2d_1", True),
        ("up", "/Resize_1", True),
        ("the second upsampling", "/m1/up/Upsample", True),
        ("/m0/up/Resize", "/m1/up/Upsample", False),
        ("/m0/up/Resize", "/m0/up/Upsample", True),
        ("/Resize_1", "/m1/up/Upsample", True),
    ],
)
def test_which_layers_may_be_a_modules_call(module, name, may_be):
    assert may_be_of_module(module, name) is may_be


def test_of_calls_of_one_module_the_size_tells_which_has_the_layer():
    dead = call(name="m.up", input_size=(5, 6), true=False)
    calls = [dead, call(name="m.up", input_size=(10, 12)), call(name="n.up")]
    names = ("/n/up/Resize", "/m/up/Resize", "/x/up/Resize")
    layers = [layer(place, name) for place, name in enumerate(names)]
    places, result = found(calls, layers)
    assert (places, result.unused) == ([2, 1, "RSZ201"], [dead])


def test_of_calls_of_one_module_those_that_copy_need_no_layer():
    copy = call(name="m.up", input_size=(20, 24))
    lost = call(name="y.up")
    layers = [layer(0, "/m/up/Resize", size=None), layer(1, "/x/up/Resize", size=None)]
    places, result = found([copy, call(name="m.up"), lost], layers)
    assert (places, result.unused) == ([1, "RSZ201"], [lost])
    assert [one.intent for one in result.need_no_layer] == [copy]


def test_a_layer_that_changes_the_size_is_no_copy():
    """Counts are equal, as the manifest lacks a call and a copy was dropped."""
    copy = call(size=(10, 12), input_size=(10, 12))
    layers = [layer(0, "a"), layer(1, "b", size=None)]
    places, result = found([copy, call(input_size=(10, 12))], layers)
    assert (places, result.unused) == (["RSZ202", "RSZ202"], [])


def test_a_layers_own_name_goes_before_a_refusal_by_order():
    """The name says which layer; that the sizes contradict is the verdict on it."""
    layers = [layer(0, "a"), layer(1, "b", size=(5, 5))]
    wrong = call(name="a", input_size=(3, 3))
    places, result = found([wrong, call(size=(10, 10), input_size=(5, 5))], layers)
    assert (places, result.unused) == ([0, 1], [])
    # Not if the order agrees: a traced name may be the same by chance.
    named = call(name="b", input_size=(10, 12))
    places, result = found([named, call(size=(10, 10), input_size=(5, 5))], layers)
    assert places == [0, 1]


def right(place, mode):
    one = layer(place, "l{}".format(place))
    return one.__class__(
        **{**one.__dict__, "params": Upsample("BILINEAR", mode, scaling_factor=(2, 2))}
    )


def test_an_exact_pair_goes_before_another():
    layers = [right(0, "ALIGN_CORNERS_FALSE"), right(1, "ALIGN_CORNERS_TRUE")]
    assert found([call(true=True)], layers)[0] == ["RSZ201", 0]
    assert found([call(true=False)], layers)[0] == [0, "RSZ201"]
    # Equal counts go before: converters keep the order and may get both wrong.
    assert found([call(true=True), call(true=False)], layers)[0] == [0, 1]


def test_a_size_and_a_factor_that_give_it_are_one_call_at_one_size():
    twice = [call(size=(20, 24)), call(size=None, scale_factor=(2.0, 2.0))]
    places, result = found(twice, [right(0, "ALIGN_CORNERS_TRUE")])
    assert (places, result.unused) == ([0], [])


def modules(seed):
    """Modules in a row or side by side; the manifest lacks one and has a call too many of another.

    The network, and what each layer may get: intents by the layer's place.
    """
    chance = random.Random(seed)
    net, count = Net(seed, (4, 6)), chance.randint(2, 5)
    prefix = chance.choice(["", "decoder/"])
    blob = net.relu("image")
    for number in range(count):
        name = "m{}.up".format(number)
        path = "/{}m{}/up/Upsample".format(prefix, number)
        made = net.resize(blob, 2, chance.random() < 0.5, prefix.replace("/", ".") + name, path)
        if chance.random() < 0.6 and max(net.sizes[made]) < 100:
            blob = made
    lacking = chance.randrange(count)
    other = chance.choice([n for n in range(count) if n != lacking])
    stray = net.calls[lacking]
    net.calls[lacking] = Intent(**{**stray.__dict__, "name": net.calls[other].name})
    return net, lacking


@pytest.mark.slow
@needs_ios14
def test_no_layer_gets_the_call_of_another_module():
    for seed in range(200):
        net, lacking = modules(seed)
        report = net.report([net.layers[-1][2]])
        assert report.exit_code == 1
        for number, finding in enumerate(report.findings):
            module = "m{}.up".format(number)
            assert finding.intent is None or finding.intent.name.endswith(module), seed
        assert report.findings[lacking].verdict in ("no-intent", "ambiguous"), seed
