"""Names that coremltools gave to operations, as seen in files of 5.2 to 9.0."""

import pytest

from coreml_resize_fix.formats.mlprogram import callnames, naming


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("upsample_bilinear2d_cast_fp16", ("bilinear", False, 0)),
        ("upsample_bilinear2d_3_cast_fp16", ("bilinear", False, 3)),
        ("upsample_bilinear2d_3", ("bilinear", False, 3)),
        ("_upsample_bilinear2d_aa_1_cast_fp16", ("bilinear", True, 1)),
        ("upsample_nearest2d", ("nearest", False, 0)),
        ("upsample_bicubic2d_2", ("bicubic", False, 2)),
        ("op_49_cast_fp16", None),
        ("input_11_cast_fp16", None),
        ("var_6_cast", None),
        ("my_upsample_bilinear2d", None),
    ],
)
def test_names_of_exported_calls(name, expected):
    assert callnames.exported(name) == expected


def test_casts_are_taken_off():
    names = ["op_49_cast_fp16", "var_6_cast", "x_cast_fp32", "broadcast", "up"]
    assert list(map(callnames.without_cast, names)) == ["op_49", "var_6", "x", "broadcast", "up"]


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("var_6", "var_6"),
        ("a/b.c", "a_b_c"),
        ("3d", "_3d"),
        ("@x", "_@x"),
        ("x@1", "x@1"),
        ("", "_"),
    ],
)
def test_names_that_mil_allows(name, allowed):
    assert naming.allowed(name) == allowed
