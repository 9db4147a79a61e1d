"""tf2onnx writes calls that stand side by side in any order: those that differ give no intent."""

import pytest
from onnx import helper

from tests.intents.onnx import build

TIMES_TWO = [1.0, 1.0, 2.0, 2.0]
CORNERS = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
SHIFTED = {"mode": "linear", "coordinate_transformation_mode": "asymmetric"}
FLOOR = {
    "mode": "nearest",
    "nearest_mode": "floor",
    "coordinate_transformation_mode": "asymmetric",
}


def resizes(*calls, producer="tf2onnx"):
    """(what it reads, its name, attributes, factors) of each call in order; all maps are given."""
    constants = [build.constant(f"by {name}", scales) for _, name, _, scales in calls]
    nodes = [
        helper.make_node("Resize", [read, "", f"by {name}"], [name], name=name, **attributes)
        for read, name, attributes, _ in calls
    ]
    names = [name for _, name, _, _ in calls]
    return build.model(nodes, constants=constants, producer=producer, outputs=names)


def test_calls_that_may_be_taken_for_each_other_are_left_out_and_named(tmp_path):
    calls = [("x", "a", CORNERS, TIMES_TWO), ("x", "b", SHIFTED, TIMES_TWO)]
    intents, notices = build.load(resizes(*calls), tmp_path)
    assert intents == []
    (notice,) = notices
    assert notice.startswith("2 resize nodes (`a`, `b`) left out: tf2onnx changes the order")
    assert notice.endswith("pass the frozen graph (.pb) or the .tflite file instead")


@pytest.mark.parametrize(
    "second",
    [
        ("a", "b", SHIFTED, TIMES_TWO),  # waits for the first
        ("x", "b", CORNERS, TIMES_TWO),  # asks for the same
        ("x", "b", SHIFTED, [1.0, 1.0, 3.0, 3.0]),  # makes another size
        ("x", "b", FLOOR, TIMES_TWO),  # copies
    ],
)
def test_calls_that_tell_apart_stay(second, tmp_path):
    intents, notices = build.load(resizes(("x", "a", CORNERS, TIMES_TWO), second), tmp_path)
    assert [(intent.name, intent.index) for intent in intents] == [("a", 0), ("b", 1)]
    assert notices == []


def test_only_the_doubtful_ones_are_left_out(tmp_path):
    calls = [
        ("x", "first", CORNERS, TIMES_TWO),
        ("first", "left", CORNERS, TIMES_TWO),
        ("first", "right", SHIFTED, TIMES_TWO),
    ]
    intents, notices = build.load(resizes(*calls), tmp_path)
    assert [(intent.name, intent.index) for intent in intents] == [("first", 0)]
    assert "2 resize nodes (`left`, `right`)" in notices[0]


def test_a_call_inside_a_branch_waits_for_what_is_before_it(tmp_path):
    constants = [build.constant("by", TIMES_TWO)]
    bodies = [
        helper.make_graph(
            [helper.make_node("Resize", ["a", "", "by"], [name], name=name, **SHIFTED)],
            name,
            [],
            [helper.make_tensor_value_info(name, 1, None)],
        )
        for name in ("then", "else")
    ]
    nodes = [
        helper.make_node("Resize", ["x", "", "by"], ["a"], name="a", **CORNERS),
        helper.make_node("If", ["which"], ["y"], then_branch=bodies[0], else_branch=bodies[1]),
    ]
    which = helper.make_tensor("which", 9, [], [True])
    model = build.model(nodes, constants=[*constants, which], producer="tf2onnx")
    intents, notices = build.load(model, tmp_path)
    assert [intent.name for intent in intents] == ["a", "then", "else"]
    assert notices == []


def test_other_exporters_keep_the_order(tmp_path):
    calls = [("x", "a", CORNERS, TIMES_TWO), ("x", "b", SHIFTED, TIMES_TWO)]
    intents, notices = build.load(resizes(*calls, producer="keras2onnx"), tmp_path)
    assert [intent.name for intent in intents] == ["a", "b"]
    assert notices == []
