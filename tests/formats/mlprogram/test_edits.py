"""Edits: what is written, what coremltools' loader infers of it, and that nothing else moved."""

import logging
import re
import shutil

import numpy as np
import pytest

pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

from coreml_resize_fix.formats.mlprogram import (
    edits,
    network,
    program,
    reader,
)
from coreml_resize_fix.formats.mlprogram.operations import (
    ResizeBilinear,
    UpsampleBilinear,
    UpsampleNearest,
)
from coreml_resize_fix.formats.mlprogram.steps import Constant, Made, Read, Step
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.formats.shapes import Known
from tests.formats.mlprogram import build, files
from tests.formats.mlprogram.editing import apply, operations, rewritten, told
from tests.formats.mlprogram.test_reader import enlarged, main_block, parsed

logging.disable(logging.WARNING)

RESIZED = [
    name for name in files.NAMES if name not in ("ct9_ml17_area_nondiv", "head_ml17_bicubic")
]
ALLOWED = re.compile(r"^[A-Za-z_][A-Za-z0-9_@]*$")


def unaligned(size):
    return lambda resize, shapes: ResizeBilinear(*size, "UNALIGN_CORNERS")


def same_size(resize, shapes):
    """Another operation for the size that the file declares."""
    (made,) = shapes.layers[resize.address].outputs
    dims = made.dims if isinstance(made, Known) else made.default
    return ResizeBilinear(*dims[-2:], "STRICT_ALIGN_CORNERS")


def as_coremltools_infers(data, weights=""):
    """Every declared type is what coremltools infers, exactly: `None` where it is symbolic."""
    inferred = build.inferred(data, weights)
    declared = {}
    for function in reader.read(Source(data)).functions:
        for operation in program.operations(function.block):
            for variable in operation.outputs:
                declared[variable.name] = variable.type.dims if variable.type else ()
    return {name: (dims, inferred[name]) for name, dims in declared.items()
            if name in inferred and dims != inferred[name]} == {}  # fmt: skip


@pytest.mark.parametrize("name", RESIZED)
def test_another_operation_of_the_same_size(name):
    data = files.model(name)
    result, found, _ = rewritten(data, same_size)
    for one in found.values():
        for resize in one.resizes():
            assert str(resize.params).endswith("STRICT_ALIGN_CORNERS")
    assert as_coremltools_infers(result, files.weights(name))
    only_these_differ(data, result, declarations=name == "ct9_ex17_range_other_bilF")


@pytest.mark.parametrize("name", RESIZED)
def test_another_size(name, tmp_path):
    data = files.model(name)
    result, found, planned = rewritten(data, unaligned((21, 35)))
    assert as_coremltools_infers(result, files.weights(name))
    for one in found.values():
        assert one.shapes().outputs == planned[one.function.name].outputs
    only_these_differ(data, result, declarations=True)
    package = tmp_path / "model.mlpackage"
    shutil.copytree(str(files.package(name)), str(package))
    (package / "Data" / "com.apple.CoreML" / "model.mlmodel").write_bytes(result)
    spec = build.opens(package)
    for feature in spec.description.output:
        shape = list(feature.type.multiArrayType.shape)
        assert shape == [] or shape[-2:] == [21, 35]


def only_these_differ(data, result, declarations, added=()):
    """Operations keep their order, name and output, constants of changed ones too.

    What is put in has a name that says so. `added` are its types beside constants.
    """
    before, outside = operations(data)
    after, outside_after = operations(result)
    if not declarations:
        assert outside == outside_after
    else:
        assert [raw for path, raw in outside if path] == [
            raw for path, raw in outside_after if path
        ]
    old, new = ([_parsed(one) for one in side] for side in (before, after))
    kept_old = [told(raw) for raw, one in zip(before, old) if not _is_resize(one)]
    kept_new = [
        told(raw) for raw, one in zip(after, new) if not _is_resize(one) and not _is_added(one)
    ]
    assert kept_old == kept_new
    changed = [index for index, one in enumerate(old) if _is_resize(one)]
    assert len(changed) == sum(map(_is_resize, new))
    for one, other in zip(filter(_is_resize, old), filter(_is_resize, new)):
        assert one.outputs[0].name == other.outputs[0].name
        assert one.attributes == other.attributes
        assert one.inputs["x"] == other.inputs["x"]
    kinds = [one.type for one in new if _is_added(one)]
    assert [kind for kind in kinds if kind != "const"] == list(added)


def _parsed(raw):
    found = schema.mil().Operation()
    found.ParseFromString(raw)
    return found


def _is_resize(one):
    return one.type.startswith(("upsample", "resize"))


def _is_added(one):
    return any("__resize_" in made.name for made in one.outputs)


def test_house_style_of_what_is_written():
    """Constants are operations with names of their own, such as coremltools writes."""
    _, found, _ = rewritten(files.model("ct9_ml17_nn_sf2p3"), unaligned((20, 24)))
    block = found["main"].function.block
    assert [one.kind for one in block.operations] == ["const"] * 5 + ["resize_bilinear"]
    names = [one.name for one in block.operations]
    assert names == [
        "op_6_scale_factor_height_0", "op_6_scale_factor_width_0",
        "var_6__resize_target_size_height", "var_6__resize_target_size_width",
        "var_6__resize_sampling_mode", "op_6_cast_fp16",
    ]  # fmt: skip
    assert all(map(ALLOWED.match, names))


def test_inline_values_stay_inline():
    data = build.inline(
        build.model_file(build.program(lambda x: enlarged(x, 3, "up"), (1, 2, 4, 6)))
    )
    result, found, _ = rewritten(data, unaligned((9, 9)))
    assert [one.kind for one in found["main"].function.block.operations] == ["resize_bilinear"]
    assert as_coremltools_infers(result)


def test_constants_of_an_earlier_fix_go_unless_something_else_reads_them():
    data, _, _ = rewritten(files.model("ct9_ml17_equal_calls"), unaligned((20, 24)))
    model = schema.model_class().FromString(data)
    first, second = (one for one in main_block(model).operations if one.type == "resize_bilinear")
    shared = first.inputs["target_size_height"].arguments[0].name
    second.inputs["target_size_height"].arguments[0].name = shared

    def first_alone(resize, shapes):
        return UpsampleNearest(2, 2) if resize.names[1] == first.outputs[0].name else None

    result, found, _ = rewritten(model.SerializeToString(), first_alone)
    names = [one.name for one in found["main"].function.block.operations]
    assert shared in names
    assert first.inputs["target_size_width"].arguments[0].name not in names
    assert as_coremltools_infers(result)


def test_constants_of_an_earlier_fix_stay_for_a_name_that_stands_for_two():
    data, _, _ = rewritten(files.model("ct9_ml17_nn_sf2p3"), unaligned((20, 24)))
    model = schema.model_class().FromString(data)
    block = main_block(model)
    (added,) = (one for one in block.operations if one.outputs[0].name.endswith("_size_height"))
    owner = block.operations.add(type="cond")
    owner.outputs.add(name="aside")
    for _ in range(2):
        inner = owner.blocks.add(outputs=[added.outputs[0].name])
        inner.operations.add().CopyFrom(added)
    _, found, _ = rewritten(model.SerializeToString(), lambda *_: UpsampleNearest(2, 2))
    made = [
        variable.name
        for one in program.operations(found["main"].function.block)
        for variable in one.outputs
    ]
    assert made.count("var_6__resize_target_size_height") == 3
    assert made.count("var_6__resize_target_size_width") == 0


def test_new_names_are_unique():
    model = parsed("ct9_ml17_nn_sf2p3")
    for taken in ("var_6__resize_sampling_mode", "var_6__resize_sampling_mode_2"):
        one = main_block(model).operations.add()
        one.CopyFrom(main_block(model).operations[0])
        one.outputs[0].name = taken
    _, found, _ = rewritten(model.SerializeToString(), unaligned((20, 24)))
    names = [one.outputs[0].name for one in found["main"].function.block.operations]
    assert len(set(names)) == len(names)
    assert "var_6__resize_sampling_mode_3" in names


def test_two_factors_of_one_type():
    """Whole along one axis and a fraction along the other: both are written as float32."""
    chosen = UpsampleBilinear(2, 1.5, align_corners=True)
    result, found, _ = rewritten(files.model("ct9_ml17_nn_sf2p3"), lambda *_: chosen)
    assert [one.params for one in found["main"].resizes()] == [chosen]
    assert build.inferred(result)["var_6"] == (1, 3, 20, 18)


def picking(indices, axis):
    return (
        ("indices", Constant("INT32", tuple(map(int, indices)), (len(indices),))),
        ("axis", Constant("INT32", (axis,))),
        ("batch_dims", Constant("INT32", (0,))),
        ("validate_indices", Constant("BOOL", (False,))),
    )


def test_several_steps_in_one_place():
    """A replacement of several operations: intermediate values get names and types of their own."""
    data = files.model("ct9_ml17_nn_sf2p3")
    source = Source(data)
    found = reader.read(source)
    (one,) = network.networks(found).values()
    (resize,) = one.resizes()
    rows, columns = np.arange(20) % 10, np.arange(24) % 12
    replacement = (
        Step("gather", (("x", Read()), *picking(rows, 2)), (1, 3, 20, 12)),
        Step("gather", (("x", Made(0)), *picking(columns, 3))),
    )
    before = {"main": one.shapes()}
    after = {"main": one.shapes({resize.address: (20, 24)})}
    change = edits.Rewrite({resize.address: replacement}, before, after, 6)
    result = apply(data, edits.edits(source, found, change))
    assert as_coremltools_infers(result)
    kinds = [each.kind for each in reader.read(Source(result)).functions[0].block.operations]
    assert kinds.count("gather") == 2
    assert "upsample_nearest_neighbor" not in kinds
