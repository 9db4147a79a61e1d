"""Matching on every fixture: the calls that meta.json says each layer stands for."""

import itertools

import pytest

from tests.auditing.fixture_audits import (
    PARAMETERS,
    audit,
    places,
    require,
    truth,
    with_resizes,
)
from tests.support import cases

# One layer, and two calls that differ fit it: merged by a simplifier, or one of them is dead.
AMBIGUOUS = ("blog_sim_par_same_TF_merged", "ct9_nn_dead")
CLEAR = [parameter for parameter in PARAMETERS if parameter.id not in AMBIGUOUS]
# Equal calls that became one layer.
MERGED = ("blog_sim_par_dup_merged", "ct9_nn_dup")


def as_is(resize):
    return resize


def without_name(resize):
    return dict(resize, name=None)


def by_hand(resize):
    """What people write: the size, the mode, align_corners."""
    written = {key: resize[key] for key in ("mode", "align_corners")}
    return dict(written, size=resize["output_size"])


def resizes(case, strip=as_is):
    return [strip(resize) for resize in case.document(used_only=False)["resizes"]]


def differs(one, other):
    """Whether the evidence tells two calls apart."""
    return (one["input_size"], one["channels"]) != (other["input_size"], other["channels"])


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("strip", [as_is, without_name, by_hand])
@pytest.mark.parametrize("case", PARAMETERS)
def test_each_layer_gets_its_call(case, strip):
    require(case)
    found = audit(case, with_resizes(case, resizes(case, strip)))
    got = places(found)
    expected = truth(case)
    assert set(got) == set(expected)
    if case.name in AMBIGUOUS:
        (finding,) = found.findings
        assert (finding.verdict, finding.codes) == ("ambiguous", ("RSZ203",))
        return
    assert all(got[address] in calls for address, calls in expected.items()), got
    assert found.matching.unused == []


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("case", PARAMETERS)
def test_two_calls_in_wrong_order_never_change_places(case):
    """Where sizes or channels tell them apart, the layers stay without an intent."""
    require(case)
    true = resizes(case, without_name)
    for one, other in itertools.combinations(range(len(true)), 2):
        if not differs(true[one], true[other]):
            continue
        order = list(range(len(true)))
        order[one], order[other] = other, one
        found = audit(case, with_resizes(case, [true[place] for place in order]))
        got = {a: None if p is None else order[p] for a, p in places(found).items()}
        assert None in got.values()
        assert all(p is None or p in truth(case)[address] for address, p in got.items()), order


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("strip", [as_is, without_name])
@pytest.mark.parametrize("case", CLEAR)
def test_a_missing_call_is_not_replaced_by_another(case, strip):
    require(case)
    true = resizes(case, strip)
    for missing in range(len(true)):
        kept = [place for place in range(len(true)) if place != missing]
        found = audit(case, with_resizes(case, [true[place] for place in kept]))
        got = {a: None if p is None else kept[p] for a, p in places(found).items()}
        assert all(p is None or p in truth(case)[address] for address, p in got.items()), missing
        assert None in got.values() or case.name in MERGED


DEAD = {"size": [6, 6], "input_size": [3, 3], "output_size": [6, 6], "channels": 99}


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("case", PARAMETERS)
def test_a_dead_call_of_other_sizes_changes_nothing(case):
    require(case)
    true = resizes(case)
    for place in range(len(true) + 1):
        more = true[:place] + [DEAD] + true[place:]
        found = audit(case, with_resizes(case, more))
        assert [intent.channels for intent in found.matching.unused] == [99]
        expected = truth(case)
        for address, got in places(found).items():
            if case.name in AMBIGUOUS:
                assert got is None
                continue
            assert got is not None, (place, address)
            assert got - (got > place) in expected[address]


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("case", PARAMETERS)
def test_a_dead_call_that_fits_makes_its_layer_ambiguous(case):
    """Beside a bilinear call of the same tensor that asks for the other align_corners."""
    require(case)
    true = resizes(case, without_name)
    expected = truth(case)
    for place, resize in enumerate(true):
        if resize["mode"] != "bilinear" or resize["antialias"] or not case.calls[place]["used"]:
            continue
        other = dict(resize, align_corners=not resize["align_corners"])
        for at in (place, place + 1):
            found = audit(case, with_resizes(case, true[:at] + [other] + true[at:]))
            by_address = {finding.layer.address: finding for finding in found.findings}
            (mine,) = [address for address, calls in expected.items() if place in calls]
            if resize["input_size"] == resize["output_size"]:  # both calls copy: they are one
                assert by_address[mine].verdict == "match"
                continue
            assert by_address[mine].verdict == "ambiguous"
            assert by_address[mine].codes == ("RSZ203",)
            for address, got in places(found).items():
                assert got is None or got - (got > at) in expected[address]


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_the_true_calls_alone_or_pins_settle_it(name):
    case = cases.named(name)
    require(case)
    (address,) = truth(case)
    true = resizes(case)
    for place in range(len(true)):
        alone = audit(case, with_resizes(case, [dict(true[place], layer=address)]))
        assert places(alone) == {address: 0}
    pinned = [dict(resize, layer=address) for resize in true]
    (finding,) = audit(case, with_resizes(case, pinned)).findings
    assert (finding.verdict, finding.codes) == ("ambiguous", ("RSZ203",))


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("case", PARAMETERS)
def test_pins_in_any_order_find_their_layers(case):
    require(case)
    expected = truth(case)
    true = resizes(case, by_hand)
    pinned = [dict(true[calls[0]], layer=address) for address, calls in expected.items()]
    found = audit(case, with_resizes(case, list(reversed(pinned))))
    assert places(found) == {a: len(pinned) - 1 - n for n, a in enumerate(expected)}


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("case", PARAMETERS)
def test_calls_that_say_that_they_are_dead_change_nothing(case):
    require(case)
    every = [dict(resize, used=call["used"]) for resize, call in zip(resizes(case), case.calls)]
    alive = [resize for resize in every if resize["used"]]
    said, alone = (audit(case, with_resizes(case, calls)) for calls in (every, alive))
    assert [f.codes for f in said.findings if f.intent and f.intent.used] == [
        f.codes for f in alone.findings if f.intent
    ]
    assert said.matching.unused == alone.matching.unused == []
