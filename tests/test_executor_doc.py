"""docs/executor.md lists exactly the kinds of layers and operations that are computed."""

import re
from pathlib import Path

import pytest

from coreml_resize_fix.formats.mlprogram.execute import table as programs
from coreml_resize_fix.formats.neuralnetwork.execute import table as networks
from tests.support.process import REPOSITORY

TEXT = (Path(REPOSITORY) / "docs" / "executor.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("title", "table"),
    [("Layers of NeuralNetworks", networks), ("Operations of ML Programs", programs)],
)
def test_the_documented_kinds_are_those_of_the_table(title, table):
    section = TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    kinds = [kind for row in rows for kind in re.findall(r"`(\w+)`", row)]
    assert len(kinds) == len(set(kinds))
    assert set(kinds) == {*table.KINDS, *table.CONTROL}


def test_every_kind_belongs_to_one_family():
    for table in (networks, programs):
        assert len(table.KINDS) == sum(len(family.KINDS) for family in table.FAMILIES)


def test_kinds_are_those_of_the_schema_and_of_mil():
    from coreml_resize_fix.formats.protobuf import schema

    known = {field.name for field in schema.layer_class().DESCRIPTOR.oneofs_by_name["layer"].fields}
    if schema.knows_ios14():
        assert {*networks.KINDS, *networks.CONTROL} <= known
    registry = pytest.importorskip("coremltools.converters.mil.mil.ops.registry")
    pytest.importorskip("coremltools.converters.mil.mil.ops.defs.iOS18")
    assert {*programs.KINDS, *programs.CONTROL} - set(registry.SSAOpRegistry.core_ops) <= {
        "coreml_update_state", "write_state", "crop", "scaled_dot_product_attention",
    }  # fmt: skip
