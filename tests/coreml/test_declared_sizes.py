"""Sizes that a model declares: those that a repaired layer makes wrong follow it, others stay."""

import pytest
from google.protobuf import text_format

from coreml_resize_fix import api
from coreml_resize_fix.coreml import schema
from coreml_resize_fix.intents.model import Intent
from tests.support import build, edits, wirediff
from tests.support.build import DOUBLE, EXACT, NEAREST, RANK5, RELU, TRUNCATED

ASK = Intent(align_corners=True, size=(9, 12))  # a factor of 1.5 that was truncated to 1
STRICT = edits.strict(9, 12)
OUTPUT = (2, 0), (10, 0)
RESIZE = (500, 0), (1, 0), (210, 0)


def array(*shape):
    return "multiArrayType { dataType: FLOAT32 " + " ".join(map("shape: {}".format, shape)) + " }"


def image(height, width):
    return "imageType {{ height: {} width: {} colorSpace: GRAYSCALE }}".format(height, width)


def fixed(model, allowed, expected, ask=ASK):
    """Fix a model and compare: only these fields may change, and only to what is expected."""
    data = model.SerializeToString()
    report, result = api.process_bytes(data, "model", api.Request(assume=ask))
    assert report.exit_code == 0
    found = wirediff.changes(data, result, wirediff.opened(allowed))
    assert sorted(change.path for change in found) == sorted(allowed)
    assert edits.parse(result) == expected
    again, unchanged = api.process_bytes(result, "model", api.Request(assume=ask))
    assert (again.exit_code, unchanged) == (0, result)


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
    _, result = api.process_bytes(model.SerializeToString(), "model", api.Request(assume=ASK))
    description = next(p for p in wirediff.pieces(result) if p.number == 2)
    declared = next(p for p in wirediff.pieces(description.content) if p.number == 10)
    assert unknown in declared.content
    found = edits.parse(result).description.output[0]
    assert list(found.type.multiArrayType.shape) == [2, 9, 12]
    assert found.shortDescription == "MultiArray of shape (2, 6, 8)"


def pipeline_of(depth, output, kind):
    """RELU, then a truncated resize, inside `depth` pipelines that declare its output too."""
    first = build.network([2, 6, 8], [RELU], names=("image", "maps"))
    model = build.network([2, 6, 8], [TRUNCATED], output=output, names=("maps", "scores"))
    for level in range(depth):
        models = [first, model] if level == 0 else [model]
        model = build.pipeline(models, kind=kind if level == depth - 1 else "pipeline")
    return model


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [("pipeline", (202,)), ("pipelineClassifier", (200, 1)), ("pipelineRegressor", (201, 1))],
)
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("size", [(9, 12), (135, 160)])
def test_every_pipeline_around_declares_the_new_size_and_version(size, depth, kind, numbers):
    model = pipeline_of(depth, array(2, 6, 8), kind)
    expected = pipeline_of(depth, array(2, *size), kind)
    address = "pipeline[0]/" * (depth - 1) + "pipeline[1]/layers[0]"
    edits.apply(expected, {address: edits.strict(*size)})
    place = edits.locate(edits.parse(model.SerializeToString()), address)
    assert place.model_paths[1][:-1] == tuple((number, 0) for number in numbers)
    allowed = edits.changed_fields(edits.parse(model.SerializeToString()), [address])
    allowed += [path + OUTPUT for path in place.model_paths]
    assert len(allowed) == 1 + 2 * (depth + 1)
    fixed(model, allowed, expected, Intent(align_corners=True, size=size))


def test_a_size_that_stays_inside_a_pipeline_moves_no_output_of_the_whole():
    """The first model's output is mended; the second one was declared from the true size."""

    def model(output):
        first = build.network([2, 6, 8], [TRUNCATED], 3, output=output, names=("image", "maps"))
        second = build.network([2, 9, 12], [RELU], 3, output=array(2, 9, 12), names=("maps", "out"))
        return build.pipeline([first, second], version=3)

    expected = edits.apply(model(array(2, 9, 12)), {"pipeline[0]/layers[0]": STRICT})
    inside = (202, 0), (1, 0)
    fixed(model(array(2, 6, 8)), [inside + OUTPUT, inside + RESIZE], expected)


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
    data = model.SerializeToString()
    expected = edits.apply(edits.parse(data), {"layers[1]": STRICT})
    fixed(model, [((500, 0), (1, 1), (210, 0))], expected)


def test_a_wrong_factor_of_a_nearest_layer_is_repaired_as_a_factor():
    model = build.network([2, 6, 8], [NEAREST, RELU], version=1, output=array(2, 12, 16))
    expected = described(model, array(2, 18, 32))
    del expected.neuralNetwork.layers[0].upsample.scalingFactor[:]
    expected.neuralNetwork.layers[0].upsample.scalingFactor.extend([3, 4])
    # Still specification version 1: no layer of a later one is needed.
    fixed(model, [OUTPUT, RESIZE], expected, Intent(mode="nearest", size=(18, 32)))
