"""Really converted packages: what is read of them, beside what the converter was given."""

from pathlib import Path

import pytest

from coreml_resize_fix.errors import SchemaError
from coreml_resize_fix.formats.mlprogram import network, opset, reader
from coreml_resize_fix.formats.mlprogram.inventory import Unjudged
from coreml_resize_fix.formats.mlprogram.program import file_references
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.formats.shapes import Flexible, Known
from tests.formats.mlprogram import files

try:
    schema.mil()
except SchemaError as error:
    pytest.skip(str(error), allow_module_level=True)

# address, own name, text; `name` is that of the output where the converter names no operations.
RESIZES = {
    "ct52_ml15_nn_sf2p3": [
        ("main/ops[4]", "var_6_cast", "upsample_nearest_neighbor ×2.3,2.3"),
    ],
    "ct72_ml17_acT_sf0p7": [
        ("main/ops[3]", "op_7_cast_fp16", "upsample_bilinear ×0.7,0.7 align_corners=true"),
    ],
    "ct83_ex17_names": [
        ("main/ops[5]", "upsample_bilinear2d_cast_fp16",
         "upsample_bilinear ×2,2 align_corners=true"),
        ("main/ops[17]", "upsample_bilinear2d_1_cast_fp16",
         "upsample_bilinear ×2,2 align_corners=false"),
        ("main/ops[30]", "upsample_bilinear2d_2_cast_fp16",
         "upsample_bilinear ×2,2 align_corners=false"),
        ("main/ops[35]", "upsample_bilinear2d_3_cast_fp16",
         "upsample_bilinear ×2,2 align_corners=true"),
    ],
    "ct9_ex17_range_other_bilF": [
        ("main/ops[13]", "upsample_bilinear2d_cast_fp16",
         "upsample_bilinear ×2,2 align_corners=false"),
    ],
    "ct9_ml15_aa_half": [
        ("main/ops[5]", "op_7_cast_fp16", "upsample_bilinear ×0.5,0.5 align_corners=false"),
    ],
    "ct9_ml17_acT_sf_rounds_up": [
        ("main/ops[3]", "op_7_cast_fp16", "upsample_bilinear ×1.16,1.16 align_corners=true"),
    ],
    "ct9_ml17_area_nondiv": [],
    "ct9_ml17_equal_calls": [
        ("main/ops[3]", "op_7_cast_fp16", "upsample_bilinear ×2,2 align_corners=true"),
        ("main/ops[9]", "op_22_cast_fp16", "upsample_bilinear ×2,2 align_corners=false"),
    ],
    "ct9_ml17_nn_sf2p3": [
        ("main/ops[2]", "op_6_cast_fp16", "upsample_nearest_neighbor ×2.3,2.3"),
    ],
    "head_ml17_bicubic": [],
    "mil_ml16_half_pixel_false": [
        ("main/ops[8]", "up_cast_fp16",
         "upsample_bilinear ×2,2 align_corners=false half_pixel_centers=false"),
    ],
    "mil_ml17_resize_nearest": [
        ("main/ops[8]", "up_cast_fp16", "resize to 25×31 NEAREST_NEIGHBOR DEFAULT"),
    ],
}  # fmt: skip


def only_network(name):
    (found,) = network.networks(reader.read(Source(files.model(name)))).values()
    return found


def test_every_fixture_is_told_of():
    assert sorted(RESIZES) == files.NAMES


@pytest.mark.parametrize("name", files.NAMES)
def test_resizes(name):
    found = [
        (one.address, one.names[0], str(one.params))
        for one in only_network(name).resizes()
        if not isinstance(one.params, Unjudged)
    ]
    assert found == RESIZES[name]


@pytest.mark.parametrize("name", files.NAMES)
def test_versions(name):
    program = reader.read(Source(files.model(name)))
    meta = files.meta(name)
    assert [one.opset for one in program.functions] == [meta["opset"]]
    assert program.spec_version == opset.required_version(program) == meta["spec"]


@pytest.mark.parametrize("name", files.NAMES)
def test_sizes_are_those_that_the_file_declares(name):
    """And no rule of ours finds a conflict in what a converter wrote."""
    found = only_network(name)
    shapes = found.shapes()
    assert shapes.conflicts == ()
    if name != "ct9_ex17_range_other_bilF":
        # What is wrong in these files is the size that the converter declares, too.
        last = files.calls(name)[-1]
        (made,) = shapes.outputs.values()
        assert isinstance(made, Known)
        wrong = {"ct52_ml15_nn_sf2p3": (22, 27), "ct9_ml17_acT_sf_rounds_up": (29, 29)}
        wrong["ct72_ml17_acT_sf0p7"] = (20, 20)
        assert made.dims[-2:] == wrong.get(name, tuple(last["output_hw"]))
        return
    assert shapes.flexible_inputs == ("x",)
    (made,) = shapes.outputs.values()
    assert isinstance(made, Flexible)
    # A convolution of stride 4 on 8 to 64 pixels, then a factor of 2.
    assert made.dims == ((1, 1), (3, 3), (4, 32), (4, 32))
    assert made.default == (1, 3, 4, 4)


def test_weight_files_that_are_needed():
    needed = {
        name: {one.file_name for one in file_references(reader.read(Source(files.model(name))))}
        for name in files.NAMES
    }
    there = {
        name: {"@model_path/weights/weight.bin"} if Path(files.weights(name)).exists() else set()
        for name in files.NAMES
    }
    assert sum(map(len, needed.values())) >= 2
    for name in files.NAMES:
        assert needed[name] <= there[name]


def test_no_weights_are_opened(monkeypatch):
    """A program whose weights are elsewhere is read as well."""
    opened = []
    monkeypatch.setattr("builtins.open", lambda *args, **more: opened.append(args))
    data = Source(_HELD)
    assert reader.read(data).functions
    assert opened == []


_HELD = files.model("ct9_ex17_range_other_bilF")
