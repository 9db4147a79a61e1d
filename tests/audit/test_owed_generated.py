"""Calls that owe no layer, in random networks whose right answer is known by construction."""

import pytest

from tests.audit.owed_networks import KINDS

SEEDS = range(200)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_neighbours_are_judged_as_if_the_call_were_not_there(kind):
    wrong = []
    for seed in SEEDS:
        net, outputs = KINDS[kind](seed)
        report = net.report(outputs)
        got = {
            int(finding.layer.address[len("layers[") : -1]): (
                finding.intent and finding.intent.index,
                finding.verdict,
            )
            for finding in report.findings
        }
        reasons = {found.intent.index: found.reason for found in report.without_layer}
        all_right = all(verdict == "match" for _, verdict in net.wanted.values())
        if (got, reasons, report.exit_code) != (net.wanted, net.dropped, 0 if all_right else 1):
            wrong.append((seed, got, net.wanted, reasons, net.dropped, report.exit_code))
    assert not wrong, "{} of {}, such as {}".format(len(wrong), len(SEEDS), wrong[0])
