"""Models that make no sense, one kind each: what is said of them, and that nothing is written."""

import pytest

from coreml_resize_fix.formats.protobuf import schema
from tests.cli.commands import run
from tests.support import build
from tests.support.folders import contents
from tests.support.wirediff import encoded, field

CORNERS = "bilinear,align_corners=true,size=12x16"
UP = build.DOUBLE


def made(*layers, shape=(2, 6, 8), change=None):
    """A network of layers, each (text, inputs, outputs), or in a chain where nothing is said."""
    model = build.network(shape, [UP] * len(layers), version=3)
    for layer, (inputs, outputs) in zip(model.neuralNetwork.layers, layers):
        layer.input[:] = inputs
        layer.output[:] = outputs
    if change is not None:
        change(model)
    return model.SerializeToString()


def network(data):
    """A model with this as its network."""
    head = build.network((2, 6, 8), [], version=3)
    head.ClearField("neuralNetwork")
    return head.SerializeToString() + field(500, data)


def layer(name=b"up", more=b"", kind=None):
    kind = field(210, field(1, b"\2\2") + field(5, b"\1", wire_type=0)) if kind is None else kind
    return field(1, field(1, name) + field(2, b"image") + field(3, b"scores") + kind + more)


def flat(model):
    del model.description.input[0].type.multiArrayType.shape[:]


def factors(*numbers):
    def change(model):
        model.neuralNetwork.layers[0].upsample.scalingFactor[:] = numbers

    return change


FRACTIONS = field(7, b"\0\0\0\x40" * 2)
BILINEAR, CORNERS_TRUE = b"\x28\1", b"\x30\1"


def fractional(modes, more=b""):
    return network(layer(kind=field(210, FRACTIONS + modes + more)))


WITH_IOS14 = {
    "fractional factors of nearest": (
        fractional(CORNERS_TRUE),
        2,
        "has parameters that Core ML does not accept",
    ),
    "fractional factors without alignment": (
        fractional(BILINEAR),
        1,
        "RSZ107",
    ),
    "fractional factors of bilinear": (
        fractional(BILINEAR + CORNERS_TRUE),
        1,
        "1 layer would be fixed",
    ),
    "whole and fractional factors at once": (
        fractional(BILINEAR + CORNERS_TRUE, field(1, b"\2\2")),
        2,
        "has parameters that Core ML does not accept",
    ),
}

# name -> the model, exit code, and what is said of it (on whichever stream)
TABLE = {
    "blobs in a circle": (
        made((["b"], ["a"]), (["a"], ["b"])),
        1,
        "2 layers would be fixed",
    ),
    "a layer that reads itself": (made((["a"], ["a"])), 1, "1 layer would be fixed"),
    "no blob to read": (made(([], ["scores"])), 1, "RSZ"),
    "no blob to write": (made((["image"], [])), 1, "1 layer would be fixed"),
    "one blob written twice": (
        made((["image"], ["scores"]), (["image"], ["scores"])),
        1,
        "2 layers would be fixed",
    ),
    "a blob that nothing writes": (made((["nowhere"], ["scores"])), 1, "RSZ"),
    "sides of zero": (made((["image"], ["scores"]), shape=(2, 0, 0)), 1, "RSZ"),
    "negative sides": (made((["image"], ["scores"]), shape=(-2, -6, -8)), 1, "RSZ"),
    "no shape": (made((["image"], ["scores"]), change=flat), 1, "RSZ"),
    "sides of 2^62": (made((["image"], ["scores"]), shape=(2, 2**62, 2**62)), 1, "RSZ"),
    "factors of 2^63": (
        made((["image"], ["scores"]), change=factors(2**63, 2**63)),
        2,
        "has parameters that Core ML does not accept",
    ),
    "three factors": (
        made((["image"], ["scores"]), change=factors(2, 2, 2)),
        2,
        "has parameters that Core ML does not accept",
    ),
    "a mode without a name": (
        network(layer(kind=field(210, field(5, b"\x63", wire_type=0)))),
        2,
        "mode",
    ),
    "an unknown type of layer": (network(layer(kind=field(1999, b""))), 3, "no resize layer"),
    "two types in one layer": (network(layer(more=field(211, b""))), 1, "RSZ"),
    "a name that is no text": (
        network(layer(name=b"\xff\xfe")),
        2,
        "does not parse as a Core ML model",
    ),
    "a group": (network(encoded(1 * 8 + 3) + encoded(1 * 8 + 4)), 2, "uses wire type 3"),
    "a length behind the end": (network(b"\x0a\x7f"), 2, "past its end"),
    "a length of 2^63": (
        network(b"\x0a" + encoded(2**63)),
        2,
        "past its end",
    ),
    "a number without end": (network(b"\x08" + b"\xff" * 11), 2, "does not begin a valid number"),
    "a field of number 0": (network(b"\x02\x00"), 2, "holds a field of number 0"),
    "two thousand layers of one name": (network(layer() * 2000), 1, "RSZ"),
}


if schema.knows_ios14():
    TABLE.update(WITH_IOS14)


@pytest.mark.mostly_slow(quick=8)
@pytest.mark.parametrize("name", sorted(TABLE))
def test_is_told_and_nothing_else_happens(name, tmp_path):
    data, code, says = TABLE[name]
    path = build.write(tmp_path, data)
    before = contents(tmp_path)
    for options in ((), ("--decompose",)):
        ran = run(path, "-n", "--assume", CORNERS, *options)
        said = " ".join((ran.out + ran.err).split())
        assert (ran.code, said[:4000]) == (code, said[:4000])
        assert says in said
        assert "defect" not in said
    assert contents(tmp_path) == before
