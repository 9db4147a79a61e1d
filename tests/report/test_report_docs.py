"""docs/report.md describes every key and verdict of the JSON report."""

from pathlib import Path

import pytest

from coreml_resize_fix.auditing.findings import VERDICTS
from tests.report import json_v1

DOCS = Path(__file__).parents[2] / "docs" / "report.md"


def documented(head):
    """First column of the table whose first heading is `head`."""
    lines = iter(DOCS.read_text(encoding="utf-8").splitlines())
    next(line for line in lines if line.startswith("| {} |".format(head)))
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append(line.split("|")[1].strip().strip("`"))
    return rows


@pytest.mark.parametrize(
    ("head", "keys"),
    [
        ("key of the document", json_v1.DOCUMENT),
        ("key of an error", json_v1.ERROR),
        ("key of a model", json_v1.MODEL),
        ("key of a layer", json_v1.LAYER),
        (
            "key of `before` and `after`",
            set.union(*json_v1.PARAMETERS.values(), *json_v1.OPERATIONS.values()),
        ),
        ("verdict", set(json_v1.VERDICTS)),
    ],
)
def test_every_key_is_described_once(head, keys):
    rows = documented(head)
    assert set(rows) == keys
    assert len(rows) == len(keys)


def test_the_verdicts_are_those_of_the_code():
    assert set(VERDICTS) == set(json_v1.VERDICTS)
