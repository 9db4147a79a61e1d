"""Damaged models and other things: each is refused with a clear error, never another one."""

import os
import shutil

import pytest

from coreml_resize_fix.errors import (
    MLProgramError,
    ModelError,
    NotAModelError,
    ResizeFixError,
    SchemaError,
)
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.support import build, cases, edits
from tests.support.folders import contents
from tests.support.wirediff import encoded, field

ASK = Intent(align_corners=True, size=(12, 16))


def audit(data, **options):
    return pipeline.process_bytes(
        data, "model", pipeline.Request(assume=ASK, dry_run=True, **options)
    )[0]


def small(*layers):
    return build.network([2, 6, 8], layers or [build.DOUBLE], version=3)


def accepted(variants):
    """The variants that were read; any error but a refusal of the tool's own goes through."""
    for data in variants:
        try:
            audit(data, verify=False)
        except ResizeFixError:
            continue
        yield data


def parses(data):
    try:
        return edits.parse(data).WhichOneof("Type") is not None
    except Exception:
        return False


@pytest.mark.parametrize("name", ["branch_loop", "blog_hint_acT"])
def test_a_model_cut_at_any_byte_is_refused_or_whole(name):
    data = cases.read_bytes(cases.named(name).path)
    read = list(accepted(data[:size] for size in range(len(data) + 1)))
    assert data in read
    assert [len(part) for part in read if not parses(part)] == []
    assert len(read) < len(data) // 10


@pytest.mark.slow
@pytest.mark.parametrize("change", [lambda b: 0, lambda b: 255, lambda b: b ^ 1, lambda b: b ^ 128])
def test_no_damaged_byte_ends_in_another_error(change):
    data = cases.read_bytes(cases.named("branch_loop").path)
    damaged = (data[:at] + bytes([change(data[at])]) + data[at + 1 :] for at in range(len(data)))
    assert [part for part in accepted(damaged) if not parses(part)] == []


def test_no_missing_byte_ends_in_another_error():
    data = cases.read_bytes(cases.named("branch_loop").path)
    damaged = (data[:at] + data[at + 1 :] for at in range(len(data)))
    assert [part for part in accepted(damaged) if not parses(part)] == []


TAIL = {
    "field number 0": b"\x02\0",
    "group": b"\x0b\x0c",
    "endless number": b"\x08" + b"\xff" * 11,
    "length past the end": b"\x12\x7fx",
    "second network": field(500, b""),
    "second type": field(202, b""),
    "type that is not known": field(777, b""),
    "second description": field(2, b""),
}


@pytest.mark.parametrize("name", sorted(TAIL))
def test_what_no_converter_writes_is_refused(name, tmp_path):
    data = small().SerializeToString()
    assert len(audit(data).findings) == 1
    path = build.write(tmp_path, data + TAIL[name])
    before = contents(tmp_path)
    with pytest.raises(ModelError, match="cannot be read as a Core ML model") as caught:
        pipeline.process(path, pipeline.Request(assume=ASK))
    assert path in str(caught.value)
    assert caught.value.hint
    assert contents(tmp_path) == before


def nested(depth):
    """Pipelines in pipelines, with a network innermost; protobuf itself stops at 100 messages."""
    data = small().SerializeToString()
    for _ in range(depth):
        data = field(1, encoded(3), wire_type=0) + field(202, field(1, data))
    return data


def test_deep_nesting_is_read_and_too_deep_nesting_is_refused():
    assert audit(nested(20)).findings[0].layer.address == "pipeline[0]/" * 20 + "layers[0]"
    for depth in (40, 100, 5000):
        with pytest.raises(ModelError, match="nested more than 64 deep"):
            audit(nested(depth))


def test_an_ml_program_without_its_weights_is_refused(tmp_path):
    """Its model file alone, or a package that lost them: nothing could run either."""
    folder = cases.named("ct9_mlprogram").folder
    file, package = str(tmp_path / "model.mlmodel"), str(tmp_path / "model.mlpackage")
    shutil.copy(folder + "/model.mlmodel", file)
    shutil.copytree(folder + "/model.mlpackage", package)
    if "mlProgram" not in schema.model_class().DESCRIPTOR.fields_by_name:  # coremltools before 5
        for path in (file, package):
            with pytest.raises(SchemaError, match="too old to describe an ML Program") as old:
                pipeline.process(path, pipeline.Request())
            assert "coremltools 5" in old.value.hint
        return
    assert pipeline.process(package, pipeline.Request()).findings
    os.remove(package + "/Data/com.apple.CoreML/weights/weight.bin")
    before = contents(tmp_path)
    for path in (file, package):
        for request in (pipeline.Request(), pipeline.Request(assume=ASK, partial=True)):
            with pytest.raises(ModelError, match=r"reads its weights from .* not there") as caught:
                pipeline.process(path, request)
            assert str(caught.value).startswith("`{}` is an ML Program".format(path))
            assert "whole package" in caught.value.hint
    assert contents(tmp_path) == before


def test_an_ml_program_in_a_pipeline_is_named_by_its_place():
    program = cases.read_bytes(cases.named("ct9_mlprogram").path)
    data = field(202, field(1, small().SerializeToString()) + field(1, program))
    if "mlProgram" not in schema.model_class().DESCRIPTOR.fields_by_name:  # coremltools before 5
        with pytest.raises(SchemaError, match="too old to describe an ML Program"):
            audit(data)
        return
    addresses = [finding.layer.address for finding in audit(data).findings]
    assert [address.split("/")[0] for address in addresses] == ["pipeline[0]", "pipeline[1]"]
    with pytest.raises(MLProgramError, match=r"the ML Program `pipeline\[1\]`: the program has no"):
        audit(field(202, field(1, small().SerializeToString()) + _without_functions(program)))


def _without_functions(program):
    model = schema.model_class().FromString(program)
    model.mlProgram.ClearField("functions")
    return field(1, model.SerializeToString())


@pytest.mark.parametrize("data", [b"\x08\x03", b"\x08\x03" + field(2, b""), b"\x12\x00"])
def test_a_message_without_a_type_is_no_model(data):
    with pytest.raises(NotAModelError, match="`model` is not a Core ML model"):
        audit(data)
