"""The decision table: total, without overlaps, and each row says what it should."""

import itertools
from dataclasses import replace

import pytest

from coreml_resize_fix.auditing import assessment, remedy
from coreml_resize_fix.auditing.assessment import Assessment, assess
from coreml_resize_fix.auditing.decision_table import CURRENT_CODES, TABLE, row_for
from coreml_resize_fix.auditing.evidence import contradiction
from coreml_resize_fix.auditing.remedy import Allowed
from coreml_resize_fix.auditing.rules import RULES
from coreml_resize_fix.intents.model import Intent
from tests.auditing import test_verdicts, test_verdicts_sizes
from tests.auditing.verdict_values import (
    IOS11,
    IOS12,
    default,
    false,
    flexible,
    static,
    true,
    unknown,
)

SHAPES = ("static", "flexible", "unknown")

# Why nothing can be done where no layer computes the intent.
NO_LAYER = {
    "half-pixel": "RSZ301",
    "scale-ratio": "RSZ302",
    "nearest": "RSZ303",
    "kernel": "RSZ304",
    "align-corners": "RSZ305",
    "asymmetric": "RSZ305",
}


# Several layers compute the intent: they are allowed, they may be asked for, or not for the target.
SEVERAL_LAYERS = {
    "layers": ("fixable", ""),
    "layers-asked": ("needs-option", "RSZ309"),
    "layers-above": ("needs-option", "RSZ306"),
}


def expected(found):
    """Verdict and reason, written as prose: the same decision in another form than the table."""
    if found.evidence == "sizeless":
        return "unmatchable", "RSZ307"
    if found.evidence == "unjudged":
        return "unmatchable", "RSZ207"
    if found.evidence == "undecided":
        return "unmatchable", "RSZ208"
    if found.evidence == "unfit":
        return "unmatchable", "RSZ206"
    if found.evidence == "contradicted":
        return "unmatchable", "RSZ204"
    if found.current == "same":
        return "match", ""
    if found.availability.startswith("layers"):
        return SEVERAL_LAYERS[found.availability]
    if found.shape == "flexible":
        if found.availability == "none" or found.freezes:
            return "unmatchable", "RSZ305"
    elif found.availability == "none":
        return "unmatchable", NO_LAYER[found.intent_kind]
    return ("fixable", "") if found.availability == "within" else ("needs-option", "RSZ306")


EVERYTHING = [
    Assessment(current, shape, reach, asks, evidence, freezes, Intent())
    for current, shape, reach, asks, evidence, freezes in itertools.product(
        assessment.CURRENT,
        SHAPES,
        remedy.AVAILABILITY,
        assessment.INTENT_KINDS,
        assessment.EVIDENCE,
        (False, True),
    )
]


def test_there_are_as_many_situations_as_the_fields_make():
    assert len(EVERYTHING) == 11 * 3 * 6 * 6 * 6 * 2
    assert set(assessment.INTENT_KINDS) == set(NO_LAYER)


def test_every_situation_hits_exactly_one_row():
    """No exceptions: what cannot occur (a layer that freezes but does not exist) has a row too."""
    for found in EVERYTHING:
        rows = [row.name for row in TABLE if row.holds(found)]
        assert len(rows) == 1, (rows, found)


def test_every_row_says_what_it_should():
    for found in EVERYTHING:
        row = row_for(found)
        assert (row.verdict, row.reason or "") == expected(found), (row.name, found)


def test_every_row_decides_something():
    assert {row_for(found).name for found in EVERYTHING} == {row.name for row in TABLE}
    assert len({row.name for row in TABLE}) == len(TABLE)


def test_every_code_is_a_rule():
    codes = {row.reason for row in TABLE if row.reason} | set(CURRENT_CODES.values())
    assert codes <= set(RULES)
    assert set(CURRENT_CODES) == set(assessment.CURRENT) - {"same"}


def test_a_situation_without_a_row_is_an_error():
    with pytest.raises(LookupError, match="0 rows decide"):
        row_for(Assessment("same", "static", "none", "kernel", "new", False, Intent()))


# Rows that no layer and intent reach today, so that only the table itself can be tested.
NOT_REACHED = {
    "align_corners at a size that varies": "STRICT computes it at every size that is known",
    "asymmetric at a size that varies": "UPSAMPLE computes it at every size that is known",
}


def literal_cases():
    """Layer, intent, target, `--decompose`, of the verdicts that are written down one by one."""
    for layer, intent, target in cases_of_one_layer():
        yield layer, intent, target, False
    for shop, decompose, _, _, _ in test_verdicts_sizes.SEVERAL:
        layer = replace(static(default(2, 2), (10, 12)), place=shop)
        yield layer, false(20, 24), IOS12, decompose


def cases_of_one_layer():
    for intent, params, size, _, _, _ in test_verdicts.STATIC:
        yield static(params, size), intent, IOS12
    for intent, params, _, _, _ in test_verdicts_sizes.FLEXIBLE:
        yield flexible(params, *test_verdicts_sizes.GROWN), intent, IOS12
    for intent, params, _, _, _ in test_verdicts_sizes.UNKNOWN:
        yield unknown(params), intent, IOS12
    for intent, target, _, _, _ in test_verdicts_sizes.MODERN_FLEXIBLE:
        layer = flexible(default(2, 2), *test_verdicts_sizes.GROWN, modern=True)
        yield layer, intent, target
    yield static(default(2, 2), (10, 12)), true(25, 31), IOS11
    yield static(default(2, 2), (10, 12)), true(20, 24, channels=5), IOS12


def test_every_row_has_a_verdict_that_is_written_down():
    # test_unsaid.py: no layer alone tells that; mlprogram/test_audit.py: no layer is like that
    reached = {"the file contradicts itself", "not judged", "sizes undecided"}
    for layer, intent, target, decompose in literal_cases():
        against = contradiction(intent, layer, pinned=True)
        evidence = assessment.EVIDENCE_OK if against is None else assessment.CONTRADICTED
        found = assess(layer, intent, Allowed(target, decompose), evidence)
        reached.add(row_for(found).name)
    assert {row.name for row in TABLE} - reached == set(NOT_REACHED)
