"""Opsets are raised where an operation needs it, and nothing else changes its meaning."""

import logging

import pytest

pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

from coreml_resize_fix.errors import ModelError
from coreml_resize_fix.formats.mlprogram import (
    edits,
    network,
    opset,
    reader,
    steps,
)
from coreml_resize_fix.formats.mlprogram.operations import (
    ResizeToShape,
    UpsampleNearest,
)
from coreml_resize_fix.formats.model import Change
from coreml_resize_fix.formats.open import open_bytes
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.formats.shapes import Known
from tests.formats.mlprogram import files
from tests.formats.mlprogram.editing import apply, rewritten
from tests.formats.mlprogram.test_edits import as_coremltools_infers, unaligned
from tests.formats.mlprogram.test_reader import main_block, parsed

logging.disable(logging.WARNING)


# --- opsets ---


def test_raising_the_opset():
    data = files.model("ct9_ml15_aa_half")
    to_shape = ResizeToShape((10, 12), 2, "LINEAR", "UNALIGN_CORNERS")
    result, found, _ = rewritten(data, lambda *_: to_shape, opset.spec_version("CoreML7"))
    assert found["main"].function.opset == "CoreML7"
    assert found["main"].program.spec_version == 8
    assert [one.params for one in found["main"].resizes()] == [to_shape]
    assert as_coremltools_infers(result)


def test_nothing_is_lowered():
    data = files.model("ct9_ml17_equal_calls")
    _, found, _ = rewritten(data, unaligned((20, 24)), 6)
    assert (found["main"].function.opset, found["main"].program.spec_version) == ("CoreML7", 8)


@pytest.mark.parametrize(
    ("kind", "version", "refused"),
    [
        ("crop_resize", 7, False),
        ("crop_resize", 8, True),
        ("non_maximum_suppression", 9, True),
        ("constexpr_lut_to_dense", 8, False),
        ("constexpr_lut_to_dense", 9, True),
        ("relu", 10, False),
    ],
)
def test_raising_that_would_change_another_operation(kind, version, refused):
    model = parsed("ct9_ml15_aa_half")
    main_block(model).operations.add(type=kind).outputs.add(name="aside")
    found = reader.read(Source(model.SerializeToString()))
    reason = opset.refusal(found, version)
    assert (reason is not None) == refused
    if refused:
        assert "`{}`".format(kind) in reason


def test_an_operation_that_is_of_the_new_kind_already():
    model = parsed("ct9_ml17_nn_sf2p3")
    main_block(model).operations.add(type="crop_resize").outputs.add(name="aside")
    assert opset.refusal(reader.read(Source(model.SerializeToString())), 9) is None


def test_functions_of_several_opsets():
    """All that are older than a new operation are raised, others stay."""
    model = parsed("ct9_ml15_aa_half")
    functions = model.mlProgram.functions
    functions["newer"].CopyFrom(functions["main"])
    newer = functions["newer"]
    newer.opset = "CoreML8"
    newer.block_specializations["CoreML8"].CopyFrom(newer.block_specializations["CoreML5"])
    del newer.block_specializations["CoreML5"]
    model.specificationVersion = 9

    def main_alone(resize, shapes):
        if resize.address.startswith("newer"):
            return None
        return ResizeToShape((10, 12), 2, "LINEAR", "UNALIGN_CORNERS")

    _, found, _ = rewritten(model.SerializeToString(), main_alone, 8)
    assert {name: one.function.opset for name, one in found.items()} == {
        "main": "CoreML7",
        "newer": "CoreML8",
    }
    assert found["main"].program.spec_version == 9


def test_several_specializations_are_refused_with_that_word():
    model = parsed("ct9_ml17_nn_sf2p3")
    function = model.mlProgram.functions["main"]
    other = function.block_specializations["CoreML5"]
    other.CopyFrom(function.block_specializations["CoreML7"])
    other.operations[1].attributes["val"].immediateValue.tensor.floats.values[0] = 3.0
    found = reader.read(Source(model.SerializeToString()))
    (one,) = network.networks(found).values()
    steps_of = {one.resizes()[0].address: steps.of(UpsampleNearest(2, 2))}
    change = edits.Rewrite(steps_of, {"main": one.shapes()}, {"main": one.shapes()}, 6)
    assert edits.refusal(found, change) == (
        "the function `main` has several block specializations (CoreML5, CoreML7), and that of "
        "`CoreML5` is another from `main/ops[1]` on"
    )
    assert edits.refusal(found, change._replace(steps={})) is None


def test_equal_specializations_are_edited_alike_and_never_raised():
    data = files.model("ct9_ml17_nn_sf2p3")
    model = parsed("ct9_ml17_nn_sf2p3")
    blocks = model.mlProgram.functions["main"].block_specializations
    blocks["CoreML5"].CopyFrom(blocks["CoreML7"])
    alone, _, _ = rewritten(data, unaligned((20, 24)))
    wanted = schema.model_class().FromString(alone).mlProgram.functions["main"]
    result, found, _ = rewritten(model.SerializeToString(), unaligned((20, 24)))
    model.ParseFromString(result)
    function = model.mlProgram.functions["main"]
    assert function.opset == "CoreML7"
    for name in ("CoreML5", "CoreML7"):
        assert function.block_specializations[name] == wanted.block_specializations["CoreML7"]
    assert found["main"].function.unlike == ()
    assert "block specializations" in opset.refusal(found["main"].program, 9)


def test_a_program_in_two_pieces_is_not_edited():
    """A reader merges them; an edit of one would be an edit of half."""
    data = files.model("ct9_ml17_nn_sf2p3")
    model = schema.model_class()(specificationVersion=8)
    model.mlProgram.version = 1
    with pytest.raises(ModelError, match="does not hold one field"):
        rewritten(data + model.SerializeToString(), unaligned((20, 24)))


def test_every_function_is_edited_in_its_own_place():
    model = parsed("ct9_ml17_nn_sf2p3")
    model.mlProgram.functions["other"].CopyFrom(model.mlProgram.functions["main"])

    def other_alone(resize, shapes):
        return UpsampleNearest(2, 2) if resize.address.startswith("other/") else None

    data = model.SerializeToString()
    _, found, _ = rewritten(data, other_alone)
    assert [str(one.resizes()[0].params) for one in found.values()] == [
        "upsample_nearest_neighbor ×2.3,2.3",
        "upsample_nearest_neighbor ×2,2",
    ]
    assert list(found["other"].shapes().outputs.values()) == [Known((1, 3, 20, 24))]


def test_a_raised_program_raises_the_pipelines_around_it():
    inner = parsed("ct52_ml15_nn_sf2p3")
    middle = schema.model_class()(specificationVersion=6)
    middle.pipeline.models.add().CopyFrom(inner)
    outer = schema.model_class()(specificationVersion=6)
    outer.pipeline.models.add().CopyFrom(middle)
    other = outer.pipeline.models.add()
    other.CopyFrom(inner)
    data = outer.SerializeToString()
    model = open_bytes(data, "model")
    shapes = model.shapes({})
    first, second = model.resizes(shapes)
    assert first.address.startswith("pipeline[0]/pipeline[0]/main/ops[")
    assert second.address.startswith("pipeline[1]/main/ops[")
    op = ResizeToShape((22, 27), 2, "LINEAR", "UNALIGN_CORNERS")
    after = model.shapes({first.address: (22, 27)})
    plan = model.plan([Change(first.address, op, 8)], shapes, after, 8)
    assert plan.spec_version == 8
    outer.ParseFromString(apply(data, plan.edits))
    nested, beside = outer.pipeline.models
    versions = [one.specificationVersion for one in (outer, nested, nested.pipeline.models[0])]
    assert versions == [8, 8, 8]
    assert beside == other
