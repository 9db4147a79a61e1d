"""SARIF 2.1.0: valid by the schema of the standard, and stable from run to run."""

import json
import os
from dataclasses import replace
from urllib.parse import unquote

import jsonschema
import pytest

import coreml_resize_fix
from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.rules import RULES
from coreml_resize_fix.report import sarif
from coreml_resize_fix.run.results import Failure
from tests.cli.commands import CORNERS, FIXABLE, INTENT, RIGHT, UNET, manifest, model, run
from tests.report import reports
from tests.report.hostile import NAMES, full_of
from tests.report.reports import report, unet
from tests.support.cases import TESTS

with open(
    os.path.join(TESTS, "fixtures", "sarif", "sarif-schema-2.1.0.json"), encoding="utf-8"
) as file:
    SCHEMA = json.load(file)
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def log(text):
    """The only run of a log that is valid by the schema."""
    text.encode("ascii")
    document = json.loads(text)
    VALIDATOR.validate(document)
    (only,) = document["runs"]
    return only


def test_the_schema_refuses_what_is_wrong():
    good = json.loads(sarif.render(reports.run(unet())))
    VALIDATOR.validate(good)
    for path, value in (
        (["version"], "2.0.0"),
        (["runs", 0, "results", 0, "level"], "fatal"),
        (["runs", 0, "results", 0, "adress"], "x"),
        (["runs", 0, "tool", "driver", "rules", 0, "id"], 5),
    ):
        bad = json.loads(json.dumps(good))
        place = bad
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        assert not VALIDATOR.is_valid(bad), path


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:20])
def test_any_name_is_valid_and_means_nothing(name):
    only = log(sarif.render(full_of(name)))
    assert len(only["results"]) == 5
    assert len(only["invocations"][0]["toolExecutionNotifications"]) == 2
    for result in only["results"]:
        text = result["message"]["text"]
        assert "](" not in text.replace("\\](", "")
        assert "{" not in text.replace("{{", "")
        assert "\x1b" not in text
        assert "\n" not in text
    prints = [result["partialFingerprints"]["resizeAddress/v1"] for result in only["results"]]
    assert len(set(prints)) == len(prints)


def test_rules_are_the_codes():
    driver = log(sarif.render(reports.run(unet())))["tool"]["driver"]
    assert driver["name"] == "coreml-resize-fix"
    assert driver["version"] == coreml_resize_fix.__version__
    assert [rule["id"] for rule in driver["rules"]] == [str(code) for code in Code]
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert "--explain {}".format(rule["id"]) in rule["help"]["text"]
        assert "helpUri" not in rule
        assert rule["defaultConfiguration"]["level"] == RULES[rule["id"]].severity


VERDICTS = [
    ("fixable", "error"),
    ("needs-option", "error"),
    ("unmatchable", "error"),
    ("no-intent", "warning"),
    ("ambiguous", "warning"),
]


def test_levels_by_verdict_and_places():
    verdicts = [type(unet().findings[0].verdict)(verdict) for verdict, _ in VERDICTS]
    bad = report(*verdicts, "match", "fixed", path="models/a b#1.mlmodel")
    only = log(sarif.render(reports.run(bad)))
    found = [(result["properties"]["verdict"], result["level"]) for result in only["results"]]
    assert found == VERDICTS
    first = only["results"][0]
    finding = unet().findings[0]
    assert (first["ruleId"], only["tool"]["driver"]["rules"][first["ruleIndex"]]["id"]) == (
        str(finding.codes[0]),
        str(finding.codes[0]),
    )
    (place,) = first["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "models/a%20b%231.mlmodel"
    assert place["logicalLocations"] == [
        {"fullyQualifiedName": finding.layer.address, "name": finding.layer.name}
    ]


def prints(path, found):
    only = log(sarif.render(reports.run(replace(unet(), path=path, findings=tuple(found)))))
    return [result["partialFingerprints"]["resizeAddress/v1"] for result in only["results"]]


def test_fingerprints_follow_path_address_and_code_alone():
    first, second = unet().findings[:2]
    (one,) = prints("a/m.mlmodel", [first])
    # Another message, shift, order, or spelling of the path is the same result.
    changed = replace(first, message="else", max_shift_px=9.0, needs=("--decompose",))
    assert prints("./a//m.mlmodel", [second, changed])[1] == one
    moved = replace(first, layer=replace(first.layer, address="layers[99]"))
    other = replace(first, codes=(Code.WRONG_SIZE,))
    others = prints("a/m.mlmodel", [moved, other]) + prints("b/m.mlmodel", [first])
    assert len({one, *others}) == 4
    assert one == KEPT


# By sha256sum, of the path, the address and the code with a NUL between: it must never change.
KEPT = "ae8c98e9d2f28129e65b71f50578e2de351968a244602a5e76c8d52215c232bb:1"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("m.mlmodel", "m.mlmodel"),
        ("./m.mlpackage/", "m.mlpackage"),
        ("a:b.mlmodel", "a%3Ab.mlmodel"),
        ("../größe.mlmodel", "../gr%C3%B6%C3%9Fe.mlmodel"),
        ("/tmp/a b", "file:///tmp/a%20b"),
        ("100%.mlmodel", "100%25.mlmodel"),
    ],
)
def test_paths_as_uris(path, expected):
    assert sarif.uri(path) == expected
    assert unquote(expected).endswith(os.path.normpath(path))


def test_failures_are_notifications():
    wrong = Failure("a.mlmodel", "it has 2 defects", "correct it", details=("$.a: x",))
    only = log(sarif.render(reports.run(wrong, unet())))
    (invocation,) = only["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 2)
    (told,) = invocation["toolExecutionNotifications"]
    assert told["message"]["text"] == "it has 2 defects\n$.a: x\nhelp: correct it"
    assert told["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a.mlmodel"
    assert len(only["results"]) == 3


def test_printed_and_written(tmp_path):
    path = tmp_path / "found.sarif"
    ran = run(UNET, "-n", "-m", INTENT, "--format", "sarif", "--report", path)
    assert (ran.code, ran.err) == (1, "")
    assert len(log(ran.out)["results"]) == 3
    assert path.read_text() + "\n" == ran.out
    # A report of an earlier run is replaced; another SARIF file is not.
    assert run(UNET, "-n", "-m", INTENT, "--report", path).code == 1
    path.write_text(ran.out.replace('"name": "coreml-resize-fix"', '"name": "other"'))
    assert run(UNET, "-n", "-m", INTENT, "--report", path).code == 2


def test_right_models_and_calls_without_a_layer(tmp_path):
    right = model(RIGHT, tmp_path)
    assert log(run(right, "-n", "--assume", CORNERS, "--format", "sarif").out)["results"] == []
    intents = manifest({"8": {"align_corners": True}, "gone": {}}, tmp_path)
    ran = run(right, "-n", "-m", intents, "--format", "sarif")
    (result,) = log(ran.out)["results"]
    assert (result["ruleId"], result["properties"]["subject"]) == ("RSZ205", "gone")
    assert "logicalLocations" not in result["locations"][0]


def test_an_inventory_says_that_nothing_was_compared(tmp_path):
    only = log(run(model(FIXABLE, tmp_path), "--format", "sarif").out)
    (told,) = only["invocations"][0]["toolExecutionNotifications"]
    assert told["level"] == "warning"
    assert "nothing to compare with" in told["message"]["text"]
    assert only["results"] == []
