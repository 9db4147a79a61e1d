"""`nearest` by factors that leave N = X or N = 2X, where PyTorch has two answers."""

import json
import random

import numpy as np
import pytest

from coreml_resize_fix.auditing.notices import read_as_factor
from coreml_resize_fix.formats.neuralnetwork.parameters import Upsample
from coreml_resize_fix.intents import manifest
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.tensors import Recorded
from coreml_resize_fix.run import pipeline
from tests.auditing.verdict_values import flexible, judge, near, nearest, static
from tests.support import build

# (height, width), factors, version of PyTorch, channels → does Upsample NN compute it?
# Run with PyTorch 1.8.1, 1.12.1 and 2.13.0 on contiguous tensors of the CPU.
RUN = [
    ((64, 64), (2.01, 2.01), "2.13.0", 2, False),
    ((64, 64), (2.0000002, 2.0000002), "2.13.0", 2, False),
    ((80, 80), (1.01, 1.01), "2.13.0", 2, False),
    ((512, 512), (1.001, 1.001), "2.13.0", 2, False),
    ((64, 64), (2.0, 2.0), "2.13.0", 2, True),
    ((32, 32), (2.01, 2.01), "2.13.0", 2, True),  # 64 + 64 pixels
    ((32, 32), (2.01, 2.04), "2.13.0", 8, False),  # 64 + 65
    ((32, 31), (2.02, 2.1), "2.13.0", 2, False),  # 64 + 65
    ((43, 21), (2.01, 2.0), "2.13.0", 2, True),  # 86 + 42
    ((43, 22), (2.01, 2.0), "2.13.0", 2, False),
    ((64, 64), (2.01, 2.01), "1.12.1", 5, False),
    ((7, 7), (2.02, 2.02), "1.12.1", 5, False),
    ((64, 64), (2.01, 2.01), "1.12.1", 1, True),
    ((64, 64), (2.01, 2.01), "1.8.1", 5, True),
    ((64, 64), (2.01, 2.01), "1.4.0", 5, True),
]


@pytest.mark.parametrize(("size", "factor", "version", "channels", "right"), RUN)
def test_the_factor_is_taken_at_its_word_where_pytorch_does(size, factor, version, channels, right):
    intent = near(scale_factor=factor, framework_version=version, channels=channels)
    layer = static(nearest(*(int(f) for f in factor)), size)
    layer = type(layer)(**{**vars(layer), "channels": channels})
    assert (judge(intent, layer).verdict == "match") is right


def pixels(count, made, factor, copies):
    """What PyTorch's nearest reads along one axis, in float32."""
    if copies and made in (count, 2 * count):
        return np.arange(made) // (made // count)
    step = np.float32(1 / factor)
    return np.minimum(np.floor(np.arange(made, dtype=np.float32) * step).astype(int), count - 1)


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("seed", range(200))
def test_generated_maps_and_factors(seed):
    rng = random.Random(seed)
    size = tuple(rng.choice((rng.randint(1, 40), rng.randint(30, 140))) for _ in range(2))
    whole = [rng.choice((1, 2)) for _ in size]
    factor = tuple(k + rng.choice((0, rng.random() * 0.99 / n, 2e-7)) for k, n in zip(whole, size))
    made = tuple(int(n * f) for n, f in zip(size, factor))
    assert made == tuple(n * k for n, k in zip(size, whole))
    copies = sum(made) <= 128
    right = all(
        (pixels(n, m, f, copies) == pixels(n, m, f, True)).all()
        for n, m, f in zip(size, made, factor)
    )
    intent = near(scale_factor=factor, framework_version="2.13.0")
    assert (judge(intent, static(nearest(*whole), size)).verdict == "match") is right


def written(tmp_path, size, factor):
    layer = "upsample { scalingFactor: 2 scalingFactor: 2 }"
    path = build.write(tmp_path, build.network((4,) + size, [layer]))
    document = {
        "format": "coreml-resize-fix/intent",
        "version": 1,
        "producer": {"framework": "torch", "version": "2.13.0"},
        "resizes": [{"mode": "nearest", "scale_factor": factor, "input_size": size}],
    }
    return path, manifest.parse(json.dumps(document))


@pytest.mark.parametrize("copies", [True, False])
def test_recorded_tensors_settle_it(tmp_path, copies):
    """In channels_last PyTorch doubles what it reads at floor(i / 2.01) in contiguous tensors."""
    path, intents = written(tmp_path, (64, 64), 2.01)
    image = np.random.RandomState(3).rand(1, 4, 64, 64).astype(np.float32)
    reads = pixels(64, 128, 2.01, copies)
    recorded = {0: Recorded(image, image[..., reads, :][..., reads])}
    report = pipeline.process(
        path, pipeline.Request(manifest=intents, tensors=recorded, dry_run=True)
    )
    assert [finding.verdict for finding in report.findings] == [
        "match" if copies else "needs-option"
    ]
    assert "nearest_copies" not in report.findings[0].intent.as_dict()


def test_the_other_grid_is_built_from_several_layers(tmp_path):
    path, intents = written(tmp_path, (64, 64), 2.01)
    request = pipeline.Request(
        manifest=intents, decompose=True, output=str(tmp_path / "out.mlmodel")
    )
    assert pipeline.process(path, request).exit_code == 0
    assert pipeline.process(request.output, pipeline.Request(manifest=intents)).exit_code == 0


def test_no_message_rounds_a_factor_to_another_one():
    assert str(near(scale_factor=(2.0000002, 2.0000002))) == "nearest scale_factor=2.0000002"
    assert str(near(scale_factor=(2.0, 1 / 3))) == "nearest scale_factor=2,0.3333333333333333"
    stored = float(np.float32(2.0000002))
    assert str(Upsample("BILINEAR", "ALIGN_CORNERS_TRUE", (), (stored, 2.0))) == (
        "Upsample BILINEAR ×2.0000002,2 ALIGN_CORNERS_TRUE"
    )
    message = judge(near(scale_factor=(2.0000002, 2.0)), static(nearest(2, 2), (64, 64))).message
    assert "scale_factor=2.0000002,2`" in message


def test_the_notice_of_a_factor_says_it_exactly():
    layer = flexible(nearest(2, 2), (5, 5), (9, 9))
    intent = Intent(mode="nearest", size=(10**7, 6), input_size=(1, 2))
    (notice,) = read_as_factor(judge(intent, layer))
    assert "read as 10000000 times the height and 3 times the width" in notice
