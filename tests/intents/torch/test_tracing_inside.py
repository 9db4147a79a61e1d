"""What is traced, scripted or exported inside a block computes what the model computes."""

import contextlib
import warnings

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

from torch import nn  # noqa: E402

from coreml_resize_fix.errors import UsageError  # noqa: E402
from coreml_resize_fix.intents.record import record_intents  # noqa: E402
from coreml_resize_fix.intents.torch.export import exportable  # noqa: E402
from tests.intents.torch.support import UNet  # noqa: E402

F = nn.functional
VERSION = tuple(int(part) for part in torch.__version__.split(".")[:2])
BLOCKS = [record_intents, exportable]
pytestmark = pytest.mark.filterwarnings("ignore")
has_export = pytest.mark.skipif(
    VERSION < (2, 6), reason="needs torch.export.export: pip install 'torch>=2.6'"
)


class Net(nn.Module):
    """Operators that tracers record in different ways, between resizes of all kinds."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.down = nn.ConvTranspose2d(4, 4, 2, stride=2)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.rows = nn.Conv1d(4, 4, 3, padding=1)

    def forward(self, maps):
        top = F.relu_(self.norm(self.first(maps)))
        below = self.down(F.max_pool2d(self.up(top), 2))
        below = F.interpolate(below, size=top.shape[2:], mode="bilinear", align_corners=True)
        return torch.cat([top, below + self.rows(top.mean(3)).unsqueeze(3)], 1)


class WithScript(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.before = nn.Conv2d(3, 3, 1)
        self.script = torch.jit.script(Up())

    def forward(self, maps):
        return self.script(self.before(maps))


class Up(nn.Module):
    def forward(self, maps):
        return F.interpolate(maps, scale_factor=2.0, mode="bilinear", align_corners=True)


class Twice(nn.Module):
    """Twice its input, after a convolution that tells a tracer what it is made of."""

    def forward(self, maps):
        return F.conv2d(maps, 2 * torch.eye(3).reshape(3, 3, 1, 1))


def maps(*size, seed=0):
    torch.manual_seed(seed)
    return torch.rand(1, 3, *(size or (10, 14)))


def trace(model):
    return torch.jit.trace(model, maps())


def trace_without_check(model):
    with torch.no_grad():
        return torch.jit.trace(model, maps(), check_trace=False)


def trace_around(model):
    """The model is a part of what is traced, and other operators run before it."""
    around = torch.jit.trace(nn.Sequential(Twice(), model), maps(), check_trace=False)
    return lambda x: around(x / 2)


def export(model):
    return torch.export.export(model, (maps(),)).module()


def export_strictly(model):
    return torch.export.export(model, (maps(),), strict=True).module()


WAYS = [
    trace,
    trace_without_check,
    trace_around,
    pytest.param(export, marks=has_export),
    pytest.param(export_strictly, marks=has_export),
]


def is_untouched(*models):
    hooks = [
        m for model in models for m in model.modules() if m._forward_pre_hooks or m._forward_hooks
    ]
    names = [F.interpolate.__code__.co_name, torch.jit.script.__code__.co_name]
    return names == ["interpolate", "script"] and not hooks and "numpy" not in vars(torch.Tensor)


def agrees(got, model, inside=None, seed=7):
    """On an input that the tracer has not seen; `inside` is a block that changes the model."""
    with torch.no_grad():
        found = got(maps(seed=seed))
        if inside is None:
            expected = model(maps(seed=seed))
        else:
            with inside(model):
                expected = model(maps(seed=seed))
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("build", [Net, UNet, WithScript])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("block", BLOCKS)
def test_a_graph_equals_the_model_on_another_input(block, way, build):
    model = build().eval()
    if build is WithScript and way in (export, export_strictly):
        for context in (contextlib.ExitStack(), block(model)):  # refused by PyTorch itself
            with pytest.raises(Exception, match=r"script|positional arguments"), context:
                way(model)
        return
    truth = record_intents(model, maps())
    with block(model) as intents:
        graph = way(model)
    assert is_untouched(model)
    # What is read without running it (strict) is not changed; then a notice says so.
    is_read = way is export_strictly
    agrees(graph, model, exportable if block is exportable and not is_read else None)
    if is_read:
        assert "an exporter read the model without running it: not recorded" in intents.notices
        assert list(intents) == []
    elif build is WithScript and (block is exportable or VERSION < (1, 13)):
        assert "module `script` is scripted or traced" in intents.notices[0]
    else:
        assert [(i.name, i.request) for i in intents] == [(i.name, i.request) for i in truth]
        assert intents.notices == []


def test_sizes_of_a_trace_still_follow_the_input():
    model = Net().eval()
    with record_intents(model):
        graph = torch.jit.trace(model, maps())
    assert torch.allclose(graph(maps(12, 18)), model(maps(12, 18)), atol=1e-6)


@has_export
def test_sizes_of_an_export_still_vary():
    model = Net().eval()
    sides = {2: torch.export.Dim("h", min=4, max=64) * 2, 3: torch.export.Dim("w", min=4) * 2}
    with record_intents(model) as intents:
        graph = torch.export.export(model, (maps(),), dynamic_shapes=(sides,)).module()
    assert torch.allclose(graph(maps(12, 18)), model(maps(12, 18)), atol=1e-6)
    assert [i.input_size for i in intents] == [(10, 14), (20, 28)]
    with pytest.raises(UsageError, match="this export lets sizes vary"), exportable(model):
        torch.export.export(model, (maps(),), dynamic_shapes=(sides,))


@pytest.mark.parametrize("block", BLOCKS)
def test_scripts_read_the_code_as_it_is(block):
    class Fresh(nn.Module):  # PyTorch remembers what it has compiled
        def __init__(self):
            super().__init__()
            self.part = Up()

        def forward(self, maps):
            return F.interpolate(self.part(maps), size=[15, 17], mode="nearest")

    model = Fresh()
    with block(model), record_intents(model):
        script = torch.jit.script(model)
        assert not is_untouched(model)
        inner = [name for name in ("a", "b") if torch.jit.script(Fresh())(maps()).shape[3] == 17]
    assert len(inner) == 2
    agrees(script, model)
    assert is_untouched(model)


@pytest.mark.parametrize("block", BLOCKS)
def test_onnx_files_agree(block, tmp_path):
    onnxruntime = pytest.importorskip(
        "onnxruntime", reason="needs ONNX Runtime: pip install onnxruntime"
    )
    if VERSION < (2, 6):
        pytest.skip("an older exporter writes files that are read elsewhere")
    for dynamo in (False, True):
        model, path = Net().eval(), str(tmp_path / "model-{}.onnx".format(dynamo))
        with block(model) as intents:
            torch.onnx.export(model, (maps(),), path, dynamo=dynamo, opset_version=18)
        session = onnxruntime.InferenceSession(path)
        name = session.get_inputs()[0].name
        agrees(
            lambda x, session=session, name=name: torch.from_numpy(
                session.run(None, {name: x.numpy()})[0]
            ),
            model,
            exportable if block is exportable else None,
        )
        assert [i.name for i in intents] == ["up", None]


@pytest.mark.parametrize("outer", BLOCKS)
@pytest.mark.parametrize("inner", BLOCKS)
def test_blocks_inside_each_other_and_one_after_the_other(outer, inner):
    model = Net().eval()
    for _ in range(2):
        with outer(model) as first, inner(model) as second:
            graph = torch.jit.trace(model, maps(), check_trace=False)
        changes = exportable in (outer, inner)
        agrees(graph, model, exportable if changes else None)
        assert len(first) == len(second) == 2
        assert is_untouched(model)


@pytest.mark.parametrize("block", BLOCKS)
def test_an_export_that_fails_leaves_everything_as_it_was(block):
    model = Net().eval()
    before = model(maps())

    def fail():
        with block(model):
            torch.jit.trace(model, torch.rand(1, 2, 10, 14))

    for _ in range(2):
        with pytest.raises(RuntimeError):
            fail()
        assert is_untouched(model)
        assert torch._C._get_tracing_state() is None
    assert torch.equal(model(maps()), before)
    with block(model) as intents:
        graph = trace(model)
    assert len(intents) == 2
    agrees(graph, model, exportable if block is exportable else None)


def test_a_run_is_as_it_is_without_a_recorder():
    def run(record):
        model, source = Net().train(), maps().requires_grad_()
        torch.manual_seed(3)
        if record:
            with record_intents(model, tensors=True):
                result = F.dropout(model(source), 0.5)
        else:
            result = F.dropout(model(source), 0.5)
        result.sum().backward()
        found = [result, source.grad, torch.rand(3)]
        found += [p.grad for p in model.parameters()] + list(model.buffers())
        return [t.detach().clone() for t in found if t is not None], model.training

    (plain, was_training), (recorded, is_training) = run(False), run(True)
    assert was_training is is_training is True
    assert len(plain) == len(recorded)
    assert all(torch.equal(a, b) for a, b in zip(plain, recorded))


def test_a_block_that_traces_says_nothing_of_it():
    model = Net().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        with record_intents(model):
            torch.jit.trace(model, maps())
