"""Resizes of sequences, which Core ML sees as maps of width 1."""

import random
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

from torch import nn  # noqa: E402

from coreml_resize_fix import audit  # noqa: E402
from coreml_resize_fix.formats.protobuf import schema  # noqa: E402
from coreml_resize_fix.intents.model import Intent  # noqa: E402
from coreml_resize_fix.intents.record import record_intents  # noqa: E402
from coreml_resize_fix.intents.torch.export import exportable  # noqa: E402
from tests.intents.torch.support import HAS  # noqa: E402

F = nn.functional
VERSION = tuple(int(part) for part in torch.__version__.split(".")[:2])
SEQUENCE = torch.rand(1, 2, 8)


class Calls(nn.Module):
    def __init__(self, function):
        super().__init__()
        torch.manual_seed(0)
        self.function, self.conv = function, nn.Conv1d(2, 2, 1)

    def forward(self, sequence):
        return self.function(self.conv(sequence))


def expected(name=None, **fields):
    return [
        Intent(
            framework_version=torch.__version__,
            name=name,
            input_size=(8, 1),
            channels=2,
            index=0,
            **fields,
        )
    ]


LINEAR = {"mode": "bilinear", "scale_factor": (2.0, 1.0), "output_size": (16, 1)}
CASES = [
    (lambda x: F.interpolate(x, scale_factor=2, mode="linear"), LINEAR),
    (
        lambda x: F.interpolate(x, size=13, mode="linear", align_corners=True),
        {"mode": "bilinear", "align_corners": True, "size": (13, 1), "output_size": (13, 1)},
    ),
    (
        lambda x: F.interpolate(x, size=[5]),
        {"mode": "nearest", "size": (5, 1), "output_size": (5, 1)},
    ),
    (
        lambda x: F.interpolate(x, scale_factor=0.5, mode="area"),
        {"mode": "area", "scale_factor": (0.5, 1.0), "output_size": (4, 1)},
    ),
    (nn.Upsample(scale_factor=2, mode="linear"), {"name": "function", **LINEAR}),
]


@pytest.mark.parametrize("block", [record_intents, exportable])
@pytest.mark.parametrize(("function", "fields"), CASES)
def test_a_sequence_is_recorded_as_a_map_of_width_1(function, fields, block):
    model = Calls(function)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        truth = model(SEQUENCE)
        with block(model) as intents:
            inside = model(SEQUENCE)
    assert list(intents) == expected(**fields)
    assert intents.notices == []
    assert inside.shape == truth.shape
    if block is record_intents:
        assert torch.equal(inside, truth)


@pytest.mark.skipif(VERSION < (1, 13), reason="needs PyTorch: pip install 'torch>=1.13'")
@pytest.mark.parametrize(
    ("call", "fields"),
    [
        (
            lambda ops, x: ops.upsample_linear1d(x, [13], True),
            {"mode": "bilinear", "align_corners": True, "size": (13, 1), "output_size": (13, 1)},
        ),
        (lambda ops, x: ops.upsample_linear1d.vec(x, None, False, [2.0]), LINEAR),
        (lambda ops, x: ops.upsample_linear1d(x, [16], False, 2.0), LINEAR),
        (
            lambda ops, x: ops._upsample_nearest_exact1d(x, [5]),
            {"mode": "nearest-exact", "size": (5, 1), "output_size": (5, 1)},
        ),
    ],
)
def test_a_bare_operator_too(call, fields):
    model = Calls(lambda x: call(torch.ops.aten, x))
    assert list(record_intents(model, SEQUENCE)) == expected(**fields)


def test_tensors_are_kept_with_a_width():
    model = nn.Upsample(size=13, mode="linear", align_corners=True)
    (pair,) = record_intents(model, SEQUENCE, tensors=True).tensors.values()
    assert (pair.input.shape, pair.output.shape) == ((1, 2, 8, 1), (1, 2, 13, 1))
    assert np.array_equal(pair.output[..., 0], model(SEQUENCE).numpy())


def test_sizes_of_random_calls():
    for seed in range(200):
        dice = random.Random(seed)
        length, by_size = dice.randint(2, 40), dice.random() < 0.5
        mode = dice.choice(["linear", "nearest", "area"] + ["nearest-exact"] * ("antialias" in HAS))
        corners = True if mode == "linear" and dice.random() < 0.5 else None
        made = dice.randint(1, 60)
        factor = made / length + 0.5 / length  # well inside of what makes that size
        size = {"size": made} if by_size else {"scale_factor": factor}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = Calls(
                lambda x, a=dict(size, mode=mode, align_corners=corners): F.interpolate(x, **a)
            )
            (intent,) = record_intents(model, torch.rand(1, 2, length))
        assert (intent.input_size, intent.output_size) == ((length, 1), (made, 1)), seed
        assert intent.size == ((made, 1) if by_size else None), seed
        assert intent.scale_factor == (None if by_size else (factor, 1.0)), seed
        assert intent.mode == ("bilinear" if mode == "linear" else mode), seed
        assert intent.align_corners is bool(corners), seed


@pytest.mark.skipif(
    not schema.knows_ios14() or VERSION < (2, 0),
    reason="needs pip install 'coremltools>=4' 'torch>=2'",
)
@pytest.mark.filterwarnings("ignore")
def test_what_coremltools_makes_of_sequences_is_matched():
    import coremltools

    functions = [
        lambda x: F.interpolate(x, scale_factor=2, mode="linear", align_corners=True),
        lambda x: F.interpolate(x, size=13, mode="linear"),
        lambda x: F.interpolate(x, size=5, mode="linear", align_corners=True),
        lambda x: F.interpolate(x, scale_factor=3, mode="nearest"),
        nn.Upsample(scale_factor=2, mode="linear"),
    ]
    for function in functions:
        model = Calls(function).eval()
        with record_intents(model) as intents:
            traced = torch.jit.trace(model, SEQUENCE, check_trace=False)
        converted = coremltools.convert(
            traced,
            inputs=[coremltools.TensorType("sequence", SEQUENCE.shape)],
            convert_to="neuralnetwork",
        )
        report = audit(converted, intents)
        assert [finding.verdict for finding in report.findings] == ["match"]
        assert report.exit_code == 0
        other = audit(converted, [Intent(mode="bicubic", size=intents[0].output_size)])
        assert other.exit_code == 1
