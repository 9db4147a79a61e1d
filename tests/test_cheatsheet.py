"""docs/cheatsheet.md is what the code decides."""

import pytest

from tests.support import docs_scripts
from tests.support.converted import knows_programs


@pytest.mark.slow
def test_the_cheat_sheet_is_up_to_date():
    if not knows_programs():
        pytest.skip("no schema of ML Programs: pip install 'coremltools>=5'")
    module, written = docs_scripts.load("make_cheatsheet.py", "cheatsheet.md")
    assert written == module.text(), "run `python docs/make_cheatsheet.py`"
    shown = list(module.rows())
    assert len(shown) <= 25, "a person reads it at a glance"
    for call in module.CALLS:
        assert sum(f"{call[0]} {call[1]}" in row[0].split("<br>") for row in shown) == 1
