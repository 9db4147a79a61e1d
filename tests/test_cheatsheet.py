"""docs/cheatsheet.md is what the code decides."""

import pytest

from coreml_resize_fix.formats.protobuf import schema
from tests.support import docs_scripts


def test_the_cheat_sheet_is_up_to_date():
    if not schema.knows_ios14():
        pytest.skip("coremltools 3 has no layers of iOS 14: pip install 'coremltools>=4'")
    module, written = docs_scripts.load("make_cheatsheet.py", "cheatsheet.md")
    assert written == module.text(), "run `python docs/make_cheatsheet.py`"
    shown = list(module.rows())
    assert len(shown) <= 25, "a person reads it at a glance"
    for call in module.CALLS:
        assert sum(f"{call[0]} {call[1]}" in row[0].split("<br>") for row in shown) == 1
