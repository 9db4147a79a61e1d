"""Matching by order of execution: only with evidence, and nothing is guessed."""

import pytest

from coreml_resize_fix.auditing.evidence import contradiction
from coreml_resize_fix.auditing.match import match
from coreml_resize_fix.intents.model import Intent
from tests.auditing.test_match_values import call, found, layer

DIFFERENT = [call(), call(true=False)]


def small(**more):
    return call(size=(6, 6), input_size=(3, 3), **more)


def large(**more):
    return call(input_size=(10, 12), **more)


SIZES = [layer(0, "a", size=(3, 3)), layer(1, "b")]
CHANNELS = [layer(0, "a", channels=8), layer(1, "b", channels=4)]
KINDS = [layer(0, "a", mode="NN"), layer(1, "b")]
ALIKE = [layer(0, "a"), layer(1, "b")]
NEAREST = Intent(mode="nearest", size=(20, 24))
# intents, layers → the place of each layer's intent or a code, and the places of unused intents
CASES = {
    "equal counts without evidence": (DIFFERENT, ALIKE, [0, 1], []),
    "sizes agree": ([small(), large()], SIZES, [0, 1], []),
    "sizes contradict the order": ([large(), small()], SIZES, ["RSZ201", "RSZ201"], [0, 1]),
    "channels contradict the order": (
        [call(channels=4), call(channels=8, true=False)],
        CHANNELS,
        ["RSZ201", "RSZ201"],
        [0, 1],
    ),
    "nearest layers take nearest calls": ([NEAREST, call()], KINDS, [0, 1], []),
    "a nearest layer takes no other call": ([call(), NEAREST], KINDS, ["RSZ201", "RSZ201"], [0, 1]),
    "one call too few, evidence tells": ([large()], SIZES, ["RSZ201", 0], []),
    "one call too few, nothing tells": ([call()], ALIKE, ["RSZ202", "RSZ202"], []),
    "no call": ([], ALIKE, ["RSZ201", "RSZ201"], []),
    "one layer of two different calls": (DIFFERENT, ALIKE[:1], ["RSZ203"], []),
    "one layer of two equal calls": ([call(), call(name="again")], ALIKE[:1], [0], []),
    "a call of another size has no layer": ([large(), small()], ALIKE[:1], [0], [1]),
    "a call of another kind has no layer": ([NEAREST, call()], KINDS[:1], [0], [1]),
    "a different call between two": (
        [call(), call(true=False), call(size=(9, 9))],
        ALIKE,
        ["RSZ203", "RSZ203"],
        [],
    ),
    "three calls, two equal, two layers": (
        [call(), call(name="x"), NEAREST],
        KINDS[::-1],
        [0, 2],
        [],
    ),
    "one pinned, the rest by order": (
        [call(size=(9, 9), layer="a"), call()],
        ALIKE,
        [0, 1],
        [],
    ),
    "pinned and another call of equal node": (
        [call(layer="a"), call(true=False)],
        ALIKE[:1],
        [0],
        [1],
    ),
    "no layers": ([call()], [], [], [0]),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_cases(name):
    intents, layers, expected, unused = CASES[name]
    places, result = found(intents, layers)
    assert places == expected
    assert [intents.index(intent) for intent in result.unused] == unused


def test_what_reasons_say():
    _, result = found([large(), small(true=False)], SIZES)
    assert result.by_address["layers[0]"].reason == (
        "matching by order is contradicted: `the intent` was recorded with input size 10×12, and "
        "`a` gets 3×3"
    )
    _, result = found([], SIZES)
    assert result.by_address["layers[0]"].reason == "the manifest has no intent for it"
    _, result = found([call(name="up")], [layer(0, "a"), layer(1, "b")])
    assert result.by_address["layers[0]"].reason == (
        "there are fewer intents than layers that they fit, such as `up`"
    )
    _, result = found([call(name="x"), call(name="y", true=False)], [layer(0, "a")])
    assert result.by_address["layers[0]"].reason == (
        "intents that differ fit it: `x` asks for bilinear corners=True size=20×24, `y` asks "
        "for bilinear corners=False size=20×24"
    )


ASSUMED = Intent(name="--assume", mode="area")


def test_an_assumption_is_for_layers_without_an_intent_only():
    result = match([large()], lambda assumed: SIZES, ASSUMED)
    assert result.by_address["layers[0]"].intent is ASSUMED
    assert result.by_address["layers[1]"].intent == large()
    ambiguous = match(DIFFERENT, lambda assumed: [layer(0, "a")], ASSUMED)
    assert ambiguous.by_address["layers[0]"].code == "RSZ203"
    assert ambiguous.by_address["layers[0]"].intent is None


def test_sizes_behind_an_undecided_layer_are_no_evidence_and_those_behind_a_decided_one_are():
    """The file truncates 25×31 to 20×24; the second call was recorded at its true input size."""

    def layers_for(assumed):
        assumption = assumed.get("layers[0]")
        made = assumption((10, 12)) if assumption else (20, 24)
        return [layer(0, "a"), layer(1, "b", size=None if None in made else made)]

    first = call(size=(25, 31), input_size=(10, 12))
    second = call(size=(50, 62), input_size=(25, 31), true=False)
    result = match([first, second], layers_for)
    assert [m.intent for m in result.by_address.values()] == [first, second]
    stray = call(size=(50, 62), input_size=(26, 31), true=False)
    result = match([first, stray], layers_for)
    assert result.by_address["layers[1]"].intent is None
    assert result.unused


@pytest.mark.parametrize(
    ("intent", "pinned", "contradicts"),
    [
        (call(), False, None),
        (call(input_size=(10, 12), channels=4), False, None),
        (call(input_size=(10, 13)), False, "input size 10×13, and `a` gets 10×12"),
        (call(channels=5), False, "channels 5, and `a` gets 4"),
        (call(input_size=(10, 13)), True, "input size 10×13, and `a` gets 10×12"),
        (call(size=None, scale_factor=(2.0, 2.0), input_size=(5, 6)), True, None),
        (call(size=None, scale_factor=(2.0, 2.0), input_size=(5, 6)), False, "input size 5×6"),
        (NEAREST, False, None),
    ],
)
def test_what_speaks_against_a_pair(intent, pinned, contradicts):
    said = contradiction(intent, layer(0, "a"), pinned)
    assert (said is None) == (contradicts is None)
    assert contradicts is None or contradicts in said


def test_what_the_model_does_not_say_contradicts_nothing():
    unknown = layer(0, "a", size=None, channels=None)
    assert contradiction(call(input_size=(3, 3), channels=9), unknown) is None


def test_a_bilinear_call_contradicts_a_nearest_layer_unless_it_is_pinned():
    nearest = layer(0, "a", mode="NN")
    assert "samples the nearest pixel" in contradiction(call(), nearest)
    assert contradiction(call(), nearest, pinned=True) is None
