"""Matching takes time that grows with pairs of an intent and a layer, and ends."""

from collections import Counter

import pytest

from coreml_resize_fix.auditing import match
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.support import build

COUNT = 12


def chain():
    """Layers in a row that should each add a pixel, and an intent too many at each end."""
    text = "upsample { scalingFactor: 1 scalingFactor: 1 mode: BILINEAR }"
    model = build.network((3, 1, 1), [text] * COUNT, version=3)
    intents = [
        Intent(align_corners=True, size=(n + 1, n + 1), input_size=(n, n))
        for n in range(1, COUNT + 1)
    ]
    last = COUNT + 1
    more = Intent(align_corners=True, size=(last + 1, last + 2), input_size=(last, last))
    return model.SerializeToString(), [more, *intents, more]


def audited(data, intents):
    request = pipeline.Request(manifest=intents, dry_run=True)
    return pipeline.process_bytes(data, "model", request)[0]


def test_each_round_decides_one_more_layer():
    found = Counter(finding.verdict for finding in audited(*chain()).findings)
    assert found == {"fixable": COUNT}


def test_rounds_end_and_what_is_not_decided_is_ambiguous(monkeypatch):
    monkeypatch.setattr(match, "MOST_STEPS", 0)
    report = audited(*chain())
    found = Counter(finding.verdict for finding in report.findings)
    assert set(found) == {"fixable", "ambiguous"}
    assert report.exit_code == 1


@pytest.mark.parametrize("layers", [1, 3])
def test_intents_without_a_layer_are_looked_at_once(layers, monkeypatch):
    """Not once for each other intent: a manifest of ten thousand names took minutes."""
    looks, ask = [], Intent.request.fget
    monkeypatch.setattr(Intent, "request", property(lambda intent: looks.append(1) or ask(intent)))
    intents = [Intent(name="k{}".format(n)) for n in range(300)]
    data = build.network((2, 4, 4), [build.DOUBLE] * layers, version=3).SerializeToString()
    assert audited(data, intents).exit_code == 1
    assert len(looks) < 60 * len(intents)
