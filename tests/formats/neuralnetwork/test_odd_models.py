"""Models that no converter writes and protobuf reads: the result is what protobuf means by them."""

import pytest

from coreml_resize_fix.errors import ModelError
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.support import build, edits, wirediff
from tests.support.wirediff import encoded, field

ASK = Intent(align_corners=True, size=(12, 16))


def small(*layers):
    return build.network([2, 6, 8], layers or [build.DOUBLE], version=3)


def layer_of(data):
    """The first layer of a network as the pieces of its message."""
    network = next(piece for piece in wirediff.pieces(data) if piece.number == 500)
    return wirediff.pieces(network.content)[0].content


def with_network(layers):
    """The small model with these layers, as bytes."""
    model = small()
    model.ClearField("neuralNetwork")
    return model.SerializeToString() + field(500, layers)


def typed(*texts):
    """A network whose one layer has these types one after the other."""
    layers = [layer_of(small(text).SerializeToString()) for text in texts]
    types = [wirediff.pieces(layer)[-1].raw for layer in layers]
    layer = layers[0][: -len(types[0])] + b"".join(types) + field(9999, b"not known")
    return with_network(field(1, layer))


STRETCH = "resizeBilinear { targetSize: 12 targetSize: 16 mode { samplingMethod: UPSAMPLE_MODE } }"
HALF = "upsample { scalingFactor: 2 }"


@pytest.mark.parametrize(
    ("texts", "before"),
    [
        ([STRETCH, build.DOUBLE], "upsample"),
        ([build.NEAREST, STRETCH], "resizeBilinear"),
        ([build.RELU, build.DOUBLE, STRETCH], "resizeBilinear"),
        ([HALF, build.RELU, build.DOUBLE], "upsample"),
        # Of one type, protobuf merges both: the factors are [2] + [2].
        ([HALF, HALF + "upsample { mode: BILINEAR }"], "upsample"),
    ],
)
def test_of_several_types_of_a_layer_only_the_new_one_is_left(texts, before):
    data = typed(*texts)
    parsed = edits.parse(data)
    assert parsed.neuralNetwork.layers[0].WhichOneof("layer") == before
    report, result = pipeline.process_bytes(data, "model", pipeline.Request(assume=ASK))
    assert [finding.verdict for finding in report.findings] == ["fixed"]
    assert edits.parse(result) == edits.apply(parsed, {"layers[0]": edits.strict(12, 16)})
    kept = [(piece.number, piece.raw) for piece in wirediff.pieces(layer_of(data))]
    kept = [(number, raw) for number, raw in kept if number < 100 or number == 9999]
    found = [(piece.number, piece.raw) for piece in wirediff.pieces(layer_of(result))]
    assert [number for number, _ in found] == [1, 2, 3, 211, 9999]
    assert [item for item in found if item[0] != 211] == kept


def test_a_layer_that_is_not_changed_keeps_its_two_types():
    first = layer_of(typed(build.NEAREST, build.RELU))
    last = layer_of(small().SerializeToString())
    data = with_network(field(1, first) + field(1, last))
    assert edits.parse(data).neuralNetwork.layers[0].WhichOneof("layer") == "activation"
    _, result = pipeline.process_bytes(data, "model", pipeline.Request(assume=ASK))
    allowed = [((500, 0), (1, 1), (210, 0))]
    found = wirediff.changes(data, result, wirediff.opened(allowed))
    assert [change.path for change in found] == allowed


@pytest.mark.parametrize(
    "text",
    [
        "upsample { scalingFactor: 2 }",
        "upsample { scalingFactor: 2 scalingFactor: 2 scalingFactor: 2 }",
        "upsample { scalingFactor: 4000000000 scalingFactor: 2 }",
        "resizeBilinear { targetSize: 7 }",
    ],
)
def test_parameters_that_core_ml_does_not_accept(text):
    with pytest.raises(
        ModelError, match=r"`layers\[0\]` \(`scores_0`\) has parameters that Core ML"
    ):
        pipeline.process_bytes(
            small(text).SerializeToString(), "model", pipeline.Request(assume=ASK)
        )


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("upsample { scalingFactor: 2 scalingFactor: 2 }", field(5, encoded(9), wire_type=0)),
        ("resizeBilinear { targetSize: 7 targetSize: 7 }", field(2, b"\x08\x09")),
    ],
)
def test_a_mode_that_the_schema_does_not_name(text, mode):
    data = small(text).SerializeToString()
    resize = wirediff.pieces(layer_of(data))[-1]
    layer = layer_of(data)[: -len(resize.raw)] + field(resize.number, resize.content + mode)
    with pytest.raises(ModelError, match=r"`scores_0` has the (mode|samplingMethod) 9, which the"):
        pipeline.process_bytes(with_network(field(1, layer)), "model", pipeline.Request(assume=ASK))


VERSIONS = {
    "none": (b"", 0, field(1, b"\x03", wire_type=0)),
    "twice": (field(1, b"\x01", 0) + field(1, b"\x02", 0), 2, b"\x08\x01\x08\x03"),
    "longer than needed": (b"\x08\x81\x80\x00", 1, b"\x08\x03"),
    "not a number, so unknown": (
        field(1, b"\x07\0\0\0", 5),
        0,
        field(1, b"\x03", 0) + field(1, b"\x07\0\0\0", 5),
    ),
}


@pytest.mark.parametrize("name", sorted(VERSIONS))
def test_a_version_is_replaced_where_it_stands(name):
    old, version, new = VERSIONS[name]
    model = small()
    model.ClearField("specificationVersion")
    rest = model.SerializeToString()
    assert edits.parse(old + rest).specificationVersion == version
    report, result = pipeline.process_bytes(old + rest, "model", pipeline.Request(assume=ASK))
    assert report.spec_after == edits.parse(result).specificationVersion == 3
    assert result.startswith(new + rest[:20])
