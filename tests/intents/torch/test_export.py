"""`exportable`: what torch.onnx.export writes, and that the model stays as it was."""

import warnings

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")
pytest.importorskip("onnx", reason="needs ONNX: pip install onnx")

import onnx  # noqa: E402
import onnx.numpy_helper  # noqa: E402
from torch import nn  # noqa: E402

from coreml_resize_fix.errors import UsageError  # noqa: E402
from coreml_resize_fix.intents.record import record_intents  # noqa: E402
from coreml_resize_fix.intents.torch.export import exportable  # noqa: E402
from tests.intents.torch.support import HAS, UNet, export  # noqa: E402

F = nn.functional
MAPS = torch.rand(1, 3, 10, 14)


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, maps):
        return self.function(maps)


def nodes(path):
    """Operators of the graph and their attributes, without constants."""
    graph = onnx.load(str(path)).graph
    return [
        (node.op_type, {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute})
        for node in graph.node
        if node.op_type != "Constant"
    ]


def scales(path):
    """The constant scales of each Upsample node, by height and width."""
    graph = onnx.load(str(path)).graph
    constants = {
        node.output[0]: onnx.numpy_helper.to_array(node.attribute[0].t)
        for node in graph.node
        if node.op_type == "Constant"
    }
    constants.update((t.name, onnx.numpy_helper.to_array(t)) for t in graph.initializer)
    found = [constants[node.input[1]] for node in graph.node if node.op_type == "Upsample"]
    assert all(tuple(values[:2]) == (1, 1) for values in found)
    return [tuple(values[2:].tolist()) for values in found]


def test_a_network_is_exported_with_constant_sizes(tmp_path):
    model, path = UNet().eval(), tmp_path / "model.onnx"
    before = model(MAPS)
    truth = record_intents(model, MAPS)
    intents = export(model, MAPS, path)
    assert list(intents) == list(truth)
    assert [(i.name, str(i), i.input_size, i.output_size) for i in intents] == [
        ("up", "bilinear corners=True scale_factor=2", (2, 3), (4, 6)),
        ("join", "bilinear corners=True size=5×7", (4, 6), (5, 7)),
        ("up", "bilinear corners=True scale_factor=2", (5, 7), (10, 14)),
        (None, "nearest scale_factor=1.5", (10, 14), (15, 21)),
    ]
    kinds = {kind for kind, _ in nodes(path)}
    assert kinds == {"Conv", "MaxPool", "Relu", "Add", "Concat", "Upsample"}
    modes = [attributes["mode"] for kind, attributes in nodes(path) if kind == "Upsample"]
    assert modes == [b"linear", b"linear", b"linear", b"nearest"]
    assert scales(path) == [
        pytest.approx(pair) for pair in [(2, 2), (5 / 4, 7 / 6), (2, 2), (1.5, 1.5)]
    ]
    assert torch.equal(model(MAPS), before)
    assert list(record_intents(model, MAPS)) == list(truth)


def call(needs=None, **arguments):
    marks = [] if needs is None or needs in HAS else pytest.mark.skip(reason="not in this PyTorch")
    return pytest.param(arguments, marks=marks)


@pytest.mark.parametrize(
    "arguments",
    [
        call(size=(7, 9), mode="bicubic", align_corners=True),
        call(scale_factor=(1.5, 2.0), mode="bicubic", align_corners=False),
        call(size=(5, 7), mode="area"),
        call(scale_factor=0.4, mode="area"),
        call(size=(7, 9), mode="nearest"),
        call(size=(7, 9), mode="nearest-exact", needs="antialias"),
        call(size=(5, 7), mode="bilinear", antialias=True, needs="antialias"),
        call(
            scale_factor=1.3,
            mode="bilinear",
            align_corners=False,
            recompute_scale_factor=True,
            needs="recompute_scale_factor",
        ),
    ],
)
def test_what_opset_9_cannot_say_is_replaced_at_the_same_size(arguments, tmp_path):
    path, model = tmp_path / "model.onnx", Function(lambda x: F.interpolate(x, **arguments))
    true_size = tuple(model(MAPS).shape[2:])
    (intent,) = export(model, MAPS, path)
    assert intent == record_intents(model, MAPS)[0]
    assert (intent.mode, intent.output_size) == (arguments["mode"], true_size)
    ((kind, attributes),) = nodes(path)
    mode = b"nearest" if "nearest" in arguments["mode"] else b"linear"
    assert (kind, attributes["mode"]) == ("Upsample", mode)
    (found,) = scales(path)
    assert [int(n * s + 1e-4) for n, s in zip((10, 14), found)] == list(true_size)


def test_sizes_are_those_of_a_normal_run(tmp_path):
    # Tracing multiplies in float32, which gives 29 here.
    model, maps = (
        Function(lambda x: F.interpolate(x, scale_factor=0.29)),
        torch.rand(1, 1, 100, 100),
    )
    assert model(maps).shape[2:] == (28, 28)
    (intent,) = export(model, maps, tmp_path / "model.onnx")
    assert intent.output_size == (28, 28)
    assert scales(tmp_path / "model.onnx") == [pytest.approx((0.28, 0.28))]


def test_the_tracer_does_not_see_how_sizes_are_found(tmp_path):
    model = Function(lambda x: F.interpolate(x, size=(x.shape[2] * 2, x.shape[3]), mode="nearest"))
    (intent,) = export(model, MAPS, tmp_path / "model.onnx", error=torch.jit.TracerWarning)
    assert intent.size == (20, 14)


def test_inside_the_block_a_plain_bilinear_resize_runs():
    model = nn.UpsamplingBilinear2d(size=(25, 31))
    truth = model(MAPS)
    with exportable(model):
        inside = model(MAPS)
    expected = F.interpolate(MAPS, size=(25, 31), mode="bilinear", align_corners=False)
    assert torch.equal(inside, expected)
    assert not torch.equal(inside, truth)
    assert torch.equal(model(MAPS), truth)


def test_the_last_run_counts():
    model = UNet().eval()
    with exportable(model) as intents:
        for _ in range(3):
            model(MAPS)
    assert (len(intents), intents.notices) == (4, [])


def test_an_exception_leaves_everything_as_it_was():
    model, code = UNet().eval(), F.interpolate.__code__
    truth = model(MAPS)

    def fail():
        with exportable(model):
            model(MAPS[:, :2])

    with pytest.raises(RuntimeError):
        fail()
    assert F.interpolate.__code__ is code
    assert not model._forward_pre_hooks
    assert torch.equal(model(MAPS), truth)


def test_a_wrong_call_fails_with_the_error_of_pytorch():
    model = Function(lambda x: F.interpolate(x, size=(5, 5), scale_factor=2))
    with pytest.raises(ValueError, match="only one of size or scale_factor"), exportable(model):
        model(MAPS)


def test_what_is_no_picture_is_exported_as_it_is():
    model = Function(lambda x: F.interpolate(x[None], scale_factor=2, mode="trilinear"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        truth = model(MAPS)
        with exportable(model) as intents:
            inside = model(MAPS)
    assert torch.equal(inside, truth)
    assert intents.notices == [
        "`interpolate` of a 5-D tensor with mode `trilinear` in the model: not recorded"
    ]


def test_a_script_is_refused_and_a_script_inside_is_noted():
    script = torch.jit.script(Plain())
    with pytest.raises(UsageError, match="a scripted or traced model cannot be made exportable"):
        exportable(script)
    model = nn.Sequential(nn.Conv2d(3, 3, 1), script)
    notice = "module `1` is scripted or traced: its resizes are left as they are"
    with pytest.warns(UserWarning, match=notice), exportable(model) as intents:
        model(MAPS)
    assert list(intents) == []


class Plain(nn.Module):
    def forward(self, maps):
        return F.interpolate(maps, size=(7, 11), mode="nearest")
