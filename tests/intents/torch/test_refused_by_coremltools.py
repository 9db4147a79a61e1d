"""What coremltools refuses is converted by way of `exportable`, and then made right.

The whole converted network is computed by the interpreter of layers and compared with PyTorch.
"""

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

from torch import nn  # noqa: E402

from coreml_resize_fix import audit, exportable, fix  # noqa: E402
from coreml_resize_fix.formats.neuralnetwork import interpret  # noqa: E402
from coreml_resize_fix.formats.protobuf import schema  # noqa: E402
from coreml_resize_fix.intents.record import record_intents  # noqa: E402
from tests.intents.torch.support import HAS  # noqa: E402

F = nn.functional
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(
        not schema.knows_ios14() or "antialias" not in HAS,
        reason="needs pip install 'coremltools>=4' 'torch>=1.11'",
    ),
]
TOLERANCE = 1e-4  # of the largest magnitude: PyTorch computes in float32

PICTURES = [
    {"size": (9, 11), "mode": "bicubic", "align_corners": True},
    {"scale_factor": 1.7, "mode": "bicubic"},
    {"scale_factor": 2, "mode": "bicubic"},
    {"size": (9, 11), "mode": "nearest-exact"},
    {"scale_factor": (1.4, 2), "mode": "nearest-exact"},
    {"scale_factor": 1.7, "mode": "bilinear", "align_corners": False},
    {"scale_factor": 0.4, "mode": "bilinear"},
    {"size": (3, 4), "mode": "bilinear", "antialias": True},
    {"size": (3, 5), "mode": "bicubic", "antialias": True},
    {"size": (9, 11), "mode": "nearest"},
    {"size": (4, 5), "mode": "area"},
]
SEQUENCES = [{"scale_factor": 1.7, "mode": "linear"}, {"size": 11, "mode": "nearest-exact"}]


class Net(nn.Module):
    def __init__(self, axes, arguments):
        super().__init__()
        torch.manual_seed(0)
        kind = nn.Conv1d if axes == 1 else nn.Conv2d
        self.first, self.last = kind(2, 2, 1), kind(2, 3, 1)
        self.arguments = arguments

    def forward(self, maps):
        return self.last(F.interpolate(self.first(maps), **self.arguments))


@pytest.mark.parametrize(
    ("shape", "arguments"),
    [((1, 2, 6, 8), a) for a in PICTURES] + [((1, 2, 8), a) for a in SEQUENCES],
)
def test_it_is_converted_and_computes_what_pytorch_computes(shape, arguments):
    import coremltools

    model = Net(len(shape) - 2, arguments).eval()
    torch.manual_seed(1)
    example, other = torch.rand(*shape), torch.rand(*shape)
    with exportable(model) as intents:
        traced = torch.jit.trace(model, example, check_trace=False)
    assert list(intents) == list(record_intents(model, example))
    inputs = [coremltools.TensorType("image", example.shape)]
    converted = coremltools.convert(traced, inputs=inputs, convert_to="neuralnetwork")
    before = audit(converted, intents, decompose=True)
    assert [finding.verdict for finding in before.findings] == ["fixable"]
    assert before.exit_code == 1
    fixed = fix(converted, intents, decompose=True)
    assert audit(fixed, intents, decompose=True).exit_code == 0
    spec = fixed.get_spec()
    blobs = interpret.run(spec.neuralNetwork.layers, {"image": other.numpy()})
    got = blobs[spec.description.output[0].name]
    expected = model(other).detach().numpy()
    assert got.shape == expected.shape
    assert abs(got - expected).max() <= TOLERANCE * abs(expected).max()
