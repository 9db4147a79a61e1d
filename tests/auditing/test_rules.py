"""The rule table: codes, names, severities and texts."""

import re

import pytest

from coreml_resize_fix.auditing.rules import RULES

NAMES = {
    "RSZ101": ("shifted-grid", "error"),
    "RSZ102": ("wrong-size", "error"),
    "RSZ103": ("nearest-became-bilinear", "error"),
    "RSZ104": ("antialias-dropped", "error"),
    "RSZ105": ("other-kernel", "error"),
    "RSZ106": ("layer-above-target", "error"),
    "RSZ107": ("mode-missing", "error"),
    "RSZ201": ("no-intent", "warning"),
    "RSZ202": ("ambiguous-intent", "warning"),
    "RSZ203": ("merged-calls", "error"),
    "RSZ204": ("contradicting-sizes", "error"),
    "RSZ205": ("call-without-layer", "error"),
    "RSZ206": ("size-does-not-fit", "error"),
    "RSZ301": ("half-pixel-unavailable", "error"),
    "RSZ302": ("scale-factor-grid", "error"),
    "RSZ303": ("nearest-not-integer", "error"),
    "RSZ304": ("kernel-unavailable", "error"),
    "RSZ305": ("flexible-input", "error"),
    "RSZ306": ("target-too-low", "error"),
    "RSZ307": ("size-unknown", "warning"),
    "RSZ309": ("several-layers-needed", "error"),
    "RSZ401": ("cannot-run", "error"),
    "RSZ402": ("sizes-that-cannot-run", "warning"),
}


def test_codes_and_names_are_frozen():
    """Scripts and CI jobs filter by them."""
    known = {code: (rule.name, rule.severity) for code, rule in RULES.items()}
    assert {code: known.get(code) for code in NAMES} == NAMES


@pytest.mark.parametrize("code", sorted(RULES))
def test_texts(code):
    rule = RULES[code]
    assert rule.code == code
    assert re.match(r"^RSZ\d{3}$", code)
    assert re.match(r"^[a-z]+(-[a-z]+)*$", rule.name)
    for text in (rule.summary, rule.help):
        assert len(text) > 20
        assert text[0].islower() or text[0] == "`"
        assert not text.endswith(".")


def test_names_are_unique():
    assert len({rule.name for rule in RULES.values()}) == len(RULES)
