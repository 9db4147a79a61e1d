"""Models with flexible inputs: nothing may freeze them."""

import re

import pytest

from coreml_resize_fix.formats.neuralnetwork.parameters import ResizeBilinear, Upsample
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.support.cases import Case

FLEXIBLE = [
    "legacy_flexible_image",
    "legacy_flexible_image_listed",
    "legacy_flexible_array",
    "legacy_flexible_ndarray",
]


def model(path, fill, exact=False, version=3, most=64):
    """One resize layer behind an input of 1 to `most` pixels each way."""
    proto = schema.model_class()()
    proto.specificationVersion = version
    feature = proto.description.input.add()
    feature.name = "image"
    array = feature.type.multiArrayType
    array.shape.extend((1, 3, 8, 8) if exact else (3, 8, 8))
    for low, high in ([(1, 1)] if exact else []) + [(3, 3), (1, most), (1, most)]:
        size = array.shapeRange.sizeRanges.add()
        size.lowerBound, size.upperBound = low, high
    proto.description.output.add().name = "result"
    proto.neuralNetwork.arrayInputShapeMapping = int(exact)
    layer = proto.neuralNetwork.layers.add()
    layer.name = "up"
    layer.input.append("image")
    layer.output.append("result")
    fill(layer)
    with open(path, "wb") as file:
        file.write(proto.SerializeToString())
    return path


def upsample(*factor, **values):
    def fill(layer):
        layer.upsample.scalingFactor.extend(factor)
        for name, value in values.items():
            setattr(layer.upsample, name, value)

    return fill


def resize_bilinear(*size):
    def fill(layer):
        layer.resizeBilinear.targetSize.extend(size)

    return fill


WIDE = (65, 1024, 1025, 10**4, 10**6, 2**40, -1)


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("most", WIDE)
def test_a_range_that_nobody_means_is_compared_where_images_are(most, tmp_path):
    """A layer that reads one pixel matches any intent: not at that size alone."""
    path = model(str(tmp_path / "m.mlmodel"), upsample(2, 2, mode=1), most=most)
    verdicts = {}
    for name, intent in {
        "corners": Intent(align_corners=True, scale_factor=(2.0, 2.0)),
        "tensorflow": Intent(framework="tensorflow1", scale_factor=(2.0, 2.0)),
    }.items():
        report = pipeline.process(
            path, pipeline.Request(manifest=[intent], dry_run=True, verify=True)
        )
        (finding,) = report.findings
        verdicts[name] = finding.verdict
        assert (finding.max_shift_px > 0.2) == (name == "corners")
    assert verdicts == {"corners": "unmatchable", "tensorflow": "match"}


def test_a_factor_too_large_for_its_range_is_not_judged_by_one_pixel(tmp_path):
    path = model(str(tmp_path / "m.mlmodel"), upsample(1000, 1000, mode=1), most=1024)
    intent = Intent(align_corners=True, scale_factor=(1000.0, 1000.0))
    report = pipeline.process(path, pipeline.Request(manifest=[intent], dry_run=True))
    assert [finding.codes for finding in report.findings] == [("RSZ307",)]


def thirds(layer):
    """What a converter writes for 3 → 7: a factor of 7/3 and a ten-thousandth of a pixel."""
    layer.upsample.fractionalScalingFactor.extend([2.3333666] * 2)
    layer.upsample.mode = layer.upsample.linearUpsampleMode = 1


# With 68, grids are compared at 1, 2, 35 and 68 pixels, where both factors give the same.
@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("most", [64, 68, 10**6])
def test_a_factor_that_is_off_at_some_sizes_of_the_range(most, tmp_path):
    """2.3333333 · 3 is below 7, so PyTorch makes 6 pixels of 3."""
    if not schema.knows_ios14():
        pytest.skip("coremltools 3 cannot write layers of iOS 14: pip install 'coremltools>=4'")
    path = model(str(tmp_path / "m.mlmodel"), thirds, exact=True, version=5, most=most)
    found = {}
    for factor in (7 / 3, 2.3333333):
        intent = Intent(align_corners=True, scale_factor=(factor, factor))
        report = pipeline.process(path, pipeline.Request(manifest=[intent], dry_run=True))
        found[factor] = report.findings[0]
    assert found[7 / 3].verdict == "match"
    assert found[2.3333333].codes[0] == "RSZ102"
    wrong = re.search(r"(\d+)×\1 becomes (\d+)×\2 instead of (\d+)×\3", found[2.3333333].message)
    before, made, asked = map(int, wrong.groups())
    assert (before % 3, made, asked) == (0, before // 3 * 7, before // 3 * 7 - 1)


@pytest.mark.slow
def test_values_are_compared_at_the_sizes_that_fit_into_memory(tmp_path):
    """Thirty-two times 256 pixels square would be twice what is compared."""
    path = model(str(tmp_path / "m.mlmodel"), upsample(32, 32), most=1024)
    report = pipeline.process(path, pipeline.Request(assume=Intent(mode="nearest"), verify=True))
    (finding,) = report.findings
    assert (finding.verdict, finding.max_abs_error_before) == ("match", 0)


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("name", FLEXIBLE)
def test_a_fixed_size_is_refused_on_real_models(name, tmp_path):
    case = Case("made", name)
    output = tmp_path / "out.mlmodel"
    report = pipeline.process(
        case.path, pipeline.Request(manifest=case.intents(), output=str(output))
    )
    assert report.exit_code == 1
    assert not output.exists()
    for finding in report.findings:
        assert finding.verdict in ("unmatchable", "needs-option")
    frozen = [finding for finding in report.findings if "RSZ305" in finding.codes]
    if not report.findings[0].layer.modern:
        assert frozen == list(report.findings)
        assert "freeze a flexible model" in frozen[0].message


def test_a_resize_bilinear_in_a_flexible_model_is_reported(tmp_path):
    path = model(str(tmp_path / "m.mlmodel"), resize_bilinear(16, 16))
    report = pipeline.process(path, pipeline.Request(dry_run=True))
    (notice,) = [note for note in report.notices if "flexible model" in note]
    assert "`up` makes one size, ResizeBilinear 16×16" in notice


def test_a_resize_bilinear_does_not_match_a_factor(tmp_path):
    path = model(str(tmp_path / "m.mlmodel"), resize_bilinear(16, 16))
    intent = Intent(align_corners=True, scale_factor=(2.0, 2.0), input_size=(8, 8))
    report = pipeline.process(path, pipeline.Request(manifest=[intent], dry_run=True))
    assert [finding.verdict for finding in report.findings] == ["unmatchable"]


def test_a_resize_bilinear_matches_a_size_that_is_fixed(tmp_path):
    """A call with a plain size makes it of every input, as the layer does."""
    path = model(str(tmp_path / "m.mlmodel"), resize_bilinear(17, 17))
    intent = Intent(align_corners=True, size=(17, 17), input_size=(8, 8))
    report = pipeline.process(path, pipeline.Request(manifest=[intent], dry_run=True))
    assert [finding.verdict for finding in report.findings] == ["match"]


def test_nearest_is_repaired_by_a_factor_and_stays_flexible(tmp_path):
    path = model(str(tmp_path / "m.mlmodel"), upsample(1, 1))
    intent = Intent(mode="nearest", scale_factor=(2.0, 2.0))
    report = pipeline.process(path, pipeline.Request(manifest=[intent]))
    assert report.exit_code == 0
    assert report.findings[0].after == Upsample("NN", scaling_factor=(2, 2))


def test_a_size_recorded_on_a_flexible_model_is_read_as_its_factor(tmp_path):
    path = model(str(tmp_path / "m.mlmodel"), upsample(2, 2))
    intent = Intent(mode="nearest", size=(16, 16), input_size=(8, 8))
    report = pipeline.process(path, pipeline.Request(manifest=[intent], dry_run=True))
    assert [finding.verdict for finding in report.findings] == ["match"]
    said = "`up` was recorded with the size 16×16, here read as 2 times its input"
    assert report.notices[0] == said


def test_several_layers_follow_the_size_or_are_not_used(tmp_path):
    """Half-pixel doubling of any input, but no fixed size, which would freeze the model."""
    path, output = model(str(tmp_path / "m.mlmodel"), upsample(2, 2, mode=1)), tmp_path / "out"
    doubled = Intent(scale_factor=(2.0, 2.0), input_size=(8, 8))
    report = pipeline.process(
        path, pipeline.Request(manifest=[doubled], decompose=True, output=str(output))
    )
    assert (report.exit_code, report.findings[0].after.factor) == (0, (2.0, 2.0))
    again = pipeline.process(str(output), pipeline.Request(manifest=[doubled]))
    assert (again.exit_code, again.output) == (0, None)

    fixed = Intent(size=(17, 17), input_size=(8, 8))
    report = pipeline.process(path, pipeline.Request(manifest=[fixed], decompose=True))
    assert [finding.verdict for finding in report.findings] == ["unmatchable"]


def test_ios_14_follows_the_size_where_the_mapping_is_exact(tmp_path):
    if not schema.knows_ios14():
        pytest.skip("coremltools 3 cannot write layers of iOS 14: pip install 'coremltools>=4'")
    intent = Intent(align_corners=True, scale_factor=(2.0, 2.0))
    expected = {True: "needs-option", False: "unmatchable"}
    for exact, verdict in expected.items():
        path = model(str(tmp_path / "m.mlmodel"), upsample(2, 2, mode=1), exact)
        report = pipeline.process(path, pipeline.Request(manifest=[intent], dry_run=True))
        assert [finding.verdict for finding in report.findings] == [verdict]
    path = model(str(tmp_path / "exact.mlmodel"), upsample(2, 2, mode=1), True)
    report = pipeline.process(path, pipeline.Request(manifest=[intent], target=5))
    assert (report.exit_code, report.spec_after) == (0, 5)
    assert report.findings[0].after == Upsample(
        "BILINEAR", "ALIGN_CORNERS_TRUE", scaling_factor=(2, 2)
    )


def test_a_static_layer_of_a_flexible_model_is_fixed_as_usual(tmp_path):
    """Behind a global pool the size does not depend on the input any more."""

    def fill(layer):
        layer.pooling.type = 1
        layer.pooling.globalPooling = True
        layer.pooling.valid.SetInParent()

    path = model(str(tmp_path / "m.mlmodel"), fill)
    proto = schema.model_class()()
    with open(path, "rb") as file:
        proto.ParseFromString(file.read())
    proto.neuralNetwork.layers[0].output[:] = ["pooled"]
    layer = proto.neuralNetwork.layers.add(name="up", input=["pooled"], output=["result"])
    upsample(2, 2, mode=1)(layer)
    with open(path, "wb") as file:
        file.write(proto.SerializeToString())
    intent = Intent(align_corners=True, size=(4, 6))
    report = pipeline.process(path, pipeline.Request(manifest=[intent], dry_run=True))
    assert report.findings[0].after == ResizeBilinear((4, 6))
