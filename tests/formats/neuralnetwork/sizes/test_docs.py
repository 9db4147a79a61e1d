"""docs/shapes.md lists exactly the kinds that have a rule."""

import os
import re

from coreml_resize_fix.formats.neuralnetwork import sizes
from coreml_resize_fix.formats.protobuf import schema
from tests.support.process import REPOSITORY

DOC = os.path.join(REPOSITORY, "docs", "shapes.md")
CONTROL = {"branch", "loop"}  # walked, not computed by a rule


def listed():
    with open(DOC, encoding="utf-8") as file:
        text = file.read()
    section = text.split("## Layer kinds", 1)[1].split("\n## ", 1)[0]
    return [
        kind
        for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
        for kind in re.findall(r"`(\w+)`", row)
    ]


def test_the_documented_kinds_are_the_rule_table():
    kinds = listed()
    assert len(kinds) == len(set(kinds))
    assert set(kinds) == set(sizes.RULES) | CONTROL


def test_every_rule_is_for_a_layer_of_the_format():
    schema_kinds = {
        field.name for field in schema.layer_class().DESCRIPTOR.oneofs_by_name["layer"].fields
    }
    if schema.knows_ios14():
        assert set(sizes.RULES) <= schema_kinds
    assert schema_kinds - set(sizes.RULES) <= CONTROL | {"custom"}
