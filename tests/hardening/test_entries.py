"""Hostile input at each way in: changed files that real converters wrote, and no files at all.

`python -m hardening.fuzz` does the same for hours, guided by coverage.
"""

import random
from collections import Counter
from functools import lru_cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coreml_resize_fix.formats.protobuf import schema
from hardening import entries, mutations, program_mutations, program_seeds, seeds, trees

# How what goes all the way through an entry ends.
THROUGH = {
    "wire": "edited", "manifest": "read", "onnx": "read", "tflite": "read", "graph": "read",
    "keras": "read", "command": "exit code 0", "program": "edited", "package": "exit code 0",
    "execute": "run",
}  # fmt: skip

NEEDS_PROGRAMS = pytest.mark.skipif(
    not program_seeds.knows_programs(),
    reason="coremltools before 5 knows no ML Programs: pip install 'coremltools>=5'",
)
seeds_of = lru_cache(maxsize=None)(seeds.of)
NUMBERS = st.integers(0, 2**32 - 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(entry, marks=NEEDS_PROGRAMS if entry in ("program", "package") else ())
        for entry in sorted(entries.ENTRIES)
    ],
)
def test_what_converters_wrote_is_read(entry):
    """Each way in has seeds that go all the way through: others begin at a closed door."""
    some = seeds_of(entry)[:: 1 + len(seeds_of(entry)) // 80]
    found = Counter(entries.ENTRIES[entry](seed) for seed in some)
    assert found[THROUGH[entry]] >= 6


def changed(entry, place, numbers):
    data = seeds_of(entry)[place % len(seeds_of(entry))]
    for number in numbers:
        data = entries.MUTATE[entry](data, number, 20000)
    return data


def test_changes_reach_both_ends():
    """Most changed models are still read: hostile input that is refused at once tests nothing."""
    rng = random.Random(7)
    found = Counter(
        entries.wire(changed("wire", place, [rng.randrange(2**32)]))
        for place in range(len(seeds_of("wire")))
    )
    assert min(found["edited"], found["refused"]) > len(seeds_of("wire")) // 8


@settings(max_examples=250)
@given(NUMBERS, st.lists(NUMBERS, min_size=1, max_size=3))
def test_changed_models(place, numbers):
    entries.wire(changed("wire", place, numbers))


@pytest.mark.slow
@settings(max_examples=400)
@given(NUMBERS, st.lists(NUMBERS, min_size=1, max_size=3))
def test_changed_manifests(place, numbers):
    entries.json_manifest(changed("manifest", place, numbers))


@pytest.mark.slow
@settings(max_examples=120)
@given(NUMBERS, st.lists(NUMBERS, min_size=1, max_size=3))
def test_changed_onnx_files(place, numbers):
    entries.onnx_file(changed("onnx", place, numbers))


@pytest.mark.slow
@settings(max_examples=300)
@given(NUMBERS, st.lists(NUMBERS, min_size=1, max_size=3))
def test_changed_files_of_tensorflow(place, numbers):
    for entry in ("tflite", "graph"):
        entries.ENTRIES[entry](changed(entry, place, numbers))


@pytest.mark.slow
@settings(max_examples=80)
@given(NUMBERS, st.lists(NUMBERS, min_size=1, max_size=3))
def test_the_command_on_changed_models_and_manifests(place, numbers):
    entries.whole_command(changed("command", place, numbers))


@pytest.mark.slow
@NEEDS_PROGRAMS
@settings(max_examples=200)
@given(NUMBERS, st.lists(NUMBERS, min_size=1, max_size=3))
def test_changed_programs(place, numbers):
    entries.ENTRIES["program"](changed("program", place, numbers))


@pytest.mark.slow
@NEEDS_PROGRAMS
@settings(max_examples=60)
@given(NUMBERS, st.lists(NUMBERS, min_size=1, max_size=3))
def test_the_command_on_changed_packages(place, numbers):
    entries.ENTRIES["package"](changed("package", place, numbers))


@pytest.mark.slow
@settings(max_examples=300)
@given(NUMBERS, st.lists(NUMBERS, min_size=1, max_size=3))
def test_changed_networks_executed(place, numbers):
    entries.ENTRIES["execute"](changed("execute", place, numbers))


@pytest.mark.slow
@settings(max_examples=150)
@given(st.binary(max_size=300))
@example(b"")
@example(b"\n" * 70)
def test_any_bytes(data):
    for entry in entries.ENTRIES.values():
        entry(data)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda below: st.one_of(
        st.lists(below, max_size=3),
        st.dictionaries(st.sampled_from(mutations.KEYS), below, max_size=5),
    ),
    max_leaves=15,
)


@pytest.mark.slow
@settings(max_examples=200)
@given(JSON)
def test_any_json(value):
    entries.json_manifest(entries.json.dumps(value).encode("utf-8", "backslashreplace"))


@pytest.mark.parametrize("entry", ["wire", "onnx", "graph"])
def test_a_tree_that_is_not_changed_is_the_file(entry):
    read = [(seed, trees.read(seed)) for seed in seeds_of(entry)]
    assert [seed for seed, nodes in read if nodes is None or trees.written(nodes) != seed] == []


@pytest.mark.mostly_slow(quick=4)
@NEEDS_PROGRAMS
@pytest.mark.parametrize("name", sorted(program_mutations.PROGRAM))
def test_every_kind_of_change_changes_some_program(name):
    rng, changed_to = random.Random(name), set()
    model = schema.model_class().FromString(seeds_of("program")[2])
    for _ in range(60):
        made = type(model).FromString(model.SerializeToString())
        function = made.mlProgram.functions["main"]
        block = next(program_mutations.blocks(function))
        operation = rng.choice(block.operations)
        program_mutations.PROGRAM[name](
            rng, program_mutations.Place(made, function, block, operation)
        )
        changed_to.add(made.SerializeToString(deterministic=True))
    assert len(changed_to - {model.SerializeToString(deterministic=True)}) > 3


@pytest.mark.parametrize("name", sorted(mutations.MESSAGE))
def test_every_kind_of_change_changes_something(name):
    rng, before = random.Random(name), seeds_of("wire")[5]
    changed_to = set()
    for _ in range(40):
        nodes = trees.read(before)
        mutations.MESSAGE[name](rng, nodes, rng.choice(list(trees.walk(nodes))))
        changed_to.add(trees.written(nodes))
    assert len(changed_to - {before}) > 5
