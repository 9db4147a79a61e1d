"""`--assume`: one intent as text."""

import pytest

from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.intents import assume
from coreml_resize_fix.intents.model import Intent


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("bilinear", {}),
        ("bilinear,align_corners=true", {"align_corners": True}),
        ("mode=bilinear, align_corners = True", {"align_corners": True}),
        ("align_corners=FALSE", {"align_corners": False}),
        ("align_corners=none", {"align_corners": False}),
        ("nearest,scale_factor=2", {"mode": "nearest", "scale_factor": (2.0, 2.0)}),
        ("nearest-exact,size=25x31", {"mode": "nearest-exact", "size": (25, 31)}),
        ("bilinear,scale_factor=1.5x2", {"scale_factor": (1.5, 2.0)}),
        ("bilinear,size=64", {"size": (64, 64)}),
        ("bicubic,antialias=true,", {"mode": "bicubic", "antialias": True}),
        ("framework=tensorflow1", {"framework": "tensorflow1"}),
        (
            "bilinear,scale_factor=2,recompute_scale_factor=true",
            {"scale_factor": (2.0, 2.0), "recompute_scale_factor": True},
        ),
    ],
)
def test_texts(text, fields):
    assert assume.parse(text) == Intent(name="--assume", **fields)


MODES = "nearest, nearest-exact, bilinear, bicubic, area"


@pytest.mark.parametrize(
    ("text", "defects"),
    [
        ("", ["--assume: it is empty"]),
        (" , ", ["--assume: it is empty"]),
        ("linear", ["--assume.mode: expected one of {}, not `'linear'`".format(MODES)]),
        (
            "bilinear,align_corner=true",
            ["--assume.align_corner: unknown key; did you mean `align_corners`?"],
        ),
        (
            "align_corners=maybe,antialias=1",
            [
                "--assume.align_corners: expected true, false or null, not `'maybe'`",
                "--assume.antialias: expected true, false or null, not `1`",
            ],
        ),
        ("bilinear,nearest", ["--assume.mode: it is given twice"]),
        ("bilinear,mode=bilinear", ["--assume.mode: it is given twice"]),
        ("size=4x4,size=5x5", ["--assume.size: it is given twice"]),
        (
            "nearest,align_corners=true",
            [
                "--assume.align_corners: `align_corners` goes with bilinear and bicubic only, not "
                "with `nearest`"
            ],
        ),
        (
            "size=4x4,scale_factor=2",
            ["--assume: `size` and `scale_factor` exclude each other, as in interpolate"],
        ),
        ("framework=opencv,bicubic", ["--assume.mode: `bicubic` is not known for opencv"]),
    ]
    + [
        (
            "size=" + size,
            [
                "--assume.size: expected [height, width] as whole numbers from 1 to 65536, "
                "not " + said
            ],
        )
        for size, said in [
            ("4x4x4", "a list"),
            ("0x4", "a list"),
            ("25x", "`'25x'`"),
            ("nan", "`nan`"),
            ("1e9", "`1000000000.0`"),
        ]
    ],
)
def test_texts_that_are_wrong(text, defects):
    with pytest.raises(UsageError) as caught:
        assume.parse(text)
    assert caught.value.message == "`--assume {}` is not an intent: {}".format(
        text, "; ".join(defects)
    )
    assert "bilinear,align_corners=true" in caught.value.hint


@pytest.mark.parametrize("key", ["layer", "name", "input_size", "output_size", "channels"])
def test_what_belongs_to_one_layer_cannot_be_assumed(key):
    with pytest.raises(UsageError, match=r"--assume\.{}: unknown key".format(key)):
        assume.parse("bilinear,{}=4".format(key))
