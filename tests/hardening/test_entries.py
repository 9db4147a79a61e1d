"""Hostile input at each way in: changed files that real converters wrote, and no files at all.

`python -m hardening.fuzz` does the same for hours, guided by coverage.
"""

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hardening import entries, mutations, seeds, trees

QUIET = {
    "derandomize": True,
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "database": None,
}
SEEDS = {entry: seeds.of(entry) for entry in entries.ENTRIES}
NUMBERS = st.integers(0, 2**32 - 1)


@pytest.mark.slow
@pytest.mark.parametrize("entry", sorted(entries.ENTRIES))
def test_what_converters_wrote_is_read(entry):
    """Each way in has seeds that go all the way through: others begin at a closed door."""
    found = Counter(entries.ENTRIES[entry](seed) for seed in SEEDS[entry])
    through = {"wire": "edited", "manifest": "read", "onnx": "read", "command": "exit code 0"}
    assert found[through[entry]] >= 6


def changed(entry, place, numbers):
    data = SEEDS[entry][place % len(SEEDS[entry])]
    for number in numbers:
        data = entries.MUTATE[entry](data, number, 20000)
    return data


def test_changes_reach_both_ends():
    """Most changed models are still read: hostile input that is refused at once tests nothing."""
    rng = random.Random(7)
    found = Counter(
        entries.wire(changed("wire", place, [rng.randrange(2**32)]))
        for place in range(len(SEEDS["wire"]))
    )
    assert min(found["edited"], found["refused"]) > len(SEEDS["wire"]) // 8


@settings(max_examples=250, **QUIET)
@given(NUMBERS, st.lists(NUMBERS, min_size=1, max_size=3))
def test_changed_models(place, numbers):
    entries.wire(changed("wire", place, numbers))


@pytest.mark.slow
@settings(max_examples=400, **QUIET)
@given(NUMBERS, st.lists(NUMBERS, min_size=1, max_size=3))
def test_changed_manifests(place, numbers):
    entries.json_manifest(changed("manifest", place, numbers))


@pytest.mark.slow
@settings(max_examples=120, **QUIET)
@given(NUMBERS, st.lists(NUMBERS, min_size=1, max_size=3))
def test_changed_onnx_files(place, numbers):
    entries.onnx_file(changed("onnx", place, numbers))


@pytest.mark.slow
@settings(max_examples=80, **QUIET)
@given(NUMBERS, st.lists(NUMBERS, min_size=1, max_size=3))
def test_the_command_on_changed_models_and_manifests(place, numbers):
    entries.whole_command(changed("command", place, numbers))


@pytest.mark.slow
@settings(max_examples=150, **QUIET)
@given(st.binary(max_size=300))
@example(b"")
@example(b"\n" * 70)
def test_any_bytes(data):
    for entry in ("wire", "manifest", "onnx", "command"):
        entries.ENTRIES[entry](data)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda below: st.one_of(
        st.lists(below, max_size=3),
        st.dictionaries(st.sampled_from(mutations.KEYS), below, max_size=5),
    ),
    max_leaves=15,
)


@pytest.mark.slow
@settings(max_examples=200, **QUIET)
@given(JSON)
def test_any_json(value):
    entries.json_manifest(entries.json.dumps(value).encode("utf-8", "backslashreplace"))


@pytest.mark.parametrize("entry", ["wire", "onnx"])
def test_a_tree_that_is_not_changed_is_the_file(entry):
    read = [(seed, trees.read(seed)) for seed in SEEDS[entry]]
    assert [seed for seed, nodes in read if nodes is None or trees.written(nodes) != seed] == []


@pytest.mark.parametrize("name", sorted(mutations.MESSAGE))
def test_every_kind_of_change_changes_something(name):
    rng, before = random.Random(name), SEEDS["wire"][5]
    changed_to = set()
    for _ in range(40):
        nodes = trees.read(before)
        mutations.MESSAGE[name](rng, nodes, rng.choice(list(trees.walk(nodes))))
        changed_to.add(trees.written(nodes))
    assert len(changed_to - {before}) > 5
