"""Conversions in one process: coremltools remembers the modules, which no file says.

Networks that run two modules in another order than when they were recorded, or one of them only.
"""

import os
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch 2: pip install torch")
pytest.importorskip("torch.export", reason="needs PyTorch 2: pip install torch")
ct = pytest.importorskip("coremltools", reason="needs coremltools: pip install 'coremltools>=9'")
pytest.importorskip(
    "coremltools.converters.mil.mil.scope",
    reason="needs coremltools: pip install 'coremltools>=7.2'",
)

from coreml_resize_fix import audit, fix, record_intents  # noqa: E402
from coreml_resize_fix.formats.origin import Origin, origins  # noqa: E402


class Branches(torch.nn.Module):
    """`strict` and `centers` differ in align_corners alone; `calls` says which run, in order."""

    def __init__(self, antialias=False):
        super().__init__()
        self.ways = torch.nn.ModuleDict({
            "strict": torch.nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
            "centers": torch.nn.Upsample(scale_factor=2, mode="bilinear"),
        })  # fmt: skip
        self.calls = ["strict", "centers"]

    def forward(self, x):
        made = {name: self.ways[name](x * 2) for name in self.calls}
        return torch.cat([made[name] for name in sorted(made)], 1)


class Lines(torch.nn.Module):
    """The same by calls of its own, which have no module: each stands in a line of its own."""

    def __init__(self):
        super().__init__()
        self.calls = ["strict", "centers"]

    def forward(self, x):
        made = {}
        for name in self.calls:
            if name == "strict":
                up = torch.nn.functional.interpolate(
                    x, (8, 10), mode="bilinear", align_corners=True
                )
            else:
                up = torch.nn.functional.interpolate(x, (8, 10), mode="bilinear")
            made[name] = up
        return torch.cat([made[name] for name in sorted(made)], 1)


IMAGE = torch.zeros(1, 3, 4, 5)


def traced(network, **options):
    options = {"inputs": [ct.TensorType(name="x", shape=IMAGE.shape)], **options}
    return ct.convert(torch.jit.trace(network, IMAGE), skip_model_load=True, **options)


def exported(network):
    program = torch.export.export(network, (IMAGE,)).run_decompositions({})
    return ct.convert(program, minimum_deployment_target=ct.target.iOS17, skip_model_load=True)


def as_neural_network(network):
    return traced(network, convert_to="neuralnetwork")


TORCH = os.path.dirname(torch.__file__)


@pytest.mark.parametrize(
    ("frames", "site"),
    [
        (['"/home/me/net.py", line 14'], "net.py:14"),
        (['"/home/torch/net.py", line 14', '"/home/torch/block.py", line 6'], "block.py:6"),
        (['"/home/me/net.py", line 14', f'"{TORCH}/nn/functional.py", line 9'], "net.py:14"),
        (['"/home/me/net.py", line 14', f'"{TORCH}/nn/modules/upsampling.py", line 9'], None),
        ([], None),
    ],
)
def test_a_stack_gives_the_place_of_a_functional_call(frames, site):
    stack = "\n".join(f"  File {frame}, in forward\n    y = call(x)" for frame in frames)
    value, scopes = SimpleNamespace(name="y"), {"EXIR_STACK_TRACE": [stack]}
    operation = SimpleNamespace(outputs=[value], scopes=scopes, blocks=[])
    program = SimpleNamespace(functions={"main": SimpleNamespace(operations=[operation])})
    found = origins(SimpleNamespace(_mil_program=program))
    assert found == ({} if site is None else {"y": Origin(site=site)})


WAYS = [(Branches, traced), (Branches, as_neural_network), (Lines, exported)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("kind", "convert"), WAYS)
def test_another_order_is_seen(kind, convert):
    network = kind().eval()
    intents = record_intents(network, IMAGE)
    network.calls = ["centers", "strict"]
    model = convert(network)
    report = audit(model, intents)
    assert [finding.verdict for finding in report.findings] == ["match", "match"]
    assert [finding.intent.align_corners for finding in report.findings] == [False, True]
    assert fix(model, intents) is model
    model._mil_program = None  # as in a file, where order is all there is
    assert [finding.verdict for finding in audit(model, intents).findings] != ["match", "match"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("kind", "convert"), WAYS)
@pytest.mark.parametrize("runs", ["strict", "centers"])
def test_a_call_that_is_gone_does_not_take_the_layer_of_another(kind, convert, runs):
    network = kind().eval()
    intents = record_intents(network, IMAGE)
    network.calls = [runs]
    report = audit(convert(network), intents)
    (finding,) = report.findings
    assert finding.verdict == "match"
    assert finding.intent.align_corners == (runs == "strict")
    assert [intent.align_corners for intent in report.unused] == [runs != "strict"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("kind", "convert"), WAYS)
def test_merged_equal_calls_of_two_modules_stay_merged(kind, convert):
    network = kind().eval()
    if kind is Branches:
        network.ways["centers"].align_corners = True
    intents = record_intents(network, IMAGE)
    if kind is Lines:
        intents[1] = intents[0]
    network.calls = ["strict"] if kind is Lines else network.calls
    report = audit(convert(network), intents)
    assert report.exit_code == 0
    assert len(report.findings) == 1
