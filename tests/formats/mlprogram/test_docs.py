"""docs/shapes.md lists exactly the operations that have a size rule."""

import re
from pathlib import Path

import pytest

from coreml_resize_fix.formats.mlprogram.sizes import computed, elementwise
from coreml_resize_fix.formats.mlprogram.sizes.rules import RULES
from tests.support.process import REPOSITORY

DOC = Path(REPOSITORY) / "docs" / "shapes.md"


def test_the_documented_operations_are_the_rule_table():
    section = DOC.read_text(encoding="utf-8").split("\n## ML Programs\n", 1)[1]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    kinds = [kind for row in rows for kind in re.findall(r"`(\w+)`", row)]
    assert len(kinds) == len(set(kinds))
    assert set(kinds) == set(RULES)


def test_every_rule_is_for_an_operation_of_coremltools():
    registry = pytest.importorskip("coremltools.converters.mil.mil.ops.registry")
    pytest.importorskip("coremltools.converters.mil.mil.ops.defs.iOS15")
    known = set(registry.SSAOpRegistry.core_ops)
    newer = {"scaled_dot_product_attention", "pixel_unshuffle", "exp2", "slice_update"}
    states = {"read_state", "write_state"}
    assert set(RULES) - known <= newer | states
    assert set(computed.VALUES) <= set(RULES)
    assert set(elementwise.SAME_AS) <= set(RULES)
