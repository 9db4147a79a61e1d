"""The table of docs/decompose.md is the table in the code."""

import os
import re

from coreml_resize_fix.formats.spec_versions import minimum_ios
from tests.support.process import REPOSITORY
from tests.support.replacing import REPLACEMENTS

DOCUMENT = os.path.join(REPOSITORY, "docs", "decompose.md")


def test_replacements_are_documented():
    with open(DOCUMENT, encoding="utf-8") as file:
        text = file.read()
    rows = re.findall(r"^\| ([^|]+) \| ([\d.]+) \| (yes|no) \|", text, re.MULTILINE)
    assert rows == [
        (row.name, minimum_ios(row.spec_version), "yes" if row.follows_flexible else "no")
        for row in REPLACEMENTS
    ]
    for row in REPLACEMENTS:
        assert "\n**{}**".format(row.name) in text
