"""The lanes of noxfile.py are those of CI and CONTRIBUTING, and every room has quick tests."""

import ast
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from tests.conftest import pytest_collection_modifyitems

ROOT = Path(__file__).resolve().parent.parent


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def lanes():
    """Of noxfile.py: the sessions that run without being named, and all."""
    tree = ast.parse(read("noxfile.py"))
    sessions = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any(re.match(r"nox\.session|lane\(", source(one)) for one in node.decorator_list)
    }
    (chosen,) = re.findall(r"^nox\.options\.sessions = (\[.*?\])", read("noxfile.py"), re.M | re.S)
    return set(ast.literal_eval(chosen)), sessions


def source(node):
    """What a decorator begins with."""
    call = isinstance(node, ast.Call)
    function = node.func if call else node
    name = function.id if isinstance(function, ast.Name) else "nox." + function.attr
    return name + "(" * call


def test_there_is_a_session_for_each_lane():
    chosen, sessions = lanes()
    by_hand = {"tests", "bench", "harden"}
    assert chosen | by_hand == sessions
    assert {"lowest", "highest", "torch", "browser", "lint", "docs", "package"} <= chosen
    assert {"tensorflow", "tensorflow_newest"} <= chosen


def test_the_lanes_of_tensorflow_run_what_skips_without_it():
    (pattern,) = re.findall(r"^SKIPS_WITHOUT_TENSORFLOW = r'(.*)'$", read("noxfile.py"), re.M)
    files = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.glob("tests/**/test_*.py")
        if re.search(pattern, path.read_text(encoding="utf-8"))
    }
    assert {"tests/test_against_tensorflow.py"} <= files
    assert {"tests/conventions/test_against_tensorflow.py"} <= files
    assert len(files) < 30, "the lanes are for these tests alone"


def test_ci_runs_them_all():
    script = read(".ci/run")
    assert re.search(r"^\.venv/bin/nox$", script, re.M)
    assert len(re.findall(r"^bash -c \"\$command\"$", script, re.M)) == 2
    workflow = yaml.safe_load(read(".github/workflows/tests.yml"))
    matrix = workflow["jobs"]["lanes"]["strategy"]["matrix"]
    assert set(matrix["session"]) == lanes()[0]


def test_they_are_described():
    rows = re.findall(r"^\| `(\w+)` \|", read("CONTRIBUTING.md").split("## Tests")[1], re.M)
    assert set(rows) == lanes()[1]


def test_the_workflow_runs_what_the_readme_does():
    (command,) = re.findall(r"^python3 -m venv .* (-m pytest .*)$", read("README.md"), re.M)
    workflow = yaml.safe_load(read(".github/workflows/tests.yml"))
    assert workflow["jobs"]["quick"]["steps"][-1]["run"] == "python " + command
    assert command.endswith('-m "not slow"')


def test_some_cases_of_a_mostly_slow_test_are_quick():
    slow = []

    def case(number):
        mark = pytest.mark.mostly_slow(quick=3).mark
        return SimpleNamespace(
            nodeid=f"test_x.py::test[{number}]",
            get_closest_marker=lambda name: mark,
            add_marker=lambda marker: slow.append((number, marker.name)),
        )

    pytest_collection_modifyitems([case(number) for number in range(9)])
    assert slow == [(number, "slow") for number in (1, 2, 4, 5, 7, 8)]


@pytest.mark.slow
def test_every_room_has_quick_tests(request):
    """Of all tests that were collected beside this one; a file may need what is not installed."""
    items = request.session.items
    rooms = {item.path.parent for item in items}
    if len(rooms) < 15:
        pytest.skip("needs the tests of every room beside it: run all")
    assert rooms == {item.path.parent for item in items if not item.get_closest_marker("slow")}
