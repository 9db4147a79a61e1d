"""Resizes that run without Python: scripted, traced and compiled modules, and bare operators."""

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

from torch import nn  # noqa: E402

from coreml_resize_fix.intents.model import Intent  # noqa: E402
from coreml_resize_fix.intents.record import record_intents  # noqa: E402
from coreml_resize_fix.intents.torch.compiled import resizing_scripts  # noqa: E402

F = nn.functional
MAPS = torch.rand(1, 3, 4, 6)
VERSION = tuple(int(part) for part in torch.__version__.split(".")[:2])
is_shown = pytest.mark.skipif(
    VERSION < (1, 13), reason="needs PyTorch: pip install 'torch>=1.13', which shows its operators"
)
is_hidden = pytest.mark.skipif(
    VERSION >= (1, 13), reason="needs PyTorch before 1.13, which does not show its operators"
)


class Resizes(nn.Module):
    def forward(self, maps):
        maps = F.interpolate(maps * 2, scale_factor=1.5, mode="bilinear", align_corners=True)
        return F.interpolate(torch.relu(maps), size=(7, 11), mode="nearest")


class Plain(nn.Module):
    def forward(self, maps):
        return maps * 2


def traced(module):
    return torch.jit.trace(module, MAPS)


def expected(name):
    known = {"framework_version": torch.__version__, "channels": 3, "name": name}
    return [
        Intent(
            mode="bilinear",
            align_corners=True,
            scale_factor=(1.5, 1.5),
            input_size=(4, 6),
            output_size=(6, 9),
            index=0,
            **known,
        ),
        Intent(
            mode="nearest",
            size=(7, 11),
            input_size=(6, 9),
            output_size=(7, 11),
            index=1,
            **known,
        ),
    ]


@is_shown
@pytest.mark.parametrize("compiled", [torch.jit.script, traced])
def test_a_compiled_model_is_seen_from_inside(compiled):
    model = compiled(Resizes())
    for _ in range(3):  # the second run may be optimized
        intents = record_intents(model, MAPS, tensors=True)
        assert list(intents) == expected(None)
        assert intents.notices == []
    assert intents.tensors[1].output.shape == (1, 3, 7, 11)


@is_shown
@pytest.mark.parametrize("compiled", [torch.jit.script, traced])
def test_a_compiled_part_is_seen_from_inside(compiled):
    model = nn.Sequential(Plain(), compiled(Resizes()))
    assert list(record_intents(model, MAPS)) == expected("1")
    with torch.inference_mode():
        assert list(record_intents(model, MAPS)) == expected("1")


class SizesOfSizes(nn.Module):
    def forward(self, maps):
        size = ((maps.shape[2] * 3 + 1) // 2, maps.size(3) * 2)
        return F.interpolate(maps, size=size, mode="bilinear", align_corners=True)


@is_shown
def test_a_trace_with_constants_runs_as_it_does_without_a_recorder(tmp_path):
    path = str(tmp_path / "model.pt")
    torch.jit.trace(SizesOfSizes(), MAPS, check_trace=False).save(path)
    with record_intents(torch.jit.load(path)) as intents:  # never run before, so not optimized
        result = intents._model(MAPS)
    assert torch.equal(result, SizesOfSizes()(MAPS))
    assert [(i.size, i.input_size) for i in intents] == [((6, 12), (4, 6))]


@is_shown
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_model_can_be_traced_inside_a_block():
    model = SizesOfSizes()
    with record_intents(model) as intents:
        torch.jit.trace(model, MAPS)
    assert {i.size for i in intents} == {(6, 12)}


@is_shown
def test_a_model_that_was_compiled_before_is_recorded_once():
    model = Resizes()
    compiled = torch.compile(model, backend="eager") if VERSION >= (2, 0) else model
    compiled(MAPS)
    with record_intents(model) as intents:
        compiled(MAPS)
    assert [(i.mode, i.output_size) for i in intents] == [
        ("bilinear", (6, 9)),
        ("nearest", (7, 11)),
    ]


class Operator(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, maps):
        return self.function(maps)


@is_shown
@pytest.mark.parametrize(
    ("call", "fields"),
    [
        (
            lambda ops, x: ops.upsample_bilinear2d.vec(x, [7, 9], True, None),
            {"mode": "bilinear", "align_corners": True, "size": (7, 9)},
        ),
        (
            lambda ops, x: ops.upsample_bilinear2d(x, None, False, [2.0, 1.5]),
            {"mode": "bilinear", "scale_factor": (2.0, 1.5), "output_size": (8, 9)},
        ),
        (
            lambda ops, x: ops.upsample_nearest2d(x, output_size=[7, 9]),
            {"mode": "nearest", "size": (7, 9)},
        ),
        (
            lambda ops, x: ops._upsample_nearest_exact2d(x, [7, 9]),
            {"mode": "nearest-exact", "size": (7, 9)},
        ),
        (
            lambda ops, x: ops._upsample_bicubic2d_aa(x, [3, 3], True),
            {"mode": "bicubic", "align_corners": True, "antialias": True, "size": (3, 3)},
        ),
        (
            lambda ops, x: torch._C._nn._upsample_bilinear2d_aa(x, [3, 3], False),
            {"mode": "bilinear", "antialias": True, "size": (3, 3)},
        ),
        (
            lambda ops, x: ops.upsample_bicubic2d(x, [7, 9], True),
            {"mode": "bicubic", "align_corners": True, "size": (7, 9)},
        ),
    ],
)
@pytest.mark.parametrize("mode", ["no_grad", "inference_mode", "enable_grad"])
def test_a_bare_operator_is_recorded_once(call, fields, mode):
    model = Operator(lambda x: call(torch.ops.aten, x))
    with getattr(torch, mode)(), record_intents(model) as intents:
        model(MAPS)
    wanted = {"output_size": fields.get("size"), **fields}
    assert list(intents) == [
        Intent(
            framework_version=torch.__version__,
            input_size=(4, 6),
            channels=3,
            index=0,
            **wanted,
        )
    ]


@is_shown
@pytest.mark.parametrize(
    ("call", "notice"),
    [
        (
            lambda ops, x: ops.upsample_trilinear3d(x[None], [1, 7, 9], True),
            "`aten::upsample_trilinear3d` in the model: not recorded",
        ),
        (
            lambda ops, x: ops.upsample_bilinear2d(x, [7, 9], False, 2.0, 2.0),
            "`aten::upsample_bilinear2d` with factors that give another size than its own in the "
            "model: not recorded",
        ),
    ],
)
def test_an_operator_that_is_no_intent_is_noted(call, notice):
    with pytest.warns(UserWarning, match=notice):
        intents = record_intents(Operator(lambda x: call(torch.ops.aten, x)), MAPS)
    assert (list(intents), intents.notices) == ([], [notice])


@is_hidden
@pytest.mark.parametrize("compiled", [torch.jit.script, traced])
@pytest.mark.parametrize("as_part", [True, False])
def test_what_cannot_be_seen_is_noted(compiled, as_part):
    model = compiled(nn.Sequential(Resizes()))
    model = nn.Sequential(nn.Sequential(Plain(), model)) if as_part else model
    where = "module `0.1`" if as_part else "the model"
    with pytest.warns(UserWarning, match="does not show what it resizes"):
        intents = record_intents(model, MAPS)
    assert list(intents) == []
    assert intents.notices == [
        "{} is scripted or traced, and PyTorch {} does not show what it resizes: not "
        "recorded".format(where, torch.__version__)
    ]


def test_only_scripts_that_resize_are_named():
    model = nn.Sequential(
        torch.jit.script(Plain()), traced(nn.Sequential(Resizes())), Resizes(), traced(Plain())
    )
    assert resizing_scripts(model) == ["1"]
    assert resizing_scripts(torch.jit.script(nn.ModuleList([Resizes()]))) == [""]
