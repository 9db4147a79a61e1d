"""Calls that owe no layer, in random networks whose right answer is known by construction."""

import pytest

from tests.auditing.networks_without_layers import KINDS, needs_ios14

SEEDS = range(200)


def asked(intent):
    """What tells calls apart: equal ones are interchangeable."""
    return intent and (intent.align_corners, intent.input_size, intent.output_size)


def answers(net, outputs):
    """What the audit says of layers, calls and the model; and what is right."""
    report = net.report(outputs)
    got = {
        int(finding.layer.address[len("layers[") : -1]): (asked(finding.intent), finding.verdict)
        for finding in report.findings
    }
    reasons = {found.intent.index: found.reason for found in report.without_layer}
    wanted = {
        place: (asked(net.calls[call]), verdict) for place, (call, verdict) in net.wanted.items()
    }
    right = all(verdict == "match" for _, verdict in wanted.values()) and (
        "missing" not in net.dropped.values()
    )
    code = 1 if not right else 0 if net.wanted or net.dropped else 3
    return (got, reasons, report.exit_code), (wanted, net.dropped, code)


@pytest.mark.slow
@needs_ios14
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_neighbours_are_judged_as_if_the_call_were_not_there(kind):
    wrong = []
    for seed in SEEDS:
        got, right = answers(*KINDS[kind](seed))
        if got != right:
            wrong.append((seed, got, right))
    assert not wrong, "{} of {}, such as {}".format(len(wrong), len(SEEDS), wrong[0])
