"""Every way to resize in PyTorch, with the intent written out as a figure."""

import inspect
import warnings

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

from torch import nn  # noqa: E402
from torch.nn.functional import interpolate, upsample  # noqa: E402

from coreml_resize_fix.intents.model import Intent  # noqa: E402
from coreml_resize_fix.intents.record import record_intents  # noqa: E402

F = nn.functional
PARAMETERS = inspect.signature(F.interpolate).parameters
HEIGHT_WIDTH = (4, 6)


class Calls(nn.Module):
    """A model whose forward is any function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, maps):
        return self.function(maps)


def case(label, function, needs=None, **expected):
    missing = needs is not None and needs not in PARAMETERS
    marks = [pytest.mark.skip(reason="this PyTorch has no `{}`".format(needs))] if missing else []
    return pytest.param(function, expected, id=label, marks=marks)


TRUE_BY_SIZE = {
    "mode": "bilinear",
    "align_corners": True,
    "size": (7, 9),
    "output_size": (7, 9),
}
FALSE_BY_TWO = {"mode": "bilinear", "scale_factor": (2.0, 2.0), "output_size": (8, 12)}
NEAREST_BY_TWO = {"mode": "nearest", "scale_factor": (2.0, 2.0), "output_size": (8, 12)}

CASES = [
    case(
        "interpolate",
        lambda x: F.interpolate(x, (7, 9), mode="bilinear", align_corners=True),
        **TRUE_BY_SIZE,
    ),
    case(
        "imported by name",
        lambda x: interpolate(x, size=[7, 9], mode="bilinear", align_corners=True),
        **TRUE_BY_SIZE,
    ),
    case(
        "all arguments by position",
        lambda x: interpolate(x, (7, 9), None, "bilinear", True),
        **TRUE_BY_SIZE,
    ),
    case(
        "size of another tensor",
        lambda x: interpolate(
            x, size=torch.zeros(1, 1, 7, 9).shape[2:], mode="bilinear", align_corners=True
        ),
        **TRUE_BY_SIZE,
    ),
    case(
        "one number for both sides",
        lambda x: F.interpolate(x, size=5, mode="bilinear", align_corners=True),
        mode="bilinear",
        align_corners=True,
        size=(5, 5),
        output_size=(5, 5),
    ),
    case(
        "align_corners left out",
        lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
        **FALSE_BY_TWO,
    ),
    case(
        "a factor for each side",
        lambda x: F.interpolate(x, scale_factor=(1.3, 0.5), mode="bilinear", align_corners=False),
        mode="bilinear",
        scale_factor=(1.3, 0.5),
        output_size=(5, 3),
    ),
    case("mode left out", lambda x: F.interpolate(x, scale_factor=2), **NEAREST_BY_TWO),
    case(
        "upsample",
        lambda x: F.upsample(x, scale_factor=2, mode="bilinear", align_corners=False),
        **FALSE_BY_TWO,
    ),
    case(
        "upsample by name",
        lambda x: upsample(x, (7, 9), mode="bilinear", align_corners=True),
        **TRUE_BY_SIZE,
    ),
    case("upsample_bilinear", lambda x: F.upsample_bilinear(x, size=(7, 9)), **TRUE_BY_SIZE),
    case("upsample_nearest", lambda x: F.upsample_nearest(x, scale_factor=2), **NEAREST_BY_TWO),
    case(
        "nn.Upsample",
        nn.Upsample(size=(7, 9), mode="bilinear", align_corners=True),
        name="function",
        **TRUE_BY_SIZE,
    ),
    case("nn.Upsample, nearest", nn.Upsample(scale_factor=2), name="function", **NEAREST_BY_TWO),
    case(
        "nn.UpsamplingBilinear2d",
        nn.UpsamplingBilinear2d(size=(7, 9)),
        name="function",
        **TRUE_BY_SIZE,
    ),
    case(
        "nn.UpsamplingNearest2d",
        nn.UpsamplingNearest2d(scale_factor=2),
        name="function",
        **NEAREST_BY_TWO,
    ),
    case(
        "bicubic",
        lambda x: F.interpolate(x, (7, 9), mode="bicubic", align_corners=True),
        mode="bicubic",
        align_corners=True,
        size=(7, 9),
        output_size=(7, 9),
    ),
    case(
        "area",
        lambda x: F.interpolate(x, scale_factor=0.5, mode="area"),
        mode="area",
        scale_factor=(0.5, 0.5),
        output_size=(2, 3),
    ),
    case(
        "nearest-exact",
        lambda x: F.interpolate(x, (7, 9), mode="nearest-exact"),
        needs="antialias",  # came with the same version
        mode="nearest-exact",
        size=(7, 9),
        output_size=(7, 9),
    ),
    case(
        "antialias",
        lambda x: F.interpolate(x, (2, 3), mode="bilinear", antialias=True),
        needs="antialias",
        mode="bilinear",
        antialias=True,
        size=(2, 3),
        output_size=(2, 3),
    ),
    case(
        "recompute_scale_factor",
        lambda x: F.interpolate(x, scale_factor=1.3, mode="bilinear", recompute_scale_factor=True),
        needs="recompute_scale_factor",
        mode="bilinear",
        scale_factor=(1.3, 1.3),
        recompute_scale_factor=True,
        output_size=(5, 7),
    ),
]


@pytest.mark.parametrize(("function", "expected"), CASES)
def test_a_call_is_recorded_as_it_was_made(function, expected):
    maps = torch.rand(1, 3, *HEIGHT_WIDTH)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = function(maps)
        model = Calls(function)
        intents = record_intents(model, maps)
        with record_intents(model) as in_block:
            result = model(maps)
    assert list(intents) == [
        Intent(
            framework="torch",
            framework_version=torch.__version__,
            input_size=HEIGHT_WIDTH,
            channels=3,
            index=0,
            **expected,
        )
    ]
    assert list(in_block) == list(intents)
    assert intents.notices == []
    assert torch.equal(result, wanted)


@pytest.mark.parametrize(
    ("maps", "arguments", "notice"),
    [
        ((1, 3, 4, 4, 4), {"mode": "trilinear"}, "a 5-D tensor with mode `trilinear`"),
        ((1, 3, 4, 4, 4), {"mode": "nearest"}, "a 5-D tensor with mode `nearest`"),
    ],
)
def test_what_is_no_picture_is_noted_and_not_recorded(maps, arguments, notice):
    model = Calls(lambda x: F.interpolate(x, scale_factor=2, **arguments))
    with pytest.warns(UserWarning, match=notice):
        intents = record_intents(model, torch.rand(*maps))
    assert list(intents) == []
    assert intents.notices == ["`interpolate` of {} in the model: not recorded".format(notice)]
