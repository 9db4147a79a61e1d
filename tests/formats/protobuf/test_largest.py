"""Results of 2 GiB and more are refused before anything is opened for writing."""

import os

import pytest

from coreml_resize_fix.errors import OutputError
from coreml_resize_fix.files import atomic
from coreml_resize_fix.formats.protobuf import splice
from coreml_resize_fix.formats.protobuf.wire import encode_field, encode_varint
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import outputs, pipeline
from tests.support import build

LIMIT = 2**31
NETWORK, LAYER, CONVOLUTION, WEIGHTS, HALVES = 500, 1, 100, 90, 2
CONVOLUTION_LAYER = """
convolution {
  outputChannels: 2 kernelChannels: 2 nGroups: 1 kernelSize: 3 kernelSize: 3 same { }
}
"""


def prefix(number, length):
    return encode_varint(number << 3 | 2) + encode_varint(length)


def without(message, field):
    bare = type(message)()
    bare.CopyFrom(message)
    bare.ClearField(field)
    return bare.SerializeToString()


def with_hole(path, model, weights):
    """Write a model whose last field, a layer, holds so many bytes of weights: a hole on disk."""
    network = model.neuralNetwork
    last = network.layers[-1]
    inner = last.convolution.SerializeToString()
    inner += prefix(WEIGHTS, len(prefix(HALVES, weights)) + weights) + prefix(HALVES, weights)
    layer = without(last, "convolution") + prefix(CONVOLUTION, len(inner) + weights) + inner
    rest = b"".join(encode_field(LAYER, one.SerializeToString()) for one in network.layers[:-1])
    body = rest + prefix(LAYER, len(layer) + weights) + layer
    head = without(model, "neuralNetwork") + prefix(NETWORK, len(body) + weights) + body
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(len(head) + weights)
    return len(head) + weights


def model(resizes):
    return build.network([2, 60, 80], [build.DOUBLE] * resizes + [CONVOLUTION_LAYER])


def ask(sizes):
    return [
        Intent(align_corners=True, size=size, layer="layers[{}]".format(index))
        for index, size in enumerate(sizes)
    ]


SIZES = [(120, 160), (240, 320)]


@pytest.fixture
def written(monkeypatch):
    """The places that were opened for writing."""
    opened = []

    def refuse(target, replace, size):
        opened.append(target)
        raise AssertionError("opened {}".format(target))

    monkeypatch.setattr(atomic, "file", refuse)
    return opened


def growth(tmp_path, resizes):
    """How many bytes the fix adds, from the same model with few weights."""
    path = str(tmp_path / "small.mlmodel")
    before = with_hole(path, model(resizes), 1 << 28)
    saved = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(outputs, "save", lambda *arguments, **_: saved.append(arguments))
        pipeline.process(path, pipeline.Request(manifest=ask(SIZES[:resizes])))
    ((_, _, _, changes, *_),) = saved
    return splice.size_after(before, changes) - before


@pytest.mark.parametrize("resizes", [1, 2])
@pytest.mark.parametrize("dry_run", [False, True])
def test_the_first_byte_too_many(resizes, dry_run, tmp_path, written):
    grows = growth(tmp_path, resizes)
    assert grows > 0
    path = str(tmp_path / "model.mlmodel")
    small = with_hole(path, model(resizes), 1 << 28)
    request = pipeline.Request(manifest=ask(SIZES[:resizes]), dry_run=dry_run)
    # From 2^28 on all length prefixes have their longest form.
    with_hole(path, model(resizes), (1 << 28) + LIMIT - grows - small)
    before = sorted(os.listdir(str(tmp_path)))
    with pytest.raises(OutputError, match="would have {} bytes".format(LIMIT)):
        pipeline.process(path, request)
    assert written == []
    assert sorted(os.listdir(str(tmp_path))) == before
    with_hole(path, model(resizes), (1 << 28) + LIMIT - 1 - grows - small)
    if dry_run:
        assert pipeline.process(path, request).exit_code == 1
    else:
        with pytest.raises(AssertionError, match="opened"):
            pipeline.process(path, request)


def test_each_edit_alone_would_fit_and_both_together_do_not(tmp_path, written):
    one, both = growth(tmp_path, 1), growth(tmp_path, 2)
    assert both > one
    path = str(tmp_path / "model.mlmodel")
    small = with_hole(path, model(2), 1 << 28)
    with_hole(path, model(2), (1 << 28) + LIMIT - both - small)
    alone = pipeline.Request(manifest=ask(SIZES)[:1], dry_run=True, partial=True)
    assert pipeline.process(path, alone).findings[0].verdict == "fixable"
    with pytest.raises(OutputError, match="would have"):
        pipeline.process(path, pipeline.Request(manifest=ask(SIZES)))
    assert written == []
