"""Networks that were converted with wrong sizes: the fix corrects all that follows.

The truth is PyTorch's, run with the right sizes on an image that was not recorded; coremltools'
loader infers every declared type anew.
"""

import os
from dataclasses import replace

import pytest

pytest.importorskip("torch.export", reason="needs PyTorch 2: pip install torch")
pytest.importorskip(
    "coremltools", minversion="8.0", reason="needs coremltools: pip install 'coremltools>=8'"
)

import coremltools as ct
import torch

from coreml_resize_fix import audit, fix, record_intents
from coreml_resize_fix.errors import ProofError
from tests.formats.mlprogram import build, torch_executor, torch_networks, vision_networks
from tests.formats.mlprogram.test_edits import as_coremltools_infers
from tests.formats.mlprogram.test_whole_networks import MODEL, error
from tests.support.folders import contents

SEEDS = range(32)
SHAPE = (1, 3, 8, 9)


def converted(network, sizes, path, ios):
    """The package that a converter writes that takes these sizes for the right ones."""
    right, network.sizes = network.sizes, sizes
    try:
        with torch_networks.quiet(), torch.no_grad():
            ct.convert(
                torch.jit.trace(network, torch.rand(SHAPE), check_trace=False),
                inputs=[ct.TensorType(name="x", shape=SHAPE)],
                convert_to="mlprogram",
                compute_precision=ct.precision.FLOAT32,
                minimum_deployment_target=build.TARGETS[ios],
                skip_model_load=True,
            ).save(path)
    finally:
        network.sizes = right


def test_rows_for_columns_are_refused(tmp_path):
    """Flattened, 11 × 12 pixels are as many as 12 × 11: what unfolds them would not see it."""
    network = vision_networks.Network(0).eval()
    network.sizes, network.skips = [(12, 11)], [False]
    network.parts[0] = vision_networks.Attention(None).eval()
    path = str(tmp_path / "model.mlpackage")
    converted(network, [(11, 12)], path, 15)
    with pytest.raises(ProofError, match=r"joins 8×12×11, which has as many elements as 8×11×12"):
        fix(path, record_intents(network, torch.rand(SHAPE)))


@pytest.mark.parametrize("seed", SEEDS)
def test_networks_of_wrong_sizes(seed, tmp_path):
    network = vision_networks.Network(seed).eval()
    path = str(tmp_path / "model.mlpackage")
    converted(network, vision_networks.wrong(network, seed), path, 15 + seed % 4)
    resizes = [one.layer.address for one in audit(path).findings]
    intents = record_intents(network, torch.rand(SHAPE))
    assert len(intents) == len(resizes)
    # Not every order is told by sizes that are wrong.
    intents = [replace(one, layer=address) for one, address in zip(intents, resizes)]
    verdicts = {one.verdict for one in audit(path, intents).findings}
    assert "fixable" in verdicts
    assert verdicts <= {"fixable", "match"}
    before = contents(path)
    result = fix(path, intents)
    assert [name for name, data in contents(result).items() if before[name] != data] == [MODEL]
    image = torch.rand(SHAPE)
    with torch.no_grad():
        wanted = [one.numpy() for one in network(image)]
    package = torch_executor.Package(result)
    for single in (True, False):
        made = list(package.run({"x": image.numpy()}, single).values())
        assert error(made[0], wanted[0]) <= 1e-4
        assert made[1].shape == wanted[1].shape
    with open(os.path.join(result, MODEL), "rb") as file:
        data = file.read()
    assert as_coremltools_infers(data, os.path.join(result, os.path.dirname(MODEL), "weights"))
    described = build.opens(result).description.output
    shapes = [tuple(one.type.multiArrayType.shape) for one in described]
    assert shapes == [one.shape for one in wanted]
    assert fix(result, intents) == result
