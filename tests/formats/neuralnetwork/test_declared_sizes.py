"""Sizes that a model declares: those that a repaired layer makes wrong follow it, others stay."""

import pytest
from google.protobuf import text_format

from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.support import build, edits, wirediff
from tests.support.build import DOUBLE, EXACT, NEAREST, RANK5, RELU, TRUNCATED
from tests.support.fixing import ASK, OUTPUT, RESIZE, STRICT, array, fixed


def image(height, width):
    return "imageType {{ height: {} width: {} colorSpace: GRAYSCALE }}".format(height, width)


def described(model, text):
    """The same model with another declaration of its output."""
    copy = schema.model_class()()
    copy.CopyFrom(model)
    copy.description.output[0].type.Clear()
    text_format.Merge(text, copy.description.output[0].type)
    return copy


CASES = {
    "array of 3": (RANK5, (2, 6, 8), array(2, 6, 8), array(2, 9, 12)),
    "array of 5": (RANK5, (2, 6, 8), array(1, 1, 2, 6, 8), array(1, 1, 2, 9, 12)),
    "exact array of 4": (EXACT, (1, 2, 6, 8), array(1, 2, 6, 8), array(1, 2, 9, 12)),
    "exact array of 3": (EXACT, (2, 6, 8), array(2, 6, 8), array(2, 9, 12)),
    "wrong in another way": (EXACT, (1, 2, 6, 8), array(1, 2, 12, 16), array(1, 2, 9, 12)),
    "image": (RANK5, (1, 6, 8), image(6, 8), image(9, 12)),
    "image of an exact network": (EXACT, (1, 1, 6, 8), image(6, 8), image(9, 12)),
    "one side": (RANK5, (2, 6, 8), array(2, 9, 8), array(2, 9, 12)),
}


@pytest.mark.parametrize("layers", [[TRUNCATED], [TRUNCATED, RELU, RELU]], ids=["last", "first"])
@pytest.mark.parametrize("name", sorted(CASES))
def test_an_output_that_was_declared_from_the_truncated_size(name, layers):
    mapping, shape, before, after = CASES[name]
    model = build.network(shape, layers, version=3, mapping=mapping, output=before)
    expected = edits.apply(described(model, after), {"layers[0]": STRICT})
    fixed(model, [OUTPUT, RESIZE], expected)


@pytest.mark.parametrize(
    ("mapping", "shape", "output"),
    [
        (RANK5, (2, 6, 8), array(2, 9, 12)),
        (EXACT, (1, 2, 6, 8), array(1, 2, 9, 12)),
        (RANK5, (2, 6, 8), array()),
        (RANK5, (1, 6, 8), image(9, 12)),
        # Neither fits the blob, so nothing says what is meant.
        (EXACT, (2, 6, 8), array(8)),
        (RANK5, (2, 6, 8), "dictionaryType { stringKeyType { } }"),
    ],
)
def test_an_output_that_is_right_or_declares_no_size_stays(mapping, shape, output):
    model = build.network(shape, [TRUNCATED, RELU], version=3, mapping=mapping, output=output)
    fixed(model, [RESIZE], edits.apply(described(model, output), {"layers[0]": STRICT}))


def test_a_fix_that_keeps_the_size_leaves_a_wrong_declaration_alone():
    # Nobody asked for it: the layer made 12×16 before, and does so after.
    model = build.network([2, 6, 8], [DOUBLE], version=3, output=array(2, 7, 7))
    expected = edits.apply(described(model, array(2, 7, 7)), {"layers[0]": edits.strict(12, 16)})
    fixed(model, [RESIZE], expected, Intent(align_corners=True, size=(12, 16)))


def test_an_output_that_the_repaired_layer_does_not_reach_stays():
    model = build.network([2, 6, 8], [RELU, TRUNCATED], version=3, output=array(2, 6, 8))
    other = model.description.output.add(name="b1")
    text_format.Merge(array(2, 6, 8), other.type)
    expected = edits.apply(described(model, array(2, 9, 12)), {"layers[1]": STRICT})
    fixed(model, [OUTPUT, ((500, 0), (1, 1), (210, 0))], expected)


def test_text_and_unknown_fields_of_a_description_survive():
    model = build.network([2, 6, 8], [TRUNCATED], version=3, output=array(2, 6, 8))
    output = model.description.output[0]
    output.shortDescription = "MultiArray of shape (2, 6, 8)"
    unknown = wirediff.field(77, b"of a later version")
    output.ParseFromString(output.SerializeToString() + unknown)
    _, result = pipeline.process_bytes(
        model.SerializeToString(), "model", pipeline.Request(assume=ASK)
    )
    description = next(p for p in wirediff.pieces(result) if p.number == 2)
    declared = next(p for p in wirediff.pieces(description.content) if p.number == 10)
    assert unknown in declared.content
    found = edits.parse(result).description.output[0]
    assert list(found.type.multiArrayType.shape) == [2, 9, 12]
    assert found.shortDescription == "MultiArray of shape (2, 6, 8)"


def tensor(layer, side, *dims):
    getattr(layer, side).add(rank=len(dims), dimValue=dims)


def with_tensors(middle):
    """RELU, resize, RELU with the sizes of their blobs written down."""
    model = build.network([1, 2, 6, 8], [RELU, TRUNCATED, RELU], version=4, mapping=EXACT)
    sizes = [(6, 8), (6, 8), middle, middle]
    for layer, before, after in zip(model.neuralNetwork.layers, sizes, sizes[1:]):
        tensor(layer, "inputTensor", 1, 2, *before)
        tensor(layer, "outputTensor", 1, 2, *after)
    return model


def test_sizes_declared_by_layers_follow():
    expected = edits.apply(with_tensors((9, 12)), {"layers[1]": STRICT})
    resize, last = ((500, 0), (1, 1)), ((500, 0), (1, 2))
    allowed = [resize + ((5, 0),), resize + ((210, 0),), last + ((4, 0),), last + ((5, 0),)]
    fixed(with_tensors((6, 8)), allowed, expected)


def test_sizes_declared_by_layers_stay_where_they_are_right_or_not_given():
    model = with_tensors((9, 12))
    del model.neuralNetwork.layers[2].inputTensor[0].dimValue[:]
    # Wrong, but not by the resize: what the layer reads stays as it is.
    model.neuralNetwork.layers[1].inputTensor[0].dimValue[2] = 7
    data = model.SerializeToString()
    expected = edits.apply(edits.parse(data), {"layers[1]": STRICT})
    fixed(model, [((500, 0), (1, 1), (210, 0))], expected)


def backwards(data, *way):
    """A message with the fields of one of its messages in the opposite order."""
    number, occurrence = way[0]
    content = b""
    for piece in wirediff.pieces(data):
        if (piece.number, piece.occurrence) != (number, occurrence):
            content += piece.raw
        elif len(way) > 1:
            content += wirediff.field(number, backwards(piece.content, *way[1:]))
        else:
            inner = wirediff.pieces(piece.content)
            content += wirediff.field(number, b"".join(part.raw for part in reversed(inner)))
    return content


def test_what_is_right_keeps_the_order_of_its_fields():
    model = with_tensors((9, 12))
    text_format.Merge(array(1, 2, 9, 12), model.description.output[0].type)
    data = model.SerializeToString()
    odd = backwards(data, *OUTPUT)
    odd = backwards(odd, (500, 0), (1, 1), (5, 0))
    assert len(odd) == len(data)
    assert odd != data
    assert edits.parse(odd) == edits.parse(data)
    _, result = pipeline.process_bytes(odd, "model", pipeline.Request(assume=ASK))
    allowed = [((500, 0), (1, 1), (210, 0))]
    found = wirediff.changes(odd, result, wirediff.opened(allowed))
    assert [change.path for change in found] == allowed


def test_a_wrong_factor_of_a_nearest_layer_is_repaired_as_a_factor():
    model = build.network([2, 6, 8], [NEAREST, RELU], version=1, output=array(2, 12, 16))
    expected = described(model, array(2, 18, 32))
    del expected.neuralNetwork.layers[0].upsample.scalingFactor[:]
    expected.neuralNetwork.layers[0].upsample.scalingFactor.extend([3, 4])
    # Still specification version 1: no layer of a later one is needed.
    fixed(model, [OUTPUT, RESIZE], expected, Intent(mode="nearest", size=(18, 32)))
