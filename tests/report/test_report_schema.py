"""The JSON Schema of the report: what it holds for right, and where it stays open."""

import copy
import json
import os
from pathlib import Path

import jsonschema
import pytest

from coreml_resize_fix.report import document
from coreml_resize_fix.run.results import Failure
from tests.report import json_v1, reports
from tests.report.hostile import NAMES, full_of
from tests.report.reports import unet
from tests.support.cases import TESTS

GOLDENS = sorted(Path(TESTS, "cli", "golden", "programs").glob("*-json.json"))
SCHEMA, VALIDATOR = json_v1.SCHEMA, json_v1.VALIDATOR
DEFINITIONS = SCHEMA["definitions"]


def test_the_schema_is_one():
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.name)
def test_every_golden_is_valid(path):
    VALIDATOR.validate(json.loads(path.read_text(encoding="utf-8")))


def test_there_are_goldens():
    assert len(GOLDENS) >= 4


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:20])
def test_any_name_is_valid(name):
    VALIDATOR.validate(json.loads(document.render(full_of(name))))


@pytest.mark.parametrize(
    ("schema", "keys"),
    [
        (SCHEMA, json_v1.DOCUMENT),
        (DEFINITIONS["error"], json_v1.ERROR),
        (DEFINITIONS["model"], json_v1.MODEL),
        (DEFINITIONS["layer"], json_v1.LAYER),
        (DEFINITIONS["network"], json_v1.NETWORK),
        (DEFINITIONS["output"], json_v1.OUTPUT),
        (DEFINITIONS["conflict"], json_v1.CONFLICT),
        (DEFINITIONS["usableSizes"], json_v1.USABLE),
        (DEFINITIONS["effects"], json_v1.EFFECTS),
        (DEFINITIONS["effect"], json_v1.EFFECT),
    ],
)
def test_it_demands_every_documented_key(schema, keys):
    assert set(schema["required"]) == set(schema["properties"]) == keys


def test_verdicts_are_those_of_version_1():
    assert tuple(DEFINITIONS["verdict"]["enum"]) == json_v1.VERDICTS


@pytest.fixture(scope="module")
def whole():
    """A document with something in every list."""
    failure = Failure("a.mlmodel", "it has a defect", "correct it", details=("$.a: x",))
    full = full_of("x").results[1]
    made = json.loads(document.render(reports.run(failure, unet(), full)))
    VALIDATOR.validate(made)
    return made


def objects(value, path=()):
    """The paths of all objects in a document."""
    if isinstance(value, dict):
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        if isinstance(inner, (dict, list)):
            yield from objects(inner, (*path, key))


def at(value, path):
    for key in path:
        value = value[key]
    return value


@pytest.mark.slow
def test_a_later_key_is_valid_everywhere_but_among_verdicts(whole):
    """Version 1 may gain keys; what counts verdicts has no other ones."""
    refused = set()
    for path in objects(whole):
        changed = copy.deepcopy(whole)
        at(changed, path)["a_later_key"] = 1
        if not VALIDATOR.is_valid(changed):
            refused.add(path)
    assert refused == {("summary",)}


@pytest.mark.slow
def test_every_key_is_needed_where_it_stands(whole):
    """Without it the document is none of version 1; parameters and intents have some of theirs."""
    free = 0
    for path in objects(whole):
        for key in at(whole, path):
            changed = copy.deepcopy(whole)
            del at(changed, path)[key]
            some = path[-1:] in (("before",), ("after",), ("intent",)) or path == ("summary",)
            if "spec_version" in path or "minimum_ios" in path or not some:
                assert not VALIDATOR.is_valid(changed), (path, key)
            else:
                free += 1
    assert free


WRONG = [
    (("version",), 2),
    (("exit_code",), 4),
    (("models", 0, "layers", 0, "verdict"), "good"),
    (("models", 0, "layers", 0, "codes"), ["RSZ1"]),
    (("models", 0, "layers", 0, "input_size"), [3]),
    (("models", 0, "layers", 0, "max_abs_error_before"), "0.1"),
    (("models", 0, "sha256"), "abc"),
    (("models", 0, "model_kind"), "pipeline"),
    (("models", 1, "intents_without_layer", 0, "reason"), "lost"),
    (("models", 1, "network", "outputs", 0, "within_tolerance"), None),
    (("errors", 0, "exit_code"), 0),
    (("summary",), {"good": 1}),
]


@pytest.mark.parametrize(("path", "value"), WRONG)
def test_other_values_are_refused(path, value, whole):
    changed = copy.deepcopy(whole)
    at(changed, path[:-1])[path[-1]] = value
    assert not VALIDATOR.is_valid(changed)


def test_the_documented_snippet_prints_it(capsys):
    text = (Path(TESTS).parent / "docs" / "report.md").read_text(encoding="utf-8")
    (line,) = [one for one in text.splitlines() if one.startswith("python -c ")]
    code = line[len('python -c "') : -1]
    exec(code, {})
    assert json.loads(capsys.readouterr().out) == SCHEMA
    assert os.path.basename(json_v1.SCHEMA_PATH) in code
