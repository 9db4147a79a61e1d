"""Pipelines that hold ML Programs, run as a whole: their outputs are those of PyTorch."""

import random

import pytest

pytest.importorskip("torch.export", reason="needs PyTorch 2: pip install torch")
pytest.importorskip(
    "coremltools", minversion="8.0", reason="needs coremltools: pip install 'coremltools>=8'"
)

from coreml_resize_fix import audit, fix, record_intents
from tests.formats.mlprogram.test_pipelines import drawn, pipeline_of, turned_over


@pytest.mark.parametrize("kinds", [(), ("neuralnetwork",), ("mlprogram", "neuralnetwork")])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_whole_pipeline_is_compared(kinds, seed, tmp_path):
    network, image = drawn(seed)
    path = str(tmp_path / "pipeline.mlpackage")
    pipeline_of(network, image, kinds).save(path)
    intents = record_intents(network, image, tensors=True)
    wrong = turned_over(path, random.Random(seed), but_last=seed % 2) + seed % 2
    (before,) = audit(path, intents, reference=intents).network.outputs
    assert before.within == (not wrong)
    assert before.intended < 1e-5
    (after,) = audit(fix(path, intents, reference=intents), intents, reference=intents).network[2]
    assert after.before < 1e-5
