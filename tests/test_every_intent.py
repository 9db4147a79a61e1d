"""With `--decompose`, every static intent ends up exact on every iOS, and stays so."""

import os

import pytest

from coreml_resize_fix.conventions import tensorflow
from coreml_resize_fix.formats.neuralnetwork.parameters import LayerChain
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.support.cases import Case

SIZES = [
    ((5, 6), (10, 18)),
    ((7, 4), (10, 9)),
    ((8, 9), (4, 3)),
    ((1, 6), (5, 6)),
    ((6, 5), (1, 1)),
]

INTENTS = {
    "align_corners": {"align_corners": True},
    "half_pixel": {},
    "nearest": {"mode": "nearest"},
    "nearest-exact": {"mode": "nearest-exact"},
    "bicubic": {"mode": "bicubic"},
    "bicubic align_corners": {"mode": "bicubic", "align_corners": True},
    "area": {"mode": "area"},
    "antialias": {"antialias": True},
    "bicubic antialias": {"mode": "bicubic", "antialias": True},
    "onnx symmetric": {
        "framework": "onnx",
        "coordinate_transformation_mode": "half_pixel_symmetric",
    },
}

INTENTS.update(
    (str(row), dict(zip(("framework", "mode", "align_corners", "antialias"), row)))
    for row in sorted(tensorflow.CONVENTIONS)
    if row[0] in ("tensorflow1", "tensorflow2")
)

# (specification version of the model, exact array mapping, deployment target as a version)
PLACES = [(1, False, 1), (1, False, None), (3, False, 3), (4, False, 4), (4, True, 4), (4, True, 5)]


def network(path, before, version, exact):
    """image → up (an Upsample that is wrong for nearly every intent) → relu → result."""
    model = schema.model_class()()
    model.specificationVersion = version
    feature = model.description.input.add()
    feature.name = "image"
    feature.type.multiArrayType.shape.extend(((1,) if exact else ()) + (3,) + before)
    model.description.output.add().name = "result"
    network = model.neuralNetwork
    network.arrayInputShapeMapping = int(exact)
    layer = network.layers.add(name="up", input=["image"], output=["big"])
    layer.upsample.scalingFactor.extend((4, 4))
    layer.upsample.mode = 1
    layer = network.layers.add(name="relu", input=["big"], output=["result"])
    layer.activation.ReLU.SetInParent()
    with open(path, "wb") as file:
        file.write(model.SerializeToString())
    return path


def read(path):
    model = schema.model_class()()
    with open(path, "rb") as file:
        model.ParseFromString(file.read())
    return model


@pytest.mark.mostly_slow(quick=4)
@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("name", list(INTENTS))
def test_every_static_intent_is_matched(tmp_path, name, place):
    version, exact, target = place
    if target == 5 and not schema.knows_ios14():
        pytest.skip("coremltools 3 cannot write layers of iOS 14: pip install 'coremltools>=4'")
    for number, (before, after) in enumerate(SIZES):
        intent = Intent(size=after, **INTENTS[name])
        path = network(str(tmp_path / "{}.mlmodel".format(number)), before, version, exact)
        output = str(tmp_path / "{}-out.mlmodel".format(number))
        request = pipeline.Request(manifest=[intent], target=target, decompose=True, output=output)
        report = pipeline.process(path, request)
        assert [f.verdict for f in report.findings] == ["fixed"], report.findings[0].message
        assert report.findings[0].max_abs_error_after < 1e-6
        assert report.spec_after <= (target or 3)
        layers = read(output).neuralNetwork.layers
        assert (layers[-2].name, list(layers[-2].output)) == ("up", ["big"])
        again = pipeline.process(output, pipeline.Request(manifest=[intent]))
        assert [f.verdict for f in again.findings] == ["match"]
        assert again.output is None


def test_scale_factor_grids_too(tmp_path):
    """1/scale_factor where X × factor is not whole: no native layer of any iOS."""
    for number, (version, exact, target) in enumerate(PLACES[1:5]):
        path = network(str(tmp_path / "{}.mlmodel".format(number)), (7, 9), version, exact)
        intent = Intent(scale_factor=(1.5, 1.3), framework_version="2.13.0")
        asked = pipeline.process(
            path, pipeline.Request(manifest=[intent], target=target, dry_run=True)
        )
        assert [(f.verdict, f.needs) for f in asked.findings] == [
            ("needs-option", ("--decompose",))
        ]
        report = pipeline.process(
            path, pipeline.Request(manifest=[intent], target=target, decompose=True)
        )
        assert report.exit_code == 0


def test_without_the_option_nothing_is_decomposed(tmp_path):
    path = network(str(tmp_path / "m.mlmodel"), (5, 6), 3, False)
    report = pipeline.process(path, pipeline.Request(manifest=[Intent(size=(10, 12))]))
    (finding,) = report.findings
    assert (finding.verdict, finding.needs) == ("needs-option", ("--decompose",))
    assert finding.codes == ("RSZ102", "RSZ309")
    assert isinstance(finding.after, LayerChain)
    assert os.listdir(str(tmp_path)) == ["m.mlmodel"]


def test_one_native_layer_goes_before_several(tmp_path):
    if not schema.knows_ios14():
        pytest.skip("coremltools 3 cannot write layers of iOS 14: pip install 'coremltools>=4'")
    path = network(str(tmp_path / "m.mlmodel"), (5, 6), 4, True)
    for target, kind in ((4, "composite"), (5, "upsample")):
        request = pipeline.Request(
            manifest=[Intent(size=(10, 12))], target=target, decompose=True, dry_run=True
        )
        assert pipeline.process(path, request).findings[0].after.kind == kind


def test_a_composite_of_another_intent_is_no_match(tmp_path):
    path = network(str(tmp_path / "m.mlmodel"), (5, 6), 3, False)
    made = str(tmp_path / "made.mlmodel")
    intent = Intent(size=(10, 12))
    pipeline.process(path, pipeline.Request(manifest=[intent], decompose=True, output=made))
    other = Intent(mode="bicubic", size=(10, 12))
    report = pipeline.process(
        made, pipeline.Request(manifest=[other], decompose=True, dry_run=True)
    )
    assert report.findings[0].verdict != "match"


def test_weights_are_stored_in_half_precision_where_the_network_does(tmp_path):
    found = {}
    for name in ("legacy_fp16", "legacy_image"):
        case, output = Case("made", name), str(tmp_path / (name + ".mlmodel"))
        request = pipeline.Request(manifest=case.intents(), decompose=True, output=output)
        assert pipeline.process(case.path, request).exit_code == 0
        (made,) = [
            layer
            for layer in read(output).neuralNetwork.layers
            if layer.convolution.isDeconvolution
        ]
        weights = made.convolution.weights
        found[name] = (len(weights.float16Value) > 0, len(weights.floatValue) > 0)
        assert pipeline.process(output, pipeline.Request(manifest=case.intents())).exit_code == 0
    assert found == {"legacy_fp16": (True, False), "legacy_image": (False, True)}
