"""Models that were converted for iOS 14 can be brought down to what their layers really need."""

import pytest

from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.formats.neuralnetwork import layers, required_version
from coreml_resize_fix.formats.neuralnetwork.parameters import ResizeBilinear
from coreml_resize_fix.formats.protobuf import schema, skeleton
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.formats.spec_versions import parse_target
from coreml_resize_fix.run import pipeline
from tests.support import build
from tests.support.cases import Case

pytestmark = pytest.mark.skipif(
    not schema.knows_ios14(),
    reason="coremltools 3 cannot read models for iOS 14: pip install 'coremltools>=4'",
)


def read(path):
    model = schema.model_class()()
    with open(path, "rb") as file:
        model.ParseFromString(file.read())
    return model


@pytest.mark.parametrize("name", ["ct9_nn_unetmod_acT", "ct61_nn_psp_acT", "ct41_frac_acT"])
def test_align_corners_comes_down_to_ios_13(name, tmp_path):
    case, output = Case("corpus", name), str(tmp_path / "out.mlmodel")
    request = pipeline.Request(manifest=case.intents(), target=parse_target("iOS13"), output=output)
    report = pipeline.process(case.path, request)
    assert report.exit_code == 0
    assert (report.spec_before, report.spec_after) == (5, 4)
    assert {finding.verdict for finding in report.findings} == {"fixed"}
    assert {finding.codes for finding in report.findings} == {("RSZ106",)}
    assert all(isinstance(finding.after, ResizeBilinear) for finding in report.findings)
    model = read(output)
    assert model.specificationVersion == 4
    targets = [
        list(layer.resizeBilinear.targetSize)
        for layer in model.neuralNetwork.layers
        if layer.WhichOneof("layer") == "resizeBilinear"
    ]
    assert targets == [call["output_hw"] for call in case.calls]
    again = pipeline.process(output, pipeline.Request(manifest=case.intents(), target=4))
    assert (again.exit_code, again.output) == (0, None)


def test_what_else_needs_ios_13_is_named():
    case = Case("corpus", "ct9_nn_unetmod_acT")
    with pytest.raises(UsageError, match="needs iOS 13 for its `arrayInputShapeMapping`"):
        pipeline.process(case.path, pipeline.Request(manifest=case.intents(), target=3))


def test_no_model_is_brought_below_ios_12():
    case = Case("corpus", "ct9_nn_unetmod_acT")
    with pytest.raises(UsageError, match="no model is brought below iOS 12"):
        pipeline.process(case.path, pipeline.Request(manifest=case.intents(), target=1))


def test_half_pixel_needs_several_layers_below_ios_14(tmp_path):
    case, output = Case("made", "ct9_bilinear"), str(tmp_path / "out.mlmodel")
    request = {"manifest": case.intents(), "target": 4, "output": output}
    report = pipeline.process(case.path, pipeline.Request(**request))
    verdicts = [(finding.verdict, finding.needs) for finding in report.findings]
    assert verdicts == [("fixable", ()), ("needs-option", ("--decompose",))]
    report = pipeline.process(case.path, pipeline.Request(decompose=True, **request))
    assert (report.exit_code, report.spec_after) == (0, 4)


def test_a_model_that_keeps_a_newer_layer_keeps_its_version(tmp_path):
    case, output = Case("made", "ct9_bilinear"), str(tmp_path / "out.mlmodel")
    request = pipeline.Request(manifest=case.intents(), target=4, partial=True, output=output)
    report = pipeline.process(case.path, request)
    assert report.exit_code == 1
    assert read(output).specificationVersion == 5


def test_without_a_target_nothing_comes_down():
    case = Case("corpus", "ct9_nn_unetmod_acT")
    report = pipeline.process(case.path, pipeline.Request(manifest=case.intents()))
    assert (report.exit_code, report.output, report.spec_after) == (0, None, 5)


def test_a_model_that_needs_less_than_it_says_comes_down_alone(tmp_path):
    """A version 5 without any layer of iOS 14: only the number changes."""
    case = Case("corpus", "blog_chain_TT")
    model = read(case.path)
    model.specificationVersion = 5
    path, output = str(tmp_path / "m.mlmodel"), str(tmp_path / "out.mlmodel")
    with open(path, "wb") as file:
        file.write(model.SerializeToString())
    report = pipeline.process(
        path, pipeline.Request(manifest=case.intents(), target=3, output=output)
    )
    assert (report.exit_code, report.spec_after) == (0, 3)


def with_layer(text, inputs=1, feature=None):
    """A layer before a resize that a lower version can do, too."""
    model = build.network((1, 3, 8, 8), [], version=7, mapping=build.EXACT)
    if feature is not None:
        feature(model.description.input[0].type)
    first = ("first", ["image"] * inputs, "x", text)
    up = build.DOUBLE.replace("BILINEAR", "BILINEAR linearUpsampleMode: ALIGN_CORNERS_TRUE")
    build.named(model.neuralNetwork, [first, ("up", ["x"], "scores", up)])
    return model.SerializeToString()


def default_value(kind):
    kind.multiArrayType.floatDefaultValue = 1.5


def gray(kind):
    kind.imageType.colorSpace = 40
    kind.imageType.width = kind.imageType.height = 8


SLICE = "beginIds: 0 endIds: 1 strides: 1 squeezeMasks: {}"
# Source: each field's comment in Apple's Model.proto and NeuralNetwork.proto.
LATER = {
    "nothing else": (4, build.RELU),
    "a pixel shuffle": (5, "reorganizeData { mode: PIXEL_SHUFFLE blockSize: 1 }"),
    "space to depth": (4, "reorganizeData { mode: SPACE_TO_DEPTH blockSize: 1 }"),
    "interleaved": (5, "concatND { axis: -3 interleave: true }"),
    "not interleaved": (4, "concatND { axis: -3 }"),
    "dynamic quantization": (5, "innerProduct { int8DynamicQuantize: true }"),
    "the same of a product": (5, "batchedMatmul { int8DynamicQuantize: true }"),
    "a squeezed slice": (5, "sliceStatic { " + SLICE.format("true") + " }"),
    "a slice": (4, "sliceStatic { " + SLICE.format("false") + " }"),
    "a slice of seven inputs": (5, "sliceDynamic { }", 7),
    "a default value": (5, build.RELU, 1, default_value),
    "a float16 image": (7, build.RELU, 1, gray),
}


@pytest.mark.parametrize("name", sorted(LATER))
def test_nothing_is_brought_below_what_it_needs(name):
    version, *layer = LATER[name]
    models = layers.models(skeleton.read(Source(with_layer(*layer))))
    found = [need.spec_version for model in models for need in required_version.needs(model)]
    assert max(found) == version


def test_weights_that_are_computed_need_ios_13():
    model = build.network((3, 8, 8), [], version=5)
    build.named(model.neuralNetwork, [("conv", ["image", "image"], "scores", "convolution { }")])
    (found,) = layers.models(skeleton.read(Source(model.SerializeToString())))
    assert [need.spec_version for need in required_version.needs(found)] == [4]
