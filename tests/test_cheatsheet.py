"""docs/cheatsheet.md is what the code decides."""

import importlib.util
import os

import pytest

from coreml_resize_fix.formats.protobuf import schema

DOCS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "docs")


def test_the_cheat_sheet_is_up_to_date():
    if not schema.knows_ios14():
        pytest.skip("coremltools 3 has no layers of iOS 14: pip install 'coremltools>=4'")
    spec = importlib.util.spec_from_file_location(
        "make_cheatsheet", os.path.join(DOCS, "make_cheatsheet.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with open(os.path.join(DOCS, "cheatsheet.md"), encoding="utf-8") as file:
        assert file.read() == module.text(), "run `python docs/make_cheatsheet.py`"
    shown = list(module.rows())
    assert len(shown) <= 25, "a person reads it at a glance"
    for call in module.CALLS:
        assert sum(f"{call[0]} {call[1]}" in row[0].split("<br>") for row in shown) == 1
