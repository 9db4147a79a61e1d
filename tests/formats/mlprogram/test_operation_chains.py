"""Several operations in the place of a resize: what is written, and how it is known again."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

import coremltools as ct
from coremltools.converters.mil.frontend.milproto import load as milproto

from coreml_resize_fix import audit, fix
from coreml_resize_fix.errors import UnmatchedError
from coreml_resize_fix.formats.mlprogram import reader
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.formats.mlprogram import build
from tests.formats.mlprogram.build import mb
from tests.formats.mlprogram.test_edits import ALLOWED, as_coremltools_infers

MODEL = os.path.join("Data", "com.apple.CoreML", "model.mlmodel")
BICUBIC = Intent(layer="up", mode="bicubic", size=(11, 13))
ANTIALIAS = Intent(layer="up", antialias=True, size=(3, 4))
EXACT = Intent(layer="up", mode="nearest-exact", size=(11, 13))
AREA = Intent(layer="up", mode="area", size=(4, 2))
HALVED = Intent(layer="up", mode="bicubic", size=(4, 5))
ALIGNED = Intent(layer="up", align_corners=True, size=(11, 13))


def doubled(x, name="up"):
    return mb.upsample_nearest_neighbor(x=x, scale_factor_height=2, scale_factor_width=2, name=name)


def plain(x):
    return mb.relu(x=doubled(mb.relu(x=x)), name="end")


def saved(folder, make=plain, shape=(1, 3, 8, 10), ios=15, precision="float32", inputs=None):
    path = folder / "model.mlpackage"
    return str(build.save(build.program(make, shape, ios), path, ios, inputs, precision))


def fixed(path, *intents, **more):
    """The result of a fix by several operations; what was there is replaced."""
    request = pipeline.Request(
        manifest=intents, decompose=True, force=True, output=path + "-fixed.mlpackage", **more
    )
    report = pipeline.process(path, request)
    assert [one.verdict for one in report.findings] == ["fixed"] * len(intents), report.findings
    return report.output


def data_of(package):
    return (Path(package) / MODEL).read_bytes()


def weights_of(package):
    return os.path.join(package, os.path.dirname(MODEL), "weights")


def block_of(package):
    return reader.read(Source(data_of(package))).functions[0].block


def kinds(package):
    return [one.kind for one in block_of(package).operations if one.kind != "const"]


def listed(package):
    """Every operation in words; the entries of maps have no order."""
    return [
        f"{one.kind} {one.name} {sorted(map(str, one.inputs.items()))} {one.outputs}"
        f" {sorted(map(str, one.attributes.items()))}"
        for one in block_of(package).operations
    ]


def cubic(before, after, a=-0.75):
    """Keys' kernel at half-pixel centers, edges repeated: float64 of shape (after, before)."""
    matrix = np.zeros((after, before))
    for output in range(after):
        at = (output + 0.5) * before / after - 0.5
        for tap in range(int(np.floor(at)) - 1, int(np.floor(at)) + 3):
            d = abs(at - tap)
            near = ((a + 2) * d - (a + 3)) * d * d + 1
            far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
            matrix[output, min(max(tap, 0), before - 1)] += near if d <= 1 else far
    return matrix


def held(operation):
    value = operation.attributes["val"]
    kind = {"FLOAT16": "<f2", "FLOAT32": "<f4", "INT32": "<i4"}[value.type.data_type]
    field = value.content.WhichOneof("value")
    values = getattr(value.content, field).values
    array = np.frombuffer(values, kind) if field == "bytes" else np.array(values, kind)
    return array.reshape(value.type.dims)


@pytest.mark.parametrize(("precision", "kind"), [("float32", np.float32), ("float16", np.float16)])
def test_every_weight_is_the_exact_one_rounded_once(precision, kind, tmp_path):
    result = fixed(saved(tmp_path, precision=precision), BICUBIC)
    matrices = [
        held(one)
        for one in block_of(result).operations
        if one.kind == "const" and re.search(r"__resize_matmul_[xy]$", one.name)
    ]
    wanted = sorted([cubic(8, 11), cubic(10, 13).T], key=lambda one: one.shape)
    for made, exact in zip(sorted(matrices, key=lambda one: one.shape), wanted):
        assert made.dtype == kind
        # The exact one is not a rounding of itself: the last digit of a double may differ.
        assert np.abs(made - exact.astype(kind)).max() <= np.finfo(kind).eps * 1e-3
    assert len(matrices) == 2


def test_house_style_and_names(tmp_path):
    result = fixed(saved(tmp_path, precision="float16"), EXACT)
    operations = block_of(result).operations
    assert all(ALLOWED.match(one.name) for one in operations)
    names = [one.outputs[0].name for one in operations]
    assert len(set(names)) == len(names)
    gathers = [one for one in operations if one.kind == "gather"]
    assert [one.outputs[0].name for one in gathers] == [
        "up_cast_fp16__resize_gather",
        "up_cast_fp16",
    ]
    # Its parameters are constants of their own, each with a name that tells whose they are.
    for one in gathers:
        assert {"axis", "indices", "x"} == set(one.inputs)
        assert all("up_cast_fp16__resize_" in one.inputs[key][0] for key in ("axis", "indices"))
    assert any(name.startswith("up_scale_factor_height_0") for name in names)


@pytest.mark.parametrize(
    ("ios", "more"), [(15, set()), (16, {"batch_dims"}), (17, {"batch_dims", "validate_indices"})]
)
def test_gather_has_the_parameters_of_its_opset(ios, more, tmp_path):
    result = fixed(saved(tmp_path, ios=ios), EXACT)
    for one in block_of(result).operations:
        if one.kind == "gather":
            assert set(one.inputs) == {"x", "indices", "axis"} | more


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize(
    ("intent", "wanted"),
    [
        (BICUBIC, ["matmul", "matmul"]),
        (EXACT, ["gather", "gather"]),
        (AREA, ["avg_pool"]),
        (Intent(layer="up", mode="nearest", size=(4, 5)), ["conv"]),
        (HALVED, ["pad", "conv"]),
        (Intent(layer="up", mode="bicubic", size=(8, 13)), ["matmul"]),
        (Intent(layer="up", mode="nearest-exact", size=(11, 10)), ["gather"]),
        (Intent(layer="up", mode="nearest", size=(8, 13)), ["gather"]),
    ],
    ids=str,
)
def test_the_fewest_operations_win(intent, wanted, tmp_path):
    result = fixed(saved(tmp_path), intent)
    assert kinds(result) == ["relu", *wanted, "relu"]
    assert as_coremltools_infers(data_of(result))
    (found,) = audit(result, [intent]).findings
    assert (found.verdict, found.layer.kind) == ("match", "composite")


def test_a_mean_is_a_pooling(tmp_path):
    """It has no weights that would be rounded, and is told from other calls."""
    result = fixed(saved(tmp_path, precision="float16"), AREA)
    assert "avg_pool" in kinds(result)
    assert audit(result, [AREA]).exit_code == 0
    other = audit(result, [Intent(layer="up", align_corners=True, size=(4, 2))])
    assert [one.codes[0] for one in other.findings] == ["RSZ105"]


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("intent", [BICUBIC, EXACT, ANTIALIAS, HALVED], ids=str)
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_changed_number_is_told_and_mended(intent, precision, tmp_path):
    result = fixed(saved(tmp_path, precision=precision), intent)
    model = ct.proto.Model_pb2.Model()
    model.ParseFromString(data_of(result))
    function = model.mlProgram.functions["main"]
    for one in function.block_specializations[function.opset].operations:
        if re.search(r"__resize_\w+_(x|y|weight|indices)(_2)?$", one.outputs[0].name):
            change_one_number(one.attributes["val"])
            break
    (Path(result) / MODEL).write_bytes(model.SerializeToString())
    report = audit(result, [intent], decompose=True)
    (found,) = report.findings
    assert (found.verdict, report.exit_code) == ("fixable", 1)
    assert "these layers do not compute it" in found.message
    again = fix(result, [intent], decompose=True, output=str(tmp_path / "again.mlpackage"))
    assert audit(again, [intent]).exit_code == 0
    first = fixed(saved(tmp_path, precision=precision), intent)
    assert sorted(listed(again)) == sorted(listed(first))


def change_one_number(value):
    """One weight by a few units in the last place of a half, one index by one."""
    held = value.immediateValue.tensor
    field = held.WhichOneof("value")
    if field == "bytes":
        numbers = np.frombuffer(held.bytes.values, "<f2").copy()
        at = np.abs(numbers).argmax()
        numbers[at] *= np.float16(1.01)
        held.bytes.values = numbers.tobytes()
    elif field == "floats":
        at = np.flatnonzero(held.floats.values)[0]
        held.floats.values[at] *= 1.001
    else:
        held.ints.values[0] = 1


def test_another_intent_replaces_all_of_them(tmp_path):
    path = saved(tmp_path, precision="float16")
    result = fixed(path, BICUBIC)
    other = fix(result, [ALIGNED], output=str(tmp_path / "other.mlpackage"))
    direct = fix(path, [ALIGNED], output=str(tmp_path / "direct.mlpackage"))
    assert kinds(other) == kinds(direct)
    assert listed(other) == listed(direct)
    back = fixed(other, BICUBIC)
    assert listed(back) == listed(result)
    assert as_coremltools_infers(data_of(back))


@pytest.mark.parametrize("intent", [BICUBIC, EXACT, AREA], ids=str)
def test_constants_that_stand_where_they_are_read(intent, tmp_path):
    """In a file of that style small ones do; those of many numbers are operations of their own."""
    data = build.inline(build.model_file(build.program(plain, (1, 3, 8, 10))))
    request = pipeline.Request(manifest=[intent], decompose=True)
    report, result = pipeline.process_bytes(data, "model", request)
    assert [one.verdict for one in report.findings] == ["fixed"]
    block = reader.read(Source(result)).functions[0].block
    constants = [one for one in block.operations if one.kind == "const"]
    assert 1 <= len(constants) <= 2
    assert as_coremltools_infers(result)
    again, same = pipeline.process_bytes(result, "model", request)
    assert ([one.verdict for one in again.findings], same) == (["match"], result)


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("passes", ["EMPTY", "DEFAULT"])
@pytest.mark.parametrize("intent", [BICUBIC, EXACT, ANTIALIAS, AREA], ids=str)
@pytest.mark.parametrize(("ios", "precision"), [(15, "float32"), (17, "float16"), (18, "float16")])
def test_they_are_known_after_coremltools_converted_them(intent, ios, precision, passes, tmp_path):
    """Its weights lie in another file then, whole numbers may be smaller, and names longer."""
    result = fixed(saved(tmp_path, shape=(1, 32, 8, 10), ios=ios, precision=precision), intent)
    spec = build.opens(result)
    pipelines = {"EMPTY": ct.PassPipeline.EMPTY, "DEFAULT": ct.PassPipeline()}
    with build.quiet():
        loaded = milproto.load(spec, spec.specificationVersion, weights_of(result))
        model = ct.convert(
            loaded,
            convert_to="mlprogram",
            compute_precision=ct.precision(precision),
            minimum_deployment_target=build.TARGETS[ios],
            pass_pipeline=pipelines[passes],
            skip_model_load=True,
        )
        model.save(str(tmp_path / "again.mlpackage"))
    report = audit(str(tmp_path / "again.mlpackage"), [intent])
    assert [(one.verdict, one.layer.kind) for one in report.findings] == [("match", "composite")]


def test_blocks_inside_operations(tmp_path):
    def make(x):
        large = mb.greater(x=mb.reduce_max(x=x, axes=[0, 1, 2, 3]), y=1.0)
        branches = [lambda: doubled(x, "one"), lambda: doubled(x, "two")]
        return mb.cond(pred=large, _true_fn=branches[0], _false_fn=branches[1])

    path = saved(tmp_path, make)
    wanted = [Intent(layer=name, mode="bicubic", size=(16, 20)) for name in ("one", "two")]
    result = fixed(path, *wanted)
    assert as_coremltools_infers(data_of(result))
    report = audit(result, wanted)
    assert [one.verdict for one in report.findings] == ["match", "match"]
    assert all(".blocks[" in one.layer.address for one in report.findings)


def test_sizes_behind_them_follow(tmp_path):
    """Another resize and a sum behind the first: their sizes are declared anew."""

    def make(x):
        first = doubled(mb.relu(x=x), "one")
        return mb.add(x=doubled(first, "two"), y=1.0, name="end")

    wanted = [
        Intent(layer="one", mode="bicubic", size=(11, 13)),
        Intent(layer="two", mode="nearest-exact", size=(15, 9)),
    ]
    result = fixed(saved(tmp_path, make), *wanted)
    assert as_coremltools_infers(data_of(result))
    (output,) = build.opens(result).description.output
    assert list(output.type.multiArrayType.shape) in ([], [1, 3, 15, 9])
    assert audit(result, wanted).exit_code == 0


def test_float32_in_a_network_of_float16(tmp_path):
    path = saved(tmp_path, precision="float16")
    result = fixed(path, BICUBIC, float32_replacements=True)
    assert kinds(result).count("matmul") == 2
    at = kinds(result).index("matmul")
    assert (kinds(result)[at - 1], kinds(result)[at + 2]) == ("cast", "cast")
    assert as_coremltools_infers(data_of(result))
    block = block_of(result)
    types = {one.name: one.outputs[0].type.data_type for one in block.operations}
    assert types["up_cast_fp16__resize_matmul"] == "FLOAT32"
    assert types["up_cast_fp16"] == "FLOAT16"
    for more in ({}, {"float32_replacements": True}):
        report = audit(result, [BICUBIC], **more)
        assert [one.verdict for one in report.findings] == ["match"]
        assert report.findings[0].max_abs_error_before < 1e-6
    # What only copies pixels needs none.
    assert "cast" not in kinds(fixed(path, EXACT, float32_replacements=True))[1:-1]
    # Nor does a network that is of float32 already.
    single = fixed(saved(tmp_path), BICUBIC, float32_replacements=True)
    assert kinds(single) == ["relu", "matmul", "matmul", "relu"]


LARGE = Intent(layer="up", mode="bicubic", size=(230, 300))


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_numbers_beyond_64_kib_are_appended(precision, tmp_path):
    def make(x):
        kernel = np.random.RandomState(0).uniform(-1, 1, (3, 3, 3, 3)).astype(np.float32)
        return doubled(mb.conv(x=x, weight=kernel, pad_type="same"))

    path = saved(tmp_path, make, (1, 3, 200, 240), precision=precision)
    before = (Path(weights_of(path)) / "weight.bin").read_bytes()
    result = fixed(path, LARGE)
    after = (Path(weights_of(result)) / "weight.bin").read_bytes()
    assert after[4 : len(before)] == before[4:]
    assert int.from_bytes(after[:4], "little") == int.from_bytes(before[:4], "little") + 2
    assert len(data_of(result)) < len(data_of(path)) + 4096
    assert as_coremltools_infers(data_of(result), weights_of(result))
    build.opens(result)
    assert fix(result, [LARGE]) == result
    report = audit(result, [LARGE])
    assert [(one.verdict, one.layer.kind) for one in report.findings] == [("match", "composite")]


def test_a_model_in_memory_has_no_place_for_them():
    """No file can be written for a bare message: what needs none is taken, or nothing."""
    data = build.model_file(build.program(plain, (1, 3, 201, 241)))
    by_factor = Intent(layer="up", scale_factor=(1.5, 1.3), framework_version="2.13.0")
    request = pipeline.Request(manifest=[by_factor], decompose=True)
    report, _ = pipeline.process_bytes(data, "model", request)
    assert str(report.findings[0].after) == "3 operations (pad → resize_bilinear → slice_by_index)"
    assert report.exit_code == 0
    request = pipeline.Request(manifest=[LARGE], decompose=True)
    report, same = pipeline.process_bytes(data, "model", request)
    assert ([one.verdict for one in report.findings], same) == (["unmatchable"], data)


def test_they_are_gated(tmp_path):
    path = saved(tmp_path)
    (found,) = audit(path, [BICUBIC]).findings
    assert (found.verdict, found.needs) == ("needs-option", ("--decompose",))
    assert found.codes == ("RSZ102", "RSZ309")
    with pytest.raises(UnmatchedError):
        fix(path, [BICUBIC])
    # One operation goes before several.
    (found,) = audit(path, [ALIGNED], decompose=True).findings
    assert str(found.after) == "resize_bilinear 11×13 STRICT_ALIGN_CORNERS"


def test_whole_numbers_are_copied_alone(tmp_path):
    """`resize` of iOS 17 takes them; a product of them with weights would not be exact."""

    def make(x):
        return mb.resize(
            x=mb.cast(x=x, dtype="int32"), shape=[16, 20], resized_dims=np.uint32(2),
            interpolation_mode="NEAREST_NEIGHBOR", sampling_mode="UNALIGN_CORNERS", name="up",
        )  # fmt: skip

    path = saved(tmp_path, make, ios=17)
    result = fixed(path, EXACT)
    assert as_coremltools_infers(data_of(result))
    (found,) = audit(path, [BICUBIC]).findings
    assert found.verdict == "unmatchable"


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("lead", [(3,), (2, 1, 3)], ids=str)
@pytest.mark.parametrize("intent", [BICUBIC, EXACT], ids=str)
def test_maps_of_other_ranks(intent, lead, tmp_path):
    path = saved(tmp_path, shape=(*lead, 8, 10))
    result = fixed(path, intent)
    assert as_coremltools_infers(data_of(result))
    assert audit(result, [intent]).exit_code == 0
    # A convolution takes images alone: the product stands for it elsewhere.
    assert "matmul" in kinds(fixed(path, HALVED))


def damaged(data, change):
    """The file after `change` of the messages of its operations, by the name that each makes."""
    model = ct.proto.Model_pb2.Model()
    model.ParseFromString(data)
    function = model.mlProgram.functions["main"]
    change({
        one.outputs[0].name: one
        for one in function.block_specializations[function.opset].operations
    })  # fmt: skip
    return model.SerializeToString()


def _numbers(name, numbers):
    def change(found):
        held = found[name].attributes["val"].immediateValue.tensor.ints
        del held.values[:]
        held.values.extend(numbers)

    return change


def _without(name, parameter):
    return lambda found: found[name].inputs.pop(parameter)


@pytest.mark.mostly_slow(quick=3)
@pytest.mark.parametrize(
    ("intent", "change"),
    [
        (EXACT, _numbers("up__resize_gather_indices", [0] * 10 + [99])),
        (EXACT, _numbers("up__resize_gather_axis", [1])),
        (EXACT, _numbers("up__resize_gather_axis", [7])),
        (AREA, _numbers("up__resize_avg_pool_strides", [2, 2])),
        (HALVED, _numbers("up__resize_conv_strides", [0, -1])),
        (HALVED, _numbers("up__resize_pad_pad", [1 << 30] * 4)),
        (HALVED, _without("up", "groups")),
        (BICUBIC, _without("up__resize_matmul", "x")),
    ],
)
def test_operations_that_make_no_sense_are_no_match(intent, change):
    """They are replaced, or refused; nothing else happens."""
    data = build.model_file(build.program(plain, (1, 3, 8, 10)))
    request = pipeline.Request(manifest=[intent], decompose=True, pictures=True)
    _, result = pipeline.process_bytes(data, "model", request)
    report, again = pipeline.process_bytes(damaged(result, change), "model", request)
    assert "match" not in [one.verdict for one in report.findings]
    if report.exit_code == 0:
        assert pipeline.process_bytes(again, "model", request)[0].exit_code == 0
