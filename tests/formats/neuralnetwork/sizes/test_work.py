"""Shapes take work that grows with the layers and no faster."""

import sys

import pytest

from tests.formats.neuralnetwork.sizes.net import CONV, RELU


def chain(new_net, count):
    net = new_net(exact=False).array("b0", 4, 64, 64)
    for index in range(count):
        net.layer(RELU if index % 2 else CONV.replace("8", "4"), f"b{index}", f"b{index + 1}")
    return net


def work(net):
    """How many functions of Python and of C are called: time is for benchmarks."""
    count = 0

    def profile(frame, event, function):
        nonlocal count
        count += event.endswith("call")

    sys.setprofile(profile)
    try:
        net.infer()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.slow
def test_work_grows_with_the_layers_only(new_net):
    assert work(chain(new_net, 10000)) < 5.5 * work(chain(new_net, 2000))


@pytest.mark.slow
def test_work_grows_with_the_branches_only(new_net):
    def branches(count):
        net = chain(new_net, 1)
        for index in range(1, count):
            branch = net.layer("branch { ifBranch {} elseBranch {} }", "b0", "").branch
            net.layer(RELU, f"b{index - 1}", f"b{index}", network=branch.ifBranch)
        return net

    assert work(branches(5000)) < 5.5 * work(branches(1000))
