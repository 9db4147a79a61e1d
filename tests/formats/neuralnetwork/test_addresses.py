"""The address of each layer: pipelines, branch and loop bodies, every kind of network."""

import pytest

from coreml_resize_fix.formats.neuralnetwork import layers
from coreml_resize_fix.formats.protobuf import schema, skeleton
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.support import build, cases, edits, wirediff

RESIZES = {
    "legacy_classifier": ["layers[2]"],
    "legacy_regressor": ["layers[2]"],
    "legacy_pipeline": ["pipeline[0]/layers[2]", "pipeline[1]/layers[2]"],
    "legacy_pipeline_classifier": ["pipeline[0]/layers[2]", "pipeline[1]/layers[2]"],
    "legacy_pipeline_regressor": ["pipeline[0]/layers[2]", "pipeline[1]/layers[2]"],
    "legacy_pipeline_nested": [
        "pipeline[0]/layers[2]",
        "pipeline[1]/pipeline[0]/layers[2]",
        "pipeline[1]/pipeline[1]/layers[2]",
    ],
    "branch_loop": [
        "layers[0]/ifBranch/layers[0]",
        "layers[0]/elseBranch/layers[0]",
        "layers[1]/bodyNetwork/layers[0]",
    ],
    "updatable": ["layers[2]"],
    "blog_custom": [],
}


def every_layer(data):
    models = layers.models(skeleton.read(Source(data)))
    return [
        (layer.address, layer.message.WhichOneof("layer"))
        for model in models
        for layer in model.layers
    ]


@pytest.mark.parametrize("name", sorted(RESIZES))
def test_resize_layers_of_a_fixture(name):
    report = pipeline.process(cases.named(name).path, pipeline.Request())
    assert [finding.layer.address for finding in report.findings] == RESIZES[name]


def test_resize_layers_of_a_package(tmp_path):
    inside = cases.read_bytes(cases.named("legacy_pipeline_nested").path)
    report = pipeline.process(build.write_package(tmp_path, inside), pipeline.Request())
    found = [finding.layer.address for finding in report.findings]
    assert found == RESIZES["legacy_pipeline_nested"]


def test_layers_of_bodies_follow_their_layer():
    assert every_layer(cases.read_bytes(cases.named("branch_loop").path)) == [
        ("layers[0]", "branch"),
        ("layers[0]/ifBranch/layers[0]", "upsample"),
        ("layers[0]/elseBranch/layers[0]", "upsample"),
        ("layers[1]", "loop"),
        ("layers[1]/bodyNetwork/layers[0]", "upsample"),
        ("layers[1]/bodyNetwork/layers[1]", "pooling"),
        ("layers[1]/bodyNetwork/layers[2]", "copy"),
        ("layers[2]", "activation"),
    ]


def test_a_condition_network_comes_before_its_body():
    model = build.network([2, 6, 8], [build.RELU], version=4)
    loop = model.neuralNetwork.layers.add(name="loop").loop
    build.chain(loop.conditionNetwork, [build.RELU], ("scores", "go"))
    build.chain(loop.bodyNetwork, [build.NEAREST, build.RELU], ("scores", "next"))
    assert every_layer(model.SerializeToString()) == [
        ("layers[0]", "activation"),
        ("layers[1]", "loop"),
        ("layers[1]/conditionNetwork/layers[0]", "activation"),
        ("layers[1]/bodyNetwork/layers[0]", "upsample"),
        ("layers[1]/bodyNetwork/layers[1]", "activation"),
    ]


def deep_model():
    """A branch inside a loop, in the second network of a pipeline inside a pipeline."""
    inner = build.network([2, 6, 8], [build.RELU], version=4, mapping=build.EXACT)
    del inner.neuralNetwork.layers[:]
    loop = inner.neuralNetwork.layers.add(name="loop", input=["image"]).loop
    loop.maxLoopIterations = 1
    build.chain(loop.bodyNetwork, [build.RELU], ("image", "some"))
    branch = loop.bodyNetwork.layers.add(name="branch", input=["flag"]).branch
    build.chain(branch.ifBranch, [build.RELU], ("some", "scores"))
    build.chain(branch.elseBranch, [build.RELU, build.DOUBLE], ("some", "scores"))
    first = build.network([2, 6, 8], [build.RELU], names=("image", "image"))
    return build.pipeline([first, build.pipeline([first, inner])])


DEEP = "pipeline[1]/pipeline[1]/layers[0]/bodyNetwork/layers[1]/elseBranch/layers[1]"


# The first size leaves all lengths as they are, the second one makes every message longer.
@pytest.mark.parametrize("size", [(12, 16), (150, 160)])
def test_a_layer_is_fixed_however_deep_it_lies(size, tmp_path):
    model = deep_model()
    path = build.write(tmp_path, model)
    ask = Intent(layer=DEEP, align_corners=True, size=size, input_size=(6, 8))
    report = pipeline.process(path, pipeline.Request(manifest=[ask]))
    assert [(finding.layer.address, finding.verdict) for finding in report.findings] == [
        (DEEP, "fixed")
    ]
    data = model.SerializeToString()
    allowed = edits.changed_fields(edits.parse(data), [DEEP])
    assert allowed == [
        ((1, 0),),
        ((202, 0), (1, 1), (1, 0)),
        ((202, 0), (1, 1), (202, 0), (1, 1), (500, 0), (1, 0))
        + ((615, 0), (4, 0), (1, 1), (605, 0), (2, 0), (1, 1), (210, 0)),
    ]
    written = cases.read_bytes(report.output)
    found = wirediff.changes(data, written, wirediff.opened(allowed))
    assert [change.path for change in found] == sorted(allowed)
    assert edits.parse(written) == edits.apply(edits.parse(data), {DEEP: edits.strict(*size)})
    versions = [
        m.message.specificationVersion for m in layers.models(skeleton.read(Source(written)))
    ]
    assert versions == [3, 1, 3, 1, 4]


@pytest.mark.parametrize("kind", ["pipelineClassifier", "pipelineRegressor"])
def test_an_owner_without_a_pipeline_has_no_layers(kind):
    model = schema.model_class()(specificationVersion=1)
    getattr(model, kind).SetInParent()
    assert every_layer(model.SerializeToString()) == []
