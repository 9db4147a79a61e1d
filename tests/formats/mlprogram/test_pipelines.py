"""Pipelines that hold ML Programs, made by coremltools of networks that PyTorch knows.

Wrong resizes are planted: a flag of a grid is turned over, or a factor rounds up to another size.
The truth comes from PyTorch, run on the whole sequence.
"""

import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch.export", reason="needs PyTorch 2: pip install torch")
pytest.importorskip(
    "coremltools", minversion="8.0", reason="needs coremltools: pip install 'coremltools>=8'"
)

import coremltools as ct
import torch
from torch import nn

from coreml_resize_fix import audit, fix, record_intents
from coreml_resize_fix.errors import ModelError, ProofError
from tests.formats.mlprogram import build, torch_executor, torch_networks
from tests.formats.mlprogram.test_whole_networks import MODEL, error
from tests.support.folders import contents

F = nn.functional
WRONG_SIZE = {"scale_factor": 1.16, "align_corners": True}  # 29 rows of 25 where PyTorch makes 28
SIZES = (18, 20, 23, 25, 31)


class Part(nn.Module):
    """One model of a pipeline: a convolution, resizes, a convolution."""

    def __init__(self, channels, calls):
        super().__init__()
        self.before = nn.Conv2d(channels, 3, 3, padding=1)
        self.behind = nn.Conv2d(3, 3, 3, padding=1)
        self.calls = calls

    def forward(self, x):
        x = torch.relu(self.before(x))
        for call in self.calls:
            x = F.interpolate(x, mode="bilinear", **call) * 0.5
        return self.behind(x)


def drawn(seed):
    """The parts of a pipeline; every other one makes a wrong size at its end."""
    some = random.Random(seed)
    torch.manual_seed(seed)
    calls = [
        [
            {"size": (some.choice(SIZES), some.choice(SIZES)), "align_corners": some.random() < 0.5}
            for _ in range(some.randint(1, 2))
        ]
        for _ in range(some.randint(2, 3))
    ]
    if seed % 2:
        calls[-1] += [{"size": (25, 25), "align_corners": True}, WRONG_SIZE]
    return nn.Sequential(*[Part(3, each) for each in calls]).eval(), torch.rand(1, 3, 12, 15)


def converted(network, image, given, made, kind="mlprogram"):
    outputs = [ct.TensorType(name=made)] if kind == "mlprogram" else None
    with torch.no_grad(), torch_networks.quiet():
        model = ct.convert(
            torch.jit.trace(network, image, check_trace=False),
            inputs=[ct.TensorType(name=given, shape=image.shape)],
            outputs=outputs,
            convert_to=kind,
            compute_precision=ct.precision.FLOAT32 if kind == "mlprogram" else None,
            skip_model_load=True,
        )
        if outputs is None:
            spec = model.get_spec()
            ct.utils.rename_feature(spec, spec.description.output[0].name, made)
            model = ct.models.MLModel(spec, skip_model_load=True)
        return model, network(image)


def pipeline_of(network, image, kinds=()):
    """A coremltools pipeline of the parts of a sequence."""
    models = []
    for index, part in enumerate(network):
        kind = dict(enumerate(kinds)).get(index, "mlprogram")
        model, image = converted(part, image, f"value{index}", f"value{index + 1}", kind)
        models.append(model)
    with torch_networks.quiet():
        return ct.utils.make_pipeline(*models)


def turned_over(path, some, but_last):
    """Plant wrong grids: flags of upsample_bilinear operations, in the file; how many."""
    file = Path(path) / MODEL
    spec = ct.proto.Model_pb2.Model.FromString(file.read_bytes())
    flags = [
        operation.attributes["val"].immediateValue.tensor.bools
        for model in spec.pipeline.models
        for function in model.mlProgram.functions.values()
        for block in function.block_specializations.values()
        for operation in block.operations
        if "align_corners" in operation.outputs[0].name
    ]
    chosen = [one for one in flags[: -1 if but_last else None] if some.random() < 0.6]
    for one in chosen:
        one.values[0] = not one.values[0]
    file.write_bytes(spec.SerializeToString())
    return len(chosen)


def inferred(path):
    """coremltools infers every program of a pipeline anew, and opens the package."""
    spec = build.opens(path)
    weights = os.path.join(path, os.path.dirname(MODEL), "weights")
    for model in spec.pipeline.models:
        if model.WhichOneof("Type") == "mlProgram":
            build.inferred(model.SerializeToString(), weights)
    return spec


@pytest.mark.parametrize("seed", range(10))
def test_pipelines_of_programs(seed, tmp_path):
    network, image = drawn(seed)
    path = str(tmp_path / "pipeline.mlpackage")
    pipeline_of(network, image).save(path)
    intents = record_intents(network, image)
    wrong = turned_over(path, random.Random(seed), but_last=seed % 2)
    report = audit(path, intents)
    verdicts = [one.verdict for one in report.findings]
    assert verdicts.count("fixable") == wrong + seed % 2
    assert verdicts.count("match") == len(intents) - verdicts.count("fixable")
    assert {one.layer.address.split("/")[0] for one in report.findings} == {
        f"pipeline[{index}]" for index in range(len(network))
    }
    before = contents(path)
    result = fix(path, intents)
    after = contents(result)
    changed = [MODEL] if wrong or seed % 2 else []
    assert [name for name in before if before[name] != after[name]] == changed
    with torch.no_grad():
        wanted = network(image).numpy()
    spec = inferred(result)
    for single in (True, False):
        (made,) = (
            torch_executor.Package(result).run({"value0": image.numpy()}, single=single).values()
        )
        assert error(made, wanted) <= 1e-4
    (described,) = spec.description.output
    (inner,) = spec.pipeline.models[-1].description.output
    for feature in (described, inner):
        assert tuple(feature.type.multiArrayType.shape) == wanted.shape
    assert fix(result, intents) == result


def test_a_pipeline_in_memory(tmp_path):
    network, image = drawn(1)
    model = pipeline_of(network, image)
    intents = record_intents(network, image)
    fixed = fix(model, intents)
    path = str(tmp_path / "fixed.mlpackage")
    fixed.save(path)
    with torch.no_grad():
        wanted = network(image).numpy()
    (made,) = torch_executor.Package(path).run({"value0": image.numpy()}).values()
    assert error(made, wanted) <= 1e-4


def test_what_the_next_model_does_not_take_is_refused(tmp_path):
    """The converter made it for the wrong size: its input would not fit any more."""
    torch.manual_seed(2)
    calls = [[WRONG_SIZE], [{"size": (20, 20), "align_corners": True}]]
    network, image = (
        nn.Sequential(*[Part(3, each) for each in calls]).eval(),
        torch.rand(1, 3, 25, 25),
    )
    first, _ = converted(network[0], image, "value0", "value1")
    second, _ = converted(network[1], torch.rand(1, 3, 29, 29), "value1", "value2")
    path = str(tmp_path / "pipeline.mlpackage")
    with torch_networks.quiet():
        ct.utils.make_pipeline(first, second).save(path)
    before = contents(tmp_path)
    addresses = [one.layer.address for one in audit(path).findings]
    intents = [
        replace(intent, layer=address)
        for intent, address in zip(record_intents(network, image), addresses)
    ]
    with pytest.raises(ProofError, match=r"`pipeline\[1\]` \(`value1`\): the input is declared as"):
        fix(path, [intents[0], replace(intents[1], input_size=None)])
    assert contents(tmp_path) == before


def test_layers_and_programs_in_one_pipeline(tmp_path):
    torch.manual_seed(3)
    calls = [[{"scale_factor": 2, "align_corners": True}], [{"size": (25, 25)}, WRONG_SIZE]]
    network, image = (
        nn.Sequential(*[Part(3, each) for each in calls]).eval(),
        torch.rand(1, 3, 12, 15),
    )
    path = str(tmp_path / "pipeline.mlpackage")
    pipeline_of(network, image, ["neuralnetwork"]).save(path)
    file = Path(path) / MODEL
    spec = ct.proto.Model_pb2.Model.FromString(file.read_bytes())
    (layer,) = (
        one for one in spec.pipeline.models[0].neuralNetwork.layers if one.HasField("upsample")
    )
    layer.upsample.linearUpsampleMode = 0  # the mode of before iOS 14
    file.write_bytes(spec.SerializeToString())
    intents = record_intents(network, image)
    found = audit(path, intents).findings
    assert [(one.layer.address.split("/")[0], one.verdict) for one in found] == [
        ("pipeline[0]", "fixable"), ("pipeline[1]", "match"), ("pipeline[1]", "fixable"),
    ]  # fmt: skip
    result = fix(path, intents)
    fixed = inferred(result)
    assert [one.verdict for one in audit(result, intents).findings] == ["match"] * 3
    assert tuple(fixed.description.output[0].type.multiArrayType.shape) == (1, 3, 28, 28)
    with torch.no_grad():
        middle = network[0](image)
        wanted = network[1](middle).numpy()
    package = torch_executor.Package(result)
    (made,) = package.program(
        fixed.pipeline.models[1].mlProgram, {"value1": middle.numpy()}
    ).values()
    assert error(made, wanted) <= 1e-4
    # The rest of the network of layers is as it was.
    old, new = (one.pipeline.models[0].neuralNetwork for one in (spec, fixed))
    assert [one for one in old.layers if one not in new.layers] == [layer]


def test_missing_weights_of_one_program(tmp_path):
    network, image = drawn(0)
    path = str(tmp_path / "pipeline.mlpackage")
    pipeline_of(network, image).save(path)
    weights = Path(path) / os.path.dirname(MODEL) / "weights"
    (weights / "1-weight.bin").unlink()
    with pytest.raises(ModelError, match=r"reads its weights from .*1-weight\.bin"):
        audit(path)
