"""`--explain`: every code has a text, every example gets its code, and the docs are those texts."""

import os
from dataclasses import replace

import pytest

from coreml_resize_fix.auditing.decide import decide
from coreml_resize_fix.auditing.match import Match
from coreml_resize_fix.auditing.remedy import Allowed
from coreml_resize_fix.auditing.rules import RULES
from coreml_resize_fix.cli import explain
from coreml_resize_fix.cli.explanations import EXPLANATIONS
from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.formats.input_sizes import FLEXIBLE, InputSizes
from coreml_resize_fix.formats.neuralnetwork import natives
from coreml_resize_fix.formats.neuralnetwork.place import LayerPlace
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from tests.cli.commands import run
from tests.support.cases import TESTS

DOCS = os.path.join(os.path.dirname(TESTS), "docs", "codes.md")
EXAMPLES = sorted(code for code, text in EXPLANATIONS.items() if text.example)
IOS12, IOS13 = 3, 4
# code → what the place of its example must be like for the code to be the reason
PLACES = {
    "RSZ106": {"spec_version": IOS13, "modern": True},
    "RSZ301": {"place": None},
    "RSZ302": {"place": None},
    "RSZ303": {"place": None},
    "RSZ304": {"place": None},
    "RSZ305": {"flexible": True},
    "RSZ306": {"modern": True, "place": None},
}


def test_every_code_has_one_and_no_other():
    assert set(EXPLANATIONS) == set(RULES)
    for text in EXPLANATIONS.values():
        assert (text.example is None) == bool(text.sketch)
        assert len(text.why) > 60
        assert len(text.remedy) > 40


@pytest.mark.parametrize("code", EXAMPLES)
def test_an_example_gets_its_code(code):
    example = EXPLANATIONS[code].example
    place = dict({"flexible": False, "spec_version": IOS12}, **PLACES.get(code, {}))
    sizes = InputSizes.static(example.input_size)
    if place["flexible"]:
        sizes = InputSizes(FLEXIBLE, (example.input_size, (9, 9)))
    layer = ResizeLayer(
        "layers[0]",
        "up",
        ("y",),
        example.layer,
        sizes,
        channels=4,
        modern=place.get("modern", False),
        find_natives=natives.in_place_of,
        place=place.get("place", LayerPlace("up", "x", "y", 5, 1, 4, exact_mapping=False)),
    )
    intent = example.intent
    if place["flexible"]:
        # A size that follows the input, which no one target size does.
        intent = replace(intent, size=None, scale_factor=(2.0, 2.0), recompute_scale_factor=True)
    found = decide(layer, Match(intent, "layer"), Allowed(place["spec_version"]))
    assert code in found.codes


def columns(line):
    """Where the marks of one line of a picture stand."""
    marks = line[18:].split("`")[0]
    return [index for index, mark in enumerate(marks) if mark in "|#"]


def test_the_picture_of_a_shifted_grid_is_the_one_of_the_literature():
    """3 → 6: align_corners reads at i · 2/5, Core ML's Upsample at min(2, i / 2)."""
    lines = explain.picture("RSZ101").splitlines()
    assert lines[1] == "    source pixel  0       1       2"
    assert columns(lines[2]) == [round(8 * i * 2 / 5) for i in range(6)]
    assert columns(lines[3]) == [0, 4, 8, 12, 16]
    assert lines[3][18 + 16] == "#"


@pytest.mark.parametrize("code", sorted(RULES))
def test_texts_fit_a_terminal(code):
    shown = explain.render(code)
    assert shown.startswith("{} {} (".format(code, RULES[code].name))
    texts = [line for line in shown.splitlines() if not line.startswith("    ")]
    assert max(map(len, texts)) <= 80
    assert EXPLANATIONS[code].remedy.split(" ")[-1] in shown


@pytest.mark.parametrize("spelling", ["RSZ102", "rsz102", " rsz102 ", "wrong-size", "Wrong-Size"])
def test_codes_and_names_in_any_case(spelling):
    ran = run("--explain", spelling)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == explain.render("RSZ102") + "\n"


def test_the_list_names_all():
    out = run("--explain", "list").out
    assert [line.split()[0] for line in out.splitlines() if line[0] != " "] == list(RULES)


@pytest.mark.parametrize("group", ["RSZ2", " rsz2 ", "rsz", "RSZ"])
def test_the_beginning_of_codes_lists_a_group(group):
    begun = group.strip().upper()
    lines = [line for line in run("--explain", group).out.splitlines() if line[0] != " "]
    assert [line.split()[0] for line in lines] == [c for c in RULES if c.startswith(begun)]
    assert lines[-1].split()[0][:4] == ("RSZ2" if begun == "RSZ2" else "RSZ4")


def test_every_code_is_in_a_group():
    assert {code[:4] for code in RULES} == set(explain.GROUPS)


@pytest.mark.parametrize(
    ("code", "near"), [("RSZ110", "RSZ1"), ("shifted-gird", "`RSZ101`"), ("x", "--explain list")]
)
def test_an_unknown_code_is_a_sentence(code, near):
    with pytest.raises(UsageError, match="`{}` is not a finding code".format(code)):
        explain.render(code)
    ran = run("--explain", code)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: `{}` is not a finding code\nhelp: ".format(code))
    assert near in ran.err
    assert all(f"`{group}` {about}" in ran.err for group, about in explain.GROUPS.items())


def test_docs_are_these_texts():
    with open(DOCS, encoding="utf-8") as file:
        assert file.read() == explain.markdown(), "run `python docs/make_codes.py`"
