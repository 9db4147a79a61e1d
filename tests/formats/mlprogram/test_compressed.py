"""Packages whose weights are compressed, and those of several functions.

Compressed weights are not PyTorch's, so the truth is the package itself, run with PyTorch's resize
in the place of its own.
"""

import os

import numpy as np
import pytest

pytest.importorskip("torch.export", reason="needs PyTorch 2: pip install torch")
pytest.importorskip(
    "coremltools", minversion="8.0", reason="needs coremltools: pip install 'coremltools>=8'"
)

import coremltools as ct
import torch
from coremltools.optimize import coreml as compress

from coreml_resize_fix import audit, fix, record_intents
from tests.formats.mlprogram import build, torch_executor, torch_networks
from tests.formats.mlprogram.test_whole_networks import MODEL, error
from tests.support.folders import contents

F = torch.nn.functional

LARGE_ENOUGH = {"weight_threshold": 100}
WAYS = {
    "int8": lambda model: compress.linear_quantize_weights(
        model,
        compress.OptimizationConfig(
            compress.OpLinearQuantizerConfig(mode="linear_symmetric", **LARGE_ENOUGH)
        ),
    ),
    "palettes": lambda model: compress.palettize_weights(
        model,
        compress.OptimizationConfig(
            compress.OpPalettizerConfig(mode="uniform", nbits=4, **LARGE_ENOUGH)
        ),
    ),
    "sparse": lambda model: compress.prune_weights(
        model,
        compress.OptimizationConfig(
            compress.OpMagnitudePrunerConfig(target_sparsity=0.6, **LARGE_ENOUGH)
        ),
    ),
}


# iOS 18 has more.
NEW_WAYS = {
    "int4 blocks": lambda model: compress.linear_quantize_weights(
        model,
        compress.OptimizationConfig(
            compress.OpLinearQuantizerConfig(
                mode="linear_symmetric", dtype="int4", granularity="per_block", block_size=4,
                **LARGE_ENOUGH,
            )
        ),
    ),
    "grouped palettes": lambda model: compress.palettize_weights(
        model,
        compress.OptimizationConfig(
            compress.OpPalettizerConfig(
                mode="uniform", nbits=4, granularity="per_grouped_channel", group_size=4,
                **LARGE_ENOUGH,
            )
        ),
    ),
    "sparse palettes": lambda model: compress.palettize_weights(
        WAYS["sparse"](model),
        compress.OptimizationConfig(
            compress.OpPalettizerConfig(mode="uniform", nbits=4, **LARGE_ENOUGH)
        ),
        joint_compression=True,
    ),
    "sparse int8": lambda model: compress.linear_quantize_weights(
        WAYS["sparse"](model),
        compress.OptimizationConfig(
            compress.OpLinearQuantizerConfig(mode="linear_symmetric", **LARGE_ENOUGH)
        ),
        joint_compression=True,
    ),
}  # fmt: skip
COMPRESSED = [(way, ios) for way in sorted(WAYS) for ios in (16, 17, 18)]
COMPRESSED += [(way, 18) for way in sorted(NEW_WAYS)]


class Net(torch.nn.Module):
    """Two convolutions with a resize between them."""

    def __init__(self, **asked):
        super().__init__()
        torch.manual_seed(5)
        self.before = torch.nn.Conv2d(3, 16, 3, padding=1)
        self.behind = torch.nn.Conv2d(16, 8, 3, padding=1)
        self.asked = asked

    def forward(self, x):
        return self.behind(F.interpolate(self.before(x), mode="bilinear", **self.asked))


WRONG = {"scale_factor": 1.16, "align_corners": True}  # 29 rows for 28
FINE = {"scale_factor": 2, "align_corners": False}


def converted(network, ios):
    image = torch.rand(1, 3, 25, 25)
    with torch_networks.quiet(), torch.no_grad():
        return ct.convert(
            torch.jit.trace(network, image, check_trace=False),
            inputs=[ct.TensorType(name="x", shape=image.shape)],
            convert_to="mlprogram",
            minimum_deployment_target=torch_networks.TARGETS[ios],
            skip_model_load=True,
        )


def runs_as(path, asked, reference=None, function="main"):
    """The error of a package, of the one that it comes from with the resize that is asked for."""
    image = {"x": np.random.RandomState(3).rand(1, 3, 25, 25).astype(np.float32)}

    def intended(operation, make, x):
        return F.interpolate(x, mode="bilinear", **asked)

    package = torch_executor.Package(reference or path)
    (wanted,) = package.run(image, True, intended, function).values()
    return max(
        error(made, wanted)
        for single in (True, False)
        for made in torch_executor.Package(path).run(image, single, None, function).values()
    )


@pytest.mark.parametrize(("way", "ios"), COMPRESSED)
def test_compressed_weights(way, ios, tmp_path):
    network, path = Net(**WRONG).eval(), str(tmp_path / "model.mlpackage")
    with torch_networks.quiet():
        {**WAYS, **NEW_WAYS}[way](converted(network, ios)).save(path)
    before = contents(path)
    intents = record_intents(network, torch.rand(1, 3, 25, 25))
    assert [one.verdict for one in audit(path, intents).findings] == ["fixable"]
    assert runs_as(path, WRONG) > 1e-2
    result = fix(path, intents)
    assert runs_as(result, WRONG, reference=path) <= 1e-4
    after = contents(result)
    assert [name for name in before if before[name] != after[name]] == [MODEL]
    build.opens(result)
    assert fix(result, intents) == result


def test_several_functions(tmp_path):
    """Each is audited and fixed; weights that they share stay as they are."""
    description = ct.utils.MultiFunctionDescriptor()
    intents = []
    for name, asked in (("first", WRONG), ("second", FINE), ("third", WRONG)):
        network = Net(**asked).eval()
        intents += record_intents(network, torch.rand(1, 3, 25, 25))
        own = str(tmp_path / (name + ".mlpackage"))
        converted(network, 18).save(own)
        description.add_function(own, src_function_name="main", target_function_name=name)
    description.default_function_name = "second"
    path = str(tmp_path / "several.mlpackage")
    with torch_networks.quiet():
        ct.utils.save_multifunction(description, path)
    before = contents(path)
    report = audit(path, intents)
    found = {one.layer.address.split("/")[0]: one.verdict for one in report.findings}
    assert found == {"first": "fixable", "second": "match", "third": "fixable"}
    result = fix(path, intents)
    after = contents(result)
    assert [name for name in before if before[name] != after[name]] == [MODEL]
    for name, asked in (("first", WRONG), ("second", FINE), ("third", WRONG)):
        assert runs_as(result, asked, reference=path, function=name) <= 1e-4
    assert [one.verdict for one in audit(result, intents).findings] == ["match"] * 3
    assert fix(result, intents) == result
    weights = os.path.join(result, os.path.dirname(MODEL), "weights")
    with open(os.path.join(result, MODEL), "rb") as file:
        assert build.inferred(file.read(), weights)
