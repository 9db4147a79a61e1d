"""Packages that converters wrote: what is told of them, and the fix where one operation does it."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

from coremltools.converters.mil import Builder as mb  # noqa: N813

from coreml_resize_fix import audit, fix
from coreml_resize_fix.errors import ModelError, UnmatchedError, UsageError
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.report.document import render
from coreml_resize_fix.run import pipeline
from coreml_resize_fix.run.results import Run
from tests.formats.mlprogram import build, calls, files
from tests.formats.mlprogram.editing import operations
from tests.formats.mlprogram.test_edits import as_coremltools_infers
from tests.formats.mlprogram.test_reader import main_block, parsed
from tests.report.json_v1 import check
from tests.support.folders import contents

GATHERS, MATRICES = "2 operations (gather → gather)", "2 operations (matmul → matmul)"

# What meta.json says of each: verdicts, codes, and the operation that is the same, if one is.
EXPECTED = {
    "ct52_ml15_nn_sf2p3": [("needs-option", {"RSZ105", "RSZ102", "RSZ108", "RSZ309"}, GATHERS)],
    "ct72_ml17_acT_sf0p7": [
        ("fixable", {"RSZ102", "RSZ108"}, "resize_bilinear 21×21 STRICT_ALIGN_CORNERS")
    ],
    "ct83_ex17_names": [("match", set(), None)] * 4,
    # One example fits 8 times its own input as well as twice the size of the model's.
    "ct9_ex17_range_other_bilF": [("unmatchable", {"RSZ102", "RSZ208"}, None)],
    "ct9_ml15_aa_half": [("needs-option", {"RSZ104", "RSZ309"}, MATRICES)],
    "ct9_ml17_acT_sf_rounds_up": [
        ("fixable", {"RSZ102", "RSZ108"}, "resize_bilinear 28×28 STRICT_ALIGN_CORNERS")
    ],
    "ct9_ml17_area_nondiv": [],
    "ct9_ml17_equal_calls": [("match", set(), None)] * 2,
    "ct9_ml17_nn_sf2p3": [("needs-option", {"RSZ105", "RSZ102", "RSZ108", "RSZ309"}, GATHERS)],
    "head_ml17_bicubic": [],
    "mil_ml16_half_pixel_false": [("fixable", {"RSZ101"}, "resize_bilinear 20×24 UNALIGN_CORNERS")],
    "mil_ml17_resize_nearest": [("needs-option", {"RSZ105", "RSZ309"}, GATHERS)],
}
FIXABLE = [name for name, told in EXPECTED.items() if [one[0] for one in told] == ["fixable"]]
DECOMPOSED = [
    name for name, told in EXPECTED.items() if [one[0] for one in told] == ["needs-option"]
]
ELSEWHERE = ["ct9_ml17_area_nondiv", "head_ml17_bicubic"]
RIGHT = ["ct83_ex17_names", "ct9_ml17_equal_calls", *ELSEWHERE]


def test_every_fixture_is_told_of():
    assert sorted(EXPECTED) == files.NAMES


@pytest.mark.parametrize("name", files.NAMES)
def test_verdicts(name):
    report = audit(str(files.package(name)), calls.intents(name))
    assert report.model_kind == "ml-program"
    found = [
        (one.verdict, set(one.codes), str(one.after) if one.after else None)
        for one in report.findings
    ]
    assert found == EXPECTED[name]
    assert report.exit_code == (0 if name in RIGHT else 1)


@pytest.mark.parametrize("name", files.NAMES)
def test_an_inventory_has_the_same_operations(name):
    report = audit(str(files.package(name)))
    assert report.exit_code == 3
    assert len(report.findings) == len(EXPECTED[name])


@pytest.mark.parametrize("name", [*FIXABLE, *DECOMPOSED])
def test_fixes(name, tmp_path):
    source = calls.copied(name, tmp_path)
    before = contents(source)
    output = str(tmp_path / "out.mlpackage")
    result = fix(source, calls.intents(name), output=output, decompose=name in DECOMPOSED)
    after = contents(result)
    model = os.path.join("Data", "com.apple.CoreML", "model.mlmodel")
    assert {key for key in before if before[key] != after.get(key)} == {model}
    assert set(after) == set(before)
    assert contents(source) == before
    data, written = files.model(name), _read(os.path.join(result, model))
    assert as_coremltools_infers(written, files.weights(name))
    assert _version(written) == _version(data)
    again = audit(result, calls.intents(name))
    assert again.exit_code == 0
    assert [one.verdict for one in again.findings] == ["match"]
    # A second run changes nothing: the result is the model itself.
    assert fix(result, calls.intents(name)) == result
    assert contents(result) == after
    build.opens(result)


@pytest.mark.parametrize("name", ["mil_ml16_half_pixel_false", "ct9_ml17_acT_sf_rounds_up"])
def test_only_the_operation_changes(name, tmp_path):
    result = fix(
        str(files.package(name)), calls.intents(name), output=str(tmp_path / "x.mlpackage")
    )
    data = files.model(name)
    written = _read(os.path.join(result, "Data", "com.apple.CoreML", "model.mlmodel"))
    old, rest = operations(data)
    new, rest_of_new = operations(written)
    kept = [one for one in old if one in new]
    # Nothing reads its constants any more, and they stay.
    (gone,) = [one for one in old if one not in new]
    assert len(old) - len(kept) == 1
    assert b"upsample_bilinear" in gone
    if name == "mil_ml16_half_pixel_false":  # no size changes
        assert rest == rest_of_new


def test_rounding_is_told_in_words():
    (found,) = audit(
        str(files.package("ct9_ml17_acT_sf_rounds_up")), calls.intents("ct9_ml17_acT_sf_rounds_up")
    ).findings
    assert "25×25 depends on whether Core ML computes input × factor in single" in found.message
    assert found.max_shift_px is None


def test_an_equal_call_that_was_merged_needs_no_entry():
    report = audit(
        str(files.package("ct9_ml17_equal_calls")), calls.intents("ct9_ml17_equal_calls")
    )
    assert report.without_layer == []


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_several_operations_compute_owes_no_layer(name):
    report = audit(str(files.package(name)), calls.intents(name))
    assert [one.reason for one in report.without_layer] == ["computed-elsewhere"]
    assert (report.unused, report.exit_code) == ((), 0)


@pytest.mark.parametrize("name", DECOMPOSED)
def test_what_no_operation_computes_is_not_written(name, tmp_path):
    source = calls.copied(name, tmp_path)
    before = contents(tmp_path)
    with pytest.raises(UnmatchedError):
        fix(source, calls.intents(name))
    assert contents(tmp_path) == before


def made(make, tmp_path, ios=15, shape=(1, 3, 10, 12), inputs=None):
    path = build.save(build.program(make, shape, ios), tmp_path / "made.mlpackage", ios, inputs)
    return str(path)


def test_smaller_maps_by_upsample_bilinear_get_a_notice(tmp_path):
    def make(x):
        return mb.upsample_bilinear(
            x=x, scale_factor_height=0.5, scale_factor_width=0.5, align_corners=False
        )

    path = made(make, tmp_path)
    report = audit(path, [Intent(scale_factor=(0.5, 0.5), input_size=(10, 12))])
    assert report.exit_code == 0
    assert any("ONNX Runtime saw differ" in notice for notice in report.notices)
    # Of a wrong one, or of a larger map, nothing of the kind is said.
    wrong = audit(path, [Intent(scale_factor=(0.5, 0.5), align_corners=True, input_size=(10, 12))])
    assert not any("ONNX Runtime" in notice for notice in wrong.notices)
    assert wrong.findings[0].verdict == "fixable"


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("ios", [15, 16, 17, 18])
def test_a_pooling_is_a_call_of_area(ios, tmp_path):
    def make(x):
        return mb.avg_pool(x=x, kernel_sizes=[2, 3], strides=[2, 3], pad_type="valid")

    path = made(make, tmp_path, ios)
    report = audit(path, [Intent(mode="area", size=(5, 4), input_size=(10, 12))])
    (found,) = report.findings
    assert (found.layer.kind, found.verdict, report.exit_code) == ("pooling", "match", 0)
    assert found.layer.address.startswith("main/ops[")
    other = audit(path, [Intent(mode="area", size=(4, 5), input_size=(10, 12))])
    assert other.exit_code == 1
    assert [one.reason for one in other.without_layer] == ["missing"]


def test_what_samples_elsewhere_is_named_and_not_judged(tmp_path):
    def make(x):
        return mb.affine(
            x=x, transform_matrix=[[1.0, 0, 0, 0, 1, 0]], output_height=5, output_width=5,
            sampling_mode="bilinear", padding_mode="constant", padding_value=0.0,
            coordinates_mode="normalized_minus_one_to_one", align_corners=True,
        )  # fmt: skip

    report = audit(made(make, tmp_path, shape=(1, 3, 10, 12)))
    assert report.findings == ()
    assert any("is a `affine`" in notice and "not judged" in notice for notice in report.notices)


def test_a_parameter_that_is_computed_is_never_a_match():
    model = parsed("ct9_ml17_nn_sf2p3")
    main_block(model).operations[-1].inputs["scale_factor_width"].arguments[0].name = "x"
    request = pipeline.Request(assume=Intent(mode="nearest"))
    report, _ = pipeline.process_bytes(model.SerializeToString(), "model", request)
    (found,) = report.findings
    assert (found.verdict, found.codes, report.exit_code) == ("unmatchable", ("RSZ207",), 1)
    assert "`scale_factor_width` is not a constant" in found.message
    listed, _ = pipeline.process_bytes(model.SerializeToString(), "model", pipeline.Request())
    assert "it is not judged" in listed.findings[0].message


@pytest.mark.parametrize("varies", [False, True])
def test_a_size_that_is_computed_at_run_time(varies, tmp_path):
    """What the file declares or computes; here that is a multiple of its own input."""
    from coremltools import RangeDim, TensorType

    def make(x):
        sizes = mb.slice_by_index(x=mb.shape(x=x), begin=[2], end=[4])
        twice = mb.cast(x=mb.mul(x=sizes, y=2), dtype="int32")
        return mb.resize(
            x=x, shape=twice, resized_dims=np.uint32(2), interpolation_mode="LINEAR",
            sampling_mode="UNALIGN_CORNERS",
        )  # fmt: skip

    side = build.symbol() if varies else 10
    inputs = [TensorType("x", (1, 3, RangeDim(8, 64, 10), 12))] if varies else None
    path = made(make, tmp_path, 17, (1, 3, side, 12), inputs)
    report = audit(path, [Intent(size=(20, 24), input_size=(10, 12))])
    (found,) = report.findings
    assert found.verdict == "match"
    assert found.codes == ()


def test_a_size_that_nothing_says_is_no_size(tmp_path):
    def make(x):
        pooled = mb.reduce_mean(x=x, axes=[2, 3], keep_dims=True)
        numbers = mb.cast(x=mb.reduce_max(x=x, axes=[0, 2, 3]), dtype="int32")
        return mb.resize(
            x=pooled, shape=mb.slice_by_index(x=numbers, begin=[0], end=[2]),
            resized_dims=np.uint32(2), interpolation_mode="LINEAR",
            sampling_mode="STRICT_ALIGN_CORNERS",
        )  # fmt: skip

    path = made(make, tmp_path, 17, (1, 3, 10, 12))
    report = audit(path, [Intent(framework="tensorflow1", align_corners=True)])
    assert [found.codes for found in report.findings] == [("RSZ207",)]
    assert "1×1 → ? " in str(report)


def test_a_point_midway_between_two_pixels_is_named(tmp_path):
    """The points of DEFAULT are 0, ½, 1, 1½ …: no pixel is wrong, and none is documented."""

    def make(x):
        return mb.resize(
            x=x, shape=[20, 24], resized_dims=np.uint32(2), interpolation_mode="NEAREST_NEIGHBOR",
            sampling_mode="DEFAULT",
        )  # fmt: skip

    path = made(make, tmp_path, 17, (1, 3, 10, 12))
    (found,) = audit(path, [Intent(mode="nearest", size=(20, 24))]).findings
    assert (found.verdict, found.codes) == ("fixable", ("RSZ109",))
    assert "some points lie midway between two pixels" in found.message
    assert "other pixels" not in found.message


def test_blocks_inside_operations_are_audited_and_fixed(tmp_path):
    def resized(x, aligned):
        return lambda: mb.upsample_bilinear(
            x=x, scale_factor_height=2, scale_factor_width=2, align_corners=aligned
        )

    def make(x):
        large = mb.greater(x=mb.reduce_max(x=x, axes=[0, 1, 2, 3]), y=1.0)
        return mb.cond(pred=large, _true_fn=resized(x, True), _false_fn=resized(x, False))

    path = made(make, tmp_path)
    intent = Intent(scale_factor=(2.0, 2.0), align_corners=True)
    request = pipeline.Request(assume=intent)
    report = pipeline.process(path, request)
    addresses = [one.layer.address for one in report.findings]
    assert [one[one.index(".") : one.index("/ops", 6)] for one in addresses] == [
        ".blocks[0]",
        ".blocks[1]",
    ]
    assert [one.verdict for one in report.findings] == ["match", "fixed"]
    build.opens(report.output)
    assert pipeline.process(report.output, request).exit_code == 0


def test_an_intent_is_pinned_by_address_or_name():
    name = "ct9_ml17_equal_calls"
    path, listed = str(files.package(name)), audit(str(files.package(name))).findings
    for key in ("address", "name"):
        pinned = [
            Intent(layer=getattr(one.layer, key), scale_factor=(2.0, 2.0), align_corners=aligned)
            for one, aligned in zip(listed, (True, False))
        ]
        assert [one.verdict for one in audit(path, pinned).findings] == ["match", "match"]


def test_targets(tmp_path):
    name = "mil_ml16_half_pixel_false"
    path, intents = calls.copied(name, tmp_path), calls.intents(name)
    with pytest.raises(UsageError, match="needs iOS 16 for its opset `CoreML6`"):
        audit(path, intents, deployment_target="iOS15")
    # What iOS 15 has needs no newer opset, whatever is allowed.
    result = fix(path, intents, deployment_target="iOS26", output=str(tmp_path / "x.mlpackage"))
    assert _version(_read(os.path.join(result, "Data", "com.apple.CoreML", "model.mlmodel"))) == 7


def test_block_specializations_are_changed_alike_or_not_at_all():
    name = "mil_ml16_half_pixel_false"
    model, request = parsed(name), pipeline.Request(manifest=calls.intents(name))
    _, alone = pipeline.process_bytes(model.SerializeToString(), "model", request)
    alone = type(model).FromString(alone).mlProgram.functions["main"].block_specializations
    blocks = model.mlProgram.functions["main"].block_specializations
    blocks["CoreML7"].CopyFrom(blocks["CoreML6"])
    report, fixed = pipeline.process_bytes(model.SerializeToString(), "model", request)
    fixed = type(model).FromString(fixed).mlProgram.functions["main"].block_specializations
    assert fixed["CoreML6"] == fixed["CoreML7"] == alone["CoreML6"]
    assert any("hold the same operations" in one for one in report.notices)
    del blocks["CoreML7"].operations[0]
    with pytest.raises(UsageError, match="several block specializations"):
        pipeline.process_bytes(model.SerializeToString(), "model", request)


def test_weights_that_are_missing(tmp_path):
    name = "ct9_ex17_range_other_bilF"
    path = calls.copied(name, tmp_path)
    shutil.rmtree(os.path.join(path, "Data", "com.apple.CoreML", "weights"))
    with pytest.raises(ModelError, match="reads its weights"):
        audit(path, calls.intents(name))


def _read(path):
    with open(path, "rb") as file:
        return file.read()


def _version(data):
    from coreml_resize_fix.formats.protobuf import schema

    return schema.model_class().FromString(data).specificationVersion


def test_names_of_exported_calls_are_evidence():
    """Of four calls in one size, an operation that is named after another mode is none of this."""
    name = "ct83_ex17_names"
    path, intents = str(files.package(name)), calls.intents(name)
    wrong = [replace(intent, mode="bicubic", name=None) for intent in intents]
    report = audit(path, wrong)
    assert [one.verdict for one in report.findings] == ["no-intent"] * 4
    assert "named after another call" in report.findings[0].message
    # Who says which operation a call has become knows better.
    pinned = [
        replace(intent, layer=finding.layer.name) for intent, finding in zip(wrong, report.findings)
    ]
    assert [one.codes for one in audit(path, pinned).findings] == [("RSZ105", "RSZ309")] * 4


def test_an_operation_may_be_named_without_its_cast():
    name = "ct9_ml17_equal_calls"
    path = str(files.package(name))
    pinned = [Intent(layer="op_7", scale_factor=(2.0, 2.0), align_corners=True)]
    assert [one.verdict for one in audit(path, pinned).findings] == ["match", "no-intent"]


@pytest.mark.mostly_slow(quick=8)
@pytest.mark.parametrize("name", files.NAMES)
@pytest.mark.parametrize("asks", [True, False])
def test_the_json_report(name, asks, tmp_path):
    request = pipeline.Request(manifest=calls.intents(name) if asks else None, dry_run=True)
    report = pipeline.process(str(files.package(name)), request)
    found = json.loads(render(Run((report,))))
    check(found)
    (model,) = found["models"]
    assert model["model_kind"] == "ml-program"
    assert [one["address"] for one in model["layers"]] == [
        one.layer.address for one in report.findings
    ]


@pytest.mark.parametrize("listed", [True, False])
def test_sizes_that_cannot_run(listed, tmp_path):
    """A map that is halved, doubled and joined with what it was fits where its sides are even."""
    from coremltools import EnumeratedShapes, RangeDim, TensorType

    def make(x):
        half = mb.max_pool(x=x, kernel_sizes=[2, 2], strides=[2, 2], pad_type="valid")
        double = mb.upsample_nearest_neighbor(x=half, scale_factor_height=2, scale_factor_width=2)
        return mb.concat(values=[x, double], axis=1)

    shapes = EnumeratedShapes([(1, 3, 8, 8), (1, 3, 9, 8), (1, 3, 16, 8)], (1, 3, 8, 8))
    shape = shapes if listed else (1, 3, RangeDim(8, 40, 8), 8)
    inputs = [TensorType("x", shape)]
    path = made(make, tmp_path, 16, (1, 3, build.symbol(), 8), inputs)
    report = audit(path, assume="nearest")
    usable = report.usable
    assert not usable.everywhere
    if listed:
        assert usable.sizes == ((8, 8), (16, 8))
    else:
        assert usable.multiple_of == (2, 1)
    assert report.codes == ("RSZ402",)


def test_a_size_of_another_tensor(tmp_path):
    """Two examples tell it from a factor; the size is computed from the tensor then."""
    name = "ct9_ex17_range_other_bilF"
    path, intents = calls.copied(name, tmp_path), calls.with_sizes(name)
    report = audit(path, intents)
    (found,) = report.findings
    assert (found.verdict, found.codes) == ("fixable", ("RSZ102",))
    assert str(found.after) == "resize to 2 times the size of `x_to_fp16` LINEAR UNALIGN_CORNERS"
    assert any("the size of another tensor" in notice for notice in report.notices)
    result = fix(path, intents)
    written = _read(os.path.join(result, "Data", "com.apple.CoreML", "model.mlmodel"))
    assert as_coremltools_infers(written, files.weights(name))
    assert audit(result, intents).exit_code == 0
    (found,) = audit(result, calls.intents(name)).findings
    assert (found.verdict, found.codes) == ("unmatchable", ("RSZ208",))


def test_sizes_that_all_run():
    name = "ct9_ex17_range_other_bilF"
    assert audit(str(files.package(name))).usable.everywhere
    assert audit(str(files.package("ct9_ml17_equal_calls"))).usable is None


@pytest.mark.parametrize("default", [True, False])
def test_ranges_of_outputs(default):
    """Those that a description declares follow, whether it says the default or not."""
    name = "ct9_ex17_range_other_bilF"
    model = parsed(name)
    array = model.description.output[0].type.multiArrayType
    given = model.description.input[0].type.multiArrayType
    limits = [(one.lowerBound, one.upperBound) for one in given.shapeRange.sizeRanges]
    channels = list(array.shape)[1] if array.shape else 3
    for low, high in [
        (1, 1),
        (channels, channels),
        *((a // 4 * 2, b // 4 * 2) for a, b in limits[2:]),
    ]:
        array.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)
    if default:
        array.shape.extend([1, channels, 8, 12])
    _, fixed = pipeline.process_bytes(
        model.SerializeToString(), "model", pipeline.Request(manifest=calls.with_sizes(name))
    )
    array = type(model).FromString(fixed).description.output[0].type.multiArrayType
    asked = [2 * side for side in given.shape[2:]]  # twice the input, as PyTorch was asked
    assert list(array.shape) == ([1, channels, *asked] if default else [])
    made = [(one.lowerBound, one.upperBound) for one in array.shapeRange.sizeRanges]
    assert made[2:] == [(2 * a, 2 * b) for a, b in limits[2:]]


def test_a_sum_that_fits_after_the_fix_alone():
    """The file cannot run as it is, and that is told; the fix mends it."""

    def make(x):
        up = mb.upsample_bilinear(
            x=x, scale_factor_height=1.16, scale_factor_width=1.16, align_corners=True, name="up"
        )
        skip = mb.resize_bilinear(
            x=x, target_size_height=29, target_size_width=29, sampling_mode="UNALIGN_CORNERS",
            name="skip",
        )  # fmt: skip
        return mb.add(x=up, y=skip, name="sum")

    data = build.model_file(build.program(make, (1, 2, 25, 25)))
    model = parsed("ct9_ml17_nn_sf2p3")
    model.ParseFromString(data)
    block = model.mlProgram.functions["main"].block_specializations["CoreML5"]
    for operation in block.operations:  # a target of 28, as PyTorch was asked for
        name = operation.outputs[0].name
        if name.startswith("skip_target_size"):
            operation.attributes["val"].immediateValue.tensor.ints.values[0] = 28
        if name == "skip":
            for dimension in operation.outputs[0].type.tensorType.dimensions[2:]:
                dimension.constant.size = 28
    asked = {"mode": "bilinear", "size": (28, 28)}
    intents = [
        Intent(layer="up", align_corners=True, **asked),
        Intent(layer="skip", align_corners=False, **asked),
    ]
    report, fixed = pipeline.process_bytes(
        model.SerializeToString(), "model", pipeline.Request(manifest=intents)
    )
    assert [one.verdict for one in report.findings] == ["fixed", "match"]
    assert any(
        "(`sum`) cannot run in the file as it is" in one and "the fix repairs it" in one
        for one in report.notices
    )
    assert build.inferred(fixed)["sum"] == (1, 2, 28, 28)


def test_cuts_behind_a_changed_size_are_told():
    """A position on an axis that changes; one on another axis, or before its middle, is clear."""

    def make(x):
        up = mb.upsample_bilinear(
            x=x, scale_factor_height=1.16, scale_factor_width=1.0, align_corners=True, name="up"
        )
        begin, end = [0, 0, 1, 0], [0, 0, 28, 20]
        return mb.slice_by_index(
            x=up, begin=begin, end=end, begin_mask=[True, True, False, True],
            end_mask=[True, True, False, False], name="cut",
        )  # fmt: skip

    data = build.model_file(build.program(make, (1, 2, 25, 25)))
    intent = Intent(layer="up", mode="bilinear", align_corners=True, size=(28, 25))
    report, _ = pipeline.process_bytes(data, "model", pipeline.Request(manifest=[intent]))
    (told,) = (one for one in report.notices if "cuts an axis" in one)
    assert "(`cut`) cuts an axis at 28, which was 29 long and becomes 28" in told
    same = replace(intent, size=(29, 25), align_corners=False)
    report, _ = pipeline.process_bytes(data, "model", pipeline.Request(manifest=[same]))
    assert not any("cuts an axis" in one for one in report.notices)
