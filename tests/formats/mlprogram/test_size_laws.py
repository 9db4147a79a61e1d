"""Sizes that vary, by real conversions: what is said of them holds at every size that is tried.

The truth is PyTorch's; files are run by `torch_executor`, at sizes that strides divide and at some
that they do not.
"""

import random

import numpy as np
import pytest

pytest.importorskip("torch.export", reason="needs PyTorch 2: pip install torch")
pytest.importorskip(
    "coremltools", minversion="8.0", reason="needs coremltools: pip install 'coremltools>=8'"
)

import coremltools as ct
import torch
from torch import nn

from coreml_resize_fix import audit, fix, record_intents
from coreml_resize_fix.errors import UnmatchedError
from tests.formats.mlprogram import build, torch_executor
from tests.formats.mlprogram.torch_networks import TARGETS, quiet

F = nn.functional
LOWEST, LARGEST, DEFAULT = 20, 80, (32, 48)
TRIED = ((32, 48), (33, 47), (20, 80), (45, 22), (38, 62), (79, 79))


class Net(nn.Module):
    """Strided operations, and a resize to whole multiples of the size of one of their results."""

    def __init__(self, seed):
        super().__init__()
        some = random.Random(seed)
        torch.manual_seed(seed)
        self.steps = nn.ModuleList([_step(some) for _ in range(some.randint(1, 3))])
        self.chosen = some.randint(0, len(self.steps))  # the input, or what a step made
        self.times = some.choice([2, 3])
        self.mode = some.choice(["bilinear"] * 5 + ["nearest"])
        self.corners = some.random() < 0.5

    @property
    def is_own(self):
        return self.chosen == len(self.steps)

    def forward(self, x):
        made = [x]
        for step in self.steps:
            made.append(torch.relu(step(made[-1])))
        height, width = made[self.chosen].shape[2:]
        more = {} if self.mode == "nearest" else {"align_corners": self.corners}
        size = (height * self.times, width * self.times)
        return F.interpolate(made[-1], size=size, mode=self.mode, **more)


def _step(some):
    kernel, stride = some.choice([1, 2, 3]), some.choice([1, 2, 2, 3])
    if some.random() < 0.6:
        return nn.Conv2d(3, 3, kernel, stride, some.choice([0, kernel // 2]))
    return nn.MaxPool2d(max(kernel, stride), stride)


def converted(network, ios, path):
    """The package that coremltools makes of a network, or None where it refuses to."""
    dims = {
        axis: torch.export.Dim(name, min=LOWEST, max=LARGEST) for axis, name in ((2, "h"), (3, "w"))
    }
    try:
        with torch.no_grad(), quiet():
            image = torch.rand(1, 3, *DEFAULT)
            if network.is_own:  # of these its other frontend takes more
                program = torch.jit.trace(network, image, check_trace=False)
                sides = (ct.RangeDim(LOWEST, LARGEST, side) for side in DEFAULT)
                inputs = [ct.TensorType("x", ct.Shape((1, 3, *sides)))]
            else:
                program = torch.export.export(network, (image,), dynamic_shapes=(dims,))
                program, inputs = program.run_decompositions({}), None
            model = ct.convert(
                program,
                inputs=inputs,
                convert_to="mlprogram",
                compute_precision=ct.precision.FLOAT32,
                minimum_deployment_target=TARGETS[ios],
                skip_model_load=True,
            )
    except Exception:
        return None
    model.save(path)
    return path


def is_right(network, path, sizes=TRIED):
    """Whether a package computes what PyTorch does at each of these sizes."""
    package = torch_executor.Package(path)
    (given,) = package.spec.mlProgram.functions["main"].inputs
    for size in sizes:
        image = torch.rand(1, 3, *size)
        with torch.no_grad():
            wanted = network(image).numpy()
        (made,) = package.run({given.name: image.numpy()}).values()
        if made.shape != wanted.shape:
            return False
        if np.abs(made - wanted).max() > 1e-4 * max(np.abs(wanted).max(), 1e-9):
            return False
    return True


@pytest.mark.parametrize("seed", range(24))
def test_generated_networks(seed, tmp_path):
    network, ios = Net(seed).eval(), 15 + seed % 4
    path = converted(network, ios, str(tmp_path / "made.mlpackage"))
    if path is None:
        pytest.skip("coremltools refuses this network")
    right = is_right(network, path)
    some = random.Random(seed)
    one = torch.rand(1, 3, *DEFAULT)
    more = [torch.rand(1, 3, some.randint(20, 80), some.randint(20, 80)) for _ in range(3)]
    for examples in ([one], [one, torch.rand(1, 3, 64, 24)], [one, *more]):
        intents = record_intents(network, examples)
        (found,) = audit(path, intents).findings
        if found.verdict == "match":
            assert right, found.message
        if right and network.is_own and len(examples) > 2:
            assert found.verdict == "match", found.message
        try:
            result = fix(
                path,
                intents,
                output=str(tmp_path / f"{len(examples)}.mlpackage"),
                deployment_target="iOS17" if ios < 17 else None,
            )
        except UnmatchedError:
            if len(examples) > 2 and network.mode == "bilinear":
                assert "both fit what was recorded" in found.message
            continue
        assert is_right(network, result), found.message
        assert fix(result, intents) == result
        build.opens(result)
        if found.verdict != "match":
            (again,) = audit(result, record_intents(network, one)).findings
            assert again.verdict != "match" or again.layer.params.factors is not None
